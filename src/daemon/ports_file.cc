#include "ports_file.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "peerd/base/error.h"

namespace peerd::daemon {
namespace {

std::string path_in(const std::string& data_dir) { return data_dir + "/ports.json"; }

}  // namespace

void write_ports(const std::string& data_dir, const Ports& ports) {
  const std::string path = path_in(data_dir), draft = path + ".new";
  {
    std::ofstream file(draft, std::ios::trunc);
    file << "{\"pid\": " << getpid() << ", \"sql_port\": " << ports.sql << ", \"http_port\": " << ports.http << "}\n";
    if (!file.flush())
      throw Error(ErrorCode::disk_full, "cannot write " + draft, "is there room, and may peerd write there?");
  }
  if (std::rename(draft.c_str(), path.c_str()) != 0) throw Error(ErrorCode::internal, "cannot rename " + draft);
}

std::optional<Ports> read_ports(const std::string& data_dir) {
  std::ifstream file(path_in(data_dir));
  std::string line;
  unsigned sql = 0, http = 0;
  if (!std::getline(file, line)) return std::nullopt;
  if (std::sscanf(line.c_str(), "{\"pid\": %*d, \"sql_port\": %u, \"http_port\": %u}", &sql, &http) != 2)
    return std::nullopt;
  return Ports{static_cast<std::uint16_t>(sql), static_cast<std::uint16_t>(http)};
}

void remove_ports(const std::string& data_dir) noexcept { std::remove(path_in(data_dir).c_str()); }

}  // namespace peerd::daemon

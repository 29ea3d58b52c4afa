#include "process_facts.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace peerd {
namespace {

/// What follows the command's name in /proc/self/stat: its 3rd field and on (proc(5)).
struct Stat {
  double cpu_seconds = 0, started_at = 0;
  std::int64_t threads = 0, virtual_bytes = 0, resident_bytes = 0;
};

double booted_at() {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    double seconds = 0;
    if (word == "btime" && file >> seconds) return seconds;
  }
  return 0;
}

Stat read_stat() {
  std::ostringstream whole;
  whole << std::ifstream("/proc/self/stat").rdbuf();
  const std::string text = whole.str();
  std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 2)));
  std::string skipped;
  std::int64_t user = 0, system = 0, start = 0, pages = 0;
  Stat stat;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  fields >> user >> system;
  for (int i = 16; i < 20; ++i) fields >> skipped;
  fields >> stat.threads >> skipped >> start >> stat.virtual_bytes >> pages;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  stat.cpu_seconds = static_cast<double>(user + system) / ticks;
  stat.started_at = booted_at() + static_cast<double>(start) / ticks;
  stat.resident_bytes = pages * sysconf(_SC_PAGESIZE);
  return stat;
}

double open_files() {
  std::error_code error;
  std::filesystem::directory_iterator files("/proc/self/fd", error);
  return error ? 0 : static_cast<double>(std::distance(begin(files), end(files)));
}

}  // namespace

void write_process(Exposition& out) {
  const Stat stat = read_stat();
  const auto write = [&](std::string_view name, std::string_view type, std::string_view help, double value) {
    out.family(name, type, help);
    out.sample({}, value);
  };
  write("process_cpu_seconds_total", "counter", "CPU time that this process has taken.", stat.cpu_seconds);
  write("process_resident_memory_bytes", "gauge", "Memory that this process holds.", static_cast<double>(stat.resident_bytes));
  write("process_virtual_memory_bytes", "gauge", "Addresses that this process holds.", static_cast<double>(stat.virtual_bytes));
  write("process_threads", "gauge", "Threads of this process.", static_cast<double>(stat.threads));
  write("process_open_fds", "gauge", "Open file descriptors.", open_files());
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
    write("process_max_fds", "gauge", "File descriptors that it may open.", static_cast<double>(limit.rlim_cur));
  write("process_start_time_seconds", "gauge", "When this process began, in Unix time.", stat.started_at);
}

}  // namespace peerd

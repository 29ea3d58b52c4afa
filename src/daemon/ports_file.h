#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace peerd::daemon {

struct Ports {
  std::uint16_t sql = 0, http = 0;
  bool operator==(const Ports&) const = default;
};

/// <data_dir>/ports.json: one line that tells scripts where this process listens. There only while it does.
void write_ports(const std::string& data_dir, const Ports& ports);  ///< Atomically.
std::optional<Ports> read_ports(const std::string& data_dir);
void remove_ports(const std::string& data_dir) noexcept;

}  // namespace peerd::daemon

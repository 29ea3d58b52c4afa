#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace peerd::sql {

/// Drivers read its first number: the features of that version are what they may use.
std::string server_version();

/// What the functions of a session answer.
struct SessionFacts {
  std::string version, database, user;
  std::uint32_t process = 0;
  std::function<std::optional<std::string>(const std::string&)> setting;       ///< current_setting('x').
  std::function<std::vector<std::pair<std::string, std::string>>()> settings;  ///< pg_settings.
};

}  // namespace peerd::sql

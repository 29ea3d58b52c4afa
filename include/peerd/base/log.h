#pragma once

#include <string_view>

namespace peerd {

enum class LogLevel { debug, info, warning, error };

/// Structured fields of a line. Empty ones are left out. Never cell values, never secrets.
struct LogFields {
  std::string_view mirror{}, peer{}, table{}, lsn{}, phase{}, code{}, hint{};
};

/// One line to stderr: time, level, message, key=value fields. Thread-safe, never throws. spdlog lives in log.cc alone.
void log(LogLevel level, std::string_view message, const LogFields& fields = {}) noexcept;
/// "debug", "info", "warning" or "error"; throws Error(invalid_option) on another word.
void set_log_level(std::string_view level);

}  // namespace peerd

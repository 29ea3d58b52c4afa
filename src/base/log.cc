#include "peerd/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <string>

#include "peerd/base/error.h"

namespace peerd {
namespace {

spdlog::logger& logger() {
  // Never destroyed: threads may log until the process is gone.
  static auto* const made = [] {
    auto* made = new spdlog::logger("peerd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    made->set_level(spdlog::level::info);
    return made;
  }();
  return *made;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

/// One line stays one line, whatever a server answered.
void add_escaped(std::string& line, std::string_view text, bool quoted) {
  for (const char c : text) {
    if (c == '\n') {
      line += "\\n";
    } else if (static_cast<unsigned char>(c) < ' ') {
      line += ' ';
    } else {
      if (quoted && (c == '"' || c == '\\')) line += '\\';
      line += c;
    }
  }
}

void add_field(std::string& line, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  line.append(" ").append(name).append("=");
  const bool quoted = value.find_first_of(" \"\n\t=") != std::string_view::npos;
  if (quoted) line += '"';
  add_escaped(line, value, quoted);
  if (quoted) line += '"';
}

}  // namespace

void log(LogLevel level, std::string_view message, const LogFields& fields) noexcept {
  try {
    auto& out = logger();
    const auto spdlog_level = to_spdlog(level);
    if (!out.should_log(spdlog_level)) return;
    std::string line;
    add_escaped(line, message, false);
    add_field(line, "mirror", fields.mirror);
    add_field(line, "peer", fields.peer);
    add_field(line, "table", fields.table);
    add_field(line, "lsn", fields.lsn);
    add_field(line, "phase", fields.phase);
    add_field(line, "code", fields.code);
    add_field(line, "hint", fields.hint);
    out.log(spdlog_level, spdlog::string_view_t(line.data(), line.size()));
  } catch (...) {
    // Without memory for a line there is nothing left to say, and logging must not end a thread.
  }
}

void set_log_level(std::string_view level) {
  for (const LogLevel known : {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error}) {
    constexpr std::string_view kWords[] = {"debug", "info", "warning", "error"};
    if (level == kWords[static_cast<int>(known)]) return logger().set_level(to_spdlog(known));
  }
  throw Error(ErrorCode::invalid_option, "log level \"" + std::string(level) + "\" does not exist",
              "use debug, info, warning or error");
}

}  // namespace peerd

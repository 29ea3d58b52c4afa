#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "arguments.h"
#include "backup.h"
#include "daemon.h"
#include "healthcheck.h"
#include "own_endpoint.h"
#include "peerd/base/error.h"
#include "peerd/base/version.h"
#include "settings.h"
#include "signals.h"

namespace peerd::daemon {
namespace {

constexpr char kUsage[] =
    "usage: peerd [--config FILE] [--healthcheck]\n"
    "       peerd [--config FILE] backup DIRECTORY\n"
    "       peerd [--config FILE] [--url URL] plan FILE [--prune] | apply FILE [--prune] | export\n"
    "       peerd --help | --version\n\n"
    "Keeps ClickHouse, Kafka and Postgres in step with a source Postgres.\n\n"
    "  --config FILE   settings as lines \"name: value\" (names as below, lower case, without PEERD_)\n"
    "  --healthcheck   asks the instance that runs with these settings; exits 0 when it is well, else 1\n"
    "  backup DIRECTORY  copies catalog and keys there, as of one moment, also while peerd runs with these settings\n"
    "  plan FILE       says what has to change for peers and mirrors to be as in FILE (\"-\": standard input); exits 2 when\n"
    "                  anything has to\n"
    "  apply FILE      changes it\n"
    "  export          prints such a file, without secrets\n"
    "  --prune         what is not in FILE is to be dropped\n"
    "  --url URL       of the peerd to ask, https://peerd:3000, with PEERD_PASSWORD; else the one with these settings\n\n"
    "Settings (a variable wins over the file):\n";
constexpr char kAfterwards[] =
    "\nExit codes: 0 stopped cleanly, 1 could not start, 2 left before everything had stopped.\n"
    "docs/files.md tells of plan, apply and export.\n";

std::string read_config(const std::string& path) {
  if (path.empty()) return "";
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw Error(ErrorCode::invalid_option, "cannot read the configuration file " + path);
  return text.str();
}

int run(int count, char** values) {
  const Arguments arguments = parse_arguments(count, values);
  if (arguments.help) {
    std::printf("%s%s%s", kUsage, settings_help().c_str(), kAfterwards);
    return 0;
  }
  if (arguments.version) {
    std::printf("peerd %s\n", kVersion);
    return 0;
  }
  const auto load = [&] { return load_settings(read_config(arguments.config), process_environment()); };
  Loaded loaded = load();
  if (arguments.healthcheck) return healthy(loaded.settings) ? 0 : 1;
  if (!arguments.backup.empty()) {
    back_up(loaded.settings, arguments.backup);
    return 0;
  }
  if (arguments.command) {
    const bool own = arguments.url.empty();
    const cli::Server server{own ? own_endpoint(loaded.settings) : endpoint_of(arguments.url), loaded.settings.password};
    return cli::run(*arguments.command, server, [](std::string_view line) {
      std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
      std::fflush(stdout);
    });
  }
  block_signals();
  for (const std::string& name : drop_libpq_variables()) {
    loaded.warnings.push_back("the variable " + name + " means nothing to peerd: what a connection needs stands in its peer");
  }
  return run_daemon(loaded, load);
}

// One line for whoever started us.
void complain(const ErrorText& error) {
  std::string line = "peerd: " + error.message;
  if (!error.detail.empty()) line += "; " + error.detail;
  if (!error.hint.empty()) line += " (" + error.hint + ")";
  for (char& c : line) c = c == '\n' ? ' ' : c;
  std::fprintf(stderr, "%s\n", line.c_str());
}

}  // namespace
}  // namespace peerd::daemon

int main(int count, char** values) {
  try {
    return peerd::daemon::run(count, values);
  } catch (...) {
    peerd::daemon::complain(peerd::current_error());
    return 1;
  }
}

#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

#include "backup.h"
#include "daemon.h"
#include "healthcheck.h"
#include "peerd/base/error.h"
#include "peerd/base/version.h"
#include "settings.h"
#include "signals.h"

namespace peerd::daemon {
namespace {

constexpr char kUsage[] =
    "usage: peerd [--config FILE] [--healthcheck]\n"
    "       peerd [--config FILE] backup DIRECTORY\n"
    "       peerd --help | --version\n\n"
    "Keeps ClickHouse, Kafka and Postgres in step with a source Postgres.\n\n"
    "  --config FILE   settings as lines \"name: value\" (names as below, lower case, without PEERD_)\n"
    "  --healthcheck   asks the instance that runs with these settings; exits 0 when it is well, else 1\n"
    "  backup DIRECTORY  copies catalog and keys there, as of one moment, also while peerd runs with these settings\n\n"
    "Settings (a variable wins over the file):\n";
constexpr char kAfterwards[] =
    "\nExit codes: 0 stopped cleanly, 1 could not start, 2 left before everything had stopped.\n";

struct Arguments {
  std::string config, backup;
  bool help = false, version = false, healthcheck = false;
};

Arguments parse(int count, char** values) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string word = values[i];
    if (word == "--help" || word == "-h") {
      arguments.help = true;
    } else if (word == "--version" || word == "-V") {
      arguments.version = true;
    } else if (word == "--healthcheck") {
      arguments.healthcheck = true;
    } else if (word == "--config" && i + 1 < count) {
      arguments.config = values[++i];
    } else if (word.starts_with("--config=")) {
      arguments.config = word.substr(std::strlen("--config="));
    } else if (word == "backup" && i + 1 < count) {
      arguments.backup = values[++i];
    } else if (word == "backup") {
      throw Error(ErrorCode::invalid_option, "backup needs a directory", "peerd backup DIRECTORY");
    } else if (word == "--config") {
      throw Error(ErrorCode::invalid_option, "--config needs a file");
    } else {
      throw Error(ErrorCode::invalid_option, "unknown argument \"" + word + "\"", "peerd --help lists them");
    }
  }
  return arguments;
}

std::string read_config(const std::string& path) {
  if (path.empty()) return "";
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw Error(ErrorCode::invalid_option, "cannot read the configuration file " + path);
  return text.str();
}

int run(int count, char** values) {
  const Arguments arguments = parse(count, values);
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

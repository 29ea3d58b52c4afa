#pragma once

#include <optional>
#include <string>

#include "peerd/cli/cli.h"

namespace peerd::daemon {

/// What the command line asks for.
struct Arguments {
  std::string config, backup, url;
  std::optional<cli::Command> command;
  bool help = false, version = false, healthcheck = false, prune = false;
};
Arguments parse_arguments(int count, char** values);  ///< As main() gets them. Throws Error(invalid_option).

}  // namespace peerd::daemon

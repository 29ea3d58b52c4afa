#pragma once

#include <functional>
#include <string>

#include "peerd/net/http.h"

namespace peerd::cli {

/// A running peerd, as its REST API is reached.
struct Server {
  net::HttpEndpoint endpoint;
  std::string password;  ///< "" = none is asked for.
};

struct Command {
  enum class Verb {
    plan,    ///< Prints what would change; 2 when anything would.
    apply,   ///< Makes it so; prints what it does.
    export_  ///< Prints what is there, as a file.
  };
  Verb verb = Verb::plan;
  std::string file;    ///< Of plan and apply: YAML (docs/files.md); "-" reads standard input.
  bool prune = false;  ///< What is there and not declared is dropped.
};

/// Does it and returns the exit code: 0, or 2 of a plan that would change something. `print` takes whole lines. Throws
/// Error with the field of the file or the server's own words; apply stops at the first step that fails, what came
/// before stays done.
int run(const Command& command, const Server& server, const std::function<void(std::string_view)>& print);

}  // namespace peerd::cli

#include "healthcheck.h"

#include <cstdio>

#include "own_endpoint.h"
#include "peerd/base/error.h"

namespace peerd::daemon {

bool healthy(const Settings& settings) {
  try {
    net::HttpClient client(own_endpoint(settings));
    const auto answer = client.request("GET", "/healthz", {}, "", Wait::at_most(std::chrono::seconds(5)));
    if (answer.status == 200) return true;
    std::fprintf(stderr, "peerd: /healthz answers %d\n", answer.status);
  } catch (...) {
    std::fprintf(stderr, "peerd: %s\n", current_error().message.c_str());
  }
  return false;
}

}  // namespace peerd::daemon

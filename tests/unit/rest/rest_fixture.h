#pragma once

#include <gtest/gtest.h>

#include "peerd/base/encoding.h"
#include "peerd/net/http.h"
#include "peerd/rest/rest_server.h"
#include "unit/control/control_fixture.h"

namespace peerd::rest {

/// Requests to the REST API over the fakes, without a socket.
class Rest : public ControlTest {
 protected:
  net::HttpReply ask(const std::string& method, const std::string& path, const std::string& body = {},
                     const std::string& authorization = {}) {
    const std::size_t question = std::min(path.find('?'), path.size());
    net::HttpRequest request{method, path.substr(0, question), path.substr(std::min(question + 1, path.size())), {}, body, "test"};
    if (!authorization.empty()) request.headers["authorization"] = authorization;
    return answer(request);
  }
  net::HttpReply answer(const net::HttpRequest& request) {
    const net::HttpHandler handler = make_rest_handler({peers_, mirrors_, *catalog_, password_, attempts_, hosts_, "", false, query_, probes_});
    if (const auto refusal = handler.admit(request).refusal) return *refusal;
    return handler.handle(request, {});
  }
  net::HttpReply post(const std::string& path, const std::string& body) { return ask("POST", "/api/v1/" + path, body); }
  net::HttpReply get(const std::string& path) { return ask("GET", "/api/v1/" + path); }
  static std::string basic(const std::string& user_and_password) {
    return "Basic " + base64_encode(user_and_password);
  }

  static constexpr const char* kMirror = R"({"connection_configs": {"flow_job_name": "m", "source_name": "src",
      "destination_name": "dst", "table_mappings": [{"source_table_identifier": "public.t",
      "destination_table_identifier": "public.t", "exclude": ["name"]}], "do_initial_snapshot": true, "idle_timeout_seconds": "10"}})";
  std::string password_;
  net::AttemptLimit attempts_;
  std::vector<std::string> hosts_;
  ViewQuery query_;
  Probes probes_{.mirrors = [this] { return supervisor_.statuses(); },
                 .metrics = [] { return std::string("peerd_mirrors 1\n"); },
                 .not_ready = [] { return std::vector<NotReady>(); }};
};

}  // namespace peerd::rest

#include "healthcheck.h"

#include <cstdio>

#include "peerd/net/http.h"
#include "ports_file.h"

namespace peerd::daemon {

bool healthy(const Settings& settings) {
  net::HttpEndpoint endpoint;
  const bool everywhere = settings.listen == "0.0.0.0" || settings.listen == "::";
  endpoint.host = everywhere ? "127.0.0.1" : settings.listen;
  // The file knows better where port 0 was asked for.
  endpoint.port = settings.http_port;
  if (const auto ports = read_ports(settings.data_dir)) endpoint.port = ports->http;
  // It is this machine: the certificate need not name it.
  endpoint.tls.enabled = !settings.tls_cert.empty();
  endpoint.tls.verify = false;
  try {
    net::HttpClient client(endpoint);
    const auto answer = client.request("GET", "/healthz", {}, "", Wait::at_most(std::chrono::seconds(5)));
    if (answer.status == 200) return true;
    std::fprintf(stderr, "peerd: /healthz answers %d\n", answer.status);
  } catch (...) {
    std::fprintf(stderr, "peerd: %s\n", current_error().message.c_str());
  }
  return false;
}

}  // namespace peerd::daemon

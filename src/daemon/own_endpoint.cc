#include "own_endpoint.h"

#include <charconv>

#include "peerd/base/error.h"
#include "ports_file.h"

namespace peerd::daemon {

net::HttpEndpoint own_endpoint(const Settings& settings) {
  net::HttpEndpoint endpoint;
  const bool everywhere = settings.listen == "0.0.0.0" || settings.listen == "::";
  endpoint.host = everywhere ? "127.0.0.1" : settings.listen;
  // The file knows better where port 0 was asked for.
  endpoint.port = settings.http_port;
  if (const auto ports = read_ports(settings.data_dir)) endpoint.port = ports->http;
  // It is this machine: the certificate need not name it.
  endpoint.tls.enabled = !settings.tls_cert.empty();
  endpoint.tls.verify = false;
  return endpoint;
}

net::HttpEndpoint endpoint_of(const std::string& url) {
  const auto refuse = [&] {
    throw Error(ErrorText{.code = ErrorCode::invalid_option, .message = "--url is no address of a peerd",
                          .hint = "http://host:3000 or https://host:3000", .field = "url"});
  };
  net::HttpEndpoint endpoint;
  const std::string plain = "http://", secure = "https://";
  endpoint.tls.enabled = url.starts_with(secure);
  if (!endpoint.tls.enabled && !url.starts_with(plain)) refuse();
  std::string rest = url.substr((endpoint.tls.enabled ? secure : plain).size());
  if (rest.ends_with('/')) rest.pop_back();
  const std::size_t colon = rest.find_last_of(':');
  constexpr std::uint16_t kPort = 3000;
  endpoint.port = kPort;
  const bool has_port = colon != std::string::npos && rest.find(']', colon) == std::string::npos;
  if (has_port) {
    const char* end = rest.data() + rest.size();
    const auto read = std::from_chars(rest.data() + colon + 1, end, endpoint.port);
    if (read.ec != std::errc() || read.ptr != end || endpoint.port == 0) refuse();
  }
  endpoint.host = rest.substr(0, has_port ? colon : std::string::npos);
  const bool bracketed = endpoint.host.starts_with('[') && endpoint.host.ends_with(']');  // An IPv6 address.
  if (bracketed) endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
  if (endpoint.host.empty() || endpoint.host.find_first_of("/@?#") != std::string::npos) refuse();
  return endpoint;
}

}  // namespace peerd::daemon

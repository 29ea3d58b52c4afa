#include "auth.h"

#include "peerd/base/text.h"
#include "peerd/net/http.h"

namespace peerd::rest {
namespace {

/// Takes as long for any `given` of one length.
bool equal(std::string_view given, std::string_view wanted) {
  volatile unsigned char difference = given.size() == wanted.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    difference = difference | static_cast<unsigned char>(given[i] ^ wanted[i % wanted.size()]);
  }
  return difference == 0;
}

}  // namespace

Access check_access(const net::HttpRequest& request, std::string_view password) {
  if (password.empty()) return Access::granted;
  const auto header = request.headers.find("authorization");
  if (header == request.headers.end()) return Access::missing;
  const std::string_view value = header->second;
  if (to_lower(value.substr(0, 6)) != "basic ") return Access::missing;
  std::string decoded;
  const auto begin = value.find_first_not_of(' ', 6);
  if (begin == std::string_view::npos || !net::base64_decode(value.substr(begin), decoded)) return Access::wrong;
  return decoded.starts_with(':') && equal(std::string_view(decoded).substr(1), password) ? Access::granted
                                                                                          : Access::wrong;
}

bool is_cross_site(const net::HttpRequest& request) {
  const auto origin = request.headers.find("origin"), host = request.headers.find("host");
  if (origin == request.headers.end()) return false;
  const auto scheme = origin->second.find("://");
  return host == request.headers.end() || scheme == std::string::npos ||
         to_lower(origin->second.substr(scheme + 3)) != to_lower(host->second);
}

}  // namespace peerd::rest

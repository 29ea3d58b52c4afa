#include "hosts.h"

#include <algorithm>

#include "peerd/base/resolve.h"
#include "peerd/base/text.h"

namespace peerd::rest {

std::string host_name(std::string_view header) {
  if (header.starts_with('[')) return to_lower(header.substr(1, header.find(']') - 1));
  const std::string_view name = header.substr(0, header.find(':'));
  return to_lower(name.ends_with('.') ? name.substr(0, name.size() - 1) : name);
}

bool is_own_host(const net::HttpRequest& request, const std::vector<std::string>& allowed) {
  const auto header = request.headers.find("host");
  if (header == request.headers.end()) return true;
  const std::string host = host_name(header->second);
  if (host == "localhost" || host.ends_with(".localhost") || is_address(host)) return true;
  return std::ranges::any_of(allowed, [&](const std::string& name) { return host == to_lower(name); });
}

}  // namespace peerd::rest

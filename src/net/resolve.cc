#include "resolve.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace peerd::net {
namespace {

bool in_container() { return access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0; }

// The default gateway of a bridged container is the machine that runs it. "" when there is none.
std::string default_gateway() {
  std::ifstream routes("/proc/net/route");
  std::string line;
  while (std::getline(routes, line)) {
    std::istringstream fields(line);
    std::string device, destination, gateway;
    fields >> device >> destination >> gateway;
    if (destination != "00000000" || gateway.size() != 8) continue;
    in_addr address{};
    address.s_addr = static_cast<in_addr_t>(std::stoul(gateway, nullptr, 16));
    char text[INET_ADDRSTRLEN];
    if (inet_ntop(AF_INET, &address, text, sizeof text) != nullptr) return text;
  }
  return "";
}

}  // namespace

std::string refused_hint(const std::string& host) {
  const bool loopback = host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0;
  if (loopback && in_container()) {
    const std::string gateway = default_gateway();
    return "inside a container, " + host + " is the container itself; the machine that runs it is " +
           (gateway.empty() ? std::string("host.docker.internal") : gateway) +
           ", another container is its service name";
  }
  return "check host and port, that the server runs and listens there, and that no firewall is in the way";
}

}  // namespace peerd::net

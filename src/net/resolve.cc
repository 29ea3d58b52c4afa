#include "resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <thread>

#include "peerd/base/error.h"
#include "peerd/base/mutex.h"

namespace peerd::net {
namespace {

struct Lookup {
  Mutex mutex;
  Condition changed;
  bool done PEERD_GUARDED_BY(mutex) = false;
  int error PEERD_GUARDED_BY(mutex) = 0;
  std::vector<Address> found PEERD_GUARDED_BY(mutex);
};

int ask_system(const std::string& host, std::uint16_t port, int flags, std::vector<Address>& found) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (error != 0) return error;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    Address address;
    std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
    address.size = one->ai_addrlen;
    found.push_back(address);
  }
  freeaddrinfo(list);
  return 0;
}

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

std::vector<Address> resolve(const std::string& host, std::uint16_t port, const Wait& wait) {
  std::vector<Address> numeric;
  if (ask_system(host, port, AI_NUMERICHOST, numeric) == 0) return numeric;
  // getaddrinfo() cannot be interrupted, so it gets a thread that may outlive this call; it touches only `lookup`.
  auto lookup = std::make_shared<Lookup>();
  std::thread([lookup, host, port] {
    std::vector<Address> found;
    const int error = ask_system(host, port, AI_ADDRCONFIG, found);
    const Lock lock(lookup->mutex);
    lookup->done = true;
    lookup->error = error;
    lookup->found = std::move(found);
    lookup->changed.notify_all();
  }).detach();
  const Lock lock(lookup->mutex);
  lookup->changed.wait_until(lookup->mutex, wait.stop, wait.until, [&] { return lookup->done; });
  if (!lookup->done) {
    const std::string doing = "looking up the address of " + host;
    wait.check(doing.c_str());
    throw Error(ErrorCode::timeout, "timed out while " + doing);
  }
  if (lookup->error != 0 || lookup->found.empty()) {
    throw Error(ErrorCode::unreachable,
                "the host name \"" + host + "\" cannot be resolved: " + gai_strerror(lookup->error),
                "check the host's spelling and this machine's name server");
  }
  return lookup->found;
}

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

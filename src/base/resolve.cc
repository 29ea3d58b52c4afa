#include "peerd/base/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <cstring>
#include <memory>
#include <thread>

#include "peerd/base/error.h"
#include "peerd/base/mutex.h"

namespace peerd {
namespace {

struct Lookup {
  Mutex mutex;
  Condition changed;
  bool done PEERD_GUARDED_BY(mutex) = false;
  int error PEERD_GUARDED_BY(mutex) = 0;
  std::vector<SocketAddress> found PEERD_GUARDED_BY(mutex);
};

int ask_system(const std::string& host, std::uint16_t port, int flags, std::vector<SocketAddress>& found) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (error != 0) return error;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
    address.size = one->ai_addrlen;
    found.push_back(address);
  }
  freeaddrinfo(list);
  return 0;
}

}  // namespace

std::string SocketAddress::text() const {
  char host[NI_MAXHOST];
  const int error = getnameinfo(reinterpret_cast<const sockaddr*>(&storage), size, host, sizeof host, nullptr, 0, NI_NUMERICHOST);
  return error == 0 ? host : "";
}

bool is_address(const std::string& host) {
  in6_addr bytes;
  return inet_pton(AF_INET, host.c_str(), &bytes) == 1 || inet_pton(AF_INET6, host.c_str(), &bytes) == 1;
}

std::vector<SocketAddress> resolve(const std::string& host, std::uint16_t port, const Wait& wait) {
  std::vector<SocketAddress> numeric;
  if (ask_system(host, port, AI_NUMERICHOST, numeric) == 0) return numeric;
  // getaddrinfo() cannot be interrupted, so it gets a thread that may outlive this call; it touches only `lookup`.
  auto lookup = std::make_shared<Lookup>();
  std::thread([lookup, host, port] {
    std::vector<SocketAddress> found;
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

}  // namespace peerd

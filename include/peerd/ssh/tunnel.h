#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>

#include "peerd/base/clock.h"
#include "peerd/base/error.h"
#include "peerd/base/mutex.h"

namespace peerd::ssh {

/// How to log in at an SSH server (PeerDB's SSHConfig).
struct TunnelOptions {
  std::string host;  ///< "": no tunnel is wanted.
  std::uint16_t port = 22;
  std::string user, password;
  std::string private_key;  ///< PEM text, or that in base64.
  std::string host_key;     ///< As ssh-keyscan or a .pub file has it; several lines are several keys. "": it is not checked.

  bool wanted() const { return !host.empty(); }
  auto operator<=>(const TunnelOptions&) const = default;
};

/// A way through an SSH server to one address, by a child process `ssh` (OpenSSH 8.4 or later). Whoever asks for the same way while
/// it stands shares it; it ends with the last of them, and with peerd, however peerd ends. Thread-safe.
/// A server that is gone without a word is noticed within half a minute, and connections through it break.
class Tunnel {
 public:
  /// Answers once the way stands. Throws invalid_option naming "ssh_config.…", bad_password when the server lets nobody in,
  /// unreachable with what ssh says.
  static std::shared_ptr<Tunnel> open(const TunnelOptions& options, const std::string& host, const std::string& port, const Wait& wait);
  ~Tunnel();
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;

  std::uint16_t port() const { return port_; }  ///< On 127.0.0.1.
  /// The last line that ssh has said, such as why it could not reach the address behind; "" for none.
  std::string complaint();

 private:
  struct Child;
  Tunnel(std::uint16_t port, std::unique_ptr<Child> child);
  static std::shared_ptr<Tunnel> start(const TunnelOptions& options, const std::string& host, const std::string& port, const Wait& wait);
  bool stands();

  const std::uint16_t port_;
  Mutex mutex_;
  std::unique_ptr<Child> child_ PEERD_GUARDED_BY(mutex_);
};

}  // namespace peerd::ssh

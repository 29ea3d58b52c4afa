#include "peerd/ssh/tunnel.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>
#include <vector>

#include "child.h"
#include "peerd/base/encoding.h"
#include "peerd/base/files.h"
#include "peerd/base/log.h"
#include "peerd/base/text.h"

namespace peerd::ssh {

struct Tunnel::Child : ssh::Child {
  using ssh::Child::Child;
};

namespace {

constexpr std::string_view kAlias = "peerd";  ///< The server's name in our known_hosts.
constexpr std::string_view kSlice = "a tunnel through the SSH server";

[[noreturn]] void refuse(const char* field, std::string message, std::string hint) {
  throw Error(ErrorText{.code = ErrorCode::invalid_option, .message = std::move(message), .hint = std::move(hint),
                        .field = std::string("ssh_config.") + field});
}

std::string place_of(const TunnelOptions& options) { return options.host + ":" + std::to_string(options.port); }

/// PeerDB's clients send the file in base64.
std::string key_text(const TunnelOptions& options) {
  std::string text = options.private_key;
  if (text.empty()) return text;
  if (text.find("-----BEGIN") == std::string::npos) {
    std::erase_if(text, [](char c) { return c == '\n' || c == '\r' || c == ' '; });
    std::string bytes;
    base64_decode(text, bytes);
    text = std::move(bytes);
  }
  if (text.find("-----BEGIN") == std::string::npos)
    refuse("private_key", "ssh_config.private_key is no private key", "give the file's text as it is (-----BEGIN …), or in base64");
  return text.ends_with('\n') ? text : text + "\n";
}

bool is_key_type(std::string_view word) { return word.starts_with("ssh-") || word.starts_with("ecdsa-") || word.starts_with("sk-"); }

/// Lines of a .pub file, or of ssh-keyscan's, which begin with the host's name.
std::string known_hosts(const TunnelOptions& options) {
  std::string known;
  for (const std::string& line : split(options.host_key, '\n')) {
    std::vector<std::string> words;
    for (std::string& word : split(line, ' '))
      if (!word.empty() && word != "\r") words.push_back(std::move(word));
    if (words.empty() || words[0].starts_with('#')) continue;
    if (!is_key_type(words[0])) words.erase(words.begin());
    if (words.size() < 2 || !is_key_type(words[0]))
      refuse("host_key", "ssh_config.host_key is no host key", "ssh-keyscan -p " + std::to_string(options.port) + " " + options.host +
                                                                   " prints it, such as 'ssh-ed25519 AAAA…'");
    known += std::string(kAlias) + " " + words[0] + " " + words[1] + "\n";
  }
  return known;
}

/// A port of loopback that nobody else is given. ssh, which reuses addresses, can listen on it all the same.
class ReservedPort {
 public:
  ReservedPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int yes = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (socket_ < 0 || setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(socket_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length) != 0)
      throw Error(ErrorCode::internal, "no port of 127.0.0.1 is free for a tunnel");
    port_ = ntohs(address.sin_port);
  }
  ~ReservedPort() { close(socket_); }
  ReservedPort(const ReservedPort&) = delete;
  ReservedPort& operator=(const ReservedPort&) = delete;
  std::uint16_t number() const { return port_; }

 private:
  int socket_;
  std::uint16_t port_ = 0;
};

bool answers(std::uint16_t port) {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const bool there = connect(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(probe);
  return there;
}

/// What ssh finds no other way but as files; needed until it has logged in.
struct Files {
  explicit Files(const TunnelOptions& options)
      : key(key_text(options)), known(known_hosts(options)), password(options.password),
        ask(options.password.empty() ? "" : "#!/bin/sh\ncat " + password.path() + "\n", 0700) {}
  MemoryFile key, known, password, ask;
};

std::vector<std::string> arguments_of(const TunnelOptions& options, const Files& files, const std::string& way) {
  std::vector<std::string> words{"ssh", "-F", "none", "-N", "-T"};
  const auto set = [&](const char* name, const std::string& value) { words.insert(words.end(), {"-o", std::string(name) + "=" + value}); };
  const bool key = !files.key.path().empty(), password = !options.password.empty(), checks = !files.known.path().empty();
  set("ExitOnForwardFailure", "yes");
  // A server that is gone without a word is noticed after three tens of seconds, as Postgres's own connections notice it.
  set("ServerAliveInterval", "10");
  set("ServerAliveCountMax", "2");
  set("ConnectionAttempts", "1");
  set("StrictHostKeyChecking", checks ? "yes" : "no");
  set("UserKnownHostsFile", checks ? files.known.path() : "/dev/null");
  set("GlobalKnownHostsFile", "/dev/null");
  if (checks) set("HostKeyAlias", std::string(kAlias));
  set("UpdateHostKeys", "no");
  set("IdentityAgent", "none");
  set("IdentitiesOnly", "yes");
  set("IdentityFile", key ? files.key.path() : "none");
  set("PubkeyAuthentication", key ? "yes" : "no");
  set("PreferredAuthentications", key && password ? "publickey,password,keyboard-interactive" : key ? "publickey" : "password,keyboard-interactive");
  set("NumberOfPasswordPrompts", "1");
  set("BatchMode", password ? "no" : "yes");
  set("ControlPath", "none");
  words.insert(words.end(), {"-L", way, "-p", std::to_string(options.port), "-l", options.user, "--", options.host});
  return words;
}

std::vector<std::string> environment_of(const Files& files) {
  const char* path = std::getenv("PATH");
  std::vector<std::string> settings{std::string("PATH=") + (path == nullptr ? "/usr/bin:/bin" : path), "LC_ALL=C"};
  if (!files.ask.path().empty()) settings.insert(settings.end(), {"SSH_ASKPASS=" + files.ask.path(), "SSH_ASKPASS_REQUIRE=force"});
  return settings;
}

std::string last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  const std::size_t begin = text.rfind('\n');
  return std::string(begin == std::string_view::npos ? text : text.substr(begin + 1));
}

struct Refusal {
  std::string_view says;
  ErrorCode code;
  std::string_view field, message, hint;
};
constexpr Refusal kRefusals[] = {
    {"Host key verification failed", ErrorCode::unreachable, "ssh_config.host_key", "shows another host key than ssh_config.host_key",
     "when its key was changed on purpose, give the new one, as ssh-keyscan prints it; else somebody stands between"},
    {"Load key", ErrorCode::invalid_option, "ssh_config.private_key", "cannot be asked: ssh does not read that private key", "give a key without a passphrase, as ssh-keygen -N '' makes it"},
    {"Permission denied", ErrorCode::bad_password, "ssh_config.user", "does not let the user in", "check ssh_config.user, and its password or private_key"},
    {": not found", ErrorCode::not_supported, "ssh_config.host", "cannot be asked: there is no ssh beside peerd", "apt-get install openssh-client"},
};

[[noreturn]] void throw_ended(const TunnelOptions& options, const std::string& said) {
  ErrorText text{.code = ErrorCode::unreachable, .message = "no tunnel through the SSH server " + place_of(options) + ": " + last_line(said),
                 .hint = "check ssh_config.host and ssh_config.port, and firewalls on the way"};
  for (const Refusal& refusal : kRefusals) {
    if (said.find(refusal.says) == std::string::npos) continue;
    text.code = refusal.code;
    text.message = "the SSH server " + place_of(options) + " " + std::string(refusal.message);
    text.hint = refusal.hint;
    text.field = refusal.field;
    break;
  }
  throw Error(std::move(text));
}

void check(const TunnelOptions& options) {
  if (options.user.empty()) refuse("user", "ssh_config.user is missing", "name the user to log in as at the SSH server");
  if (options.password.empty() && options.private_key.empty())
    refuse("private_key", "ssh_config has neither private_key nor password", "give one of them");
}

/// Those that stand, and whoever is about to make one: the others wait for that one.
struct Slot {
  std::timed_mutex making;
  std::weak_ptr<Tunnel> tunnel;
};
using Key = std::tuple<TunnelOptions, std::string, std::string>;

std::shared_ptr<Slot> slot_of(Key key) {
  static std::mutex mutex;
  static std::map<Key, std::shared_ptr<Slot>> slots;
  const std::lock_guard lock(mutex);
  std::erase_if(slots, [](const auto& entry) { return entry.second.use_count() == 1 && entry.second->tunnel.expired(); });
  auto& slot = slots[std::move(key)];
  if (!slot) slot = std::make_shared<Slot>();
  return slot;
}

}  // namespace

std::shared_ptr<Tunnel> Tunnel::open(const TunnelOptions& options, const std::string& host, const std::string& port, const Wait& wait) {
  check(options);
  const auto slot = slot_of({options, host, port});
  std::unique_lock making(slot->making, std::defer_lock);
  while (!making.try_lock_for(std::chrono::milliseconds(50))) wait.check(kSlice.data());
  if (auto there = slot->tunnel.lock(); there && there->stands()) return there;
  auto made = start(options, host, port, wait);
  slot->tunnel = made;
  return made;
}

std::shared_ptr<Tunnel> Tunnel::start(const TunnelOptions& options, const std::string& host, const std::string& port, const Wait& wait) {
  const Files files(options);
  const ReservedPort local;
  const std::string behind = host.find(':') == std::string::npos ? host : "[" + host + "]";
  const std::string way = "127.0.0.1:" + std::to_string(local.number()) + ":" + behind + ":" + port;
  if (files.known.path().empty())
    log(LogLevel::warning, "the SSH server's key is not checked", {.hint = "ssh_config.host_key names it: ssh-keyscan prints it"});
  auto child = std::make_unique<Child>(arguments_of(options, files, way), environment_of(files));
  for (;;) {
    if (!child->runs()) throw_ended(options, child->said());
    if (answers(local.number())) return std::shared_ptr<Tunnel>(new Tunnel(local.number(), std::move(child)));
    if (wait.stop.stop_requested()) throw Stopped{};
    if (wait.expired())
      throw Error(ErrorCode::unreachable, "no tunnel through the SSH server " + place_of(options) + " in time",
                  "check ssh_config.host and ssh_config.port, and firewalls on the way; connect_timeout says how long to wait");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Tunnel::Tunnel(std::uint16_t port, std::unique_ptr<Child> child) : port_(port), child_(std::move(child)) {}
Tunnel::~Tunnel() = default;

bool Tunnel::stands() {
  const Lock lock(mutex_);
  return child_->runs();
}

std::string Tunnel::complaint() {
  const Lock lock(mutex_);
  child_->runs();
  return last_line(child_->said());
}

}  // namespace peerd::ssh

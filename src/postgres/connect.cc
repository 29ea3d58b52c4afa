#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>

#include "connection_state.h"
#include "peerd/base/files.h"
#include "peerd/base/resolve.h"
#include "peerd/base/text.h"
#include "session_settings.h"

namespace peerd::postgres {
namespace {

/// Inside a container "localhost" is the container: the machine around it is the default route's gateway.
std::string container_host() {
  std::ifstream routes("/proc/net/route");
  std::string interface, destination, gateway, rest;
  std::getline(routes, rest);
  while (routes >> interface >> destination >> gateway && std::getline(routes, rest)) {
    if (destination != "00000000" || gateway.size() != 8) continue;
    const auto part = [&](int at) { return std::to_string(std::stoi(gateway.substr(at, 2), nullptr, 16)); };
    return part(6) + "." + part(4) + "." + part(2) + "." + part(0);
  }
  return {};
}

std::string unreachable_hint(const ConnectOptions& options) {
  const bool local = options.host == "localhost" || options.host == "127.0.0.1" || options.host == "::1";
  if (local && access("/.dockerenv", F_OK) == 0) {
    const std::string gateway = container_host();
    return "inside a container " + options.host + " is the container itself: use host.docker.internal" +
           (gateway.empty() ? "" : " or " + gateway);
  }
  return "check the peer's host and port, that the server listens there, and firewalls on the way";
}

struct Refusal {
  std::string_view says;
  ErrorCode code;
  std::string_view hint;
};
// What libpq itself says has no SQLSTATE.
constexpr Refusal kRefusals[] = {
    {"no password supplied", ErrorCode::bad_password, "set the peer's password"},
    {"invalid sslmode value", ErrorCode::invalid_option,
     "sslmode is disable, allow, prefer, require, verify-ca or verify-full"},
    {"server does not support SSL", ErrorCode::unreachable,
     "set sslmode to prefer or disable, or switch the server's ssl on"},
    {"certificate verify failed", ErrorCode::unreachable,
     "check sslrootcert or root_ca, and that the host is the certificate's"},
    {"root certificate file", ErrorCode::invalid_option, "give sslrootcert or root_ca, or another sslmode"},
    {"could not translate host name", ErrorCode::unreachable, "check the peer's host"},
};

/// Finds "FATAL:  28P01: password authentication failed …" (verbose form, whatever the language) in libpq's message.
bool find_sqlstate(std::string_view message, std::string_view& sqlstate, std::string_view& text) {
  const auto code = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); };
  for (std::size_t at = message.find(":  "); at != std::string_view::npos; at = message.find(":  ", at + 1)) {
    const std::string_view rest = message.substr(at + 3);
    if (rest.size() < 7 || rest[5] != ':' || !std::all_of(rest.begin(), rest.begin() + 5, code)) continue;
    sqlstate = rest.substr(0, 5);
    text = rest.substr(7, rest.find('\n') - 7);
    return true;
  }
  return false;
}

/// Through a tunnel only the SSH server knows why it did not reach the address.
void add_complaint(ErrorText& error, const ConnectOptions& options, ssh::Tunnel* tunnel) {
  if (tunnel == nullptr) return;
  error.message += ", through the SSH server " + options.tunnel.host;
  error.detail = tunnel->complaint();
  error.hint = "host and port are as the SSH server knows them: check that it reaches them, and may forward (AllowTcpForwarding)";
}

[[noreturn]] void refuse(const PGconn* connection, const ConnectOptions& options, ssh::Tunnel* tunnel) {
  const std::string_view message = PQerrorMessage(connection);
  const std::string where = options.host + ":" + options.port;
  std::string_view sqlstate, text;
  if (find_sqlstate(message, sqlstate, text)) {
    ErrorText error = error_text(sqlstate, text, "");
    if (sqlstate == "28000" && text.find("pg_hba.conf") != std::string_view::npos) {
      error.hint =
          "let this user and address in by the server's pg_hba.conf, or set sslmode = 'require' if it asks for TLS";
    }
    // The sentence is another one from Postgres 16 on.
    if (sqlstate == "42501" && (text.find("walsender") != std::string_view::npos || text.find("WAL sender") != std::string_view::npos))
      error.hint = "ALTER ROLE " + quote_identifier(options.user) + " REPLICATION";
    throw Error(std::move(error));
  }
  ErrorText error;
  error.code = ErrorCode::unreachable;
  error.hint = unreachable_hint(options);
  for (const Refusal& refusal : kRefusals) {
    if (message.find(refusal.says) == std::string_view::npos) continue;
    error.code = refusal.code;
    error.hint = refusal.hint;
    break;
  }
  error.message = "cannot connect to " + where + ": " + std::string(message.substr(0, message.find('\n')));
  if (error.code == ErrorCode::unreachable) add_complaint(error, options, tunnel);
  throw Error(std::move(error));
}

/// A path under which there can be nothing: libpq then does without.
constexpr const char* kNoFile = "/dev/null/none";

/// Hosts, ports and addresses as libpq takes them: comma-separated, as many of each.
struct Places {
  std::string hosts, ports, addresses;
};

/// libpq would ask the name server itself, with no deadline and no stop: it gets addresses. A host may have several, which
/// are tried in turn.
Places find_places(const ConnectOptions& options, const ssh::Tunnel* tunnel, const Wait& wait) {
  if (tunnel != nullptr) return {options.host, std::to_string(tunnel->port()), "127.0.0.1"};
  if (options.host.empty() || options.host.front() == '/' || options.host.front() == '@') return {options.host, options.port, ""};
  try {
    Places places;
    for (const SocketAddress& address : resolve(options.host, 0, wait)) {
      const std::string comma = places.hosts.empty() ? "" : ",";
      places.hosts += comma + options.host;
      places.ports += comma + options.port;
      places.addresses += comma + address.text();
    }
    return places;
  } catch (const Error& error) {
    ErrorText text = error.text;
    text.code = ErrorCode::unreachable;
    text.retry.reset();
    text.message = "cannot connect to " + options.host + ":" + options.port + ": " + text.message;
    if (text.hint.empty()) text.hint = "check the peer's host and this machine's name server; connect_timeout says how long to wait";
    throw Error(std::move(text));
  }
}

OwnedConnection start(const ConnectOptions& options, const Places& places, const std::string& root_certificate) {
  // Ours behind the operator's own: the last setting of a name counts.
  const std::string settings = options.options + pins_at_start();
  const std::array<std::pair<const char*, const std::string*>, 12> given{
      {{"host", &places.hosts},
       {"hostaddr", &places.addresses},
       {"port", &places.ports},
       {"user", &options.user},
       {"password", &options.password},
       {"dbname", &options.database},
       {"sslmode", &options.sslmode},
       {"sslrootcert", &root_certificate},
       {"sslcert", &options.sslcert},
       {"sslkey", &options.sslkey},
       {"options", &settings},
       {"application_name", &options.application_name}}};
  std::vector<const char*> keywords, values;
  const auto add = [&](const char* keyword, const char* value) {
    keywords.push_back(keyword);
    values.push_back(value);
  };
  for (const auto& [keyword, value] : given) {
    if (!value->empty()) add(keyword, value->c_str());
  }
  // Nothing of the user that peerd runs as: ~/.pgpass, ~/.postgresql/postgresql.crt and its like. What a connection uses stands
  // in its peer.
  add("passfile", kNoFile);
  add("sslcrl", kNoFile);
  if (root_certificate.empty()) add("sslrootcert", kNoFile);
  if (options.sslcert.empty()) add("sslcert", kNoFile);
  if (options.sslkey.empty()) add("sslkey", kNoFile);
  add("client_encoding", "UTF8");
  add("gssencmode", "disable");  // Its negotiation would cost every connection a round trip.
  // A server that is gone without a word is noticed within half a minute, whether something is under way to it or not: the
  // kernel's own patience with unanswered bytes is a quarter of an hour.
  add("keepalives_idle", "10");
  add("keepalives_interval", "10");
  add("keepalives_count", "2");
  add("tcp_user_timeout", "30000");
  if (options.replication) add("replication", "database");
  add(nullptr, nullptr);
  OwnedConnection connection(PQconnectStartParams(keywords.data(), values.data(), 0));
  if (!connection) throw std::bad_alloc();
  PQsetNoticeProcessor(
      connection.get(), [](void*, const char*) {}, nullptr);
  PQsetErrorVerbosity(connection.get(), PQERRORS_VERBOSE);  // The only way to the SQLSTATE of a refused connection.
  return connection;
}

/// Drives the connection until it stands. Throws.
void establish(PGconn* connection, const ConnectOptions& options, ssh::Tunnel* tunnel, const Wait& limit) {
  if (PQstatus(connection) == CONNECTION_BAD) refuse(connection, options, tunnel);
  short events = POLLOUT;
  for (;;) {
    if (limit.stop.stop_requested()) throw Stopped{};
    if (limit.expired()) {
      ErrorText late{.code = ErrorCode::unreachable, .message = "no connection to " + options.host + ":" + options.port + " in time",
                     .hint = unreachable_hint(options) + "; connect_timeout says how long to wait"};
      add_complaint(late, options, tunnel);
      throw Error(std::move(late));
    }
    pollfd descriptor{PQsocket(connection), events, 0};
    const int ready = poll(&descriptor, 1, limit.remaining_ms(50));
    if (ready < 0 && errno != EINTR) throw Error(ErrorCode::internal, "poll failed");
    if (ready <= 0) continue;
    switch (PQconnectPoll(connection)) {
      case PGRES_POLLING_OK:
        return;
      case PGRES_POLLING_READING:
        events = POLLIN;
        break;
      case PGRES_POLLING_WRITING:
        events = POLLOUT;
        break;
      default:
        refuse(connection, options, tunnel);
    }
  }
}

std::shared_ptr<ssh::Tunnel> open_tunnel(const ConnectOptions& options, const Wait& wait) {
  if (!options.tunnel.wanted()) return nullptr;
  if (options.host.find(',') != std::string::npos || options.host.starts_with('/') || options.host.starts_with('@'))
    throw Error(ErrorText{.code = ErrorCode::invalid_option, .message = "through an SSH server leads a way to one host",
                          .hint = "name one host as the SSH server knows it", .field = "host"});
  return ssh::Tunnel::open(options.tunnel, options.host, options.port, wait);
}

/// Of several servers the one that takes writes, whichever it is at the time. Each has its share of the time: libpq alone would
/// wait all of it for one that is gone without a word.
std::unique_ptr<Connection> open_primary(const ConnectOptions& options, const Wait& wait) {
  const std::vector<std::string> hosts = split(options.host, ',');
  const auto share = std::chrono::milliseconds(std::chrono::seconds(options.connect_timeout_seconds)) / static_cast<int>(hosts.size());
  std::optional<Error> why;
  for (std::size_t i = 0; i < hosts.size() && (i == 0 || !wait.expired()); ++i) {
    ConnectOptions one = options;
    one.host = hosts[i];
    try {
      const Wait limit = wait.shorter(share);
      auto connection = Connection::open(one, limit);
      if (!connection->run("SELECT pg_is_in_recovery()", limit).boolean(0, 0)) return connection;
      if (!why) why = Error(ErrorCode::unreachable, "none of " + options.host + " is a primary", "promote one of them, or name the primary's host");
    } catch (const Error& error) {
      why = error;
    }
  }
  throw Error(*why);
}

}  // namespace

Connection::Connection(pg_conn* connection) : state_(std::make_unique<State>()) {
  state_->connection.reset(connection);
}
Connection::~Connection() = default;

std::unique_ptr<Connection> Connection::open(const ConnectOptions& options, const Wait& wait) {
  wait.check("connecting");
  if (!options.tunnel.wanted() && options.host.find(',') != std::string::npos) return open_primary(options, wait);
  const MemoryFile pem(options.root_ca);
  const Wait limit = wait.shorter(std::chrono::seconds(options.connect_timeout_seconds));
  const auto tunnel = open_tunnel(options, limit);
  OwnedConnection connection = start(options, find_places(options, tunnel.get(), limit), pem.path().empty() ? options.sslrootcert : pem.path());
  establish(connection.get(), options, tunnel.get(), limit);
  PQsetErrorVerbosity(connection.get(), PQERRORS_DEFAULT);
  if (PQsetnonblocking(connection.get(), 1) != 0) throw Error(ErrorCode::internal, "libpq refuses to be non-blocking");
  std::unique_ptr<Connection> opened(new Connection(connection.release()));
  opened->state_->tunnel = tunnel;
  opened->run(pins_in_session(opened->server_version()), limit);
  return opened;
}

void Connection::renew(const std::string& application_name, const Wait& wait) {
  if (PQtransactionStatus(state_->connection.get()) != PQTRANS_IDLE)
    throw Error(ErrorCode::internal, "a connection was left within a transaction");
  // RESET goes back to what the connection was started with, pins_at_start() among it, and undoes the others.
  std::string sql = "RESET ALL; ";
  if (std::exchange(state_->prepared, false)) {
    sql += "DEALLOCATE ALL; ";
    state_->planned.clear();
  }
  run(sql + pins_in_session(server_version()) + "SET application_name = " + quote_literal(application_name), wait);
}

int Connection::server_version() const { return PQserverVersion(state_->connection.get()); }
int Connection::backend_pid() const { return PQbackendPID(state_->connection.get()); }
bool Connection::broken() const { return state_->broken || PQstatus(state_->connection.get()) != CONNECTION_OK; }
int Connection::socket() const { return PQsocket(state_->connection.get()); }

}  // namespace peerd::postgres

#include <unistd.h>

#include "peerd/base/resolve.h"
#include "peerd/postgres/connection.h"

namespace peerd::postgres {
namespace {

constexpr Option kOptions[] = {
    {"host", OptionType::text, "", Required::yes, Secret::no, "Name or address of the server"},
    {"port", OptionType::integer, "5432", Required::no, Secret::no, "TCP port of the server", 1, 65535},
    {"user", OptionType::text, "", Required::yes, Secret::no, "Role to log in as"},
    {"password", OptionType::text, "", Required::no, Secret::yes, "The role's password"},
    {"database", OptionType::text, "", Required::yes, Secret::no, "Database to connect to"},
    {"sslmode", OptionType::text, "", Required::no, Secret::no,
     "disable, allow, prefer, require, verify-ca or verify-full, as in libpq"},
    {"sslrootcert", OptionType::text, "", Required::no, Secret::no, "File with the certificates to trust"},
    {"sslcert", OptionType::text, "", Required::no, Secret::no, "File with the client's certificate"},
    {"sslkey", OptionType::text, "", Required::no, Secret::no, "File with the client's key"},
    {"options", OptionType::text, "", Required::no, Secret::no, "Settings for the session, such as -c work_mem=64MB"},
    {"connect_timeout", OptionType::integer, "15", Required::no, Secret::no, "Seconds to wait for a connection", 1,
     600},
    {"require_tls", OptionType::boolean, "false", Required::no, Secret::no, "TLS, with the server's certificate checked against root_ca, or the system's own, and the host's name"},
    {"disable_tls", OptionType::boolean, "false", Required::no, Secret::no, "Same as sslmode = 'disable'"},
    {"ssh_config.host", OptionType::text, "", Required::no, Secret::no, "Name or address of an SSH server to go through; host and port are then as it knows them"},
    {"ssh_config.port", OptionType::integer, "22", Required::no, Secret::no, "Its TCP port", 1, 65535},
    {"ssh_config.user", OptionType::text, "", Required::no, Secret::no, "User to log in as at the SSH server"},
    {"ssh_config.password", OptionType::text, "", Required::no, Secret::yes, "That user's password; it or private_key is needed"},
    {"ssh_config.private_key", OptionType::text, "", Required::no, Secret::yes, "That user's private key without a passphrase: the file's text, or that in base64"},
    {"ssh_config.host_key", OptionType::text, "", Required::no, Secret::no, "The SSH server's own key, as ssh-keyscan prints it; without it the server is not checked"},
    {"root_ca", OptionType::text, "", Required::no, Secret::no, "Certificates to trust, as PEM text: then the server's certificate and the host's name are checked"},
};
constexpr OptionTable kTable{"POSTGRES peer", kOptions};

bool checks_certificate(const Options& options) {
  return !option_text(kTable, options, "root_ca").empty() || option_boolean(kTable, options, "require_tls");
}

/// Chain and name are checked where a certificate is asked for; with an address for a host the chain alone, as PeerDB does.
std::string sslmode_of(const Options& options) {
  std::string mode = option_text(kTable, options, "sslmode");
  if (!mode.empty()) return mode;
  if (option_boolean(kTable, options, "disable_tls")) return "disable";
  if (!checks_certificate(options)) return "";
  return is_address(option_text(kTable, options, "host")) ? "verify-ca" : "verify-full";
}

/// Where no certificates to trust are given: the system's (libpq looks for them only from version 16 on).
std::string system_roots() {
  for (const char* path : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"}) {
    if (access(path, R_OK) == 0) return path;
  }
  return "";
}

}  // namespace

const OptionTable& peer_options() { return kTable; }

ConnectOptions connect_options(const Options& options) {
  const auto text = [&](std::string_view name) { return option_text(kTable, options, name); };
  ConnectOptions result;
  result.host = text("host");
  result.port = text("port");
  result.user = text("user");
  result.password = text("password");
  result.database = text("database");
  result.sslmode = sslmode_of(options);
  result.sslrootcert = text("sslrootcert");
  if (result.sslrootcert.empty() && text("sslmode").empty() && checks_certificate(options)) result.sslrootcert = system_roots();
  result.sslcert = text("sslcert");
  result.sslkey = text("sslkey");
  result.root_ca = text("root_ca");
  result.options = text("options");
  result.tunnel = {text("ssh_config.host"), static_cast<std::uint16_t>(option_integer(kTable, options, "ssh_config.port")),
                   text("ssh_config.user"), text("ssh_config.password"), text("ssh_config.private_key"), text("ssh_config.host_key")};
  result.connect_timeout_seconds = static_cast<int>(option_integer(kTable, options, "connect_timeout"));
  const ssh::TunnelOptions& tunnel = result.tunnel;
  if (tunnel.host.empty() && !(tunnel.user + tunnel.password + tunnel.private_key + tunnel.host_key).empty())
    throw Error(ErrorText{.code = ErrorCode::invalid_option, .message = "ssh_config.host is missing", .hint = "name the SSH server to go through",
                          .field = "ssh_config.host"});
  return result;
}

}  // namespace peerd::postgres

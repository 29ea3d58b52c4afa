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
    {"require_tls", OptionType::boolean, "false", Required::no, Secret::no, "Same as sslmode = 'require'"},
    {"disable_tls", OptionType::boolean, "false", Required::no, Secret::no, "Same as sslmode = 'disable'"},
    {"root_ca", OptionType::text, "", Required::no, Secret::no, "Certificates to trust, as PEM text"},
};
constexpr OptionTable kTable{"POSTGRES peer", kOptions};

std::string sslmode_of(const Options& options) {
  std::string mode = option_text(kTable, options, "sslmode");
  if (!mode.empty()) return mode;
  if (option_boolean(kTable, options, "disable_tls")) return "disable";
  if (!option_text(kTable, options, "root_ca").empty()) return "verify-ca";
  return option_boolean(kTable, options, "require_tls") ? "require" : "";
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
  result.sslcert = text("sslcert");
  result.sslkey = text("sslkey");
  result.root_ca = text("root_ca");
  result.options = text("options");
  result.connect_timeout_seconds = static_cast<int>(option_integer(kTable, options, "connect_timeout"));
  return result;
}

}  // namespace peerd::postgres

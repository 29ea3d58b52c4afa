#include "peerd/targets/clickhouse_target.h"

namespace peerd {
namespace {

constexpr Option kOptions[] = {
    {"host", OptionType::text, "", Required::yes, Secret::no, "name or address of the ClickHouse server"},
    {"port", OptionType::integer, "", Required::no, Secret::no,
     "its HTTP port; 8443, or 8123 with disable_tls, when it is not given", 1, 65535},
    {"user", OptionType::text, "default", Required::no, Secret::no, "user to log in as"},
    {"password", OptionType::text, "", Required::no, Secret::yes, "the user's password"},
    {"database", OptionType::text, "default", Required::no, Secret::no, "database that holds the tables"},
    {"disable_tls", OptionType::boolean, "false", Required::no, Secret::no, "speak HTTP instead of HTTPS"},
    {"root_ca", OptionType::text, "", Required::no, Secret::no,
     "PEM text of the certificates that the server's is checked against; empty takes the system's"},
    {"certificate", OptionType::text, "", Required::no, Secret::no, "PEM text of a client certificate"},
    {"private_key", OptionType::text, "", Required::no, Secret::yes, "PEM text of the client certificate's key"},
    {"tls_host", OptionType::text, "", Required::no, Secret::no,
     "name that the server's certificate is checked for, when it is not the host"},
    {"fsync_after_insert", OptionType::boolean, "false", Required::no, Secret::no,
     "make the tables that are created with fsync_after_insert: acknowledged rows then survive a power failure"},
    {"min_flush_interval_ms", OptionType::integer, "1000", Required::no, Secret::no,
     "least time between two inserts of the stream, to spare the server's merges; longer under part pressure", 0,
     3'600'000},
};

constexpr Option kMirrorOptions[] = {
    {"on_unfit_value", OptionType::text, "stop", Required::no, Secret::no,
     "what becomes of a value that its column's type at ClickHouse cannot hold: stop (the mirror), null, or clamp (the nearest value that it "
     "holds); never of a key"},
};

}  // namespace

const OptionTable& clickhouse_mirror_options() {
  static constexpr OptionTable kTable{"CREATE MIRROR to CLICKHOUSE", kMirrorOptions};
  return kTable;
}

const OptionTable& clickhouse_options() {
  static constexpr OptionTable kTable{"CLICKHOUSE peer", kOptions};
  return kTable;
}

}  // namespace peerd

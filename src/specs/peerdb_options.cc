#include "peerd/specs/peerdb_options.h"

#include <algorithm>

#include "peerd/base/text.h"

namespace peerd {
namespace {

constexpr PeerdbOption kMirror[] = {
    {"resync", "false", "RESYNC MIRROR copies the tables of a mirror that is there anew"},
    {"initial_copy_only", "false", "drop the mirror when it is RUNNING: what was copied stays"},
    {"initial_snapshot_only", "false", "drop the mirror when it is RUNNING: what was copied stays"},
    {"script", "", "transform rows at the target, by a view or a materialized view"},
    {"system", "Q", "types are carried as they are between Postgres servers, with or without it"},
    {"cdc_staging_path", "", "leave it out: rows go straight to the target, nothing is staged"},
    {"snapshot_staging_path", "", "leave it out: rows go straight to the target, nothing is staged"},
    {"snapshot_num_partitions_override", "0", "snapshot_num_rows_per_partition sets the size of a chunk"},
    {"disable_peerdb_columns", "false", "soft_delete_col_name = '', synced_at_col_name = ''"},
    {"skip_validation", "false", "leave it out: what cannot work is better told now"},
};
constexpr PeerdbOption kQuery[] = {
    {"staging_path", "", "leave it out: rows go straight to the target, nothing is staged"},
    {"setup_watermark_table_on_destination", "false", "leave it out: the target's table is made by what the query returns"},
    {"dst_table_full_resync", "false", "mode = 'overwrite' copies into a table beside, and exchanges the two"},
    {"disabled", "false", "PAUSE MIRROR, when it is there"},
    {"script", "", "transform rows in the query"},
    {"system", "Q", "types are carried as they are between Postgres servers, with or without it"},
    {"soft_delete_col_name", "", "a query does not tell what was deleted: mirror the table, WITH TABLE MAPPING"},
    {"num_partitions_override", "0", "num_rows_per_partition sets the size of a range"},
    {"add_null_partition", "false", "a row without a watermark has no place in an order: give it one"},
    {"snapshot_name", "", "leave it out: each range is read in a snapshot of its own"},
    {"parent_mirror_name", "", "leave it out"},
};
constexpr PeerdbOption kPostgres[] = {
    {"auth_type", "POSTGRES_PASSWORD", "log in with a password or a client certificate"},
    {"client_tls", "", "sslcert and sslkey name the files of certificate and key"},
    {"metadata_schema", "", "leave it out: the schema is _peerd"},
    {"tls_host", "", "name the server by the host in its certificate"},
    {"skip_cert_verification", "false", "sslmode = 'require' encrypts without checking the certificate"},
};
constexpr std::string_view kUnstaged = "leave it out: rows go straight to the target, nothing is staged";
constexpr std::string_view kOneServer = "name one server, or one endpoint that acts as one";
constexpr PeerdbOption kClickhouse[] = {
    {"s3", "", kUnstaged},
    {"s3_path", "", kUnstaged},
    {"access_key_id", "", kUnstaged},
    {"secret_access_key", "", kUnstaged},
    {"region", "", kUnstaged},
    {"endpoint", "", kUnstaged},
    {"cluster", "", kOneServer},
    {"replicated", "false", kOneServer},
    {"tls_certificate_directory", "", "certificate, private_key and root_ca take the files' texts"},
};

constexpr PeerdbOption kSettings[] = {
    {"PEERDB_NULLABLE", "true", "columns are nullable at the target where they are at the source"},
    {"PEERDB_CDC_STORE_ENABLED", "true", "unchanged TOAST values are always found"},
    {"PEERDB_CLICKHOUSE_CDC_STORE_ENABLED", "true", "unchanged TOAST values are always found"},
    {"PEERDB_CLICKHOUSE_ENABLE_PRIMARY_UPDATE", "true", "a changed key always deletes the row under the old one"},
    {"PEERDB_CLICKHOUSE_UNBOUNDED_NUMERIC_AS_STRING", "true", "numeric without precision is String"},
    {"PEERDB_CLICKHOUSE_ENABLE_JSON", "false", "json is String"},
    {"PEERDB_CLICKHOUSE_BINARY_FORMAT", "raw", "bytea is a String of the bytes"},
    {"PEERDB_CLICKHOUSE_INITIAL_LOAD_ALLOW_NON_EMPTY_TABLES", "false", "begin with an empty table"},
    {"PEERDB_SOURCE_SCHEMA_AS_DESTINATION_COLUMN", "false", "one target table takes one source table"},
    {"PEERDB_ORIGIN_METADATA_AS_DESTINATION_COLUMN", "false", "format = 'debezium' tells where a change comes from"},
    {"PEERDB_SKIP_SNAPSHOT_EXPORT", "true", "no snapshot is held open, and the copy is consistent all the same"},
    {"PEERDB_ENABLE_WAL_HEARTBEAT", "false", "an idle mirror holds no WAL back, without writing to the source"},
    {"PEERDB_PG_AUTOMATED_SCHEMA_DUMP", "false", "pg_dump --schema-only | psql, before the mirror is made"},
};

}  // namespace

std::span<const PeerdbOption> peerdb_mirror_options() { return kMirror; }

std::span<const PeerdbOption> peerdb_query_options() { return kQuery; }

std::span<const PeerdbOption> peerdb_peer_options(std::string_view kind) {
  if (kind == "POSTGRES") return kPostgres;
  if (kind == "CLICKHOUSE") return kClickhouse;
  return {};
}

std::span<const PeerdbOption> peerdb_settings() { return kSettings; }

const PeerdbOption* find_peerdb_option(std::span<const PeerdbOption> options, std::string_view name) {
  const auto found = std::ranges::find(options, name, &PeerdbOption::name);
  return found == options.end() ? nullptr : &*found;
}

bool asks_for(const PeerdbOption& option, std::string_view value) { return to_lower(value) == to_lower(option.does); }

Problems take_peerdb_options(const OptionTable& table, std::span<const PeerdbOption> options, RawOptions& raw) {
  Problems problems;
  for (const PeerdbOption& option : options) {
    const auto given = raw.find(option.name);
    if (given == raw.end() || find_option(table, option.name)) continue;
    if (!asks_for(option, given->second.text)) {
      const std::string only = option.does.empty() ? "an empty text" : std::string(option.does);
      problems.push_back({ErrorText{.code = ErrorCode::not_supported,
                                    .message = std::string(table.what) + " does not support option \"" +
                                               std::string(option.name) + "\", unless it is " + only,
                                    .hint = std::string(option.instead),
                                    .field = std::string(option.name)},
                          {}});
    }
    raw.erase(given);
  }
  return problems;
}

}  // namespace peerd

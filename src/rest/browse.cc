// What a source holds that a mirror can be made of. Postgres's catalogs are read with the rights of the peer's user.
#include "json.h"
#include "mapping.h"
#include "peer_rows.h"
#include "peerd/base/text.h"

namespace peerd::rest {
namespace {

constexpr std::string_view kUserSchemas = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

/// What mirrors need of a key is what sources/postgres/identity.cc asks: FULL alone tells rows apart by all of their values, which
/// not every target takes.
/// A partition goes with the table that it is a part of, whose size is that of all its partitions.
constexpr std::string_view kTables = R"(
SELECT c.relname, pg_size_pretty(m.bytes), m.bytes, m.rows, k.has_key, c.relreplident,
       c.relpersistence = 'p' AND (k.is_followed OR (c.relreplident = 'f' AND c.relkind = 'r' AND NOT k.has_key))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT coalesce(bool_or(i.indisprimary), false) AS has_key,
         coalesce(bool_or(i.indimmediate AND i.indisvalid AND CASE c.relreplident WHEN 'i' THEN i.indisreplident
                                                              WHEN 'n' THEN false ELSE i.indisprimary END), false) AS is_followed
  FROM pg_index i WHERE i.indrelid = c.oid) k
CROSS JOIN LATERAL (
  SELECT coalesce(sum(pg_total_relation_size(p.oid)), 0)::bigint AS bytes,
         sum(p.reltuples) FILTER (WHERE p.reltuples >= 0)::bigint AS rows
  FROM (SELECT c.oid AS relid WHERE c.relkind = 'r'
        UNION ALL SELECT relid FROM pg_partition_tree(c.oid) WHERE c.relkind = 'p' AND isleaf) t
  JOIN pg_class p ON p.oid = t.relid) m
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname = )";

/// The key is that of the replica identity: the primary key's, or the index that was chosen.
constexpr std::string_view kColumns = R"(
SELECT a.attname, format_type(a.atttypid, a.atttypmod),
       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)),
       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND a.attnum = ANY (i.indkey)
               AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname = )";

/// The first column of rows that hold nothing else.
void add_names(const PeerRows& rows, google::protobuf::RepeatedPtrField<std::string>& names) {
  for (std::size_t i = 0; i < rows.size(); ++i) *names.Add() = rows.text(i, 0);
}

PeerRows ask_peer(Call& call, const std::string& sql) {
  return ask(*source_session(call, query_text(call, "peer_name")), sql, call);
}

}  // namespace

std::string peer_type(Call& call) {
  peerdb_route::PeerTypeResponse reply;
  reply.set_peer_type(call.deps.peers.get(call.parameter).kind);
  return write_json(reply);
}

std::string list_schemas(Call& call) {
  const auto rows =
      ask_peer(call, "SELECT n.nspname FROM pg_namespace n WHERE " + std::string(kUserSchemas) + " ORDER BY n.nspname");
  peerdb_route::PeerSchemasResponse reply;
  add_names(rows, *reply.mutable_schemas());
  return write_json(reply);
}

std::string list_tables(Call& call) {
  const bool streamed = query_boolean(call, "cdc_enabled", true);  // Every mirror here streams.
  const auto rows =
      ask_peer(call, std::string(kTables) + quote_literal(query_text(call, "schema_name")) + " ORDER BY c.relname");
  peerdb_route::SchemaTablesResponse reply;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto& table = *reply.add_tables();
    table.set_table_name(rows.text(i, 0));
    table.set_table_size(rows.text(i, 1));
    table.set_size_bytes(rows.integer(i, 2));
    if (!rows.null(i, 3)) table.set_rows_estimate(rows.integer(i, 3));
    table.set_has_primary_key(rows.truth(i, 4));
    table.set_replica_identity(rows.text(i, 5));
    table.set_is_replica_identity_full(rows.text(i, 5) == "f");
    table.set_can_mirror(!streamed || rows.truth(i, 6));
  }
  return write_json(reply);
}

std::string list_all_tables(Call& call) {
  const auto rows = ask_peer(call, "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON "
                                   "n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND " +
                                       std::string(kUserSchemas) + " ORDER BY n.nspname, c.relname");
  peerdb_route::AllTablesResponse reply;
  add_names(rows, *reply.mutable_tables());
  return write_json(reply);
}

std::string list_columns(Call& call) {
  const std::string schema = query_text(call, "schema_name"), name = query_text(call, "table_name");
  const auto rows = ask_peer(call, std::string(kColumns) + quote_literal(schema) + " AND c.relname = " +
                                       quote_literal(name) + " ORDER BY a.attnum");
  if (rows.size() == 0) {
    throw Error(ErrorText{.code = ErrorCode::not_found,
                          .message = "the peer has no table " + schema + "." + name + " with columns",
                          .hint = "GET peers/tables lists the tables of a schema",
                          .field = "table_name",
                          .table = schema + "." + name});
  }
  peerdb_route::TableColumnsResponse reply;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto& column = *reply.add_columns();
    column.set_name(rows.text(i, 0));
    column.set_type(rows.text(i, 1));
    column.set_is_key(rows.truth(i, 2));
    column.set_is_replica_identity(rows.truth(i, 3));
  }
  return write_json(reply);
}

std::string list_publications(Call& call) {
  const auto rows = ask_peer(call, "SELECT pubname FROM pg_publication ORDER BY pubname");
  peerdb_route::PeerPublicationsResponse reply;
  add_names(rows, *reply.mutable_publication_names());
  return write_json(reply);
}

}  // namespace peerd::rest

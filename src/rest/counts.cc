// How many rows a mirror has copied and streamed, and how many there are at both ends.
#include "figures.h"
#include "json.h"
#include "mapping.h"
#include "peer_rows.h"
#include "peerd/base/text.h"
#include "peerd/postgres/connection.h"
#include "proto/figures.pb.h"
#include "routes.h"

namespace peerd::rest {
namespace {

std::int64_t signed_of(std::uint64_t count) { return static_cast<std::int64_t>(count); }

/// peerd counts changes from its own start on, and those of a younger mirror from its making.
std::int64_t counted_since_us(const Call& call, const MirrorStatus& mirror) {
  return std::max(call.deps.serving_since_us, mirror.created_at_us);
}

void add_counts(const TableStatus& table, peerdb_route::CDCRowCounts& counts) {
  counts.set_inserts_count(counts.inserts_count() + signed_of(table.inserts));
  counts.set_updates_count(counts.updates_count() + signed_of(table.updates));
  counts.set_deletes_count(counts.deletes_count() + signed_of(table.deletes));
  counts.set_total_count(counts.inserts_count() + counts.updates_count() + counts.deletes_count());
}

constexpr std::string_view kPostgres = "POSTGRES";
constexpr std::int64_t kTooLarge = 10ll << 30;  ///< As PeerDB: such a table's rows are estimated.
constexpr std::chrono::seconds kLongestCount{30};

/// What is said of one table at one end.
struct RowCount {
  std::int64_t rows = -1;  ///< -1 = not known: there was no time to count, and there is no estimate.
  bool approximate = false;
};

/// Bytes, the planner's estimate (NULL before the first ANALYZE), and whether rows of descendants are its own.
constexpr std::string_view kSize = R"(
SELECT coalesce(sum(pg_table_size(p.oid)), 0)::bigint, sum(p.reltuples) FILTER (WHERE p.reltuples >= 0)::bigint,
       bool_or(c.relkind = 'p')
FROM pg_class c CROSS JOIN LATERAL (
  SELECT c.oid AS relid WHERE c.relkind <> 'p'
  UNION ALL SELECT relid FROM pg_partition_tree(c.oid) WHERE c.relkind = 'p' AND isleaf) t
JOIN pg_class p ON p.oid = t.relid WHERE c.oid = )";

/// `where` leaves out what is marked as deleted; an estimate cannot.
RowCount count_rows(PeerSession& session, const std::string& table, const std::string& where, const Call& call) {
  const std::string quoted = postgres::parse_qualified(table).quoted();
  const PeerRows size = ask(session, std::string(kSize) + quote_literal(quoted) + "::regclass", call);
  const bool partitioned = size.truth(0, 2);
  if (size.integer(0, 0) > kTooLarge) return {size.null(0, 1) ? -1 : size.integer(0, 1), true};
  try {
    PeerRows counted;
    session.query("SELECT count(*) FROM " + std::string(partitioned ? "" : "ONLY ") + quoted + where, counted,
                  call.wait.shorter(kLongestCount));
    return {counted.integer(0, 0), false};
  } catch (const Error& error) {
    if (error.text.code != ErrorCode::timeout) throw;
    return {};
  }
}

[[noreturn]] void refuse(std::string_view field, std::string message, std::string hint) {
  throw Error(ErrorText{.code = ErrorCode::invalid_option,
                        .message = std::move(message),
                        .hint = std::move(hint),
                        .field = std::string(field)});
}

void require_postgres(Call& call, const MirrorSpec& mirror) {
  for (const std::string& peer : {mirror.source, mirror.target}) {
    const std::string kind = call.deps.peers.get(peer).kind;
    if (kind == kPostgres) continue;
    refuse("flow_job_name", "rows are counted between two Postgres servers, and peer \"" + peer + "\" is a " + kind,
           "count them there: SELECT count(*) FROM …");
  }
}

std::vector<TableMapping> chosen_tables(const MirrorSpec& mirror, const peerdb_route::MirrorRowCountsRequest& body) {
  if (body.source_tables_size() == 0) return mirror.tables;
  std::vector<TableMapping> chosen;
  for (const std::string& name : body.source_tables()) {
    const auto found = std::find_if(mirror.tables.begin(), mirror.tables.end(),
                                    [&](const TableMapping& table) { return table.source == name; });
    if (found == mirror.tables.end()) {
      refuse("source_tables", "mirror \"" + mirror.name + "\" has no table \"" + name + "\"",
             "write it as table_mappings has it");
    }
    chosen.push_back(*found);
  }
  return chosen;
}

}  // namespace

std::string table_total_counts(Call& call) {
  const MirrorStatus mirror = call.deps.mirrors.status(call.parameter);
  peerdb_route::CDCTableTotalCountsResponse reply;
  auto& total = *reply.mutable_total_data();
  for (const TableStatus& table : mirror.tables) {
    auto& item = *reply.add_tables_data();
    item.set_table_name(table.target);
    add_counts(table, *item.mutable_counts());
    add_counts(table, total);
  }
  set_time(*reply.mutable_counted_since(), counted_since_us(call, mirror));
  return write_json(reply);
}

std::string total_rows_synced(Call& call) {
  const MirrorStatus mirror = call.deps.mirrors.status(call.parameter);
  peerdb_route::TotalRowsSyncedResponse reply;
  if (!query_boolean(call, "exclude_cdc", false)) reply.set_total_count_cdc(signed_of(mirror.rows_streamed));
  if (!query_boolean(call, "exclude_initial_load", false)) reply.set_total_count_initial_load(signed_of(mirror.rows_copied()));
  reply.set_total_count(reply.total_count_cdc() + reply.total_count_initial_load());
  set_time(*reply.mutable_counted_since(), counted_since_us(call, mirror));
  return write_json(reply);
}

std::string initial_load(Call& call) {
  const MirrorRecord record = call.deps.mirrors.record(call.parameter);
  const std::int64_t began = copy_began_us(call.deps.catalog, record.id);
  peerdb_route::InitialLoadSummaryResponse reply;
  for (const TableStatus& table : call.deps.mirrors.status(call.parameter).tables) {
    fill_clone(record, table, began, *reply.add_table_summaries());
  }
  return write_json(reply);
}

std::string row_counts(Call& call) {
  peerdb_route::MirrorRowCountsRequest body;
  read_json(call.body, body);
  const MirrorSpec mirror = call.deps.mirrors.record(body.flow_job_name()).spec;
  require_postgres(call, mirror);
  const std::string mark = mirror.text("soft_delete_col_name");
  const std::string live = mark.empty() ? "" : " WHERE " + quote_identifier(mark) + " IS NOT TRUE";
  const auto source = call.deps.peers.session(mirror.source), target = call.deps.peers.session(mirror.target);
  peerdb_route::MirrorRowCountsResponse reply;
  for (const TableMapping& table : chosen_tables(mirror, body)) {
    const RowCount here = count_rows(*source, table.source, "", call);
    const RowCount there = count_rows(*target, table.target, live, call);
    auto& item = *reply.add_table_counts();
    item.set_source_table(table.source);
    item.set_destination_table(table.target);
    item.set_source_count(here.rows);
    item.set_destination_count(there.rows);
    item.set_source_is_approximate(here.approximate);
    item.set_destination_is_approximate(there.approximate);
  }
  return write_json(reply);
}

}  // namespace peerd::rest

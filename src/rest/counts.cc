// How many rows a mirror has copied and streamed, and how many there are at both ends.
#include "figures.h"
#include "json.h"
#include "mapping.h"
#include "peer_rows.h"
#include "peerd/base/text.h"
#include "proto/figures.pb.h"
#include "routes.h"
#include "row_count.h"

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
  counts.set_unfit_values(counts.unfit_values() + signed_of(table.unfit_values()));
  counts.set_total_count(counts.inserts_count() + counts.updates_count() + counts.deletes_count());
}

constexpr std::string_view kPostgres = "POSTGRES";
constexpr std::chrono::seconds kForTheReply{5};  ///< Left of a request's time when the counting ends.

void require_postgres(Call& call, const MirrorSpec& mirror) {
  for (const std::string& peer : {mirror.source, mirror.target}) {
    const std::string kind = call.deps.peers.get(peer).kind;
    if (kind == kPostgres) continue;
    refuse_field("flow_job_name",
                 "rows are counted between two Postgres servers, and peer \"" + peer + "\" is a " + kind,
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
      refuse_field("source_tables", "mirror \"" + mirror.name + "\" has no table \"" + name + "\"",
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
  const bool copies = mirror.query.empty();  // What a query returned is counted once, as what came since.
  if (copies && !query_boolean(call, "exclude_initial_load", false)) reply.set_total_count_initial_load(signed_of(mirror.rows_copied()));
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
  if (mirror.of_query())
    refuse_field("flow_job_name", "mirror \"" + mirror.name + "\" is one of a query, whose rows are no table's", "count them: SELECT count(*) FROM (…)");
  require_postgres(call, mirror);
  const std::string mark = mirror.text("soft_delete_col_name");
  const std::string live = mark.empty() ? "" : " WHERE " + quote_identifier(mark) + " IS NOT TRUE";
  const auto source = call.deps.peers.session(mirror.source), target = call.deps.peers.session(mirror.target);
  // What there was no time for is told as not known, and the rest all the same.
  const Wait counting{call.wait.until - kForTheReply, call.wait.stop};
  peerdb_route::MirrorRowCountsResponse reply;
  for (const TableMapping& table : chosen_tables(mirror, body)) {
    const RowCount here = count_rows(*source, table.source, "", counting);
    const RowCount there = count_rows(*target, table.target, live, counting);
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

#include <map>

#include "cells.h"
#include "peer_json.h"
#include "peerd/base/text.h"
#include "peerd/catalog/alert_store.h"
#include "peerd/control/control.h"

namespace peerd {

namespace {

using Type = View::Column::Type;
using Row = std::vector<View::Cell>;
using Rows = std::vector<Row>;

View peers_view(PeerControl& peers, Catalog& catalog) {
  View view{"peers",
            "the servers that were named with CREATE PEER",
            {{"id", Type::integer},
             {"name", Type::text},
             {"type", Type::integer},
             {"kind", Type::text},
             {"options", Type::text}},
            {}};
  view.rows = [&peers, &catalog] {
    std::map<std::string, std::int64_t, std::less<>> ids;
    for (const PeerRecord& record : catalog.peer_records()) ids[record.spec.name] = record.id;
    Rows rows;
    for (const PeerSpec& peer : peers.list()) {
      const Connector* connector = peers.connectors().find(peer.kind);
      rows.push_back({cell(ids[peer.name]), cell(peer.name),
                      cell(std::int64_t{connector ? connector->proto_number : -1}), cell(peer.kind),
                      cell(options_json(peer.options))});
    }
    return rows;
  };
  return view;
}

/// All mirrors, or the one that is asked for.
std::vector<MirrorStatus> chosen(MirrorControl& mirrors, const std::string& only) {
  std::vector<MirrorStatus> all = mirrors.list();
  if (!only.empty()) std::erase_if(all, [&](const MirrorStatus& mirror) { return mirror.name != only; });
  return all;
}

std::vector<MirrorRecord> chosen(Catalog& catalog, const std::string& only) {
  if (only.empty()) return catalog.mirrors();
  const std::optional<MirrorRecord> record = catalog.mirror(only);
  return record ? std::vector{*record} : std::vector<MirrorRecord>{};
}

Row mirror_row(const MirrorStatus& mirror) {
  const bool failed = mirror.last_error.has_value();
  return {cell(mirror.name),
          cell(mirror.source),
          cell(mirror.target),
          cell(to_string(mirror.state)),
          cell(to_string(health_of(mirror))),
          cell(mirror.step.empty() ? mirror.reason : mirror.step),
          cell(std::uint64_t{mirror.tables.size()}),
          cell(mirror.chunks_done()),
          cell(mirror.chunks_total()),
          cell(mirror.rows_copied()),
          cell(mirror.rows_streamed),
          cell(mirror.lag_bytes()),
          seconds(mirror.lag_time),
          cell(mirror.wal_kept_bytes),
          cell(mirror.received),
          cell(mirror.applied),
          cell(mirror.confirmed),
          failed ? cell(mirror.last_error->message) : std::nullopt,
          failed ? cell(mirror.last_error->hint) : std::nullopt,
          timestamp(mirror.last_error_at_us),
          timestamp(mirror.next_retry_at_us),
          timestamp(mirror.created_at_us),
          truth(mirror.consistent()),
          cell(mirror.spool_bytes),
          cell(mirror.query)};
}

View mirrors_view(MirrorControl& mirrors) {
  View view{"mirrors",
            "every mirror: is it well, how far is it, what is wrong",
            {{"name", Type::text},
             {"source", Type::text},
             {"target", Type::text},
             {"state", Type::text},
             {"health", Type::text},
             {"step", Type::text},
             {"tables", Type::integer},
             {"chunks_done", Type::integer},
             {"chunks_total", Type::integer},
             {"rows_copied", Type::integer},
             {"rows_streamed", Type::integer},
             {"lag_bytes", Type::integer},
             {"lag_seconds", Type::real},
             {"wal_kept_bytes", Type::integer},
             {"received_lsn", Type::text},
             {"applied_lsn", Type::text},
             {"confirmed_lsn", Type::text},
             {"last_error", Type::text},
             {"last_error_hint", Type::text},
             {"last_error_at", Type::timestamp},
             {"next_retry_at", Type::timestamp},
             {"created_at", Type::timestamp},
             {"consistent", Type::boolean},
             {"spool_bytes", Type::integer},
             {"query", Type::text}},
            {}};
  view.rows = [&mirrors] {
    Rows rows;
    for (const MirrorStatus& mirror : mirrors.list()) rows.push_back(mirror_row(mirror));
    return rows;
  };
  return view;
}

/// "price: 3, at: 1".
std::string unfit_columns(const TableStatus& table) {
  std::string out;
  for (const auto& [column, count] : table.unfit) out += (out.empty() ? "" : ", ") + column + ": " + std::to_string(count);
  return out;
}

View tables_view(MirrorControl& mirrors, const std::string& only) {
  View view{"mirror_tables",
            "the tables of each mirror, with what was copied and streamed",
            {{"mirror", Type::text},
             {"source", Type::text},
             {"target", Type::text},
             {"chunks_done", Type::integer},
             {"chunks_total", Type::integer},
             {"rows_copied", Type::integer},
             {"inserts", Type::integer},
             {"updates", Type::integer},
             {"deletes", Type::integer},
             {"unfit_values", Type::integer},
             {"unfit_columns", Type::text},
             {"parked_reason", Type::text},
             {"parked_hint", Type::text},
             {"parked_from", Type::text},
             {"parked_since", Type::timestamp}},
            {}};
  view.rows = [&mirrors, only] {
    Rows rows;
    for (const MirrorStatus& mirror : chosen(mirrors, only)) {
      for (const TableStatus& table : mirror.tables) {
        rows.push_back({cell(mirror.name), cell(table.source), cell(table.target), cell(table.chunks_done),
                        cell(table.chunks_total), cell(table.rows_copied), cell(table.inserts), cell(table.updates),
                        cell(table.deletes), cell(table.unfit_values()), cell(unfit_columns(table))});
        const auto& parked = table.parked;
        rows.back().push_back(parked ? cell(parked->reason) : std::nullopt);
        rows.back().push_back(parked ? cell(parked->hint) : std::nullopt);
        rows.back().push_back(parked ? cell(parked->from) : std::nullopt);
        rows.back().push_back(parked ? timestamp(parked->since_us) : std::nullopt);
      }
    }
    return rows;
  };
  return view;
}

View patterns_view(Catalog& catalog, const std::string& only) {
  View view{"mirror_patterns",
            "the patterns that mirrors map tables by",
            {{"mirror", Type::text}, {"source", Type::text}, {"target", Type::text}, {"except_tables", Type::text}, {"new_tables", Type::text}},
            {}};
  view.rows = [&catalog, only] {
    Rows rows;
    for (const MirrorRecord& mirror : chosen(catalog, only))
      for (const TableMapping& pattern : mirror.spec.patterns)
        rows.push_back({cell(mirror.spec.name), cell(pattern.source), cell(pattern.target), cell(join(pattern.except, ", ")),
                        cell(mirror.spec.text("new_tables"))});
    return rows;
  };
  return view;
}

View new_tables_view(MirrorControl& mirrors, const std::string& only) {
  View view{"mirror_new_tables",
            "tables that patterns of a running mirror name, and that it does not have",
            {{"mirror", Type::text}, {"source", Type::text}, {"target", Type::text}, {"reason", Type::text}, {"hint", Type::text}},
            {}};
  view.rows = [&mirrors, only] {
    Rows rows;
    for (const MirrorStatus& mirror : chosen(mirrors, only))
      for (const NewTable& table : mirror.new_tables)
        rows.push_back({cell(mirror.name), cell(table.source), cell(table.target), cell(table.reason), cell(table.hint)});
    return rows;
  };
  return view;
}

View chunks_view(MirrorControl& mirrors, Catalog& catalog, const std::string& only) {
  View view{"mirror_chunks",
            "the pieces that the initial copy reads, one by one",
            {{"mirror", Type::text},
             {"table", Type::text},
             {"number", Type::integer},
             {"first_block", Type::integer},
             {"end_block", Type::integer},
             {"done", Type::boolean},
             {"rows", Type::integer},
             {"bytes", Type::integer}},
            {}};
  view.rows = [&mirrors, &catalog, only] {
    Rows rows;
    for (const MirrorStatus& mirror : chosen(mirrors, only)) {
      std::map<TableId, std::string> names;
      for (const TableStatus& table : mirror.tables) names[table.id] = table.source;
      for (const ChunkRecord& record : catalog.chunks(mirror.id)) {
        const Chunk& chunk = record.chunk;
        const bool open = chunk.end_block == Chunk::kNoEndBlock;
        rows.push_back({cell(mirror.name), cell(names[chunk.table]), cell(std::uint64_t{chunk.number}),
                        chunk.range ? std::nullopt : cell(chunk.first_block), open ? std::nullopt : cell(chunk.end_block),
                        truth(record.done),
                        cell(record.counts.rows), cell(record.counts.bytes)});
      }
    }
    return rows;
  };
  return view;
}

View batches_view(Catalog& catalog, const std::string& only) {
  static constexpr std::chrono::milliseconds kMillisecond{1};
  View view{"mirror_batches",
            "the last 1,000 batches of changes of each mirror",
            {{"mirror", Type::text},
             {"id", Type::integer},
             {"at", Type::timestamp},
             {"first_lsn", Type::text},
             {"end_lsn", Type::text},
             {"inserts", Type::integer},
             {"updates", Type::integer},
             {"deletes", Type::integer},
             {"truncates", Type::integer},
             {"bytes", Type::integer},
             {"waited_ms", Type::integer},
             {"applied_ms", Type::integer}},
            {}};
  for (const std::string_view stage : kStageNames) view.columns.push_back({std::string(stage) + "_ms", Type::real});
  view.rows = [&catalog, only] {
    Rows rows;
    for (const MirrorRecord& mirror : chosen(catalog, only)) {
      for (const ProgressStore::BatchNote& note : catalog.batches(mirror.id)) {
        const BatchRecord& batch = note.batch;
        rows.push_back({cell(mirror.spec.name), cell(note.id), timestamp(note.at_us), cell(batch.first),
                        cell(batch.end), cell(batch.inserts), cell(batch.updates), cell(batch.deletes),
                        cell(batch.truncates), cell(batch.bytes), cell(std::int64_t{batch.waited / kMillisecond}),
                        cell(std::int64_t{batch.applied / kMillisecond})});
        for (std::size_t stage = 0; stage < kStageNames.size(); ++stage)
          rows.back().push_back(milliseconds(batch.stages.at(stage)));
      }
    }
    return rows;
  };
  return view;
}

View logs_view(Catalog& catalog, const std::string& only) {
  View view{"mirror_logs",
            "the last 1,000 lines of each mirror's log",
            {{"mirror", Type::text},
             {"id", Type::integer},
             {"at", Type::timestamp},
             {"level", Type::text},
             {"message", Type::text},
             {"detail", Type::text},
             {"hint", Type::text}},
            {}};
  view.rows = [&catalog, only] {
    Rows rows;
    for (const MirrorRecord& mirror : chosen(catalog, only))
      for (const LogRecord& line : catalog.logs(mirror.id))
        rows.push_back({cell(mirror.spec.name), cell(line.id), timestamp(line.at_us), cell(line.level),
                        cell(line.message), cell(line.detail), cell(line.hint)});
    return rows;
  };
  return view;
}

std::string mirrors_of(const AlertConfig& config) { return join(config.mirrors, ","); }

View alerts_view(Catalog& catalog, const std::string& only) {
  View view{"alerts",
            "who is told of what: a row for each cause that is open, and one for each configuration without any",
            {{"config", Type::integer},
             {"service_type", Type::text},
             {"alert_for_mirrors", Type::text},
             {"mirror", Type::text},
             {"cause", Type::text},
             {"message", Type::text},
             {"hint", Type::text},
             {"since", Type::timestamp},
             {"told_at", Type::timestamp},
             {"resolved_at", Type::timestamp}},
            {}};
  view.rows = [&catalog, only] {
    AlertStore& store = alerts_of(catalog);
    const std::vector<OpenCause> causes = store.open_causes();
    Rows rows;
    for (const AlertConfig& config : store.alerts()) {
      const std::size_t before = rows.size();
      for (const OpenCause& open : causes) {
        if (open.config != config.id || (!only.empty() && open.mirror != only)) continue;
        rows.push_back({cell(config.id), cell(config.service_type), cell(mirrors_of(config)), cell(open.mirror), cell(open.cause),
                        cell(open.message), cell(open.hint), timestamp(open.since_us), timestamp(open.told_at_us), timestamp(open.resolved_at_us)});
      }
      if (rows.size() > before || !only.empty()) continue;
      rows.push_back({cell(config.id), cell(config.service_type), cell(mirrors_of(config)), {}, {}, {}, {}, {}, {}, {}});
    }
    return rows;
  };
  return view;
}

}  // namespace

std::vector<View> views(PeerControl& peers, MirrorControl& mirrors, Catalog& catalog, const std::string& only_mirror) {
  return {peers_view(peers, catalog),
          mirrors_view(mirrors),
          tables_view(mirrors, only_mirror),
          patterns_view(catalog, only_mirror),
          new_tables_view(mirrors, only_mirror),
          chunks_view(mirrors, catalog, only_mirror),
          batches_view(catalog, only_mirror),
          logs_view(catalog, only_mirror),
          alerts_view(catalog, only_mirror)};
}

}  // namespace peerd

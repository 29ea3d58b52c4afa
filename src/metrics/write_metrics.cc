#include "write_metrics.h"

#include <algorithm>
#include <array>

#include "exposition.h"
#include "peerd/base/version.h"
#include "process_facts.h"

namespace peerd {
namespace {

using Shown = Metrics::Shown;
using Mirrors = std::span<const Shown>;

constexpr std::array kStates{MirrorState::setup, MirrorState::snapshot, MirrorState::running, MirrorState::pausing, MirrorState::paused,
                             MirrorState::terminating, MirrorState::terminated, MirrorState::completed, MirrorState::failed};
constexpr std::array<std::string_view, 5> kSlotStates{"reserved", "extended", "unreserved", "lost", "gone"};
constexpr std::array<std::string_view, 3> kTableKinds{"insert", "update", "delete"};

double as_double(std::uint64_t value) { return static_cast<double>(value); }
double as_seconds(std::chrono::milliseconds time) { return std::chrono::duration<double>(time).count(); }

template <typename Value>
void per_mirror(Exposition& out, Mirrors mirrors, std::string_view name, std::string_view type, std::string_view help, Value value) {
  out.family(name, type, help);
  for (const Shown& one : mirrors) out.sample({{"mirror", one.status.name}}, value(one));
}

void write_instance(Exposition& out, const MetricsFacts& facts) {
  out.family("peerd_build_info", "gauge", "Always 1; its label is the version.");
  out.sample({{"version", kVersion}}, 1);
  out.family("peerd_mirrors", "gauge", "Mirrors of this process.");
  out.sample({}, as_double(facts.mirrors.size()));
  out.family("peerd_memory_limit_bytes", "gauge", "Memory that all mirrors' queues share: the setting memory_mb.");
  out.sample({}, as_double(facts.memory_limit_bytes));
  const auto operators = [&](std::string_view name, std::string_view help, std::size_t MetricsFacts::Operators::*value) {
    out.family(name, "gauge", help);
    for (const auto& one : facts.operators) out.sample({{"port", one.port}}, as_double(one.*value));
  };
  operators("peerd_operators", "Threads that answer statements or requests.", &MetricsFacts::Operators::threads);
  operators("peerd_operators_busy", "Of these, how many are at work.", &MetricsFacts::Operators::busy);
  operators("peerd_operators_waiting", "Statements or requests that wait for one.", &MetricsFacts::Operators::waiting);
}

void write_states(Exposition& out, Mirrors mirrors) {
  out.family("peerd_mirror_info", "gauge", "Always 1; its labels are the mirror's peers.");
  for (const auto& [status, counts, slot, at, tables] : mirrors)
    out.sample({{"mirror", status.name}, {"source", status.source}, {"target", status.target}}, 1);
  out.family("peerd_mirror_state", "gauge", "1 for the state that the mirror is in.");
  for (const Shown& one : mirrors) {
    for (const MirrorState state : kStates)
      out.sample({{"mirror", one.status.name}, {"state", to_string(state)}}, one.status.state == state ? 1 : 0);
  }
  per_mirror(out, mirrors, "peerd_mirror_failing", "gauge", "1 while what the mirror tries fails.",
             [](const Shown& one) { return one.status.failing ? 1 : 0; });
  per_mirror(out, mirrors, "peerd_mirror_parked_tables", "gauge", "Tables whose changes are left out until RESYNC TABLE copies them anew.",
             [](const Shown& one) {
               return static_cast<double>(std::ranges::count_if(one.status.tables, [](const TableStatus& table) { return table.parked.has_value(); }));
             });
  per_mirror(out, mirrors, "peerd_mirror_consistent", "gauge", "1 once the target has reached one moment of the source.",
             [](const Shown& one) { return one.status.consistent() ? 1 : 0; });
}

void write_lag(Exposition& out, Mirrors mirrors) {
  per_mirror(out, mirrors, "peerd_mirror_lag_bytes", "gauge", "WAL between the source's end and what is durable at the target.",
             [](const Shown& one) { return as_double(one.status.lag_bytes()); });
  per_mirror(out, mirrors, "peerd_mirror_lag_seconds", "gauge",
             "Age of the oldest change that is not yet durable at the target; 0 when there is none.",
             [](const Shown& one) { return as_seconds(std::max(one.status.lag_time, one.status.position_lag)); });
  per_mirror(out, mirrors, "peerd_mirror_wal_kept_bytes", "gauge", "WAL that the mirror's slot keeps at the source.",
             [](const Shown& one) { return as_double(one.status.wal_kept_bytes); });
  out.family("peerd_mirror_slot_status", "gauge", "1 for what the source says of the mirror's slot.");
  for (const Shown& one : mirrors) {
    if (!one.slot) continue;
    const std::string_view now = one.slot->exists ? std::string_view(one.slot->wal_status) : "gone";
    for (const auto& status : kSlotStates)
      out.sample({{"mirror", one.status.name}, {"status", status}}, status == now ? 1 : 0);
  }
  out.family("peerd_mirror_slot_seen_timestamp_seconds", "gauge",
             "When the source was last asked for the slot, and answered: what is told of lag and WAL is of then.");
  for (const Shown& one : mirrors)
    if (one.slot) out.sample({{"mirror", one.status.name}}, one.slot_seen_at);
}

void write_changes(Exposition& out, Mirrors mirrors) {
  out.family("peerd_mirror_changes_total", "counter", "Streamed changes that are durable at the target.");
  for (const auto& [status, counts, slot, at, tables] : mirrors) {
    out.sample({{"mirror", status.name}, {"kind", "insert"}}, as_double(counts.inserts));
    out.sample({{"mirror", status.name}, {"kind", "update"}}, as_double(counts.updates));
    out.sample({{"mirror", status.name}, {"kind", "delete"}}, as_double(counts.deletes));
    out.sample({{"mirror", status.name}, {"kind", "truncate"}}, as_double(counts.truncates));
  }
  per_mirror(out, mirrors, "peerd_mirror_streamed_bytes_total", "counter", "Bytes of the changes that were streamed.",
             [](const Shown& one) { return as_double(one.counts.streamed_bytes); });
  per_mirror(out, mirrors, "peerd_mirror_copied_rows_total", "counter", "Rows that the initial copy has brought.",
             [](const Shown& one) { return as_double(one.counts.copied_rows); });
  per_mirror(out, mirrors, "peerd_mirror_copied_bytes_total", "counter", "Bytes that the initial copy has brought.",
             [](const Shown& one) { return as_double(one.counts.copied_bytes); });
  per_mirror(out, mirrors, "peerd_mirror_copied_chunks_total", "counter", "Chunks of tables that were copied.",
             [](const Shown& one) { return as_double(one.counts.chunks); });
  per_mirror(out, mirrors, "peerd_mirror_chunks", "gauge", "Chunks that the initial copy consists of, as far as it is planned.",
             [](const Shown& one) { return as_double(one.status.chunks_total()); });
  per_mirror(out, mirrors, "peerd_mirror_chunks_done", "gauge", "Of these, how many are durable at the target.",
             [](const Shown& one) { return as_double(one.status.chunks_done()); });
}

void write_duration(Exposition& out, std::string_view mirror, std::string_view stage, const DurationCounts& counts) {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < DurationCounts::kBuckets; ++i) {
    below += counts.at_most[i];
    std::string bound = std::to_string(DurationCounts::kBounds[i]);
    bound.erase(bound.find_last_not_of('0') + 1);
    if (bound.ends_with('.')) bound.pop_back();
    out.sample("_bucket", {{"mirror", mirror}, {"stage", stage}, {"le", bound}}, as_double(below));
  }
  out.sample("_bucket", {{"mirror", mirror}, {"stage", stage}, {"le", "+Inf"}}, as_double(counts.count));
  out.sample("_sum", {{"mirror", mirror}, {"stage", stage}}, counts.sum);
  out.sample("_count", {{"mirror", mirror}, {"stage", stage}}, as_double(counts.count));
}

void write_batches(Exposition& out, Mirrors mirrors) {
  per_mirror(out, mirrors, "peerd_mirror_batches_total", "counter", "Batches of changes that are durable at the target.",
             [](const Shown& one) { return as_double(one.counts.applied.count); });
  out.family("peerd_mirror_batch_seconds", "histogram", "How long a batch took: waiting in the queue, and at the target.");
  for (const Shown& one : mirrors) {
    write_duration(out, one.status.name, "queue", one.counts.queued);
    write_duration(out, one.status.name, "apply", one.counts.applied);
  }
  out.family("peerd_mirror_stage_seconds_total", "counter", "Where the time of the stream's two threads went.");
  for (const Shown& one : mirrors) {
    for (std::size_t stage = 0; stage < kStageNames.size(); ++stage)
      out.sample({{"mirror", one.status.name}, {"stage", kStageNames[stage]}}, std::chrono::duration<double>(one.counts.stages.at(stage)).count());
  }
  out.family("peerd_mirror_errors_total", "counter", "Attempts that failed, by the error's code.");
  for (const Shown& one : mirrors) {
    for (const auto& [code, times] : one.counts.errors)
      out.sample({{"mirror", one.status.name}, {"code", facts(code).word}}, as_double(times));
  }
}

void write_tables(Exposition& out, Mirrors mirrors) {
  out.family("peerd_table_changes_total", "counter", "Streamed changes of a table that are durable at the target.");
  for (const Shown& one : mirrors) {
    for (std::size_t i = 0; i < one.tables.size(); ++i) {
      const TableStatus& table = one.status.tables[i];
      for (std::size_t kind = 0; kind < kTableKinds.size(); ++kind) {
        out.sample({{"mirror", one.status.name}, {"source", table.source}, {"target", table.target}, {"kind", kTableKinds[kind]}},
                   as_double(one.tables[i][kind]));
      }
    }
  }
  out.family("peerd_table_unfit_values", "gauge",
             "Values of a column that the target's type cannot hold, written otherwise since peerd started, as on_unfit_value says.");
  for (const Shown& one : mirrors) {
    for (const TableStatus& table : one.status.tables)
      for (const auto& [column, count] : table.unfit)
        out.sample({{"mirror", one.status.name}, {"source", table.source}, {"target", table.target}, {"column", column}}, as_double(count));
  }
  out.family("peerd_table_copied_rows", "gauge", "Rows of a table that the present copy has brought.");
  for (const Shown& one : mirrors) {
    for (const TableStatus& table : one.status.tables)
      out.sample({{"mirror", one.status.name}, {"source", table.source}, {"target", table.target}}, as_double(table.rows_copied));
  }
}

}  // namespace

std::string write_metrics(const MetricsFacts& facts, Mirrors mirrors) {
  Exposition out;
  write_instance(out, facts);
  write_process(out);
  write_states(out, mirrors);
  write_lag(out, mirrors);
  write_changes(out, mirrors);
  write_batches(out, mirrors);
  if (facts.tables) write_tables(out, mirrors);
  return out.take();
}

}  // namespace peerd

#include "peerd/metrics/metrics.h"

#include <algorithm>
#include <chrono>

#include "write_metrics.h"

namespace peerd {
namespace {

double seconds(std::chrono::microseconds time) { return std::chrono::duration<double>(time).count(); }

double unix_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

void DurationCounts::add(double seconds) {
  const auto* bound = std::lower_bound(std::begin(kBounds), std::end(kBounds), seconds);
  if (bound != std::end(kBounds)) ++at_most[bound - std::begin(kBounds)];
  ++count;
  sum += seconds;
}

DurationCounts& DurationCounts::operator+=(const DurationCounts& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) at_most[i] += other.at_most[i];
  count += other.count;
  sum += other.sum;
  return *this;
}

MirrorCounts& MirrorCounts::operator+=(const MirrorCounts& other) {
  inserts += other.inserts;
  updates += other.updates;
  deletes += other.deletes;
  truncates += other.truncates;
  streamed_bytes += other.streamed_bytes;
  copied_rows += other.copied_rows;
  copied_bytes += other.copied_bytes;
  chunks += other.chunks;
  for (const auto& [code, times] : other.errors) errors[code] += times;
  queued += other.queued;
  applied += other.applied;
  stages += other.stages;
  return *this;
}

// Without memory for an entry something is not counted, which hurts no mirror.

void Metrics::chunk_done(MirrorId mirror, const ChunkRecord& record) noexcept try {
  const Lock lock(mutex_);
  MirrorCounts& counts = mirrors_[mirror].counts;
  ++counts.chunks;
  counts.copied_rows += record.counts.rows;
  counts.copied_bytes += record.counts.bytes;
} catch (...) {
}

void Metrics::batch_done(MirrorId mirror, const BatchRecord& batch) noexcept try {
  const Lock lock(mutex_);
  MirrorCounts& counts = mirrors_[mirror].counts;
  // A position without changes is no batch that somebody waits for.
  if (batch.changes() == 0) return;
  counts.inserts += batch.inserts;
  counts.updates += batch.updates;
  counts.deletes += batch.deletes;
  counts.truncates += batch.truncates;
  counts.streamed_bytes += batch.bytes;
  counts.queued.add(seconds(batch.waited));
  counts.applied.add(seconds(batch.applied));
  counts.stages += batch.stages;
} catch (...) {
}

void Metrics::slot_seen(MirrorId mirror, const SlotStatus& slot) noexcept try {
  const Lock lock(mutex_);
  slots_[mirror] = {slot, unix_time()};
} catch (...) {
}

void Metrics::failed(MirrorId mirror, const ErrorText& error, Verdict) noexcept try {
  const Lock lock(mutex_);
  ++mirrors_[mirror].counts.errors[error.code];
} catch (...) {
}

void Metrics::moved(MirrorId mirror, MirrorState, MirrorState to, std::string_view) noexcept try {
  if (to != MirrorState::terminated) return;
  const Lock lock(mutex_);
  slots_.erase(mirror);
  const auto found = mirrors_.find(mirror);
  if (found == mirrors_.end()) return;
  // What nobody has seen may begin anew.
  if (!found->second.name.empty()) ended_[found->second.name] += found->second.counts;
  mirrors_.erase(found);
} catch (...) {
}

/// A mirror made anew counts its tables from 0 again, as does a copy that begins anew.
std::uint64_t Metrics::count_on(const MirrorStatus& mirror, const TableStatus& table, int kind, std::uint64_t now) {
  std::string key = mirror.name;
  for (const std::string& part : {table.source, table.target, std::to_string(kind)}) key.append(1, '\0').append(part);
  TableCounter& counter = tables_[key];
  const bool anew = counter.mirror != mirror.id || now < counter.last;
  counter.shown += anew ? now : now - counter.last;
  counter.last = now;
  counter.mirror = mirror.id;
  return counter.shown;
}

Metrics::Shown Metrics::show(const MirrorStatus& status, bool tables) {
  Shown shown{.status = status, .counts = {}, .slot = {}, .tables = {}};
  if (const auto before = ended_.find(status.name); before != ended_.end()) shown.counts += before->second;
  // Only looked up: a mirror that has just ended does not come back by being shown once more.
  if (const auto found = mirrors_.find(status.id); found != mirrors_.end()) {
    found->second.name = status.name;
    shown.counts += found->second.counts;
  }
  if (const auto seen = slots_.find(status.id); seen != slots_.end()) {
    shown.slot = seen->second.slot;
    shown.slot_seen_at = seen->second.at;
  }
  if (!tables) return shown;
  for (const TableStatus& table : status.tables) {
    shown.tables.push_back({count_on(status, table, 0, table.inserts), count_on(status, table, 1, table.updates),
                            count_on(status, table, 2, table.deletes)});
  }
  return shown;
}

std::string Metrics::text(const MetricsFacts& facts) {
  // While one that was dropped still leaves, another of its name may be there already: a series may come only once.
  std::map<std::string_view, const MirrorStatus*> by_name;
  for (const MirrorStatus& status : facts.mirrors) {
    const MirrorStatus*& chosen = by_name[status.name];
    if (chosen == nullptr || chosen->id < status.id) chosen = &status;
  }
  std::vector<Shown> mirrors;
  {
    const Lock lock(mutex_);
    // Whoever looks at slots may do so once more after the mirror's end.
    std::erase_if(slots_, [&](const auto& seen) {
      return std::ranges::find(facts.mirrors, seen.first, &MirrorStatus::id) == facts.mirrors.end();
    });
    for (const auto& [name, status] : by_name) mirrors.push_back(show(*status, facts.tables));
  }
  return write_metrics(facts, mirrors);
}

}  // namespace peerd

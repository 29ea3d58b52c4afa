#include "log_observer.h"

#include "peerd/base/log.h"

namespace peerd::daemon {

std::string LogObserver::name(MirrorId id) {
  {
    const Lock lock(mutex_);
    const auto found = names_.find(id);
    if (found != names_.end()) return found->second;
  }
  // The catalog is asked without the lock: it has its own.
  std::string name = name_of_(id);
  if (name.empty()) return "#" + std::to_string(id.value);
  const Lock lock(mutex_);
  return names_.emplace(id, std::move(name)).first->second;
}

// Logging must not disturb a mirror: what throws here (memory, the catalog) costs a line.
void LogObserver::moved(MirrorId id, MirrorState from, MirrorState to, std::string_view reason) noexcept try {
  const std::string mirror = name(id);
  std::string line = "mirror is " + std::string(to_string(to)) + ", was " + std::string(to_string(from));
  if (!reason.empty()) line.append(": ").append(reason);
  log(to == MirrorState::failed ? LogLevel::error : LogLevel::info, line, {.mirror = mirror});
  if (to != MirrorState::terminated) return;
  const Lock lock(mutex_);
  names_.erase(id);
  wal_status_.erase(id);
  failing_.erase(id);
} catch (...) {
}

void LogObserver::chunk_done(MirrorId id, const ChunkRecord& record) noexcept try {
  const std::string mirror = name(id), lsn = to_string(record.chunk.start);
  log(LogLevel::debug,
      "chunk " + std::to_string(record.chunk.number) + " copied, rows: " + std::to_string(record.counts.rows),
      {.mirror = mirror, .lsn = lsn, .phase = "snapshot"});
} catch (...) {
}

void LogObserver::batch_done(MirrorId id, const BatchRecord& record) noexcept try {
  const std::string mirror = name(id), lsn = to_string(record.end);
  log(LogLevel::debug,
      "batch applied, inserts: " + std::to_string(record.inserts) + ", updates: " + std::to_string(record.updates) +
          ", deletes: " + std::to_string(record.deletes) + ", ms: " + std::to_string(record.applied / std::chrono::milliseconds(1)),
      {.mirror = mirror, .lsn = lsn, .phase = "stream"});
} catch (...) {
}

void LogObserver::slot_seen(MirrorId id, const SlotStatus& slot) noexcept try {
  {
    const Lock lock(mutex_);
    std::string& last = wal_status_[id];
    const std::string now = slot.exists ? slot.wal_status : "gone";
    if (last == now) return;
    last = now;
    if (now != "unreserved" && now != "lost" && now != "gone") return;
  }
  const std::string mirror = name(id), lsn = to_string(slot.restart);
  log(LogLevel::warning,
      "replication slot \"" + slot.slot + "\" is " + (slot.exists ? slot.wal_status : "gone") + " at the source",
      {.mirror = mirror, .lsn = lsn, .hint = slot.wal_status == "unreserved" ? "see max_slot_wal_keep_size of the source" : "the mirror's last_error says why"});
} catch (...) {
}

void LogObserver::failed(MirrorId id, const ErrorText& error, Verdict verdict) noexcept try {
  const std::string mirror = name(id);
  const bool retry = verdict == Verdict::retry;
  log(retry ? LogLevel::warning : LogLevel::error,
      (retry ? "failed and will be retried: " : "failed and needs you: ") + error.message,
      {.mirror = mirror, .table = error.table, .code = facts(error.code).word, .hint = error.hint});
  const Lock lock(mutex_);
  failing_.insert(id);
} catch (...) {
}

void LogObserver::recovered(MirrorId id) noexcept try {
  {
    const Lock lock(mutex_);
    if (failing_.erase(id) == 0) return;
  }
  const std::string mirror = name(id);
  log(LogLevel::info, "works again", {.mirror = mirror});
} catch (...) {
}

}  // namespace peerd::daemon

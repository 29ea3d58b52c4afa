#include <algorithm>
#include <array>

#include "peerd/mirrors/mirror_status.h"

namespace peerd {

Health health_of(const MirrorStatus& status) {
  switch (status.state) {
    case MirrorState::paused:
      if (status.receives && status.failing) return Health::retrying;
      return Health::stopped;
    case MirrorState::failed:
    case MirrorState::completed:
    case MirrorState::terminated:
      return Health::stopped;
    default:
      break;
  }
  if (status.failing) return Health::retrying;
  if (status.has_parked()) return Health::parked;
  if (status.state == MirrorState::setup || status.state == MirrorState::snapshot) return Health::copying;
  // The position of an idle stream is stored every ten seconds, and looked at as often: half a minute tells nothing.
  constexpr std::chrono::seconds kBehind{60}, kAnyway{30};
  if (std::max(status.lag_time, status.position_lag) > kBehind) return Health::behind;
  return status.lag_time.count() == 0 && status.position_lag <= kAnyway ? Health::idle : Health::ok;
}

void measure_position_lag(MirrorStatus& status, std::int64_t now_us) {
  // The server's end of WAL lies past the last record, by a page's header or by records that no stream carries.
  constexpr std::uint64_t kNothing = 1u << 20;
  const bool copying = status.state == MirrorState::setup || status.state == MirrorState::snapshot;
  if (copying || status.awaited_since_us == 0 || status.applied.value + kNothing >= status.awaited.value) {
    status.awaited = status.server_end;
    status.awaited_since_us = now_us;
  }
  const bool reached = status.applied.value + kNothing >= status.awaited.value;
  status.position_lag = std::chrono::milliseconds(reached ? 0 : (now_us - status.awaited_since_us) / 1000);
}

MirrorStatus status_of(const MirrorRecord& record) {
  MirrorStatus status;
  status.id = record.id;
  status.name = record.spec.name;
  status.source = record.spec.source;
  status.target = record.spec.target;
  status.query = record.spec.query;
  status.state = record.state;
  status.reason = record.reason;
  status.receives = record.receives && record.state == MirrorState::paused;
  status.created_at_us = record.created_at_us;
  return status;
}

std::string_view to_string(Health health) {
  static constexpr std::array<std::string_view, 7> kWords = {"ok",       "idle",   "copying", "behind",
                                                             "retrying", "parked", "stopped"};
  return kWords[static_cast<std::size_t>(health)];
}

bool MirrorStatus::has_parked() const {
  return std::ranges::any_of(tables, [](const TableStatus& table) { return table.parked.has_value(); });
}
std::uint64_t MirrorStatus::chunks_done() const {
  std::uint64_t sum = 0;
  for (const TableStatus& table : tables) sum += table.chunks_done;
  return sum;
}
std::uint64_t MirrorStatus::chunks_total() const {
  std::uint64_t sum = 0;
  for (const TableStatus& table : tables) sum += table.chunks_total;
  return sum;
}
std::uint64_t MirrorStatus::rows_copied() const {
  std::uint64_t sum = 0;
  for (const TableStatus& table : tables) sum += table.rows_copied;
  return sum;
}

std::uint64_t wal_budget(const MirrorSpec& mirror, const std::optional<SlotStatus>& slot) {
  const auto asked = static_cast<std::uint64_t>(mirror.integer("wal_budget_bytes"));
  return slot && slot->keep_most_bytes > 0 ? std::min(asked, slot->keep_most_bytes / 2) : asked;
}

}  // namespace peerd

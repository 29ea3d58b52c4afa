#include <array>

#include "peerd/mirrors/mirror_status.h"

namespace peerd {

Health health_of(const MirrorStatus& status) {
  switch (status.state) {
    case MirrorState::paused:
    case MirrorState::failed:
    case MirrorState::completed:
    case MirrorState::terminated:
      return Health::stopped;
    default:
      break;
  }
  if (status.failing) return Health::retrying;
  if (status.state == MirrorState::setup || status.state == MirrorState::snapshot) return Health::copying;
  constexpr std::chrono::seconds kBehind{60};
  if (status.lag_time > kBehind) return Health::behind;
  return status.lag_time.count() == 0 ? Health::idle : Health::ok;
}

MirrorStatus status_of(const MirrorRecord& record) {
  MirrorStatus status;
  status.id = record.id;
  status.name = record.spec.name;
  status.source = record.spec.source;
  status.target = record.spec.target;
  status.state = record.state;
  status.reason = record.reason;
  status.created_at_us = record.created_at_us;
  return status;
}

std::string_view to_string(Health health) {
  static constexpr std::array<std::string_view, 7> kWords = {"ok",       "idle",   "copying", "behind",
                                                             "retrying", "parked", "stopped"};
  return kWords[static_cast<std::size_t>(health)];
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

}  // namespace peerd

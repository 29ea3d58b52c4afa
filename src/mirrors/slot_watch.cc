#include "slot_watch.h"

#include <algorithm>

#include "peerd/base/log.h"
#include "resync.h"

namespace peerd {

SlotWatch::SlotWatch(MirrorWorld& world) : world_(world), thread_([this](std::stop_token stop) { run(stop); }) {}

void SlotWatch::run(const std::stop_token& stop) {
  constexpr std::chrono::seconds kRound{10}, kFirst{2};
  Clock& clock = system_clock();
  bool on = clock.sleep_until(clock.now() + kFirst, stop);
  while (on) {
    try {
      round(stop);
    } catch (const Stopped&) {
      return;
    } catch (...) {
      log(LogLevel::warning, current_error().message, {.phase = "slot watch"});
    }
    on = clock.sleep_until(clock.now() + kRound, stop);
  }
}

void SlotWatch::round(const std::stop_token& stop) {
  const std::vector<MirrorRecord> records = world_.catalog.mirrors();
  std::erase_if(sources_, [&](const auto& entry) {
    return std::none_of(records.begin(), records.end(), [&](const auto& record) { return record.spec.source == entry.first; });
  });
  const auto is_gone = [&](const auto& entry) { return std::ranges::find(records, entry.first, &MirrorRecord::id) == records.end(); };
  std::erase_if(concerns_, is_gone);
  std::erase_if(held_, is_gone);
  dead_.clear();
  for (const MirrorRecord& record : records) look(record, stop);
}

Source* SlotWatch::source_of(const MirrorRecord& record) {
  const auto peer = world_.catalog.peer(record.spec.source);
  if (!peer) return nullptr;
  Asked& asked = sources_[record.spec.source];
  if (!asked.source || !(asked.peer == *peer))
    asked = {*peer, world_.connectors.of(peer->kind).source(*peer, record.spec, Lease{record.id, 0, record.uuid})};
  return asked.source.get();
}

void SlotWatch::look(const MirrorRecord& record, const std::stop_token& stop) {
  if (dead_.contains(record.spec.source)) return;
  // Its own failure says nothing about the mirror: the mirror's thread reports a source that cannot be reached.
  try {
    const MirrorProgress progress = world_.catalog.progress(record.id);
    Source* source = progress.slot ? source_of(record) : nullptr;
    if (!source) return;
    const Wait wait = Wait::at_most(std::chrono::seconds(5), stop);
    const SlotStatus slot = source->slot_of(record.spec, Lease{record.id, 0, record.uuid}, wait);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    world_.board.update(record.id, [&](MirrorStatus& status) {
      status.wal_kept_bytes = slot.wal_kept_bytes;
      status.wal_budget_bytes = wal_budget(record.spec, slot);
      status.confirmed = std::max(status.confirmed, slot.confirmed);
      status.server_end = std::max(status.server_end, slot.server_end);
      measure_position_lag(status, std::chrono::duration_cast<std::chrono::microseconds>(now).count());
    });
    world_.observer.slot_seen(record.id, slot);
    tell_concern(record, slot);
    tell_held(record, slot);
    if (slot.exists && slot.wal_status != "lost") return;
    if (record.state == MirrorState::snapshot || record.state == MirrorState::paused) source->check_slot(progress.slot->slot, wait);
  } catch (const Stopped&) {
    throw;
  } catch (const Error& error) {
    if (error.text.code == ErrorCode::position_lost) {
      // Not of a slot that a RESYNC is about to leave, or has left meanwhile.
      const MirrorProgress now = world_.catalog.progress(record.id);
      if (now.slot && !may_lose_slot(now)) world_.condemn(record.id, error.text);
      return;
    }
    sources_.erase(record.spec.source);
    dead_.insert(record.spec.source);
  } catch (const std::exception&) {
    sources_.erase(record.spec.source);
  }
}

/// A standby that is a moment behind is nothing to tell.
void SlotWatch::tell_held(const MirrorRecord& record, const SlotStatus& slot) {
  Held& held = held_[record.id];
  held.looks = slot.awaits_standbys ? held.looks + 1 : 0;
  constexpr unsigned kLooks = 2;
  const bool now = held.looks >= kLooks && record.state == MirrorState::running;
  if (!now && held.words.empty()) return;
  const std::string before = std::exchange(held.words, now ? "the source sends nothing: its walsender waits for the standbys of "
                                                             "synchronized_standby_slots (" + slot.standby_slots + ") to confirm first"
                                                           : "");
  world_.board.update(record.id, [&](MirrorStatus& status) {
    if (now) status.step = held.words;
    else if (status.step == before) status.step = "streaming";
  });
}

void SlotWatch::tell_concern(const MirrorRecord& record, const SlotStatus& slot) {
  if (std::exchange(concerns_[record.id], slot.concern) == slot.concern || slot.concern.empty()) return;
  log(LogLevel::warning, slot.concern, {.mirror = record.spec.name, .phase = "slot watch", .hint = slot.concern_cure});
  const ErrorText text{.code = ErrorCode::source_unfit, .message = slot.concern, .detail = {}, .hint = slot.concern_cure,
                       .field = {}, .table = {}, .origin = {}, .retry = {}};
  world_.board.update(record.id, [&](MirrorStatus& status) {
    status.last_error = text;
    status.last_error_at_us = std::chrono::duration_cast<std::chrono::microseconds>(
                                  system_clock().wall().time_since_epoch()).count();
  });
  world_.catalog.log(record.id, {.level = "warning", .message = slot.concern, .detail = {}, .hint = slot.concern_cure});
}

}  // namespace peerd

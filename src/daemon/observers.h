#pragma once

#include <utility>
#include <vector>

#include "peerd/mirrors/mirror_observer.h"

namespace peerd::daemon {

/// Passes on what mirrors report to several observers, in their order. They outlive it.
class Observers final : public MirrorObserver {
 public:
  explicit Observers(std::vector<MirrorObserver*> all) : all_(std::move(all)) {}

  void moved(MirrorId id, MirrorState from, MirrorState to, std::string_view reason) noexcept override {
    for (MirrorObserver* each : all_) each->moved(id, from, to, reason);
  }
  void chunk_done(MirrorId id, const ChunkRecord& record) noexcept override {
    for (MirrorObserver* each : all_) each->chunk_done(id, record);
  }
  void batch_done(MirrorId id, const BatchRecord& record) noexcept override {
    for (MirrorObserver* each : all_) each->batch_done(id, record);
  }
  void slot_seen(MirrorId id, const SlotStatus& slot) noexcept override {
    for (MirrorObserver* each : all_) each->slot_seen(id, slot);
  }
  void failed(MirrorId id, const ErrorText& error, Verdict verdict) noexcept override {
    for (MirrorObserver* each : all_) each->failed(id, error, verdict);
  }
  void recovered(MirrorId id) noexcept override {
    for (MirrorObserver* each : all_) each->recovered(id);
  }

 private:
  const std::vector<MirrorObserver*> all_;
};

}  // namespace peerd::daemon

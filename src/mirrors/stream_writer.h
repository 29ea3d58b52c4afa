#pragma once

#include <atomic>
#include <functional>
#include <map>

#include "change_queue.h"
#include "phase.h"
#include "target_notes.h"

namespace peerd {

/// The writer's half of a running stream: applies, stores, confirms, in this order. Runs on the writer thread alone.
class StreamWriter {
 public:
  StreamWriter(PhaseContext& context, ChangeStream& stream, ChangeQueue& queue, RowLookup& lookup, Horizons& horizons,
               const MirrorProgress& progress, const std::function<void()>& working);

  /// Until `finish` is set and the item in hand is done, or `stop` cuts it short. Throws what the target or the catalog
  /// throws.
  void run(const std::stop_token& stop, const std::atomic<bool>& finish);

 private:
  void apply(std::unique_ptr<Batch> batch, const std::stop_token& stop);
  void count_time(std::chrono::nanoseconds all, std::chrono::nanoseconds blocked, std::chrono::nanoseconds committing);
  void done_with(std::unique_ptr<Batch> spent);
  void store(Durable durable);
  void settle(const std::stop_token& stop);
  void take_shape(NewShape shape, std::uint64_t record, const std::stop_token& stop);
  void alter(const MirrorTable& from, const MirrorTable& to, const std::stop_token& stop);
  void store_shapes();
  void begin_shape(const MirrorTable& from, const MirrorTable& to);
  void store_tables();
  MirrorTable* find_table(TableId id);
  void tell(const NewShape& shape);
  void show(const Batch& batch, const ApplyResult& result);
  void note_truncates(const Batch& batch);
  void store_horizons(const Batch& batch);
  void store_notes();

  PhaseContext& context_;
  ChangeStream& stream_;
  ChangeQueue& queue_;
  RowLookup& lookup_;
  Horizons& horizons_;
  const std::function<void()>& working_;
  const bool drops_;  ///< What the source has dropped is dropped at the target.
  const std::map<TableId, std::vector<std::int16_t>> gone_;
  std::vector<MirrorTable> tables_;
  TargetNotes target_notes_;
  Lsn shaped_at_, stored_horizon_, stored_to_;
  std::uint64_t spool_shaped_;        ///< The spool's records up to there are in tables_ and in the catalog.
  std::uint64_t unstored_shape_ = 0;  ///< One that is in tables_, and not yet in the catalog.
  bool open_tail_ = false;            ///< Of the batch that was applied last,
  Lsn complete_to_;                   ///< as this.
  std::map<TableId, MirrorTable> held_back_;  ///< As the catalog has them, while they have been altered,
  Lsn held_shaped_at_;                        ///< and so has it this.
  BatchRecord record_;  ///< Adds up what was applied until it is durable.
  bool unsettled_ = false;  ///< The target has shown more than it calls durable.
};

}  // namespace peerd

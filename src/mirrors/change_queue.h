#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "peerd/base/clock.h"
#include "peerd/changes/batch.h"
#include "peerd/changes/new_shape.h"
#include "peerd/changes/stages.h"

namespace peerd {

/// What passes from reader to writer: a batch (an empty one is a mark: a position and nothing else), or a table's new shape.
using QueueItem = std::variant<std::unique_ptr<Batch>, NewShape>;

struct Queued {
  QueueItem item;
  std::uint64_t record = 0;  ///< Its number in the mirror's spool; 0: it is in memory alone.
  std::chrono::microseconds waited{0};  ///< Since it was pushed.
};

/// Joins one reader and one writer, in order. Spent batches travel back, so that their memory is used again.
class ChangeQueue {
 public:
  virtual ~ChangeQueue() = default;
  /// False when there was no room by wait.until: `item` is untouched. Throws Stopped.
  virtual bool push(QueueItem& item, const Wait& wait) = 0;
  /// nullopt when none came by wait.until. Throws Stopped. The item counts as pending until done().
  virtual std::optional<Queued> pop(const Wait& wait) = 0;
  virtual void done(std::unique_ptr<Batch> spent) = 0;  ///< The popped item is applied.
  virtual void stored(Lsn) {}                           ///< The target has all up to there, and the catalog knows it.
  virtual bool wants() const noexcept = 0;              ///< Nothing queued or in the writer's hands.
  virtual std::unique_ptr<Batch> spent() = 0;           ///< An applied batch to build into again, or null.
  virtual std::int64_t oldest_commit_us() const = 0;    ///< Of what is queued or being applied; 0 = nothing.
  virtual std::string words() const { return {}; }      ///< What the mirror does, by what waits here; "": nothing to add.
  virtual std::uint64_t bytes_on_disk() const { return 0; }
  virtual std::string why_full() const { return {}; }  ///< Of its disk; "": it has room.

  std::atomic<bool> offered{false};  ///< The reader has something to hand over: whoever wants it wakes the reader.
  SharedStageTimes reading;  ///< The reader's stages, on their way to whoever records them.

 protected:
  static std::chrono::microseconds waited_since(Clock::Instant pushed) {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - pushed);
  }
};

}  // namespace peerd

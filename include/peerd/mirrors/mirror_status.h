#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "peerd/base/error.h"
#include "peerd/changes/chunk.h"
#include "peerd/changes/progress.h"
#include "peerd/specs/mirror_spec.h"

namespace peerd {

/// Computed by one function (health_of) from the rest.
enum class Health : std::uint8_t { ok, idle, copying, behind, retrying, parked, stopped };
std::string_view to_string(Health health);

struct TableStatus {
  TableId id;
  std::string source, target;
  std::uint64_t chunks_done = 0, chunks_total = 0, rows_copied = 0;
  std::uint64_t inserts = 0, updates = 0, deletes = 0;  ///< Streamed since this process started.
  /// By column of the source: values that the target's type cannot hold and that were written otherwise, copied and streamed
  /// since this process started.
  std::map<std::string, std::uint64_t> unfit{};
  std::optional<ParkedTable> parked{};
  std::uint64_t unfit_values() const {
    std::uint64_t sum = 0;
    for (const auto& [_, count] : unfit) sum += count;
    return sum;
  }
};

/// A table that a pattern of the mirror names, and that it does not have.
struct NewTable {
  std::string source{}, target{};  ///< As the mapping has them.
  std::string reason{}, hint{};    ///< Why it is not there, and the statement that helps.
};

/// One mirror, now: what SELECT * FROM mirrors, REST's status, metrics and alerts show.
/// A plain copy, taken under the board's lock; never older than 1 s for a live mirror.
struct MirrorStatus {
  MirrorId id;
  std::string name, source, target;
  std::string query{};                 ///< "" = a mirror of tables.
  MirrorState state = MirrorState::setup;
  std::string reason;                  ///< Of the state.
  bool receives = false;               ///< Paused, and goes on receiving into its spool.
  std::string step;                    ///< What it is doing or waiting for, in words: "copying public.t, chunk 3 of 12".
  std::string receiving{};             ///< Beside a copy: what is received meanwhile, or why nothing is; part of `step` when it is read.
  Lsn received, applied, confirmed, server_end;
  Lsn horizon;                         ///< Consistent once applied has reached it; 0 before the copy's end.
  std::uint64_t rows_streamed = 0;
  std::uint64_t wal_kept_bytes = 0;
  std::uint64_t wal_budget_bytes = 0;  ///< wal_budget(), as the slot was seen last; 0 = not yet.
  std::uint64_t spool_bytes = 0;       ///< What the mirror's spool takes of the disk.
  std::string spool_full{};            ///< Why nothing more is received into it; "": it has room, or there is none.
  std::chrono::milliseconds lag_time{0};  ///< Age of the oldest change not yet durable; 0 when none.
  /// The source's end at `awaited_since_us`, until it is applied: a backlog of which nothing has come yet has no commit to
  /// tell its age by.
  Lsn awaited;
  std::int64_t awaited_since_us = 0;
  std::chrono::milliseconds position_lag{0};  ///< For how long `awaited` has not been reached.
  std::optional<ErrorText> last_error;    ///< Kept after recovery, with its time; `failing` tells whether it still holds.
  bool failing = false;
  std::int64_t last_error_at_us = 0, next_retry_at_us = 0, created_at_us = 0;  ///< Unix time; 0 = none.
  std::vector<TableStatus> tables;
  std::vector<NewTable> new_tables{};  ///< By source; as they were found last.

  std::uint64_t lag_bytes() const { return server_end > applied ? server_end.value - applied.value : 0; }
  std::uint64_t chunks_done() const;
  std::uint64_t chunks_total() const;
  std::uint64_t rows_copied() const;
  bool has_parked() const;  ///< One of the tables.
  bool consistent() const { return horizon.value != 0 && applied >= horizon && !has_parked(); }
};
Health health_of(const MirrorStatus& status);
/// Takes the source's present end into account, as seen at `now_us`.
void measure_position_lag(MirrorStatus& status, std::int64_t now_us);
/// What the mirror's definition alone tells; progress and tables are left empty.
MirrorStatus status_of(const MirrorRecord& record);
/// How much WAL the mirror lets its slot keep, in bytes: wal_budget_bytes, and at most half of what the source keeps for any
/// slot. `slot`: nullopt while the source does not answer, which is as if it kept all.
std::uint64_t wal_budget(const MirrorSpec& mirror, const std::optional<SlotStatus>& slot);

}  // namespace peerd

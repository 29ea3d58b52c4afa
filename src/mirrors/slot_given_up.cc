#include "slot_given_up.h"

#include "peerd/spool/spool.h"
#include "resync.h"

namespace peerd {

bool gave_slot_up(const MirrorProgress& progress) {
  return !progress.slot && progress.slot_outdated && !resync_wanted(progress);
}

void give_slot_up(PhaseContext& context, const Lease& lease, const std::string& full, std::uint64_t budget) {
  warn(context, full + ", and the slot keeps more WAL than " + std::to_string(budget >> 20) + " MB: the slot is dropped, as on_spool_full says",
       "RESYNC MIRROR " + context.record.spec.name + " makes another and copies the tables anew");
  context.catalog.forget_slot(lease);
}

void drop_given_up(PhaseContext& context, const std::stop_token& stop) {
  context.step("dropping the replication slot, as on_spool_full says");
  context.source.drop(true, patient(stop));
  if (!context.spool_directory.empty()) Spool::remove(context.spool_directory);
  context.board.update(context.record.id, [](MirrorStatus& status) {
    status.wal_kept_bytes = status.spool_bytes = 0;
    status.spool_full.clear();
  });
  const MirrorProgress progress = context.catalog.progress(context.record.id);
  const std::string applied = progress.checkpoint ? to_string(progress.checkpoint->lsn) : "the beginning";
  ErrorText lost{.code = ErrorCode::position_lost,
                 .message = "the replication slot was dropped, as on_spool_full = 'drop_slot' says: the spool was full, and the slot kept "
                            "more WAL than wal_budget_bytes"};
  lost.detail = "what was committed at the source after " + applied + " is lost to the mirror; the target has what was before";
  lost.hint = "RESYNC MIRROR copies the tables anew, with another slot";
  lost.retry = Retry::after_operator;
  throw Error(std::move(lost));
}

}  // namespace peerd

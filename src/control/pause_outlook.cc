#include "peerd/control/control.h"

namespace peerd {
namespace {

std::string in_mb(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MB"; }

/// What ends it when nobody does anything.
std::string end_of_it(const std::optional<SlotStatus>& slot, const std::string& mirror) {
  if (!slot) return "max_slot_wal_keep_size bounds it at the source";
  if (slot->keep_most_bytes == 0) return "nothing bounds it but the source's disk: max_slot_wal_keep_size is not set there";
  return "beyond " + in_mb(slot->keep_most_bytes) + " (max_slot_wal_keep_size) the source gives the slot up, and RESYNC MIRROR " +
         mirror + " has to copy anew";
}

/// The budget, and where it comes from.
std::string budget_of(const MirrorSpec& mirror, const std::optional<SlotStatus>& slot) {
  const std::uint64_t budget = wal_budget(mirror, slot);
  if (slot && budget < wal_budget(mirror, std::nullopt))
    return in_mb(budget) + " (half of max_slot_wal_keep_size at the source, which is less than wal_budget_bytes)";
  return in_mb(budget) + " (wal_budget_bytes" + (slot ? ")" : ", or half of the source's max_slot_wal_keep_size where that is less)");
}

}  // namespace

MirrorControl::Outlook MirrorControl::pause_outlook(std::string_view name, const Wait& wait) {
  const MirrorRecord mirror = record(name);
  const MirrorStatus status = status_of(mirror);
  std::optional<SlotStatus> slot;
  // PAUSE needs no source (rules.md 38): what was seen last is told when it does not answer.
  try {
    const auto peer = catalog_.peer(mirror.spec.source);
    if (peer) slot = connectors_.of(peer->kind).source(*peer, mirror.spec, Lease{mirror.id, 0, mirror.uuid})
                         ->slot_status(wait.shorter(std::chrono::seconds(5)));
  } catch (const Error&) {
  }
  const std::string kept = in_mb(slot ? slot->wal_kept_bytes : status.wal_kept_bytes) + " of WAL at peer " + mirror.spec.source +
                           (slot ? "" : ", as it was seen last: the source does not answer");
  const std::string end = end_of_it(slot, mirror.spec.name), most = in_mb(static_cast<std::uint64_t>(mirror.spec.integer("spool_max_bytes")));
  const std::string receive = "PAUSE MIRROR " + mirror.spec.name + " WITH (receive = true)";
  const std::string budget = budget_of(mirror.spec, slot);
  const std::string full = mirror.spec.text("on_spool_full") == "drop_slot"
                               ? "with more than " + budget + " of it the slot is dropped (on_spool_full): then RESYNC MIRROR " +
                                     mirror.spec.name + " has to copy anew"
                               : end;
  if (mirror.receives)
    return {"it goes on receiving into its spool, which has " + in_mb(status.spool_bytes) + " and takes " + most +
                " at most; meanwhile its slot keeps " + kept,
            "when the spool is full the slot keeps WAL again, and " + full + "; RESUME MIRROR " + mirror.spec.name + " applies what was received"};
  const bool spools = mirror.spec.text("spool") != "off";
  return {"its slot keeps WAL until RESUME MIRROR or DROP MIRROR, " + kept +
              (spools ? "; beyond " + budget + ", too, as a paused mirror receives nothing" : ""),
          end + "; " + (spools ? "" : "ALTER MIRROR " + mirror.spec.name + " SET (spool = 'when_needed') and then ") + receive +
              " keeps what comes on peerd's disk instead"};
}

}  // namespace peerd

#pragma once

#include <functional>

#include "peerd/changes/chunk.h"
#include "postgres/source_names.h"

namespace peerd {

/// Opens the connections that the slot's functions need: an ordinary one, or one in replication mode.
using Connect = std::function<std::unique_ptr<postgres::Connection>(bool replication, const Wait& wait)>;
/// Asks over a connection that mirrors share (SharedConnections); `question` asks none itself.
using Ask = std::function<void(const Wait& wait, const std::function<void(postgres::Connection&)>& question)>;

/// Notes in `status` that a failover would lose the slot, where the server has standbys that slots are kept at. Pure.
void note_failover(SlotStatus& status);

SlotStatus read_slot(postgres::Connection& connection, const std::string& slot, const Wait& wait);

/// Why an existing slot cannot be taken for one that this mirror made and did not live to note; "" when it can:
/// nothing was consumed of it.
std::string unadoptable(postgres::Connection& connection, const std::string& slot, const Wait& wait);

struct MadeSlot {
  SlotStart start;
  std::string snapshot;  ///< The exported one's name; "" where none was asked for.
};
/// `make` runs a CREATE_REPLICATION_SLOT on `maker`, whose wait for open transactions can last, while `connection`
/// tells who is waited for.
MadeSlot make_slot(postgres::Connection& connection, postgres::Connection& maker,
                   const std::function<MadeSlot(const Wait&)>& make, const std::function<void(std::string)>& step,
                   const Wait& wait);

/// rules.md 35. `connection` watches while another, from `connect`, makes the slot.
SlotStart ensure_slot(postgres::Connection& connection, const Connect& connect, const SourceNames& names, bool intended,
                      const std::function<void(std::string)>& step, const Wait& wait);

/// Throws Error(position_lost), with the server's own reason where it tells one, unless the slot stands and keeps its WAL.
void check_standing(postgres::Connection& connection, const std::string& slot, const Wait& wait);

/// rules.md 33, 34: throws Error(position_lost), naming both numbers, unless the slot can be followed from `from`
/// without a gap.
void check_followable(const SlotStatus& status, Lsn from);

/// Ends the walsender of this mirror that still holds the slot, and drops it. Idempotent.
void drop_slot(postgres::Connection& connection, const SourceNames& names, const Wait& wait);

}  // namespace peerd

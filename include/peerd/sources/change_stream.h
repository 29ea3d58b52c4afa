#pragma once

#include <string>

#include "peerd/base/clock.h"
#include "peerd/changes/batch_builder.h"
#include "peerd/changes/new_shape.h"
#include "peerd/changes/progress.h"

namespace peerd {

/// The open replication connection. The reader thread owns it and calls read(), new_shape() and keep_alive();
/// confirm() and seen() are safe from any thread and never touch the connection.
///
/// Changes of tables that are not the mirror's, and changes committed before their table's start (rules.md 9), are left
/// out. With REPLICA IDENTITY FULL, missing values come from the old tuple here, so that nobody downstream knows the
/// identity. Throws Error: schema_changed (after_operator) on a change of shape that cannot be followed;
/// position_lost when the server refuses the position.
class ChangeStream {
 public:
  enum class Got {
    commit,  ///< Up to and including one commit, or one message outside of transactions, was appended.
    part,    ///< The builder is full in mid-transaction, or 8 MiB of an open transaction were appended.
    idle,    ///< No data by wait.until; position() moved at most.
    /// A table's columns are others, or have other names, types or NULLs: take the batch, then new_shape(), read on.
    shape
  };
  virtual ~ChangeStream() = default;
  virtual Got read(BatchBuilder& into, const Wait& wait) = 0;
  /// After Got::shape: the table as it is from here on. The caller takes its batch, has the target prepared for it once
  /// everything before is applied, stores it, and reads on; the stream uses it from then on.
  virtual NewShape new_shape(const Wait& wait) = 0;
  /// From any thread: read() that waits returns idle soon, or the next one does.
  virtual void wake() noexcept = 0;
  /// Sends a status without reading. The reader calls it at least every keep_alive_every() while it waits for room,
  /// so that wal_sender_timeout never strikes however long the target takes (rules.md 32).
  virtual void keep_alive() = 0;
  virtual std::chrono::milliseconds keep_alive_every() const noexcept { return std::chrono::seconds(2); }
  /// Sent with the next status. Only rises.
  virtual void confirm(Stored position) noexcept = 0;
  /// What the target has, which a spool may have let the confirmed position outrun: no row is looked up any more for a
  /// transaction that committed before it (rules.md 18). Only rises; from any thread.
  virtual void applied(Stored) noexcept {}
  struct Seen {
    Lsn received, server_end, confirmed;
  };
  virtual Seen seen() const noexcept = 0;
  /// What was learned of how the tables stand since the last call, to be stored (rules.md 36); mostly nothing. From any
  /// thread.
  virtual std::vector<std::pair<TableId, CoverageNote>> noted() { return {}; }
};

}  // namespace peerd

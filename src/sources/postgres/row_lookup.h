#pragma once

#include "peerd/changes/row_lookup.h"
#include "postgres/slot.h"
#include "postgres/streamed_transactions.h"

namespace peerd {

/// Asks the source for rows by key.
///
/// rules.md 18. A transaction of the batch was committed in the WAL when the stream sent it, but its changes are
/// visible only once its backend has left the list of running transactions; it gives its xid's lock back after that.
/// So: note which xids the stream has sent, then list the holders of xid locks, and wait until none of the former is
/// among the latter. A statement that begins after such a listing takes its snapshot after each of them became visible.
/// Transactions that the stream has not sent are not waited for, however long they run.
class PostgresRowLookup final : public RowLookup {
 public:
  PostgresRowLookup(Ask ask, std::shared_ptr<StreamedTransactions> streamed)
      : ask_(std::move(ask)), streamed_(std::move(streamed)) {}
  Lsn fetch(const MirrorTable& table, std::span<const std::span<const CellView>> keys,
            std::span<const std::uint16_t> columns, Lsn batch_end, const Wait& wait, RowFound& found) override;

 private:
  Lsn fetch_all(const MirrorTable& table, std::span<const std::span<const CellView>> keys,
                std::span<const std::uint16_t> columns, const Wait& wait, RowFound& found);
  void await_visible(postgres::Connection& connection, const Wait& wait);

  const Ask ask_;
  const std::shared_ptr<StreamedTransactions> streamed_;
};

}  // namespace peerd

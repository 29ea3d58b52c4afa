#include <algorithm>

#include "peerd/base/log.h"
#include "peerd/base/text.h"
#include "postgres/rights.h"
#include "postgres/text_fault.h"
#include "postgres/wal_stream.h"

// Rows whose values the WAL does not tell are read at the source once more, between two transactions of the stream.
namespace peerd {

using namespace std::chrono_literals;

namespace {

constexpr std::string_view kLocked = "55P03";  ///< lock_not_available: RowReader waits only so long for its lock.
constexpr auto kLockedAgain = 3s;

std::int64_t now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

}  // namespace

void WalStream::want_again(TrackedTable& table) {
  if (std::ranges::find(again_, &table) == again_.end()) again_.push_back(&table);
}

/// The next table whose turn it is.
TrackedTable* WalStream::due_again(Lsn position) {
  const auto found = std::ranges::find_if(again_, [&](const TrackedTable* table) {
    return table->due(position) && !table->behind();  // It is read by the names of now: the stream is soon there.
  });
  return found == again_.end() ? nullptr : *found;
}

std::optional<ChangeStream::Got> WalStream::read_again(BatchBuilder& into, const std::stop_token& stop) {
  if (again_ended_) return std::nullopt;  // All is read: the stream has to go on for the transaction to end.
  status_if_due(std::chrono::steady_clock::now());
  if (piece_read_) {
    piece_read_ = false;
    if (!std::exchange(again_open_, true)) into.begin(now_us());
    reader_->append(reading_->table(), again_from_, into);
    return Got::part;
  }
  if (reading_ == nullptr && !begin_again(into.complete_to(), stop)) return std::nullopt;
  const Wait wait = Wait::at_most(60s, stop);
  try {
    naming_text_fault({&reading_->table().schema}, setup_.ask, wait.stop, [&] {
      setup_.ask(wait, [&](postgres::Connection& source) {
        try {
          piece_read_ = reader_->next(source, wait);
        } catch (Error& error) {
          name_right(source, error, reading_->table().schema, wait);
          throw;
        }
      });
    });
  } catch (const Error& error) {
    // Somebody keeps the table locked, with a VACUUM FULL for hours perhaps: the other tables do not wait for it.
    if (error.text.origin != kLocked || again_open_) throw;
    reading_ = nullptr;
    next_again_ = std::chrono::steady_clock::now() + kLockedAgain;
    return std::nullopt;
  }
  if (piece_read_) {
    if (const auto nulls = reader_->nulls_beyond(reading_->table().schema); !nulls.empty()) {
      reading_->let_be_null(nulls);
      shapes_.push_back({reading_->noted(), again_from_});
    }
    // Past the position, so that nobody calls the target consistent before the stream has gone on.
    shapes_.push_back({reading_->noted(), Lsn{}, std::max(reader_->horizon(), Lsn{again_from_.value + 1})});
    return Got::shape;
  }
  again_ended_ = true;
  if (!again_open_) return end_again(again_from_, into), Got::shape;
  // On a quiet server nothing would move the stream on.
  setup_.ask(wait, [&](postgres::Connection& source) {
    source.run("SELECT pg_logical_emit_message(true, " + quote_literal(kOwnMessages) + ", '')", wait);
  });
  return std::nullopt;
}

bool WalStream::begin_again(Lsn position, const std::stop_token& stop) {
  TrackedTable* const table = due_again(position);
  if (table == nullptr || std::chrono::steady_clock::now() < next_again_ || !all_visible(stop)) return false;
  log(LogLevel::info, "rows are read once more at the source",
      {.mirror = setup_.names.mirror, .table = table->table().schema.qualified()});
  reading_ = table;
  again_from_ = position;
  reader_.emplace(table->table().schema, table->unread());
  return true;
}

/// The stream stands at `position`, between two transactions: what was read becomes one of its own, which ends there. It has
/// to be a later position than the last, since a target takes none twice. False: it is not, and the transaction goes on.
bool WalStream::end_again(Lsn position, BatchBuilder& into) {
  if (!again_ended_) return true;
  if (again_open_ && position <= again_from_) return false;
  if (std::exchange(again_open_, false)) into.commit(position);
  again_ended_ = false;
  TrackedTable& table = *std::exchange(reading_, nullptr);
  table.was_read(again_from_, reader_->parts());
  // Only now: until the transaction is at the target, they are to be read again.
  NewShape shape{table.noted(), Lsn{}};
  if (!table.due(Lsn{~0ull})) {
    std::erase(again_, &table);
    shape.words = "all rows of table " + table.table().schema.qualified() + " were read once more at the source";
  }
  shapes_.push_back(std::move(shape));
  return true;
}

/// Whether the source shows all that the stream has sent (rules.md 18): a row would be read as it was before.
bool WalStream::all_visible(const std::stop_token& stop) {
  const auto ended = [&](const std::vector<RunningTransaction>& running) { return !setup_.streamed->any_runs(running); };
  if (shown(Wait::at_most(30s, stop), ended)) return true;
  next_again_ = std::chrono::steady_clock::now() + 500ms;  // The stream goes on meanwhile.
  return false;
}

}  // namespace peerd

#pragma once

#include <atomic>
#include <deque>
#include <unordered_map>

#include "peerd/sources/change_stream.h"
#include "postgres/coverage_watch.h"
#include "postgres/silence.h"
#include "postgres/row_reader.h"
#include "postgres/slot.h"
#include "postgres/streamed_transactions.h"
#include "postgres/tracked_table.h"
#include "postgres/wal_wait.h"

namespace peerd {

/// pgoutput over one replication connection: protocol version 1, values as text.
class WalStream final : public ChangeStream {
 public:
  struct Setup {
    SourceNames names;
    Connect connect;
    Ask ask, ask_coverage;  ///< What is asked beside the stream; of an idle one nothing stays open for it.
    std::shared_ptr<StreamedTransactions> streamed;
    Lsn from, shaped_at;
    std::uint32_t timeline = 0;  ///< The server's, as it was checked; 0 = it was not.
  };
  /// `control` answers the checks of rules.md 33, 34 and 36 first.
  static std::unique_ptr<WalStream> open(Setup setup, std::span<const MirrorTable> tables,
                                         postgres::Connection& control, const Wait& wait);

  Got read(BatchBuilder& into, const Wait& wait) override;
  NewShape new_shape(const Wait& wait) override;
  void wake() noexcept override {
    woken_ = true;
    connection_->wake();
  }
  void keep_alive() override;
  std::chrono::milliseconds keep_alive_every() const noexcept override {
    return std::min<std::chrono::milliseconds>(std::chrono::seconds(2), status_interval_);
  }
  void confirm(Stored position) noexcept override;
  void applied(Stored position) noexcept override { setup_.streamed->forget(position.lsn()); }
  Seen seen() const noexcept override;
  std::vector<std::pair<TableId, CoverageNote>> noted() override { return coverage_->take_noted(); }

 private:
  WalStream(Setup setup, std::span<const MirrorTable> tables);
  void start(const Wait& wait);

  // One message each; an answer ends read().
  std::optional<Got> take(const pgoutput::Frame& frame, BatchBuilder& into);
  std::optional<Got> take_message(const pgoutput::Message& message, Lsn position, BatchBuilder& into);
  std::optional<Got> take_change(const pgoutput::Message& message, Lsn position, BatchBuilder& into);
  std::optional<Got> take_truncate(const pgoutput::Message& message, Lsn position, BatchBuilder& into);
  std::optional<Got> take_logical(const pgoutput::Message& message, BatchBuilder& into);
  void take_relation(const pgoutput::Message& message);
  void note_origin(const pgoutput::Message& relation);
  void check_origin(std::uint32_t told_as);
  void look_at(const MirrorTable& table);

  TrackedTable* find(std::uint32_t oid);
  void begin_in(BatchBuilder& into);
  std::optional<Got> took(std::size_t bytes);
  void append_change(const pgoutput::Message& message, Lsn position, TrackedTable& table, BatchBuilder& into);
  void append_whole(const pgoutput::Message& message, Lsn position, TrackedTable& table, BatchBuilder& into);

  std::optional<std::string_view> next_message(const Wait& wait);
  void status_if_due(Clock::Instant now);
  enum class Reply { as_it_likes, wanted };
  void send_status(Reply reply = Reply::as_it_likes);
  void listen_for_life(Clock::Instant now, const Wait& wait);
  enum class Where { between_transactions, elsewhere };
  void look(postgres::Connection& connection, std::span<const TableId> tables, Where where, const Wait& wait);
  void look_again(const std::stop_token& stop);
  bool shown(const Wait& wait, const std::function<bool(const std::vector<RunningTransaction>&)>& ended);
  bool shows_this(const Wait& wait);
  void look_before(TrackedTable& table);

  // A table has another shape from a change on: wal_shapes.cc.
  bool follow_shape(const pgoutput::Message& change, TrackedTable& table);
  void take_passed(postgres::Connection& connection, TrackedTable& table, Lsn received, const Wait& wait);
  NewShape gained(TrackedTable& table, const Wait& wait);
  void retyped(TrackedTable& table, const Wait& wait);
  NewShape next_shape();

  // Rows that are read at the source again: wal_again.cc.
  void want_again(TrackedTable& table);
  TrackedTable* due_again(Lsn position);
  std::optional<Got> read_again(BatchBuilder& into, const std::stop_token& stop);
  bool begin_again(Lsn position, const std::stop_token& stop);
  bool end_again(Lsn position, BatchBuilder& into);
  bool all_visible(const std::stop_token& stop);

  const Setup setup_;
  std::unique_ptr<postgres::Connection> connection_;
  pgoutput::Decoder decoder_;
  std::unordered_map<std::uint32_t, TrackedTable> tables_;
  std::optional<CoverageWatch> coverage_;
  TrackedTable* last_found_ = nullptr;
  std::uint32_t last_oid_ = 0;

  // The transaction that is being read.
  bool in_transaction_ = false, begun_ = false;  ///< begun_: the builder knows of it.
  Lsn commit_;
  std::int64_t commit_time_us_ = 0;
  std::uint32_t xid_ = 0;
  std::size_t part_bytes_ = 0;

  std::optional<pgoutput::Frame> held_;  ///< A change that waits for new_shape(); libpq still holds its bytes.
  TrackedTable* widening_ = nullptr;  ///< It has gained columns, or has columns of other types, of which the source is asked.
  /// The Relation messages that came directly before: of a partition's change the first is the table's as which it is told,
  /// the last is its own.
  std::uint32_t relation_before_ = 0;
  struct Origin {
    std::uint32_t told_as, oid;
    std::string name;
    char identity;
    std::vector<std::string> key;
  };
  std::optional<Origin> origin_;
  std::deque<NewShape> shapes_;  ///< To be handed out before more is read.

  std::vector<TrackedTable*> again_;  ///< Their rows are to be read once more.
  TrackedTable* reading_ = nullptr;
  std::optional<RowReader> reader_;
  bool piece_read_ = false;   ///< The reader holds rows whose horizon was handed out.
  bool again_open_ = false;   ///< The builder's transaction is that of the rows that were read.
  bool again_ended_ = false;  ///< All are.
  Lsn again_from_;            ///< Where the stream stands meanwhile.
  Clock::Instant next_again_{};

  Clock::Instant next_status_{}, next_quick_status_{}, next_look_{};
  unsigned failed_looks_ = 0;  ///< Since the last that succeeded.
  std::chrono::milliseconds status_interval_{10'000};
  Silence silence_;
  Lsn told_;  ///< The flush position of the last status.
  std::atomic<std::uint64_t> received_, confirmed_;
  std::atomic<bool> woken_{false};
};

}  // namespace peerd

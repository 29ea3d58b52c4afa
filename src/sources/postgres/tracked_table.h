#pragma once

#include <optional>

#include "postgres/describe.h"
#include "postgres/relation_shape.h"
#include "postgres/sent_columns.h"
#include "postgres/table_notes.h"

namespace peerd {

/// A mirrored table while it is streamed: the shape that the target is prepared for, and the one that the WAL sends.
class TrackedTable {
 public:
  TrackedTable(MirrorTable table, std::vector<std::string> exclude)
      : table_(std::move(table)), exclude_(std::move(exclude)) {
    std::swap(notes_, table_.notes);
  }

  const MirrorTable& table() const { return table_; }  ///< Without its notes: batches copy it.
  MirrorTable noted() const;                           ///< With them.
  const Shape& shape() const { return shape_; }
  /// A Relation message came. Judged at the first change after it that counts.
  void announced(SentRelation relation) {
    relation_ = std::move(relation);
    settled_to_ = std::nullopt;
    looked_ = false;
    blind_ = false;
  }
  /// What an older shape allowed holds no longer than that.
  bool settled(Lsn commit) const { return settled_to_ && commit <= *settled_to_; }
  /// The catalog was not looked at since the last Relation message: a column may have been dropped and added again, and
  /// the message be the same.
  bool unseen() const { return !looked_; }
  /// It was, but may not show yet what the stream has sent: a commit waits for a standby.
  void looked_too_early() { blind_ = true; }
  struct Looked {
    bool renewed = false;  ///< The notes are others than before, and are to be stored.
    std::string doubt;     ///< Why the target's rows may be others than the source's: they are to be read again.
    bool perhaps_unlogged = false;  ///< For a while, since the last look or before the stream came by it.
    std::vector<Said> said;  ///< What became of its partitions.
    bool unread = false;     ///< Some are new: their rows are to be read.
  };
  /// The table as the catalog has it now. `inserted`: where the source's WAL ended after it was looked at; `received`:
  /// how far the stream has come. Throws Error(schema_changed) when the table has other columns than before.
  Looked looked(const LookedTable& now, Lsn inserted, Lsn received);
  /// The stream brought a TRUNCATE of it, which writes it anew as SET UNLOGGED and SET LOGGED do, in this transaction.
  void truncated(std::uint32_t xid) { truncated_by_ = xid; }
  /// Its rows are to be read once more when the stream stands at `position`.
  bool due(Lsn position) const { return notes_.read_again != Lsn{} && (at_once_ || position >= notes_.read_again); }
  /// A change came as the table's that is of this partition, announced just so in the stream: by these columns its rows are
  /// named, sorted; all are sent with 'f'. Throws Error(schema_changed) when they are not the key's.
  void came_from(std::uint32_t partition, const std::string& name, char identity, const std::vector<std::string>& key);
  /// The partitions whose rows these are; of a table that is not partitioned the table itself.
  std::vector<TableId> unread() const;
  /// They were, at that position of the stream. What was committed after it and before the doubt arose still comes with
  /// the values of then: after that they are read again.
  void was_read(Lsn position, const std::vector<TableId>& parts);
  enum class Settled {
    yes,     ///< Rows can be projected by shape().
    gained,  ///< The table has gained columns: gain() takes them.
    lost,    ///< It has lost columns: lose() lets them go.
    renamed,  ///< Some of its columns have other names: rename() takes these.
    retyped   ///< Some have other types: retype() takes them.
  };
  /// Of rows of a transaction that commits at `commit`. An older shape is followed up to `shaped_at`, where the table's
  /// own shape holds from. Throws Error(schema_changed) on anything else.
  Settled settle(Lsn commit, Lsn shaped_at) { return settled(commit) ? Settled::yes : judge(commit, shaped_at); }
  const std::vector<Column>& added() const { return shape_.added; }
  /// The table has the added columns from now on, as the catalog describes them. When neither it nor the WAL tells what
  /// older rows hold in them, answers so: the rows are to be read. Throws Error(schema_changed) when they are not found
  /// there. `added`: added(), with base types.
  std::string gain(const LookedTable& now, Lsn inserted, const std::vector<Column>& added);
  bool loses() const { return !dropping_.empty(); }
  bool renames() const { return !names_now().empty(); }
  /// Columns of it were dropped or renamed at the source, or got other types, and the stream may still send rows of before.
  bool behind() const { return loses() || renames() || !types_now().empty(); }
  /// Nothing that was written before that is still to come.
  bool passed_all() const { return behind() && passed_; }
  /// The table goes on without the columns that it has lost.
  /// `whole`: no earlier part of the transaction is meant, so that no row has them any more.
  void lose(bool whole);
  /// Its columns are called as the stream has them, or, where nothing of before is to come, as the catalog has them.
  void rename();
  void take_names() { rename_columns(table_.schema, names_now()); }
  /// Columns whose type at the source is another than the table's, as the catalog has them now; without base types.
  std::vector<Column> types_now() const;
  /// Of the change that was judged last: as it was sent, without names.
  const std::vector<Column>& retyped() const { return shape_.retyped; }
  /// These columns go on with these types, which are fully described. Throws Error(schema_changed) where their values cannot.
  void retype(const std::vector<Column>& columns);
  /// Columns that are NULL in a row, and that cannot be by the table's shape: their NOT NULL was dropped, of which the WAL
  /// tells nothing.
  std::vector<std::uint16_t> nulls_in(const pgoutput::Tuple& row) const {
    return shape_.required.empty() ? std::vector<std::uint16_t>() : peerd::nulls_in(shape_, row);
  }
  void let_be_null(const std::vector<std::uint16_t>& columns);
  /// Its shape changes with that transaction; what was announced before may come again to whoever starts below it, and nobody
  /// starts below `stored`.
  void remember(Lsn commit, Lsn stored);

 private:
  Settled judge(Lsn commit, Lsn shaped_at);
  std::vector<std::int16_t> numbers_of_sent(Lsn commit, bool older);
  std::optional<std::vector<std::int16_t>> numbers_remembered(Lsn commit) const;
  std::optional<std::vector<std::int16_t>> numbers_by_name() const;
  std::vector<std::int16_t> of_the_table(const std::vector<std::int16_t>& numbers);
  bool is_older(Lsn commit, Lsn shaped_at) const;
  bool as_before() const;
  std::vector<Shape::Renamed> names_now() const;
  bool was_sent_so(Lsn commit) const;
  bool takes_older(Lsn commit) const;
  [[noreturn]] void refuse_type(const Column& before, const std::string& now) const;
  void forget_dropped();
  bool is_dropped(std::int16_t number) const;
  Settled judge_added(Lsn commit, Lsn shaped_at);
  void judge_older() const;
  void judge_newer() const;
  bool perhaps_unlogged(CatalogNotes& notes, const LookedTable& now, Lsn inserted, Lsn received);
  bool explains_file(const LookedPartition& part, const LookedTable& now) const;
  bool look_at_partitions(MirrorTable& table, const LookedTable& now, Lsn inserted, Lsn received, Looked& found);
  [[noreturn]] void changed(const std::string& what, const std::string& hint = {}) const;
  [[noreturn]] void changed_values(const std::string& what) const;

  MirrorTable table_;
  CatalogNotes notes_;
  std::vector<std::string> exclude_;
  std::optional<SentRelation> relation_;
  Shape shape_;
  std::optional<Lsn> settled_to_;  ///< Up to this commit position shape_ is good.
  bool looked_ = false, blind_ = false;
  std::vector<SeenNumber> seen_;        ///< The catalog at the last look.
  std::size_t seen_columns_ = 0;        ///< Another value stands for other columns there, or altered ones.
  Lsn seen_since_;                      ///< Where the source's WAL ended when it was first seen as it is now.
  bool passed_ = false;                 ///< The stream has come there.
  std::vector<std::int16_t> dropping_;  ///< Columns of the table that the catalog has not any more.
  std::vector<std::int16_t> lost_;      ///< Those that the stream has not, either.
  bool passed_over_ = false;            ///< Columns were sent that were dropped since.
  CatalogNotes::Sent settled_;          ///< What rows were taken by last.
  bool at_once_ = false;  ///< Its rows are read at the next end of a transaction, wherever in the stream that is.
  std::int16_t highest_seen_ = 0;  ///< The last column's number when the WAL's end was seen_at_.
  Lsn seen_at_;
  std::uint32_t truncated_by_ = 0;  ///< The last transaction whose TRUNCATE came.
  struct Rewrite {
    std::uint32_t by = 0;
    Lsn seen_at;  ///< Where the source's WAL ended then.
  };
  std::optional<Rewrite> rewrite_;  ///< It may be a TRUNCATE's, which the stream has still to bring.
  std::optional<Lsn> parts_rewritten_;  ///< The same of partitions: where the source's WAL ended when it was seen.
};

/// What the stream has sent is not among what the source shows: this is tried again.
[[noreturn]] void throw_unseen();
/// Errors that end a stream until the operator acts; `what` follows the table's name.
[[noreturn]] void throw_schema_changed(const TableSchema& schema, const std::string& what, const std::string& hint);

}  // namespace peerd

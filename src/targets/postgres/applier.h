#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "peerd/changes/collapse.h"
#include "peerd/changes/row_lookup.h"
#include "peerd/changes/whole_rows.h"
#include "peerd/postgres/connection.h"
#include "peerd/postgres/pipeline.h"
#include "postgres/client.h"
#include "postgres/encode.h"
#include "postgres/schema.h"

namespace peerd::pgtarget {

/// Writes batches into target tables, inside a transaction that its owner begins and ends. Three ways:
///
///   copy()   a batch of inserts above the horizon goes by COPY into the tables themselves;
///   merge()  any batch: one outcome per key (Collapser). Of a table that changed much they go by COPY into a temporary
///            table of its own, and from there, set by set, into the target in the order that rules.md 26 demands:
///            values taken along by key changes -> removals -> updates in place -> rows placed in their final form.
///            Inserts of keys that nothing else in the batch touched skip the temporary table: COPY takes a third of
///            the time.
///            Of a table that changed little, in rows above the horizon that keep their keys, they go directly: a
///            statement a row, those of all such tables in one exchange; where nothing else is in the batch, BEGIN and
///            COMMIT travel along (all_directly()). Where one finds no row, or the server refuses
///            one, the table goes by its temporary table after all: that has the answers.
///
/// A table without a key goes its own way (rules.md 41): its rows are counted (RowCounter), and found at the target by
/// all of their values. One that is not there is an error, never passed over.
///
/// Rows at or below the horizon (rules.md 14-18, 25) are placed whole; what the stream did not send of them, and of
/// rows that should stand above it and do not, is asked of the source. Owned by the writer thread's Target; lives as
/// long as the connection.
class Applier {
 public:
  Applier(postgres::Connection& connection, const Site& site) : connection_(connection), site_(site) {}

  /// Reads what stands at the target for tables not known yet. Best outside a transaction.
  void learn(std::span<const MirrorTable> tables, const Wait& wait);
  void forget(TableId table, const Wait& wait);  ///< Its shape or its indexes changed.
  void forget(const Batch& batch, const Wait& wait);

  bool may_copy(const Batch& batch, const Horizons& horizons) const;
  void copy(const Batch& batch, const Wait& wait);
  /// What keeps rows apart at the target is not what was learnt.
  bool outdated(const Batch& batch, const Wait& wait);
  /// A COPY into the tables met a row that stands already: those of this batch do without for a while.
  void clashed(const Batch& batch);
  /// Where `may_retry`, it may throw what another way would have avoided: whatever the server says to a row that goes
  /// directly (give_way() knows), or a unique violation (23505). Roll back, clashed(), and once more.
  void merge(const Batch& batch, const ApplyContext& context, bool may_retry);
  /// All of the batch goes directly, and what that needs is prepared: send_all() sends it. Outside a transaction. May
  /// throw as merge() does.
  bool all_directly(const Batch& batch, const ApplyContext& context);
  std::size_t send_all(postgres::Pipeline& pipeline, const Batch& batch);  ///< How many statements.
  void refused(const Batch& batch, std::size_t row);  ///< The server refused that one of send_all(): for give_way().
  /// What merge() threw was said to a row that went directly: its table goes the other way for a while. The caller
  /// rolls back and merges once more.
  bool give_way(const Error& error);
  /// A session's memory, and the target's catalog, do not grow with the number of tables. Outside a transaction.
  void keep_few(const Wait& wait);

  void committed() { made_.clear(); }
  void rolled_back();

 private:
  struct RowStatement {
    std::string sql, name;  ///< name: "" until it is prepared, from its second use on.
    bool used = false;
  };
  struct Table {
    MirrorTable source;  ///< As the batch has it.
    MirrorTable of;      ///< As it is here.
    Shape shape;
    std::vector<UniqueRule> rules;  ///< As they stood when the shape was made of them.
    std::uint32_t oid = 0;
    std::string column_names;  ///< All that stood then, with commas between.
    std::vector<std::int32_t> key_position;  ///< By column: its place in the key, -1 = none.
    std::vector<MissingColumns> groups;      ///< [0] = nothing is missing.
    std::set<std::string> prepared;
    std::vector<RowStatement> direct;  ///< [0] inserts, [1] removes, [2 + group] updates.
    bool staging = false;              ///< The temporary table stands. Between merges it is empty.
    std::size_t cleared = 0;           ///< Bytes of rows that were taken out of it one by one since its file is new.
    int merges_left = 0;  ///< Batches until COPY into the table, or rows that go directly, are tried again.
    bool never_direct = false;  ///< The server has no such statement: of a key that is a composite, for one.
  };
  struct Sent {  ///< A row that went directly.
    const TableOutcome* of;
    const RowOutcome* row;
  };
  struct Pass;
  struct Work;
  class Filler;

  template <typename Doing>
  void explained(const Table& table, Doing doing);
  Table& table_of(const MirrorTable& table);
  std::string take_back(Table& table);
  postgres::Result execute(Table& table, const std::string& what, const std::string& sql, const Wait& wait);
  int group_of(Table& table, const RowOutcome& row);
  void note_vacated(const Batch& batch);
  void order_by_table(const Batch& batch);
  bool is_new(const Table& table, const RowOutcome& row) const;

  bool goes_directly(Table& table, const TableOutcome& outcome, const Pass& pass);
  void write_directly(std::span<const TableOutcome* const> outcomes, Pass& pass);
  std::size_t number_of(Table& table, const RowOutcome& row);
  void prepare_rows(Table& table, const TableOutcome& outcome, const Wait& wait);
  void send(postgres::Pipeline& pipeline, const Sent& sent, const Batch& batch);
  RowStatement& statement_of(Table& table, std::size_t number);
  void order(std::span<const TableOutcome* const> outcomes);
  void exchange(Pass& pass);

  void look_again(const MirrorTable& table, const Wait& wait);
  void stage_and_merge(const TableOutcome& outcome, Pass& pass);
  void merge_whole(Table& table, std::uint32_t number, Pass& pass);
  void stage_whole(Table& table, const WholeRows& rows, const Wait& wait);
  void write_whole(Table& table, const WholeRows& rows, const Wait& wait);
  int lead_of(const Table& table, const Wait& wait);
  void truncate(Table& table, const Wait& wait);
  void merge_table(Table& table, const TableOutcome& outcome, Pass& pass);
  void make_staging(Table& table, const Wait& wait);
  void empty_staging(Table& table, const TableOutcome& outcome, const Wait& wait);
  void stage(Table& table, const TableOutcome& outcome, Pass& pass, Work& work);
  void stage_upsert(Table& table, std::uint32_t index, const RowOutcome& row, Pass& pass, Work& work);
  void encode(Table& table, std::uint32_t index, const RowOutcome& row, int action, int group,
              std::span<const CellView> fetched, const Wait& wait);
  void ask_source(Table& table, const TableOutcome& outcome, Pass& pass, Work& work);
  void ask_for(Table& table, const TableOutcome& outcome, const postgres::Result& outcomes, Pass& pass, Work& work);
  void carry_values(Table& table, const TableOutcome& outcome, Pass& pass, Work& work);
  void keep_extra(Table& table, Pass& pass, const Work& work);
  void remove(Table& table, Pass& pass, const Work& work);
  void update(Table& table, const TableOutcome& outcome, Pass& pass, Work& work);
  void make_room(Table& table, const Wait& wait);
  void place(Table& table, Pass& pass, const Work& work);
  void copy_new(Table& table, const TableOutcome& outcome, Pass& pass, const Work& work);

  postgres::Connection& connection_;
  const Site& site_;
  std::map<TableId, std::unique_ptr<Table>> tables_;
  Collapser collapser_;
  RowCounter counter_;
  CopyText copy_;
  MissingColumns scratch_;
  std::vector<std::uint32_t> order_, starts_;
  std::vector<std::uint64_t> vacated_;  ///< Hashes of the keys that rows left in this batch, sorted.
  std::size_t kept_ = 0;                ///< Temporary tables and prepared statements that stand.
  std::vector<TableId> made_;           ///< Whose temporary tables this transaction made.
  std::vector<const TableOutcome*> direct_;
  std::vector<Sent> sent_;
  Table* refused_ = nullptr;            ///< Whose row the server refused when it went directly.
  std::string values_;                  ///< Of a row that goes directly, each ended by a zero byte.
  std::vector<std::size_t> places_;
  std::vector<const char*> parameters_;
  std::vector<std::uint64_t> affected_;
};

}  // namespace peerd::pgtarget

#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "peerd/changes/collapse.h"
#include "peerd/changes/row_lookup.h"
#include "peerd/postgres/connection.h"
#include "postgres/client.h"
#include "postgres/encode.h"
#include "postgres/schema.h"

namespace peerd::pgtarget {

/// Writes batches into target tables, inside a transaction that its owner begins and ends. Two ways:
///
///   copy()   a batch of inserts above the horizon goes by COPY into the tables themselves;
///   merge()  any batch: one outcome per key (Collapser) goes by COPY into a temporary table per target table, and from
///            there, set by set, into the target in the order that rules.md 26 demands:
///            values taken along by key changes -> removals -> updates in place -> rows placed in their final form.
///            Inserts of keys that nothing else in the batch touched skip the temporary table: COPY takes a third of
///            the time.
///
/// Rows at or below the horizon (rules.md 14-18, 25) are placed whole; what the stream did not send of them, and of
/// rows that should stand above it and do not, is asked of the source. Owned by the writer thread's Target; lives as
/// long as the connection.
class Applier {
 public:
  Applier(postgres::Connection& connection, const Site& site) : connection_(connection), site_(site) {}

  /// Reads what stands at the target for tables not known yet, and makes their temporary tables. Best outside a
  /// transaction.
  void learn(std::span<const MirrorTable> tables, const Wait& wait);
  void forget(TableId table, const Wait& wait);  ///< Its shape or its indexes changed.
  void forget_all(const Wait& wait);

  bool may_copy(const Batch& batch, const Horizons& horizons) const;
  void copy(const Batch& batch, const Wait& wait);
  /// What keeps rows apart at the target is not what was learnt.
  bool outdated(const Batch& batch, const Wait& wait);
  /// A COPY into the tables met a row that stands already: those of this batch do without for a while.
  void clashed(const Batch& batch);
  /// May throw a unique violation (23505) where `may_retry`: roll back, clashed(), and once more.
  void merge(const Batch& batch, const ApplyContext& context, bool may_retry);

  void transaction_ended();  ///< COMMIT or ROLLBACK: the temporary tables are empty again.

 private:
  struct Table {
    MirrorTable of;
    Shape shape;
    std::vector<UniqueRule> rules;  ///< As they stood when the shape was made of them.
    std::uint32_t oid = 0;
    std::string column_names;  ///< All that stood then, with commas between.
    std::vector<std::int32_t> key_position;  ///< By column: its place in the key, -1 = none.
    std::vector<MissingColumns> groups;      ///< [0] = nothing is missing.
    std::set<std::string> prepared;
    bool staged = false;  ///< The temporary table holds rows of this transaction.
    int merges_left = 0;  ///< Batches until COPY into the table is tried again.
  };
  struct Pass;
  struct Work;
  class Filler;

  template <typename Doing>
  void explained(const Table& table, Doing doing);
  Table& table_of(const MirrorTable& table);
  void drop(Table& table, const Wait& wait);
  postgres::Result execute(Table& table, const std::string& what, const std::string& sql, const Wait& wait);
  int group_of(Table& table, const RowOutcome& row);
  void note_vacated(const Batch& batch);
  bool is_new(const Table& table, const RowOutcome& row) const;

  void look_again(const MirrorTable& table, const TableOutcome& outcome, const Wait& wait);
  void merge_table(Table& table, const TableOutcome& outcome, Pass& pass);
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
  CopyText copy_;
  MissingColumns scratch_;
  std::vector<std::uint32_t> order_, starts_;
  std::vector<std::uint64_t> vacated_;  ///< Hashes of the keys that rows left in this batch, sorted.
};

}  // namespace peerd::pgtarget

#pragma once

#include <map>
#include <memory>
#include <vector>

#include "clickhouse/block.h"
#include "clickhouse/insert.h"
#include "clickhouse/layouts.h"
#include "clickhouse/lookup.h"
#include "peerd/changes/collapse.h"
#include "peerd/changes/row_lookup.h"
#include "peerd/targets/unfit_values.h"

namespace peerd::clickhouse {

/// Applies batches: per table the TRUNCATE first, then one INSERT of every key's outcome, unsent TOAST values filled in
/// (rules.md 14 to 19, 21). Two connections: look-ups run while an INSERT is open. The writer thread owns it.
class BatchApplier {
 public:
  BatchApplier(const Access& access, StatementNames& names, Layouts& layouts);
  std::vector<UnfitValues> apply(const Batch& batch, const ApplyContext& context);  ///< What did not fit.

 private:
  struct TableState {
    TableSchema schema;
    TableLayout layout;
    std::unique_ptr<Block> block;
  };
  /// One table of one batch.
  struct Work {
    const MirrorTable& table;
    const TableOutcome& outcome;
    const Batch& batch;
    const ApplyContext& context;
    Block& block;
    std::vector<std::uint32_t> at_target{}, at_source{};  ///< Rows that miss values, and who is asked.
  };

  TableState& state_of(const MirrorTable& table);
  void apply_table(Work& work);
  void truncate(const Work& work);
  void add_rows(Work& work);
  void add_row(Work& work, const RowOutcome& row);
  void fill_from_target(Work& work);
  void fill_from_source(Work& work);
  void finish_row(Work& work, const RowOutcome& row);
  void keep_few_blocks();

  Client statements_, inserts_;
  StatementNames& names_;
  Insert insert_;
  StoredRows stored_rows_;
  Collapser collapser_;
  std::map<TableId, TableState> tables_;
  Layouts& layouts_;
};

}  // namespace peerd::clickhouse

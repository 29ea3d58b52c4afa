#include "clickhouse/chunk_writer.h"

#include "clickhouse/lookup.h"
#include "clickhouse/nullable.h"
#include "clickhouse/on_unfit.h"
#include "clickhouse/table_note.h"

namespace peerd::clickhouse {
namespace {

class Writer final : public ChunkWriter {
 public:
  Writer(const Access& access, StatementNames& names, Layouts& layouts)
      : client_(access), insert_(client_, names), layouts_(layouts) {}

  Begun begin(const MirrorTable& table, const Chunk& chunk, const CopyPlan& plan, CopyCounts&, const Wait& wait) override {
    insert_.abandon();
    const RowVersion version = version_of(chunk);
    if (chunk.again && layouts_.query()) remove_rows(table, version, wait);
    // The layout may differ where an earlier chunk was of another table; its memory is kept where it does not.
    if (block_ == nullptr || !(table_.schema == table.schema)) {
      block_ = std::make_unique<Block>(layouts_.of(table));
    } else {
      block_->clear();
      block_->take_unfit();
    }
    rows_ = std::make_unique<CopyRows>(plan.form, version);
    counts_ = {};
    table_ = table;
    insert_.begin(block_->layout(), table.target_name, table.schema.id);
    return Begun::ready;
  }

  void write(std::span<const std::byte> rows, const Wait& wait) override {
    const std::string_view bytes(reinterpret_cast<const char*>(rows.data()), rows.size());
    counts_.bytes += bytes.size();
    try {
      counts_.rows += rows_->add(bytes, *block_, [&] { insert_.send(*block_, wait); });
    } catch (const NullRefused& refused) {
      insert_.abandon();
      follow_null(client_, table_, block_->layout(), refused.column, wait);
    } catch (const Error& error) {
      give_up(error, wait);
      throw;
    }
  }

  CopyCounts finish(const Wait& wait) override {
    try {
      insert_.send(*block_, wait);
      insert_.finish(wait);
    } catch (const Error& error) {
      give_up(error, wait);
      throw;
    }
    require_standing(client_, table_, layouts_, wait);
    unfit_ = unfit_values(block_->layout(), table_.schema.id, block_->take_unfit());
    return counts_;
  }

  std::vector<UnfitValues> unfit() override { return unfit_; }

 private:
  /// Of a query each range has one of its own, which rises with the watermarks.
  RowVersion version_of(const Chunk& chunk) const {
    return {chunk.start, Lsn{layouts_.query() ? std::uint64_t{chunk.number} : 0}};
  }

  /// What an earlier try at the range has left: its statement is over (rules.md 21), and nobody else writes this version.
  void remove_rows(const MirrorTable& table, const RowVersion& version, const Wait& wait) {
    const std::string name = quote_name(table.target_name),
                      where = " WHERE " + std::string(kVersionColumn) + " = " + version_literal(version);
    if (client_.query("SELECT 1 FROM " + name + where + " LIMIT 1", wait).empty()) return;
    client_.execute("DELETE FROM " + name + where, wait);
  }

  /// Throws where more can be said than the server did.
  void give_up(const Error& error, const Wait& wait) {
    insert_.abandon();
    explain(client_, table_, layouts_, error, wait);
  }

  Client client_;
  Insert insert_;
  Layouts& layouts_;
  MirrorTable table_;
  std::unique_ptr<Block> block_;
  std::unique_ptr<CopyRows> rows_;
  CopyCounts counts_;
  std::vector<UnfitValues> unfit_;
};

}  // namespace

std::unique_ptr<ChunkWriter> make_chunk_writer(const Access& access, StatementNames& names, Layouts& layouts) {
  return std::make_unique<Writer>(access, names, layouts);
}

}  // namespace peerd::clickhouse

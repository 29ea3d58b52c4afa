#include "clickhouse/chunk_writer.h"

namespace peerd::clickhouse {
namespace {

class Writer final : public ChunkWriter {
 public:
  Writer(const Access& access, StatementNames& names, std::string soft_delete_col_name, std::string synced_at_col_name)
      : client_(access),
        insert_(client_, names),
        soft_delete_col_name_(std::move(soft_delete_col_name)),
        synced_at_col_name_(std::move(synced_at_col_name)) {}

  Begun begin(const MirrorTable& table, const Chunk& chunk, const CopyPlan& plan, CopyCounts&, const Wait&) override {
    insert_.abandon();
    // The layout may differ where an earlier chunk was of another table; its memory is kept where it does not.
    if (block_ == nullptr || !(schema_ == table.schema)) {
      schema_ = table.schema;
      block_ = std::make_unique<Block>(table_layout(schema_, soft_delete_col_name_, synced_at_col_name_));
    } else {
      block_->clear();
    }
    rows_ = std::make_unique<CopyRows>(plan.form, RowVersion{chunk.start, Lsn{0}});
    counts_ = {};
    insert_.begin(block_->layout(), table.target_name, schema_.id);
    return Begun::ready;
  }

  void write(std::span<const std::byte> rows, const Wait& wait) override {
    const std::string_view bytes(reinterpret_cast<const char*>(rows.data()), rows.size());
    counts_.bytes += bytes.size();
    counts_.rows += rows_->add(bytes, *block_, [&] { insert_.send(*block_, wait); });
  }

  CopyCounts finish(const Wait& wait) override {
    insert_.send(*block_, wait);
    insert_.finish(wait);
    return counts_;
  }

 private:
  Client client_;
  Insert insert_;
  const std::string soft_delete_col_name_, synced_at_col_name_;
  TableSchema schema_;
  std::unique_ptr<Block> block_;
  std::unique_ptr<CopyRows> rows_;
  CopyCounts counts_;
};

}  // namespace

std::unique_ptr<ChunkWriter> make_chunk_writer(const Access& access, StatementNames& names,
                                               std::string soft_delete_col_name, std::string synced_at_col_name) {
  return std::make_unique<Writer>(access, names, std::move(soft_delete_col_name), std::move(synced_at_col_name));
}

}  // namespace peerd::clickhouse

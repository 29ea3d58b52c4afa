#pragma once

#include <memory>

#include "clickhouse/client.h"
#include "clickhouse/insert.h"
#include "clickhouse/layouts.h"
#include "peerd/targets/chunk_writer.h"

namespace peerd::clickhouse {

/// Loads chunks by one INSERT each, rows at version start_lsn << 64 (rules.md 2). `names` and `layouts` outlive it.
std::unique_ptr<ChunkWriter> make_chunk_writer(const Access& access, StatementNames& names, Layouts& layouts);

/// Puts whole COPY rows into the block, row after row; full() is called when the block is.
/// Throws Error(internal) where they are no such rows.
class CopyRows {
 public:
  CopyRows(CopyForm form, RowVersion version) : form_(form), version_(version) {}
  template <class Full>
  std::uint64_t add(std::string_view rows, Block& block, const Full& full) {
    std::uint64_t count = 0;
    for (; !rows.empty(); ++count) {
      form_ == CopyForm::binary ? add_binary(rows, block) : add_text(rows, block);
      if (block.full()) full();
    }
    return count;
  }

 private:
  void add_binary(std::string_view& rows, Block& block);
  void add_text(std::string_view& rows, Block& block);

  CopyForm form_;
  RowVersion version_;
  std::string room_;  ///< Of a cell with escapes.
};

}  // namespace peerd::clickhouse

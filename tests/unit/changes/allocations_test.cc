// Counts every `operator new` of this binary: appending and collapsing must not allocate per row.
#include <gtest/gtest.h>

#include <charconv>
#include <iostream>

#include "peerd/changes/batch_builder.h"
#include "peerd/changes/collapse.h"
#include "support/count_allocations.h"
#include "unit/changes/script.h"

namespace peerd {
namespace {

constexpr std::uint32_t kRows = 100'000;

/// Inserts, updates with unchanged cells, key changes and deletions, in transactions of ten.
class Writer {
 public:
  explicit Writer(BatchBuilder& builder) : builder_(builder) {}

  void write(const MirrorTable& mirrored) {
    const std::uint32_t table = builder_.table(mirrored);
    for (std::uint32_t i = 0; i < kRows; ++i) {
      if (i % 10 == 0) builder_.begin(1);
      const std::uint32_t id = i / 4;
      switch (i % 4) {
        case 0: append(table, ChangeView::Kind::insert, id, false); break;
        case 1: append(table, ChangeView::Kind::update, id, false); break;
        case 2: append(table, ChangeView::Kind::update, id + kRows, true); break;
        default: append(table, ChangeView::Kind::remove, id + 2 * kRows, false);
      }
      if (i % 10 == 9) builder_.commit(Lsn{++position_});
    }
  }

 private:
  CellView number(std::uint32_t value) {
    char digits[16];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    return {CellView::Kind::text, builder_.keep({digits, static_cast<std::size_t>(end - digits)})};
  }

  void append(std::uint32_t table, ChangeView::Kind kind, std::uint32_t id, bool moved) {
    const auto row = builder_.cells(3);
    row[0] = number(id);
    if (kind != ChangeView::Kind::remove) {
      row[1] = {CellView::Kind::text, builder_.keep("a value of some length, as rows have them")};
      if (kind == ChangeView::Kind::insert) row[2] = {CellView::Kind::text, builder_.keep("TOAST")};
      else row[2].kind = CellView::Kind::unchanged;
    }
    ++position_;
    ChangeView change{kind, table, {Lsn{position_ + 100}, Lsn{position_}}, row, {}};
    if (moved) {
      const auto key = builder_.cells(1);
      key[0] = number(id - kRows);
      change.old_key = key;
    }
    builder_.append(change);
  }

  BatchBuilder& builder_;
  std::uint64_t position_ = 0;
};

TEST(Allocations, AppendingAndCollapsingAllocateNothingPerRow) {
  const MirrorTable table = script_table(1);
  BatchBuilder builder;
  Collapser collapser;
  std::unique_ptr<Batch> spent;
  // Two batches travel: one is filled while the other is applied. Both are warm in the last round.
  for (int round = 0; round < 4; ++round) {
    const std::size_t before = allocations;
    Writer(builder).write(table);
    auto batch = builder.take(std::move(spent));
    const std::size_t outcomes = collapser.collapse(*batch)[0].rows.size();
    const std::size_t count = allocations - before;
    spent = std::move(batch);
    EXPECT_EQ(outcomes, 3 * kRows / 4);
    if (round < 2) continue;
    EXPECT_LE(count, 100u);
    std::cout << kRows << " rows, " << count << " allocations\n";
  }
}

}  // namespace
}  // namespace peerd

#include "peerd/changes/whole_rows.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "peerd/changes/batch_builder.h"

namespace peerd {
namespace {

using Bag = std::map<std::string, int>;

MirrorTable keyless(std::uint32_t oid) {
  MirrorTable table;
  table.schema.id = {oid};
  table.schema.identity = ReplicaIdentity::full;
  table.schema.columns = {{.name = "a"}, {.name = "b"}};
  return table;
}

/// "x-" is (x, NULL), and "x" followed by nothing (x, '').
std::span<const CellView> row_of(BatchBuilder& builder, const std::string& text) {
  const auto row = builder.cells(2);
  row[0] = {CellView::Kind::text, builder.keep(text.substr(0, 1))};
  if (text.substr(1) != "-") row[1] = {CellView::Kind::text, builder.keep(text.substr(1))};
  return row;
}
std::string text_of(std::span<const CellView> row) {
  return std::string(row[0].bytes) + (row[1].kind == CellView::Kind::null ? "-" : std::string(row[1].bytes));
}

void add(BatchBuilder& builder, const MirrorTable& table, ChangeView::Kind kind, const std::string& before, const std::string& after) {
  ChangeView change{.kind = kind, .table = builder.table(table), .version = {Lsn{100}, Lsn{50}}, .row = {}, .old_key = {}};
  if (kind == ChangeView::Kind::remove) change.row = row_of(builder, before);
  if (kind == ChangeView::Kind::update) change.old_row = row_of(builder, before);
  if (kind == ChangeView::Kind::insert || kind == ChangeView::Kind::update) change.row = row_of(builder, after);
  builder.append(change);
}

/// One that stands there, of equal ones any.
std::string any_of(const Bag& bag, std::mt19937& random) {
  int place = 0;
  for (const auto& [_, count] : bag) place += count;
  place = static_cast<int>(random() % static_cast<unsigned>(place));
  for (const auto& [row, count] : bag)
    if ((place -= count) < 0) return row;
  return {};
}

TEST(WholeRows, LeaveWhatTheChangesLeaveAndTakeNoRowThatIsNotThere) {
  std::mt19937 random(20261130);
  const std::vector<std::string> words = {"x-", "x", "y1", "y2", "z-"};
  RowCounter counter;
  for (int round = 0; round < 4000; ++round) {
    Bag before, now;
    for (unsigned i = random() % 8; i > 0; --i) ++before[words[random() % words.size()]];
    now = before;
    const MirrorTable table = keyless(1), other = keyless(2);
    BatchBuilder builder;
    builder.begin(1);
    for (unsigned i = random() % 12; i > 0; --i) {
      const std::string word = words[random() % words.size()];
      std::erase_if(now, [](const auto& entry) { return entry.second == 0; });
      const unsigned what = now.empty() ? 0 : random() % 16;
      if (what < 5) {
        add(builder, table, ChangeView::Kind::insert, "", word);
        ++now[word];
      } else if (what < 10) {
        const std::string old = any_of(now, random);
        add(builder, table, ChangeView::Kind::update, old, word);
        --now[old], ++now[word];
      } else if (what < 15) {
        const std::string old = any_of(now, random);
        add(builder, table, ChangeView::Kind::remove, old, "");
        --now[old];
      } else {
        add(builder, table, ChangeView::Kind::truncate, "", "");
        now.clear();
      }
      add(builder, other, ChangeView::Kind::insert, "", word);  // Of another table.
    }
    builder.commit(Lsn{200});
    const auto batch = builder.take();
    if (batch->size() == 0) continue;
    const std::uint32_t number = batch->tables()[0].schema.id == TableId{1} ? 0 : 1;
    const WholeRows& rows = counter.count(*batch, number);
    Bag found = rows.truncated ? Bag() : before;
    std::uint64_t taken = 0;
    for (const WholeRow& row : rows.rows) {
      ASSERT_FALSE(row.before.empty() && row.after.empty());
      if (row.before.empty()) continue;
      ASSERT_GT(found[text_of(row.before)], 0) << "round " << round;
      --found[text_of(row.before)], ++taken;
    }
    for (const WholeRow& row : rows.rows)
      if (!row.after.empty()) ++found[text_of(row.after)];
    EXPECT_EQ(taken, rows.taken);
    std::erase_if(found, [](const auto& entry) { return entry.second == 0; });
    std::erase_if(now, [](const auto& entry) { return entry.second == 0; });
    ASSERT_EQ(found, now) << "round " << round;
  }
}

TEST(WholeRows, ARowThatEndsAsItBeganIsLeftAlone) {
  const MirrorTable table = keyless(1);
  BatchBuilder builder;
  builder.begin(1);
  add(builder, table, ChangeView::Kind::update, "x1", "x2");
  add(builder, table, ChangeView::Kind::update, "x2", "x1");
  add(builder, table, ChangeView::Kind::insert, "", "y-");
  add(builder, table, ChangeView::Kind::remove, "y-", "");
  add(builder, table, ChangeView::Kind::update, "z", "z");
  builder.commit(Lsn{200});
  RowCounter counter;
  EXPECT_TRUE(counter.count(*builder.take(), 0).rows.empty());
}

}  // namespace
}  // namespace peerd

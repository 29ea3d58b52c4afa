#include "peerd/changes/collapse.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "unit/changes/script.h"

namespace peerd {
namespace {

/// The outcome of a script, a line each, "; " between.
std::string collapsed(std::string_view script, std::vector<MirrorTable> tables = {script_table(1)}) {
  Script writer(std::move(tables));
  const auto batch = writer.batch(script);
  Collapser collapser;
  std::string out;
  for (const TableOutcome& outcome : collapser.collapse(*batch)) {
    if (outcome.table != 0) out += "@" + std::to_string(outcome.table + 1) + " ";
    if (outcome.truncated) out += "truncated at " + std::to_string(outcome.truncated->change.value) + "; ";
    for (const RowOutcome& row : outcome.rows) out += shown(row) + "; ";
  }
  return out;
}

TEST(Collapse, TheLastChangeOfAKeyCounts) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"I 1 a b", "1 = 1,a,b fresh; "},
      {"U 1 a b", "1 = 1,a,b; "},
      {"U 1 a ~", "1 = 1,a,~; "},
      {"D 1", "1 gone; "},
      {"I 1 a b\nU 1 c d", "1 = 1,c,d fresh; "},
      {"U 1 a b\nD 1", "1 gone; "},
      {"I 1 a b\nD 1", "1 gone; "},
      {"D 1\nI 1 a b", "1 = 1,a,b fresh; "},
      {"D 1\nI 1 a b\nD 1", "1 gone; "},
      {"I 1 a b\nD 1\nI 1 c d\nU 1 e ~", "1 = 1,e,d fresh; "},
      {"I 1 - b\nU 1 ~ c", "1 = 1,-,c fresh; "},
      {"U 1 a ~\nU 2 b ~\nU 1 c ~", "1 = 1,c,~; 2 = 2,b,~; "},
  };
  for (const auto& [script, expected] : cases) EXPECT_EQ(collapsed(script), expected) << script;
}

TEST(Collapse, UnchangedCellsComeFromTheSameRowsEarlierChanges) {
  const std::pair<const char*, const char*> cases[] = {
      {"U 1 a b\nU 1 c ~", "1 = 1,c,b; "},
      {"U 1 ~ b\nU 1 c ~", "1 = 1,c,b; "},
      {"U 1 ~ b\nU 1 ~ ~", "1 = 1,~,b; "},
      {"U 1 ~ -\nU 1 c ~", "1 = 1,c,-; "},
      // Through key changes: what the stream sent is the row's own, wherever it goes.
      {"U 1 a b\nU 1>2 c ~", "1 moved; 2 = 2,c,b from 1; "},
      {"U 1>2 a b\nU 2 ~ ~\nU 2>3 c ~", "1 moved; 2 moved; 3 = 3,c,b from 1; "},
      {"I 1 a b\nU 1>2 c ~", "1 moved; 2 = 2,c,b fresh; "},
      // Never from another row that stood there before.
      {"U 1 a b\nD 1\nU 2>1 c ~", "1 = 1,c,~ from 2; 2 moved; "},
      {"U 1 a b\nU 1>3 a ~\nU 2>1 c ~", "1 = 1,c,~ from 2; 3 = 3,a,b from 1; 2 moved; "},
      {"D 1\nI 1 x y\nU 1>2 c ~\nU 3>1 d ~", "1 = 1,d,~ from 3; 2 = 2,c,y fresh; 3 moved; "},
  };
  for (const auto& [script, expected] : cases) EXPECT_EQ(collapsed(script), expected) << script;
}

TEST(Collapse, KeyChangesLeaveARemovalUnlessTheKeyIsTaken) {
  const std::pair<const char*, const char*> cases[] = {
      {"U 1>2 a ~", "1 moved; 2 = 2,a,~ from 1; "},
      // A chain.
      {"U 1>2 a ~\nU 2>3 b ~", "1 moved; 2 moved; 3 = 3,b,~ from 1; "},
      // There and back: the row stands where it stood.
      {"U 1>2 a ~\nU 2>1 b ~", "1 = 1,b,~; 2 moved; "},
      // A swap by a third key.
      {"U 1>9 a ~\nU 2>1 b ~\nU 9>2 a ~", "1 = 1,b,~ from 2; 9 moved; 2 = 2,a,~ from 1; "},
      // Onto a key that was deleted a moment before.
      {"D 2\nU 1>2 a ~", "2 = 2,a,~ from 1; 1 moved; "},
      // Onto a key that was left a moment before.
      {"U 2>3 x ~\nU 1>2 a ~", "2 = 2,a,~ from 1; 3 = 3,x,~ from 2; 1 moved; "},
      // The key that was left is inserted anew.
      {"U 1>2 a ~\nI 1 x y", "1 = 1,x,y fresh; 2 = 2,a,~ from 1; "},
      // And deleted: now it is a deletion.
      {"U 1>2 a ~\nI 1 x y\nD 1", "1 gone; 2 = 2,a,~ from 1; "},
      // Deleted after it moved: the deletion knows where the row stood.
      {"U 1>2 a ~\nD 2", "1 moved; 2 gone from 1; "},
      // An old key that is no other key changes nothing.
      {"U 1>1 a ~", "1 = 1,a,~; "},
  };
  for (const auto& [script, expected] : cases) EXPECT_EQ(collapsed(script), expected) << script;
}

TEST(Collapse, TruncateDropsWhatCameBefore) {
  const std::pair<const char*, const char*> cases[] = {
      {"T", "truncated at 1; "},
      {"I 1 a b\nU 2>3 a ~\nT", "truncated at 3; "},
      {"I 1 a b\nT\nI 1 c d", "truncated at 2; 1 = 1,c,d fresh; "},
      {"I 1 a b\nI 2 a b\nT\nI 2 c d\nI 1 e f", "truncated at 3; 2 = 2,c,d fresh; 1 = 1,e,f fresh; "},
      {"T\nI 1 a b\nT\nI 3 a b\nU 3 c ~", "truncated at 3; 3 = 3,c,b fresh; "},
  };
  for (const auto& [script, expected] : cases) EXPECT_EQ(collapsed(script), expected) << script;
}

TEST(Collapse, TablesAreApart) {
  const std::vector<MirrorTable> tables{script_table(1), script_table(2)};
  EXPECT_EQ(collapsed("I 1 a b\n@2\nI 1 c d\nT\n@1\nU 1 x ~\n@2\nI 5 e f", tables),
            "1 = 1,x,b fresh; @2 truncated at 3; 5 = 5,e,f fresh; ");
}

TEST(Collapse, TablesWithoutChangesHaveNoOutcome) {
  Script writer({script_table(1), script_table(2)});
  writer.builder().table(script_table(1));
  const auto batch = writer.batch("@2\nI 1 a b");
  Collapser collapser;
  const auto outcomes = collapser.collapse(*batch);
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes[0].table, 1u);
}

TEST(Collapse, KeysOfSeveralColumnsKeepTheirOrder) {
  // The key's order is not the columns': (c2, c0), and c1 and c3 are others.
  const std::vector<MirrorTable> tables{script_table(1, {2, 0}, 4)};
  EXPECT_EQ(collapsed("I x,1 a b\nU x,1 c ~\nI 1,x a b", tables), "x,1 = 1,c,x,b fresh; 1,x = x,a,1,b fresh; ");
  EXPECT_EQ(collapsed("U x,1>x,2 a ~\nU x,2>y,2 b ~\nD z,1", tables),
            "x,1 moved; x,2 moved; y,2 = 2,b,y,~ from x,1; z,1 gone; ");
}

TEST(Collapse, KeysThatReadAlikeTogetherAreApart) {
  const std::vector<MirrorTable> tables{script_table(1, {0, 1}, 3)};
  EXPECT_EQ(collapsed("I a,bc x\nI ab,c y", tables), "a,bc = a,bc,x fresh; ab,c = ab,c,y fresh; ");
}

TEST(Collapse, ARemovedRowHoldsItsKeyAndNulls) {
  Script writer;
  const auto batch = writer.batch("D 1\nU 2>3 a b");
  Collapser collapser;
  const auto rows = collapser.collapse(*batch)[0].rows;
  EXPECT_EQ(shown(rows[0].row), "1,-,-");
  EXPECT_EQ(shown(rows[1].row), "2,-,-");
}

TEST(Collapse, VersionsAreThoseOfTheDecidingChangeAndTheFirstCommit) {
  Script writer;
  const auto batch = writer.batch("U 1 a b\nC\nU 1>2 c ~\nC\nD 3\nC\nI 3 x y\nC\nU 2 d ~");
  Collapser collapser;
  const auto rows = collapser.collapse(*batch)[0].rows;
  const auto changes = batch->changes();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].version, changes[1].version);  // 1 moved
  EXPECT_EQ(rows[0].base_commit, changes[1].version.commit);
  EXPECT_EQ(rows[1].version, changes[4].version);  // 2, with its first change at key 1
  EXPECT_EQ(rows[1].base_commit, changes[0].version.commit);
  EXPECT_EQ(rows[2].version, changes[3].version);  // 3
}

TEST(Collapse, AKeyInToastIsTakenFromTheOldTuple) {
  Script writer;
  const auto batch = writer.batch("U big>~ a ~\nU big>~ b ~");
  Collapser collapser;
  const auto rows = collapser.collapse(*batch)[0].rows;
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(shown(rows[0].key), "big");
  EXPECT_FALSE(rows[0].rekeyed);
}

TEST(Collapse, InsertsOnlyMeansNothingElse) {
  Script writer;
  EXPECT_TRUE(Collapser::inserts_only(*writer.batch("I 1 a b\nI 2 a b")));
  EXPECT_TRUE(Collapser::inserts_only(*writer.batch("")));
  EXPECT_FALSE(Collapser::inserts_only(*writer.batch("I 1 a b\nU 1 c ~")));
  EXPECT_FALSE(Collapser::inserts_only(*writer.batch("I 1 a b\nT")));
  EXPECT_FALSE(Collapser::inserts_only(*writer.batch("D 1")));
}

TEST(Collapse, ACollapserForgetsTheBatchBefore) {
  Script writer({script_table(1), script_table(2)});
  const auto first = writer.batch("I 1 a b\nT\nI 2 a b\n@2\nI 7 a b\n@1"), second = writer.batch("U 1 c ~\nU 2 c ~");
  Collapser collapser;
  collapser.collapse(*first);
  const auto outcomes = collapser.collapse(*second);
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_FALSE(outcomes[0].truncated);
  ASSERT_EQ(outcomes[0].rows.size(), 2u);
  EXPECT_EQ(shown(outcomes[0].rows[0]), "1 = 1,c,~");
}

using Rows = std::map<std::string, std::vector<std::string>>;

/// A random change that the rows allow, as a script's line; applied to the rows one by one.
std::string random_line(std::mt19937& random, Rows& rows, int& values) {
  const auto any = [&](int end) { return static_cast<int>(random() % static_cast<unsigned>(end)); };
  const std::string key = std::to_string(any(8)), to = std::to_string(any(8));
  const auto fresh = [&] { return "v" + std::to_string(++values); };
  if (any(40) == 0) {
    rows.clear();
    return "T\n";
  }
  if (!rows.contains(key)) {
    rows[key] = {fresh(), fresh()};
    return "I " + key + " " + rows[key][0] + " " + rows[key][1] + "\n";
  }
  if (any(4) == 0) {
    rows.erase(key);
    return "D " + key + "\n";
  }
  auto row = rows[key];
  std::string cells;
  for (auto& cell : row) {
    const bool unchanged = any(2) == 0;
    if (!unchanged) cell = fresh();
    cells += unchanged ? " ~" : " " + cell;
  }
  const bool moves = any(2) == 0 && !rows.contains(to);
  rows.erase(key);
  rows[moves ? to : key] = row;
  return "U " + key + (moves ? ">" + to : "") + cells + "\n";
}

/// All at once: what is unchanged is looked up under the base key in the rows before the batch.
void apply_outcome(const TableOutcome& outcome, Rows& rows) {
  if (outcome.truncated) rows.clear();
  const Rows before = rows;
  for (const RowOutcome& row : outcome.rows) rows.erase(shown(row.key));
  for (const RowOutcome& row : outcome.rows) {
    if (row.kind == RowOutcome::Kind::remove) continue;
    auto& out = rows[shown(row.key)];
    for (std::size_t i = 1; i < row.row.size(); ++i)
      out.push_back(row.row[i].kind == CellView::Kind::unchanged ? before.at(shown(row.base_key))[i - 1]
                                                                 : shown(row.row[i]));
  }
}

TEST(Collapse, AllAtOnceIsTheSameAsOneByOne) {
  std::mt19937 random(20261122);
  Collapser collapser;
  Script writer;
  Rows one_by_one, all_at_once;
  int values = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string script;
    for (auto left = random() % 20; left > 0; --left) script += random_line(random, one_by_one, values);
    const auto batch = writer.batch(script);
    for (const TableOutcome& outcome : collapser.collapse(*batch)) apply_outcome(outcome, all_at_once);
    ASSERT_EQ(all_at_once, one_by_one) << "batch " << i << ":\n" << script;
  }
}

}  // namespace
}  // namespace peerd

#include "kafka/unchanged.h"

#include <random>

#include "postgres_fixture.h"
#include "support/allocations.h"

namespace peerd::testing_kafka {
namespace {

using kafka::UnchangedCells;
using testing_postgres::FakeSource;
using testing_postgres::kSame;
using testing_postgres::Row;
using testing_postgres::sample_table;
using testing_postgres::Writer;

constexpr std::size_t kBig = 2;  // The column that is not sent again.

class KafkaUnchanged : public testing::Test {
 protected:
  void resolve(const Batch& batch) { cells_.resolve(batch, ApplyContext{source_, horizons_, Wait::at_most(std::chrono::seconds(5))}); }
  /// What the change's large column came to: its text, "?" where nothing tells, "" where the source sent it.
  std::string big(std::size_t change) const {
    const auto row = cells_.row(change);
    if (row.empty()) return "";
    EXPECT_EQ(cells_.missing(change)[kBig], 1);
    return row[kBig].kind == CellView::Kind::unchanged ? "?" : std::string(row[kBig].bytes);
  }

  FakeSource source_;
  Horizons horizons_;
  UnchangedCells cells_;
};

TEST_F(KafkaUnchanged, IsFoundInTheBatchElseAtTheSourceElseNowhere) {
  Writer writer(sample_table("t"));
  source_.rows = {{"1", {"1", "n", "one", "1"}}, {"3", {"3", "n", "three", "1"}}, {"5", {"5", "n", "five", "1"}}};
  writer.begin(100)
      .update({"1", "a", kSame, "1"})            // 0: as the source has it
      .insert({"2", "a", "two", "1"})            // 1
      .update({"2", "b", kSame, "1"})            // 2: as its insert had it
      .update({"3", "a", kSame, "1"}, {"2"})     // 3: across the key change
      .remove({"3"})                             // 4
      .update({"4", "a", kSame, "1"})            // 5: gone at the source
      .update({"5", "a", kSame, "1"})            // 6: before a later value of the batch: nothing tells
      .update({"5", "a", "new", "1"})            // 7
      .commit();
  const auto batch = writer.take();
  resolve(*batch);
  const std::vector<std::string> want{"one", "", "two", "two", "", "?", "?", ""};
  for (std::size_t i = 0; i < want.size(); ++i) EXPECT_EQ(big(i), want[i]) << i;
  EXPECT_EQ(source_.asked, (std::vector<std::string>{"1", "4"}));
}

TEST_F(KafkaUnchanged, WhatATruncateEndedIsNotAskedFor) {
  Writer writer(sample_table("t"));
  source_.rows = {{"1", {"1", "n", "later", "1"}}};
  writer.begin(100).update({"1", "a", kSame, "1"}).truncate().insert({"1", "b", "fresh", "1"}).update({"1", "c", kSame, "1"}).commit();
  const auto batch = writer.take();
  resolve(*batch);
  EXPECT_EQ(big(0), "?");
  EXPECT_EQ(big(3), "fresh");
  EXPECT_TRUE(source_.asked.empty());
}

/// The same by looking through the whole batch for each change.
class Model {
 public:
  struct Change {
    char kind;  ///< i, u, d, t
    std::string key, old_key, big;
  };
  explicit Model(std::vector<Change> changes) : changes_(std::move(changes)) {}
  std::string big(std::size_t i, const std::map<std::string, Row>& source) const {
    const Change& change = changes_[i];
    if (change.kind != 'u' || change.big != kSame) return "";
    std::string key = change.old_key.empty() ? change.key : change.old_key;
    for (std::size_t b = i; b-- > 0;) {
      const Change& earlier = changes_[b];
      if (earlier.kind == 't' || (earlier.kind == 'd' && earlier.key == key)) break;
      if (earlier.kind == 'd' || earlier.key != key) continue;
      if (earlier.big != kSame) return earlier.big;
      if (earlier.kind == 'i') break;
      if (!earlier.old_key.empty()) key = earlier.old_key;
    }
    key = change.key;
    for (std::size_t f = i + 1; f < changes_.size(); ++f) {
      const Change& later = changes_[f];
      if (later.kind == 't' || (later.kind == 'd' && later.key == key)) return "?";
      if (later.kind != 'u' || (later.old_key.empty() ? later.key : later.old_key) != key) continue;
      if (later.big != kSame) return "?";
      key = later.key;
    }
    const auto row = source.find(key);
    return row == source.end() ? "?" : *row->second[kBig];
  }

 private:
  std::vector<Change> changes_;
};

TEST_F(KafkaUnchanged, AgreesWithALookThroughTheWholeBatch) {
  std::mt19937 random(7);
  const auto pick = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  for (int key = 0; key < 12; ++key) source_.rows[std::to_string(key)] = {std::to_string(key), "n", "source" + std::to_string(key), "1"};
  for (int round = 0; round < 300; ++round) {
    std::set<std::string> alive;
    for (int key = 0; key < 8; ++key) alive.insert(std::to_string(key));
    std::vector<Model::Change> changes;
    Writer writer(sample_table("t"));
    writer.begin(100);
    for (unsigned i = 0; i < 30; ++i) {
      const std::string key = std::to_string(pick(12)), big = pick(2) == 0 ? *kSame : "v" + std::to_string(i);
      if (pick(40) == 0) {
        changes.push_back({'t', "", "", ""});
        writer.truncate();
        alive.clear();
      } else if (alive.insert(key).second) {
        changes.push_back({'i', key, "", "new" + std::to_string(i)});
        writer.insert({key, "a", "new" + std::to_string(i), "1"});
      } else if (pick(4) == 0) {
        changes.push_back({'d', key, "", ""});
        writer.remove({key});
        alive.erase(key);
      } else if (const std::string to = std::to_string(pick(12)); pick(3) == 0 && !alive.contains(to)) {
        changes.push_back({'u', to, key, big});
        writer.update({to, "a", big, "1"}, {key});
        alive.erase(key);
        alive.insert(to);
      } else {
        changes.push_back({'u', key, "", big});
        writer.update({key, "a", big, "1"});
      }
    }
    const auto batch = writer.commit().take();
    resolve(*batch);
    const Model model(changes);
    for (std::size_t i = 0; i < changes.size(); ++i)
      ASSERT_EQ(big(i), model.big(i, source_.rows)) << "round " << round << ", change " << i;
  }
}

/// Finds every row, without memory of its own.
struct QuietSource final : RowLookup {
  Lsn fetch(const MirrorTable&, std::span<const std::span<const CellView>> keys, std::span<const std::uint16_t> columns, Lsn,
            const Wait&, RowFound& found) override {
    const CellView cells[4] = {{CellView::Kind::text, "x"}, {CellView::Kind::text, "x"}, {CellView::Kind::text, "x"}, {CellView::Kind::text, "x"}};
    for (std::size_t i = 0; i < keys.size(); ++i) found(i, std::span(cells).first(columns.size()));
    return Lsn{1};
  }
};

TEST_F(KafkaUnchanged, AllocatesNothingPerRowOnceWarm) {
  constexpr int kRows = 10'000;
  Writer writer(sample_table("t"));
  writer.begin(100);
  for (int i = 0; i < kRows; ++i) writer.update({std::to_string(i % 5000), "a", kSame, "1"});
  const auto batch = writer.commit().take();
  QuietSource source;
  Horizons warm;
  cells_.resolve(*batch, ApplyContext{source, warm, Wait::at_most(std::chrono::seconds(5))});
  const std::size_t before = allocations;
  cells_.resolve(*batch, ApplyContext{source, warm, Wait::at_most(std::chrono::seconds(5))});
  EXPECT_LE(allocations - before, 10u);
  EXPECT_EQ(big(kRows - 1), "x");
}

}  // namespace
}  // namespace peerd::testing_kafka

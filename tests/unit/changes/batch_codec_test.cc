#include "peerd/changes/batch_codec.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "peerd/base/error.h"
#include "support/random_batches.h"

namespace peerd {
namespace {

TEST(BatchCodec, WhatWasKeptIsWhatComesBack) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    RandomBatches batches(seed);
    std::unique_ptr<Batch> spent;
    bool open = false;
    for (int i = 0; i < 12; ++i) {
      const auto batch = batches.next();
      std::string bytes;
      BatchCodec::encode(*batch, bytes);
      spent = BatchCodec::decode(bytes, {}, open, std::move(spent));
      ASSERT_EQ(told_by(*spent), told_by(*batch)) << "seed " << seed << ", batch " << i;
      ASSERT_TRUE(std::ranges::equal(spent->counts(), batch->counts()));
      std::string again;
      BatchCodec::encode(*spent, again);
      ASSERT_EQ(again, bytes);
      open = batch->open_tail();
    }
  }
}

/// What a target sees of a batch: its changes, and which of them end a transaction.
std::vector<std::string> seen(const Batch& batch, Lsn after, const std::function<bool(const MirrorTable&)>& counts) {
  std::vector<std::string> lines;
  for (const auto& change : batch.changes()) {
    const MirrorTable& table = batch.tables()[change.table];
    if (change.version.commit >= after && counts(table))
      lines.push_back(table.schema.name + " " + std::to_string(change.version.commit.value) + " " + std::to_string(change.version.change.value));
  }
  return lines;
}

TEST(BatchCodec, WhatDoesNotCountIsLeftOutAndTransactionsStayWhole) {
  for (unsigned seed = 1; seed <= 80; ++seed) {
    RandomBatches batches(seed);
    std::vector<Lsn> ends{Lsn{}};
    std::vector<std::unique_ptr<Batch>> all;
    for (int i = 0; i < 14; ++i) {
      all.push_back(batches.next());
      ends.push_back(all.back()->complete_to());
    }
    const Lsn after = ends[static_cast<std::size_t>(batches.below(static_cast<int>(ends.size())))];
    Counting counting{.after = after, .table = [&](const MirrorTable& table) {
                        return table.schema.id.oid == 2 ? nullptr : &batches.tables()[table.schema.id.oid - 1];
                      }};
    const auto counts = [](const MirrorTable& table) { return table.schema.id.oid != 2; };
    bool open = false;
    for (const auto& batch : all) {
      std::string bytes;
      BatchCodec::encode(*batch, bytes);
      const auto got = BatchCodec::decode(bytes, counting, open);
      EXPECT_EQ(seen(*got, Lsn{}, [](const auto&) { return true; }), seen(*batch, after, counts)) << "seed " << seed;
      EXPECT_EQ(got->complete_to(), batch->complete_to());
      EXPECT_EQ(got->open_head(), open) << "seed " << seed;
      open = got->open_tail();
      EXPECT_LE(got->open_tail(), batch->open_tail());
      // Each transaction's changes end at a commit of its own.
      const auto& ended = got->commit_ends();
      for (std::size_t i = 0; i + 1 < got->size(); ++i) {
        const bool ends_here = std::ranges::find(ended, i + 1) != ended.end();
        EXPECT_EQ(ends_here, got->changes()[i].version.commit != got->changes()[i + 1].version.commit) << "seed " << seed;
      }
      for (const auto& transaction : got->transactions()) {
        ASSERT_LT(transaction.first, got->size());
        const auto commit = got->changes()[transaction.first].version.commit;
        EXPECT_TRUE(transaction.first == 0 || got->changes()[transaction.first - 1].version.commit != commit);
      }
      for (const auto& table : got->tables()) EXPECT_NE(table.schema.id.oid, 2u);
      for (const auto& message : got->messages()) EXPECT_GE(message.version.commit, after);
    }
  }
}

TEST(BatchCodec, BytesThatItDidNotWriteAreRefused) {
  RandomBatches batches(7);
  for (int i = 0; i < 20; ++i) {
    const auto batch = batches.next();
    std::string bytes;
    BatchCodec::encode(*batch, bytes);
    if (bytes.size() > 5000) continue;
    for (std::size_t cut = 0; cut < bytes.size(); ++cut)
      EXPECT_THROW(BatchCodec::decode(std::string_view(bytes).substr(0, cut), {}, batch->open_head()), Error);
    EXPECT_THROW(BatchCodec::decode(bytes + '\0', {}, batch->open_head()), Error);
    std::string newer = bytes;
    newer[0] = 2;
    EXPECT_THROW(BatchCodec::decode(newer, {}, batch->open_head()), Error);
  }
}

TEST(TableJson, AShapeComesBackWhole) {
  NewShape shape{.table = RandomBatches(1).tables()[2], .commit = Lsn{77}, .horizon = Lsn{~0ull}, .words = "wörter", .hint = "rat"};
  shape.table.notes.excluded = {{"gone", -3}};
  shape.table.notes.read_again = Lsn{5};
  shape.table.coverage.paths = {"table 5"};
  const NewShape back = read_shape(shape_json(shape));
  EXPECT_EQ(back.table, shape.table);
  EXPECT_EQ(back.commit, shape.commit);
  EXPECT_EQ(back.horizon, shape.horizon);
  EXPECT_EQ(back.words + back.hint, shape.words + shape.hint);
}

}  // namespace
}  // namespace peerd

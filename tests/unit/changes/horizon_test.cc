#include "peerd/changes/horizon.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

namespace peerd {
namespace {

constexpr TableId kA{1}, kB{2};

std::array<CellView, 1> key(std::string_view text) { return {CellView{CellView::Kind::text, text}}; }

TEST(Horizons, NothingIsBelowWithoutAHorizon) {
  const Horizons horizons;
  EXPECT_FALSE(horizons.below(kA, Lsn{1}));
  EXPECT_FALSE(horizons.below(kA, key("1"), Lsn{1}));
  EXPECT_EQ(horizons.highest(), Lsn{});
}

TEST(Horizons, ATablesHorizonIsItsOwnAndOnlyRises) {
  Horizons horizons;
  horizons.raise(kA, Lsn{100});
  horizons.raise(kA, Lsn{50});
  EXPECT_TRUE(horizons.below(kA, Lsn{100}));
  EXPECT_FALSE(horizons.below(kA, Lsn{101}));
  EXPECT_FALSE(horizons.below(kB, Lsn{1}));
  EXPECT_TRUE(horizons.below(kA, key("1"), Lsn{100}));
  EXPECT_EQ(horizons.highest(), Lsn{100});
}

TEST(Horizons, AKeysHorizonIsItsOwnAndOnlyRises) {
  Horizons horizons;
  horizons.raise(kA, Lsn{100});
  horizons.raise_key(kA, key("1"), Lsn{200});
  horizons.raise_key(kA, key("1"), Lsn{150});
  EXPECT_TRUE(horizons.below(kA, key("1"), Lsn{200}));
  EXPECT_FALSE(horizons.below(kA, key("1"), Lsn{201}));
  EXPECT_FALSE(horizons.below(kA, key("2"), Lsn{101}));
  EXPECT_FALSE(horizons.below(kB, key("1"), Lsn{101}));
  EXPECT_FALSE(horizons.below(kA, Lsn{101}));
  EXPECT_EQ(horizons.highest(), Lsn{200});
}

TEST(Horizons, KeysAreForgottenOnceDurableHasPassedThem) {
  Horizons horizons;
  horizons.raise_key(kA, key("1"), Lsn{200});
  horizons.raise_key(kA, key("2"), Lsn{300});
  horizons.passed(Lsn{199});
  EXPECT_EQ(horizons.keys(), 2u);
  horizons.passed(Lsn{200});
  EXPECT_EQ(horizons.keys(), 1u);
  EXPECT_TRUE(horizons.below(kA, key("2"), Lsn{300}));
  horizons.passed(Lsn{300});
  EXPECT_EQ(horizons.keys(), 0u);
  EXPECT_EQ(horizons.highest(), Lsn{300});
}

// After a restart with a backlog every look-up raises a key, and durable stays far below all of them.
TEST(Horizons, ManyKeysBecomeTheirTables) {
  Horizons horizons;
  horizons.raise_key(kB, key("b"), Lsn{7});
  for (std::size_t i = 0; i < Horizons::kMostKeys; ++i) horizons.raise_key(kA, key(std::to_string(i)), Lsn{1000 + i});
  EXPECT_LT(horizons.keys(), 2u);
  EXPECT_TRUE(horizons.below(kA, key("5"), Lsn{1005}));
  EXPECT_TRUE(horizons.below(kA, key("5"), Lsn{1000 + Horizons::kMostKeys - 1}));
  EXPECT_FALSE(horizons.below(kA, key("5"), Lsn{1000 + Horizons::kMostKeys}));
  EXPECT_TRUE(horizons.below(kB, key("b"), Lsn{7}));
  EXPECT_FALSE(horizons.below(kB, key("b"), Lsn{8}));
}

TEST(HashKey, DiffersByTableTextKindAndCut) {
  const auto hash = [](std::initializer_list<CellView> cells, TableId table = kA) {
    return hash_key(table, std::span(cells.begin(), cells.size()));
  };
  constexpr auto kText = CellView::Kind::text;
  const std::set<std::uint64_t> hashes{
      hash({{kText, "ab"}, {kText, "c"}}),
      hash({{kText, "a"}, {kText, "bc"}}),
      hash({{kText, "abc"}}),
      hash({{kText, "abc"}}, kB),
      hash({{kText, ""}}),
      hash({{CellView::Kind::null, ""}}),
      hash({{kText, "abcdefgh"}}),
      hash({{kText, "abcdefghi"}}),
      hash({{kText, std::string_view("\0", 1)}}),
  };
  EXPECT_EQ(hashes.size(), 9u);
  const std::string copy = "abcdefghi";
  EXPECT_EQ(hash({{kText, copy}}), hash({{kText, "abcdefghi"}}));
}

TEST(HashKey, SpreadsNumbersOverTheLowBits) {
  std::set<std::uint64_t> low;
  for (int i = 0; i < 4096; ++i) low.insert(hash_key(kA, key(std::to_string(i))) & 4095);
  EXPECT_GT(low.size(), 2300u);  // a random function hits about 2,589
}

}  // namespace
}  // namespace peerd

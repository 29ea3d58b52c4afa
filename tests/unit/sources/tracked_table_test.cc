#include <gtest/gtest.h>

#include "peerd/changes/renaming.h"
#include "source_parts.h"

// What a table's changes are taken by: the numbers of its columns, as the catalog and the order in the stream tell them.
namespace peerd {
namespace {

using Settled = TrackedTable::Settled;

/// Noted as `noted`, and looked at as `now`.
TrackedTable tracked_as(std::vector<std::string> noted, std::vector<std::string> now, std::vector<std::string> exclude = {}) {
  MirrorTable t = table(noted);
  std::erase_if(t.schema.columns, [&](const Column& c) {
    return c.name.starts_with('-') || std::ranges::find(exclude, c.name) != exclude.end();
  });
  EXPECT_TRUE(take_notes(t, exclude, looked(std::move(noted))));
  TrackedTable tracked(t, std::move(exclude));
  tracked.looked(looked(std::move(now)), Lsn{500}, Lsn{10});
  return tracked;
}

TEST(TrackedTable, AnOlderShapeHoldsOnlyUpToWhereTheTablesOwnBegins) {
  TrackedTable tracked = tracked_as({"id", "a"}, {"id", "a"});
  tracked.announced(sent({"id"}));
  EXPECT_EQ(tracked.settle(Lsn{50}, Lsn{100}), Settled::yes);
  EXPECT_EQ(tracked.settle(Lsn{100}, Lsn{100}), Settled::yes);
  EXPECT_THROW(tracked.settle(Lsn{101}, Lsn{100}), Error);
}

TEST(TrackedTable, AColumnDroppedSinceIsPassedOverAndAnAddedOneIsAShape) {
  TrackedTable tracked = tracked_as({"id"}, {"id", "b"});
  tracked.announced(sent({"id", "b"}));
  EXPECT_EQ(tracked.settle(Lsn{50}, Lsn{100}), Settled::yes);
  EXPECT_EQ(tracked.settle(Lsn{100}, Lsn{100}), Settled::gained);
  ASSERT_EQ(tracked.added().size(), 1u);
  EXPECT_EQ(tracked.gain(looked({"id", "b"}), Lsn{200}, tracked.added()), "");
  EXPECT_EQ(tracked.settle(Lsn{100}, Lsn{100}), Settled::yes);
  EXPECT_EQ(tracked.table().schema.columns.size(), 2u);
}

TEST(TrackedTable, AChangedIdentityOrTypeIsRefused) {
  TrackedTable tracked = tracked_as({"id", "a"}, {"id", "a"});
  SentRelation relation = sent({"id", "a"});
  relation.identity = 'f';
  tracked.announced(relation);
  EXPECT_EQ(tracked.settle(Lsn{50}, Lsn{100}), Settled::yes) << "below, FULL shows the key too";
  EXPECT_THROW(tracked.settle(Lsn{101}, Lsn{100}), Error);
  relation = sent({"id", "a"});
  relation.columns[1].type_oid = 25;
  tracked.announced(relation);
  EXPECT_THROW(tracked.settle(Lsn{50}, Lsn{100}), Error);
  relation = sent({"id", "a"});
  relation.columns[0].in_key = false;
  relation.columns[1].in_key = true;
  tracked.announced(relation);
  EXPECT_THROW(tracked.settle(Lsn{50}, Lsn{100}), Error);
}

TEST(TrackedTable, BeforeItsOwnShapeColumnsAreToldByTheirPlaces) {
  // RENAME q TO q_old; ADD q: by its name alone the old q would be the new one.
  for (const auto& [before, now] : std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>>{
           {{"id", "q"}, {"id", "q_old", "q"}}, {{"id", "b", "a"}, {"id", "a", "b"}}, {{"id", "was_a"}, {"id", "a"}}}) {
    TrackedTable tracked = tracked_as(now, now);
    tracked.announced(sent(before));
    ASSERT_EQ(tracked.settle(Lsn{50}, Lsn{100}), Settled::yes) << before[1];
    EXPECT_EQ(tracked.shape().from[1], 1) << before[1];
  }
  // One was dropped at some time, and the sent ones are called otherwise: either of two.
  TrackedTable tracked = tracked_as({"id", "-", "a", "b"}, {"id", "-", "a", "b"});
  tracked.announced(sent({"id", "x", "y"}));
  EXPECT_THROW(tracked.settle(Lsn{50}, Lsn{100}), Error);
  tracked.announced(sent({"id", "a", "b"}));
  EXPECT_EQ(tracked.settle(Lsn{50}, Lsn{100}), Settled::yes);
}

TEST(TrackedTable, MoreColumnsThanThereAreAreNotGuessed) {
  TrackedTable tracked = tracked_as({"id", "a"}, {"id", "a"});
  tracked.announced(sent({"id", "x", "a"}));
  EXPECT_THROW(tracked.settle(Lsn{101}, Lsn{100}), Error);
}

std::vector<std::string> names(const TrackedTable& tracked) {
  std::vector<std::string> names;
  for (const Column& column : tracked.table().schema.columns) names.push_back(column.name);
  return names;
}

TEST(TrackedTable, ARenamedColumnKeepsItsPlace) {
  TrackedTable tracked = tracked_as({"id", "a", "b"}, {"id", "b", "a"});
  EXPECT_TRUE(tracked.behind());
  EXPECT_FALSE(tracked.passed_all());
  tracked.announced(sent({"id", "a", "b"}));
  ASSERT_EQ(tracked.settle(Lsn{150}, Lsn{100}), Settled::yes) << "a row of before";
  tracked.announced(sent({"id", "b", "a"}));
  ASSERT_EQ(tracked.settle(Lsn{200}, Lsn{100}), Settled::renamed);
  tracked.remember(Lsn{200}, Lsn{100});
  tracked.rename();
  ASSERT_EQ(tracked.settle(Lsn{200}, Lsn{100}), Settled::yes);
  EXPECT_EQ(names(tracked), (std::vector<std::string>{"id", "b", "a"}));
  EXPECT_EQ(tracked.shape().from, (std::vector<std::uint16_t>{0, 1, 2}));
  EXPECT_EQ(tracked.table().schema.columns[1].mapped, "a");
  EXPECT_FALSE(tracked.behind());
  // After a kill both come again.
  TrackedTable again(tracked.noted(), {});
  again.looked(looked({"id", "b", "a"}), Lsn{600}, Lsn{100});
  for (const auto& [commit, sent_names] : std::vector<std::pair<Lsn, std::vector<std::string>>>{
           {Lsn{150}, {"id", "a", "b"}}, {Lsn{200}, {"id", "a", "b"}}, {Lsn{200}, {"id", "b", "a"}}}) {
    again.announced(sent(sent_names));
    ASSERT_EQ(again.settle(commit, Lsn{200}), Settled::yes) << sent_names[1];
    EXPECT_EQ(again.shape().from, (std::vector<std::uint16_t>{0, 1, 2}));
  }
  EXPECT_EQ(names(again), (std::vector<std::string>{"id", "b", "a"}));
  // A second time, and back: the mapping has nothing to follow.
  again.looked(looked({"id", "a", "b"}), Lsn{700}, Lsn{300});
  again.announced(sent({"id", "a", "b"}));
  ASSERT_EQ(again.settle(Lsn{650}, Lsn{200}), Settled::renamed);
  again.rename();
  EXPECT_EQ(again.table().schema.columns[1].mapped, "");
}

// What was sent before tells which column a name was, where places alone do not.
TEST(TrackedTable, WhatWasAnnouncedBeforeIsRemembered) {
  TrackedTable tracked = tracked_as({"id", "-", "a", "b"}, {"id", "-", "x", "b"});
  tracked.announced(sent({"id", "a", "b"}));
  ASSERT_EQ(tracked.settle(Lsn{150}, Lsn{100}), Settled::yes);
  tracked.announced(sent({"id", "x", "b"}));
  ASSERT_EQ(tracked.settle(Lsn{200}, Lsn{100}), Settled::renamed);
  tracked.remember(Lsn{200}, Lsn{100});
  tracked.rename();
  TrackedTable again(tracked.noted(), {});
  again.looked(looked({"id", "-", "x", "b"}), Lsn{600}, Lsn{100});
  again.announced(sent({"id", "a", "b"}));
  ASSERT_EQ(again.settle(Lsn{150}, Lsn{200}), Settled::yes);
  EXPECT_EQ(again.shape().from, (std::vector<std::uint16_t>{0, 1, 2}));
  again.announced(sent({"id", "c", "b"}));
  EXPECT_THROW(again.settle(Lsn{150}, Lsn{200}), Error);
}

TEST(TrackedTable, ANameThatIsGivenToANewColumnIsNotTheOldOnes) {
  TrackedTable tracked = tracked_as({"id", "price"}, {"id", "price_old", "price"});
  tracked.announced(sent({"id", "price_old", "price"}));
  ASSERT_EQ(tracked.settle(Lsn{200}, Lsn{100}), Settled::renamed);
  tracked.rename();
  ASSERT_EQ(tracked.settle(Lsn{200}, Lsn{100}), Settled::gained);
  EXPECT_EQ(tracked.gain(looked({"id", "price_old", "price"}), Lsn{500}, tracked.added()), "");
  ASSERT_EQ(tracked.settle(Lsn{200}, Lsn{100}), Settled::yes);
  EXPECT_EQ(names(tracked), (std::vector<std::string>{"id", "price_old", "price"}));
}

TEST(TrackedTable, AnExcludedColumnStaysExcludedWhateverItIsCalled) {
  TrackedTable tracked = tracked_as({"id", "secret", "a"}, {"id", "s2", "secret"}, {"secret"});
  tracked.announced(sent({"id", "s2", "secret"}));
  ASSERT_EQ(tracked.settle(Lsn{200}, Lsn{100}), Settled::renamed);
  tracked.rename();
  ASSERT_EQ(tracked.settle(Lsn{200}, Lsn{100}), Settled::yes);
  EXPECT_EQ(names(tracked), (std::vector<std::string>{"id", "secret"}));
  EXPECT_EQ(tracked.shape().from, (std::vector<std::uint16_t>{0, 2}));
  EXPECT_EQ(tracked.noted().notes.excluded, (std::vector<CatalogNotes::Excluded>{{"s2", 2}}));
}

TEST(TrackedTable, ARenameThatNothingFollowsIsTakenInTime) {
  TrackedTable tracked = tracked_as({"id", "a"}, {"id", "b"});
  EXPECT_FALSE(tracked.passed_all());
  tracked.looked(looked({"id", "b"}), Lsn{600}, Lsn{550});
  ASSERT_TRUE(tracked.passed_all());
  tracked.take_names();
  EXPECT_FALSE(tracked.behind());
  EXPECT_EQ(names(tracked), (std::vector<std::string>{"id", "b"}));
}

std::string numbers(const MirrorTable& t, std::vector<std::string> now, std::size_t sent,
                    Written written = Written::perhaps_before_the_look) {
  const auto found = numbers_sent(t.schema, t.notes, numbers_of(looked(std::move(now))), sent, written);
  if (!found) return "?";
  std::string text;
  for (const std::int16_t number : *found) text += std::to_string(number);
  return text;
}

TEST(SentColumns, AreToldByTheirCountWhereThatIsEnough) {
  MirrorTable t = table({"id", "p", "q"});
  ASSERT_TRUE(take_notes(t, {}, looked({"id", "p", "q"})));
  EXPECT_EQ(numbers(t, {"id", "p", "q"}, 3), "123");
  EXPECT_EQ(numbers(t, {"id", "p", "-"}, 3), "123") << "a row of before";
  EXPECT_EQ(numbers(t, {"id", "p", "-"}, 2), "12");
  EXPECT_EQ(numbers(t, {"id", "-", "q"}, 2), "13");
  EXPECT_EQ(numbers(t, {"id", "-", "-"}, 1), "1");
  EXPECT_EQ(numbers(t, {"id", "-", "-"}, 2), "10") << "either of them";
  EXPECT_EQ(numbers(t, {"id", "p", "-", "n"}, 2), "12");
  EXPECT_EQ(numbers(t, {"id", "p", "-", "n"}, 4), "1234");
  EXPECT_EQ(numbers(t, {"id", "p", "-"}, 1), "?");
  EXPECT_EQ(numbers(t, {"id", "p", "-"}, 4), "?");
}

TEST(SentColumns, AreNotGuessed) {
  MirrorTable t = table({"id", "p", "q"});
  ASSERT_TRUE(take_notes(t, {}, looked({"id", "p", "q"})));
  // DROP q; ADD n: the third one is q, or n, which may have been called q.
  EXPECT_EQ(numbers(t, {"id", "p", "-", "n"}, 3), "?");
  EXPECT_EQ(numbers(t, {"id", "p", "-", "n"}, 3, Written::after_it), "124") << "nothing was altered since";
  EXPECT_EQ(numbers(t, {"id", "p", "-", "n"}, 2, Written::after_it), "?");
  // Which of the two was still there decides where p stands.
  EXPECT_EQ(numbers(t, {"id", "-", "q", "-"}, 3), "?");
  // A column that was generated, and of which nobody knows since when it is not.
  t.notes.last_number = 4;
  EXPECT_EQ(numbers(t, {"id", "p", "-", "g"}, 3), "?");
  EXPECT_EQ(numbers(t, {"id", "p", "q", "-"}, 3), "123") << "it was dropped before, or never sent";
}

TEST(SentColumns, ADroppedOneIsACandidateAsLongAsItMayCome) {
  MirrorTable t = table({"id", "b", "p"});
  ASSERT_TRUE(take_notes(t, {}, looked({"id", "b", "p"})));
  drop_columns(t.schema, t.notes, {2});
  ASSERT_EQ(t.notes.excluded, (std::vector<CatalogNotes::Excluded>{{"b", 2}}));
  EXPECT_EQ(t.notes.marks.size(), 2u);
  EXPECT_EQ(numbers(t, {"id", "-", "p"}, 3), "123");
  EXPECT_EQ(numbers_then(numbers_of(looked({"id", "-", "p"})), 2), std::nullopt) << "p, or what was dropped before p came";
  EXPECT_EQ(numbers_then(numbers_of(looked({"id", "a", "p"})), 2), (std::vector<std::int16_t>{1, 2})) << "p came later";
  t.notes.excluded[0].number = -2;
  EXPECT_EQ(numbers(t, {"id", "-", "p"}, 3), "?");
}

TEST(TrackedTable, ADroppedColumnIsLostWhereTheStreamLosesIt) {
  MirrorTable wide = table({"id", "q", "p"});
  ASSERT_TRUE(take_notes(wide, {}, looked({"id", "q", "p"})));
  wide.schema.key = {2};
  TrackedTable tracked(wide, {});
  EXPECT_EQ(tracked.looked(looked({"id", "-", "p"}), Lsn{500}, Lsn{100}).doubt, "");
  EXPECT_TRUE(tracked.loses());
  EXPECT_FALSE(tracked.passed_all());
  SentRelation relation = sent({"id", "q", "p"});
  relation.columns[0].in_key = false, relation.columns[2].in_key = true;
  tracked.announced(relation);
  EXPECT_EQ(tracked.settle(Lsn{200}, Lsn{50}), Settled::yes) << "a row of before";
  relation.columns.erase(relation.columns.begin() + 1);
  tracked.announced(relation);
  EXPECT_EQ(tracked.settle(Lsn{300}, Lsn{50}), Settled::lost);
  tracked.lose(true);
  EXPECT_EQ(tracked.settle(Lsn{300}, Lsn{50}), Settled::yes);
  const MirrorTable noted = tracked.noted();
  EXPECT_EQ(noted.schema.columns.size(), 2u);
  EXPECT_EQ(noted.schema.key, (std::vector<std::uint16_t>{1}));
  EXPECT_EQ(noted.notes.excluded.at(0), (CatalogNotes::Excluded{"q", -2}));
  EXPECT_EQ(tracked.looked(looked({"id", "-", "p"}), Lsn{600}, Lsn{300}).doubt, "");
}

// Another table came by its new shape in the same transaction, and peerd was killed before this one's.
TEST(TrackedTable, ADroppedColumnIsLostInTheTransactionThatTheShapesHoldFrom) {
  MirrorTable wide = table({"id", "q", "p"});
  ASSERT_TRUE(take_notes(wide, {}, looked({"id", "q", "p"})));
  TrackedTable tracked(wide, {});
  tracked.looked(looked({"id", "-", "p"}), Lsn{500}, Lsn{100});
  tracked.announced(sent({"id", "p"}));
  ASSERT_EQ(tracked.settle(Lsn{300}, Lsn{300}), Settled::lost);
  tracked.lose(true);
  EXPECT_EQ(tracked.settle(Lsn{300}, Lsn{300}), Settled::yes);
}

TEST(TrackedTable, ADroppedColumnOfTheKeyOrOneInItsPlaceIsRefused) {
  MirrorTable t = table({"id", "p", "q"});
  ASSERT_TRUE(take_notes(t, {}, looked({"id", "p", "q"})));
  EXPECT_THROW(TrackedTable(t, {}).looked(looked({"-", "p", "q"}), Lsn{500}, Lsn{100}), Error);
  TrackedTable other(t, {});
  other.looked(looked({"id", "p", "-", "q"}), Lsn{500}, Lsn{100});
  other.announced(sent({"id", "p", "q"}));
  EXPECT_THROW(other.settle(Lsn{200}, Lsn{50}), Error);
  // What is left is told by its place, whatever it was called.
  using Case = std::pair<std::vector<std::string>, Settled>;
  for (const auto& [relation, settled] :
       {Case{{"id", "p", "x"}, Settled::renamed}, Case{{"id", "q"}, Settled::lost}, Case{{"id", "q", "p"}, Settled::renamed}}) {
    TrackedTable tracked(t, {});
    tracked.looked(looked({"id", "p", "-"}), Lsn{500}, Lsn{100});
    tracked.announced(sent(relation));
    EXPECT_EQ(tracked.settle(Lsn{200}, Lsn{50}), settled) << relation.back();
    EXPECT_EQ(tracked.shape().from[1], 1);
  }
}

TEST(TrackedTable, OfSeveralDroppedColumnsNoneIsGuessed) {
  MirrorTable t = table({"id", "a", "b", "p"});
  ASSERT_TRUE(take_notes(t, {}, looked({"id", "a", "b", "p"})));
  TrackedTable tracked(t, {});
  tracked.looked(looked({"id", "-", "-", "p"}), Lsn{500}, Lsn{100});
  tracked.announced(sent({"id", "b", "p"}));
  ASSERT_EQ(tracked.settle(Lsn{200}, Lsn{50}), Settled::lost);
  tracked.lose(true);
  ASSERT_EQ(tracked.settle(Lsn{200}, Lsn{50}), Settled::yes);
  EXPECT_EQ(tracked.table().schema.columns.size(), 2u);
  EXPECT_EQ(tracked.shape().from, (std::vector<std::uint16_t>{0, 2})) << "p, and nothing of b";
  // So it is after a start, which does not know what was sent.
  TrackedTable again(tracked.noted(), {});
  again.looked(looked({"id", "-", "-", "p"}), Lsn{500}, Lsn{100});
  again.announced(sent({"id", "b", "p"}));
  EXPECT_EQ(again.settle(Lsn{250}, Lsn{200}), Settled::yes);
}

TEST(TrackedTable, ADropThatNothingFollowsIsPassedInTime) {
  MirrorTable t = table({"id", "q"});
  ASSERT_TRUE(take_notes(t, {}, looked({"id", "q"})));
  TrackedTable tracked(t, {});
  tracked.looked(looked({"id", "-"}), Lsn{500}, Lsn{100});
  EXPECT_FALSE(tracked.passed_all());
  tracked.looked(looked({"id", "-"}), Lsn{600}, Lsn{550});
  ASSERT_TRUE(tracked.passed_all());
  tracked.lose(true);
  EXPECT_FALSE(tracked.loses());
  EXPECT_EQ(tracked.table().schema.columns.size(), 1u);
}

}  // namespace
}  // namespace peerd

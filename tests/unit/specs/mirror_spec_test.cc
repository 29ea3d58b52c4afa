#include "peerd/specs/mirror_spec.h"

#include <gtest/gtest.h>

#include <set>

namespace peerd {
namespace {

TEST(MirrorOptions, DefaultsAreTheDocumentedOnes) {
  const MirrorSpec spec;
  EXPECT_TRUE(spec.boolean("do_initial_copy"));
  EXPECT_EQ(spec.text("publication_name"), "");
  EXPECT_EQ(spec.text("replication_slot_name"), "");
  EXPECT_EQ(spec.integer("max_batch_size"), 1'000'000);
  EXPECT_EQ(spec.integer("idle_timeout_seconds"), 60);
  EXPECT_EQ(spec.integer("snapshot_num_rows_per_partition"), 1'000'000);
  EXPECT_EQ(spec.integer("snapshot_max_parallel_workers"), 4);
  EXPECT_EQ(spec.integer("snapshot_num_tables_in_parallel"), 1);
  EXPECT_EQ(spec.text("soft_delete_col_name"), "_PEERDB_IS_DELETED");
  EXPECT_EQ(spec.text("synced_at_col_name"), "_PEERDB_SYNCED_AT");
}

TEST(MirrorOptions, EveryDefaultPassesItsOwnCheck) {
  for (const Option& option : mirror_options().options) {
    EXPECT_FALSE(option.doc.empty()) << option.name;
    if (option.default_text.empty()) continue;
    const RawOptions raw{{std::string(option.name), {RawOption::Kind::text, std::string(option.default_text)}}};
    Options checked;
    EXPECT_TRUE(check_options(mirror_options(), raw, checked).empty()) << option.name;
    EXPECT_EQ(checked.at(std::string(option.name)), option.default_text);
  }
}

TEST(MirrorOptions, OtherNamesMeanTheSame) {
  const RawOptions raw{{"sync_interval", {RawOption::Kind::number, "5"}},
                       {"do_initial_snapshot", {RawOption::Kind::boolean, "false"}}};
  MirrorSpec spec;
  spec.options = parse_options(mirror_options(), raw);
  EXPECT_EQ(spec.integer("idle_timeout_seconds"), 5);
  EXPECT_FALSE(spec.boolean("do_initial_copy"));
}

TEST(MirrorOptions, EmptySoftDeleteColumnIsAChoiceAndNotTheDefault) {
  MirrorSpec spec;
  spec.options = parse_options(mirror_options(), {{"soft_delete_col_name", {RawOption::Kind::text, ""}}});
  EXPECT_EQ(spec.text("soft_delete_col_name"), "");
}

TEST(MirrorOptions, SlipsAreSuggested) {
  Options checked;
  const RawOptions raw{{"max_batchsize", {RawOption::Kind::number, "5"}}};
  const Problems problems = check_options(mirror_options(), raw, checked);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].text.message, "CREATE MIRROR has no option \"max_batchsize\"");
  EXPECT_EQ(problems[0].text.hint, "did you mean \"max_batch_size\"?");
}

TEST(MirrorOptions, PrefixesOfMessagesAreAList) {
  MirrorSpec spec;
  EXPECT_TRUE(spec.message_prefixes().empty());
  spec.options["logical_messages"] = " , ";
  EXPECT_TRUE(spec.message_prefixes().empty());
  spec.options["logical_messages"] = "outbox, audit log ,*";
  EXPECT_EQ(spec.message_prefixes(), (std::vector<std::string>{"outbox", "audit log", "*"}));
}

TEST(MirrorStates, EveryWordIsReadBack) {
  std::set<std::string_view> words;
  for (int i = 0; i <= static_cast<int>(MirrorState::failed); ++i) {
    const auto state = static_cast<MirrorState>(i);
    EXPECT_EQ(parse_mirror_state(to_string(state)), state);
    words.insert(to_string(state));
  }
  EXPECT_EQ(words.size(), 9u);
  EXPECT_EQ(to_string(MirrorState::running), "RUNNING");
  EXPECT_EQ(to_string(MirrorState::failed), "FAILED");
  EXPECT_EQ(parse_mirror_state("running"), std::nullopt);
  EXPECT_EQ(parse_mirror_state(""), std::nullopt);
}

}  // namespace
}  // namespace peerd

// What tells a topic from another one of its name.
#include <gtest/gtest.h>

#include "kafka/topic_ends.h"

namespace peerd::kafka {
namespace {

using Ends = std::vector<std::int64_t>;

TEST(KafkaTopicEnds, WhatIsKnownIsNeverMoreThanWhatWasDelivered) {
  TopicEnds ends;
  EXPECT_FALSE(ends.unknown());
  ends.raise({0, 0, 0});
  ends.sent();
  EXPECT_TRUE(ends.unknown());
  ends.delivered(2, 7);
  ends.delivered(2, 9);
  ends.delivered(0, 0);
  EXPECT_FALSE(ends.unknown());
  EXPECT_EQ(ends.text(), "3 1,0,10");
  EXPECT_EQ(TopicEnds::read(ends.text()).text(), ends.text());
  EXPECT_EQ(TopicEnds::read(TopicEnds().text()).contradiction({}, 0), "");
  ends.raise({5, 0, 3});
  EXPECT_EQ(ends.text(), "3 5,0,10") << "a later look may come from before";
}

TEST(KafkaTopicEnds, ATopicThatEndsBeforeIsAnother) {
  TopicEnds ends = TopicEnds::read("3 1,0,10");
  EXPECT_EQ(ends.contradiction({1, 0, 10}, 0), "");
  EXPECT_EQ(ends.contradiction({1, 4, 11, 0}, 16), "") << "partitions may be added";
  EXPECT_EQ(ends.contradiction({1, 0, 9}, 0), "partition 2 was written up to offset 10 and ends at 9");
  EXPECT_EQ(ends.contradiction({5, 5}, 0), "partition 2 was written up to offset 10 and ends at 0");
  EXPECT_EQ(ends.contradiction({}, 0), "partition 0 was written up to offset 1 and ends at 0");
  EXPECT_EQ(ends.contradiction({1, 0, 10}, 12), "12 rows were copied into it, and all of its partitions together end at 11");
}

TEST(KafkaTopicEnds, KeysStayAmongThePartitionsThatThereWere) {
  TopicEnds ends = TopicEnds::read("3 1,0,10");
  EXPECT_EQ(ends.keyed(), 0u) << "noted by an older peerd";
  ends.key_over(3);
  ends.key_over(7);
  EXPECT_TRUE(ends.take_changed());
  EXPECT_EQ(ends.text(), "3:3 1,0,10");
  EXPECT_EQ(TopicEnds::read(ends.text()).keyed(), 3u);
  EXPECT_EQ(TopicEnds::read(ends.text()).text(), ends.text());
}

TEST(KafkaTopicEnds, AMessageThatGoesBeforeOthersIsSeen) {
  TopicEnds ends;
  ends.delivered(0, 5);
  EXPECT_EQ(ends.went_back(), "");
  ends.delivered(0, 0);
  EXPECT_EQ(ends.went_back(), "partition 0 was written up to offset 6 and ends at 0");
}

}  // namespace
}  // namespace peerd::kafka

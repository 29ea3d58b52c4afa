#include "shadow.h"

#include <gtest/gtest.h>

namespace peerd {
namespace {

TEST(ShadowName, IsTheTablesWithAWordBeforeIt) {
  EXPECT_EQ(shadow_name("orders"), "_peerd_resync_orders");
  EXPECT_TRUE(is_shadow_name(shadow_name("orders")));
  EXPECT_FALSE(is_shadow_name("orders"));
}

TEST(ShadowName, OfALongNameIsOneThatAServerTakesWhole) {
  const std::string one = shadow_name(std::string(60, 'a') + "1"), other = shadow_name(std::string(60, 'a') + "2");
  EXPECT_EQ(one.size(), 63u);
  EXPECT_NE(one, other);
  EXPECT_EQ(one, shadow_name(std::string(60, 'a') + "1"));
  for (std::size_t letters = 20; letters < 40; ++letters) {
    std::string name;
    for (std::size_t i = 0; i < letters; ++i) name += i == 0 && letters % 2 ? "x" : "ü";
    const std::string shadow = shadow_name(name);
    EXPECT_LE(shadow.size(), 63u);
    for (std::size_t i = 14; i + 1 < shadow.size(); ++i) {
      const bool first = static_cast<unsigned char>(shadow[i]) == 0xC3;
      EXPECT_EQ(first, (static_cast<unsigned char>(shadow[i + 1]) & 0xC0) == 0x80) << shadow << ": a letter is cut in two";
    }
  }
}

}  // namespace
}  // namespace peerd

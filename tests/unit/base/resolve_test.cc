#include "peerd/base/resolve.h"

#include <gtest/gtest.h>

#include "peerd/base/files.h"

namespace peerd {
namespace {

TEST(Resolve, AnAddressIsNoName) {
  for (const char* address : {"127.0.0.1", "10.0.0.255", "::1", "fe80::1", "::ffff:10.0.0.1"})
    EXPECT_TRUE(is_address(address)) << address;
  for (const char* name : {"", "localhost", "10.0.0", "10.0.0.256", "1.2.3.4.5", "[::1]", "::1%lo", "a.example", "127.1"})
    EXPECT_FALSE(is_address(name)) << name;
}

TEST(Files, WhatIsThereIsThere) {
  EXPECT_TRUE(is_there("/"));
  EXPECT_TRUE(is_there("/dev/null"));
  EXPECT_FALSE(is_there("/dev/null/x"));
  EXPECT_FALSE(is_there("/nowhere/at/all"));
  EXPECT_FALSE(is_there(""));
}

}  // namespace
}  // namespace peerd

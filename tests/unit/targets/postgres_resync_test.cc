#include <atomic>
#include <thread>

#include "postgres_fixture.h"

// A table copied anew: what a statement sees of it while the mirror itself works.
namespace peerd::testing_postgres {
namespace {

class PostgresResync : public RealPostgres {};

TEST_F(PostgresResync, WhoeverChecksWhileACopyIsTakenInSeesItBeforeOrAfter) {
  streaming();
  std::atomic<bool> ended{false};
  std::size_t looks = 0;
  Problems found;
  std::thread checker([&] {
    const auto other = make_postgres_target(peer_, mirror_, Lease{lease_.mirror, 0, lease_.uuid});
    for (; !ended && found.empty(); ++looks) found = other->check_resync(table_, std::nullopt, wait());
  });
  for (int i = 0; i < 30; ++i) {
    const TargetIdentity shadow = target().create_shadow(table_, std::nullopt, wait());
    target().swap(table_, shadow, wait());
  }
  ended = true;
  checker.join();
  EXPECT_GT(looks, 10u);
  EXPECT_TRUE(found.empty()) << found.front().text.message;
}

}  // namespace
}  // namespace peerd::testing_postgres

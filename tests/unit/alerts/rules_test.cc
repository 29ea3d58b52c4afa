#include "rules.h"

#include "alerts_fixture.h"

namespace peerd {
namespace {

using Says = Finding::Says;
using std::chrono::minutes;
using std::chrono::seconds;

class RulesTest : public testing::Test {
 protected:
  RulesTest() {
    trail.slot = SlotStatus{.slot = "peerd_s", .exists = true, .wal_status = "reserved"};
    trail.slot_seen = now;
    trail.worked = true;
    trail.running_since = now - std::chrono::hours(1);
    trail.moved_at = now;
    trail.applied_since = now;
  }
  Finding find(std::string_view cause) const {
    for (Finding& finding : judge_mirror(mirror, trail, thresholds, now))
      if (finding.cause == cause) return std::move(finding);
    ADD_FAILURE() << cause;
    return {};
  }
  Says says(std::string_view cause) const { return find(cause).says; }

  Clock::Instant now{std::chrono::hours(100)};
  MirrorStatus mirror = idle();
  MirrorTrail trail;
  AlertThresholds thresholds{.wal_kept_bytes = 1000, .lag_bytes = 1000, .lag = seconds(100), .retrying = seconds(30), .stalled = minutes(10)};
};

TEST_F(RulesTest, AnIdleMirrorIsNeverWrong) {
  trail.applied_since = now - std::chrono::hours(99);
  for (const Finding& finding : judge_mirror(mirror, trail, thresholds, now)) EXPECT_EQ(finding.says, Says::over) << finding.cause;
}

TEST_F(RulesTest, AMirrorThatBringsNothingThoughSomethingWaitsIsStalled) {
  mirror.server_end = Lsn{5000};
  mirror.position_lag = minutes(11);
  EXPECT_EQ(says("stalled"), Says::over) << "it has just brought something";
  trail.applied_since = now - minutes(11);
  EXPECT_EQ(says("stalled"), Says::holds);
  mirror.position_lag = seconds(5);
  EXPECT_EQ(says("stalled"), Says::unknown) << "what waits came just now, after a rest";
  mirror.position_lag = minutes(11);
  mirror.state = MirrorState::paused;
  EXPECT_EQ(says("stalled"), Says::over);
  mirror.state = MirrorState::running;
  trail.slot_seen = now - minutes(5);
  EXPECT_EQ(says("stalled"), Says::unknown) << "the source does not answer";
}

TEST_F(RulesTest, RetryingIsToldAfterItsTime) {
  mirror.failing = true;
  mirror.last_error = ErrorText{.code = ErrorCode::unreachable, .message = "peer dst is down", .hint = "start it"};
  trail.failing_since = now - seconds(29);
  trail.worked = false;
  EXPECT_EQ(says("retrying"), Says::unknown);
  trail.failing_since = now - seconds(31);
  EXPECT_EQ(says("retrying"), Says::holds);
  EXPECT_EQ(find("retrying").message, "mirror m has failed and tried again for 31 s: peer dst is down");
  EXPECT_EQ(find("retrying").hint, "start it");
  thresholds.retrying.reset();
  EXPECT_EQ(says("retrying"), Says::over);
}

TEST_F(RulesTest, ASpoolThatIsFullIsToldWithItsReason) {
  EXPECT_EQ(says("spool_full"), Says::over);
  mirror.spool_full = "the spool has its 10 MB (spool_max_bytes)";
  mirror.wal_kept_bytes = 5 << 20;
  EXPECT_EQ(find("spool_full").message,
            "mirror m receives nothing more, and its source keeps WAL, 5 MB by now: the spool has its 10 MB (spool_max_bytes)");
  EXPECT_EQ(severity_of("spool_full"), "critical");
}

TEST_F(RulesTest, ATableThatIsParkedIsToldUntilItIsCopiedAnew) {
  EXPECT_EQ(says("table_parked"), Says::over);
  mirror.tables.push_back({.id = TableId{1}, .source = "public.t", .target = "t"});
  mirror.tables.push_back({.id = TableId{2}, .source = "public.u", .target = "u"});
  EXPECT_EQ(says("table_parked"), Says::over);
  mirror.tables[1].parked = ParkedTable{Lsn{1}, 1, "it does not fit", "RESYNC TABLE public.u OF m"};
  for (const MirrorState state : {MirrorState::running, MirrorState::paused, MirrorState::failed}) {
    mirror.state = state;
    EXPECT_EQ(find("table_parked").message, "mirror m goes on without public.u, whose changes are left out: it does not fit");
    EXPECT_EQ(find("table_parked").hint, "RESYNC TABLE public.u OF m");
  }
  EXPECT_EQ(severity_of("table_parked"), "critical");
}

TEST_F(RulesTest, ATableThatAPatternNamesIsToldUntilItIsThere) {
  mirror.new_tables = {{"public.n", "n", "a pattern names it", "ALTER MIRROR m ADD TABLE public.n:n"}};
  EXPECT_EQ(find("new_tables").message, "mirror m does not have what its patterns name: public.n: a pattern names it");
  EXPECT_EQ(severity_of("new_tables"), "warning");
  mirror.new_tables.clear();
  EXPECT_EQ(says("new_tables"), Says::over);
}

TEST_F(RulesTest, APausedMirrorThatReceivesMayBeRetrying) {
  mirror.failing = true;
  trail.failing_since = now - seconds(31);
  mirror.state = MirrorState::paused;
  EXPECT_EQ(says("retrying"), Says::over);
  mirror.receives = true;
  EXPECT_EQ(says("retrying"), Says::holds);
}

TEST_F(RulesTest, FiguresNearTheirThresholdDoNotFlutter) {
  mirror.lag_time = seconds(100);
  EXPECT_EQ(says("lag_seconds"), Says::holds);
  trail.running_since = now - seconds(59);
  EXPECT_EQ(says("lag_seconds"), Says::unknown) << "it has just gone on after a pause";
  mirror.lag_time = seconds(90);
  EXPECT_EQ(says("lag_seconds"), Says::unknown);
  mirror.lag_time = seconds(79);
  EXPECT_EQ(says("lag_seconds"), Says::over);
  mirror.wal_kept_bytes = 1000;
  EXPECT_EQ(says("wal_kept"), Says::holds);
  mirror.wal_kept_bytes = 900;
  EXPECT_EQ(says("wal_kept"), Says::unknown);
  mirror.server_end = Lsn{2100};
  EXPECT_EQ(says("lag_bytes"), Says::holds);
  thresholds.lag_bytes.reset();
  EXPECT_EQ(says("lag_bytes"), Says::over);
}

TEST_F(RulesTest, ASlotThatKeepsMostOfItsBudgetIsTold) {
  thresholds.budget_percent = 80;
  EXPECT_EQ(says("wal_budget"), Says::unknown) << "the slot was not seen yet";
  mirror.wal_budget_bytes = 1000 << 20;
  EXPECT_EQ(says("wal_budget"), Says::over);
  mirror.wal_kept_bytes = 800 << 20;
  EXPECT_EQ(says("wal_budget"), Says::holds);
  EXPECT_EQ(find("wal_budget").message, "mirror m keeps 800 MB of WAL at peer src, more than 80 % of its budget of 1000 MB");
  mirror.wal_kept_bytes = 700 << 20;
  EXPECT_EQ(says("wal_budget"), Says::unknown);
  mirror.wal_kept_bytes = 600 << 20;
  EXPECT_EQ(says("wal_budget"), Says::over);
  mirror.state = MirrorState::paused;
  mirror.wal_kept_bytes = 1900 << 20;
  EXPECT_NE(find("wal_budget").hint.find("receive = true"), std::string::npos);
  thresholds.budget_percent.reset();
  EXPECT_EQ(says("wal_budget"), Says::over);
}

TEST_F(RulesTest, APausedMirrorLagsButKeepsWal) {
  mirror.state = MirrorState::paused;
  mirror.position_lag = std::chrono::hours(1);
  mirror.wal_kept_bytes = 5000;
  EXPECT_EQ(says("lag_seconds"), Says::over);
  EXPECT_EQ(says("wal_kept"), Says::holds);
  EXPECT_EQ(find("wal_kept").hint, "RESUME MIRROR m, or drop it: the source's disk fills");
}

TEST_F(RulesTest, ASlotIsLostGoneOrUnreserved) {
  trail.slot->wal_status = "lost";
  EXPECT_EQ(says("slot_lost"), Says::holds);
  EXPECT_EQ(says("slot_unreserved"), Says::unknown) << "it has come worse";
  trail.slot->exists = false;
  trail.slot->wal_status.clear();
  EXPECT_EQ(says("slot_lost"), Says::holds);
  mirror.state = MirrorState::terminating;
  EXPECT_EQ(says("slot_lost"), Says::unknown) << "a drop removes it";
  mirror.state = MirrorState::running;
  trail.slot = SlotStatus{.slot = "peerd_s", .exists = true, .wal_status = "unreserved"};
  EXPECT_EQ(says("slot_unreserved"), Says::holds);
  EXPECT_EQ(says("slot_lost"), Says::over);
  trail.slot.reset();
  trail.slot_seen.reset();
  EXPECT_EQ(says("slot_unreserved"), Says::unknown);
}

}  // namespace
}  // namespace peerd

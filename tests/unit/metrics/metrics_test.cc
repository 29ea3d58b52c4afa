#include "peerd/metrics/metrics.h"

#include <gtest/gtest.h>

#include "exposition.h"

namespace peerd {
namespace {

MirrorStatus status(std::int64_t id, std::string name = "m") {
  MirrorStatus status;
  status.id = MirrorId{id};
  status.name = std::move(name);
  status.source = "src";
  status.target = "dst";
  status.state = MirrorState::running;
  status.server_end = Lsn{500};
  status.applied = Lsn{400};
  status.lag_time = std::chrono::milliseconds(1500);
  status.tables = {{.id = {}, .source = "public.t", .target = "t"}};
  return status;
}

BatchRecord batch(std::uint64_t inserts) {
  BatchRecord record;
  record.inserts = inserts;
  record.bytes = 100 * inserts;
  record.waited = std::chrono::milliseconds(7);
  record.applied = std::chrono::milliseconds(700);
  record.stages[Stage::commit] = std::chrono::milliseconds(250);
  return record;
}

class MetricsTest : public testing::Test {
 protected:
  std::string page(std::vector<MirrorStatus> mirrors) { return metrics.text({.mirrors = std::move(mirrors), .operators = {}, .tables = tables}); }
  static bool shows(const std::string& page, const std::string& line) { return page.find("\n" + line + "\n") != std::string::npos; }
  Metrics metrics;
  bool tables = false;
};

TEST_F(MetricsTest, AMirrorShowsItsStatusAndWhatWasCounted) {
  metrics.batch_done(MirrorId{1}, batch(2));
  metrics.batch_done(MirrorId{1}, batch(3));
  metrics.batch_done(MirrorId{1}, batch(0));
  metrics.chunk_done(MirrorId{1}, {.chunk = {}, .done = true, .counts = {.rows = 12, .bytes = 90}});
  metrics.failed(MirrorId{1}, {.code = ErrorCode::unreachable}, Verdict::retry);
  const std::string shown = page({status(1)});
  for (const char* line : {
           R"(peerd_mirror_state{mirror="m",state="RUNNING"} 1)", R"(peerd_mirror_state{mirror="m",state="FAILED"} 0)",
           R"(peerd_mirror_lag_bytes{mirror="m"} 100)", R"(peerd_mirror_lag_seconds{mirror="m"} 1.5)",
           R"(peerd_mirror_changes_total{mirror="m",kind="insert"} 5)", R"(peerd_mirror_changes_total{mirror="m",kind="truncate"} 0)",
           R"(peerd_mirror_streamed_bytes_total{mirror="m"} 500)", R"(peerd_mirror_copied_rows_total{mirror="m"} 12)",
           R"(peerd_mirror_batches_total{mirror="m"} 2)", R"(peerd_mirror_errors_total{mirror="m",code="unreachable"} 1)",
           R"(peerd_mirror_batch_seconds_bucket{mirror="m",stage="apply",le="0.5"} 0)", R"(peerd_mirror_stage_seconds_total{mirror="m",stage="commit"} 0.5)",
           R"(peerd_mirror_batch_seconds_bucket{mirror="m",stage="apply",le="1"} 2)",
           R"(peerd_mirror_batch_seconds_bucket{mirror="m",stage="apply",le="60"} 2)",
           R"(peerd_mirror_batch_seconds_bucket{mirror="m",stage="queue",le="0.01"} 2)",
           R"(peerd_mirror_batch_seconds_sum{mirror="m",stage="apply"} 1.4)", R"(peerd_mirrors 1)"})
    EXPECT_TRUE(shows(shown, line)) << line << "\n" << shown;
  EXPECT_EQ(shown.find("peerd_table"), std::string::npos);
  EXPECT_EQ(shown.find("slot_status{"), std::string::npos) << "nobody has seen the slot";
}

TEST_F(MetricsTest, CountersGoOnWhereAMirrorIsMadeAnew) {
  metrics.batch_done(MirrorId{1}, batch(5));
  page({status(1)});
  metrics.moved(MirrorId{1}, MirrorState::terminating, MirrorState::terminated, "dropped");
  EXPECT_EQ(page({}).find("mirror=\"m\""), std::string::npos);
  EXPECT_TRUE(shows(page({status(2)}), R"(peerd_mirror_changes_total{mirror="m",kind="insert"} 5)"));
  metrics.batch_done(MirrorId{2}, batch(3));
  EXPECT_TRUE(shows(page({status(2)}), R"(peerd_mirror_changes_total{mirror="m",kind="insert"} 8)"));
}

TEST_F(MetricsTest, CountersOfTablesNeverFall) {
  tables = true;
  const auto inserted = [&](std::int64_t id, std::uint64_t inserts) {
    MirrorStatus mirror = status(id);
    mirror.tables[0].inserts = inserts;
    const std::string shown = page({mirror}), name = R"(peerd_table_changes_total{mirror="m",source="public.t",target="t",kind="insert"} )";
    return std::stoi(shown.substr(shown.find(name) + name.size()));
  };
  EXPECT_EQ(inserted(1, 5), 5);
  EXPECT_EQ(inserted(1, 7), 7);
  EXPECT_EQ(inserted(2, 7), 14) << "of another mirror by that name";
  EXPECT_EQ(inserted(2, 1), 15) << "counted anew";
}

TEST_F(MetricsTest, ASeriesComesOnceThoughTwoHaveTheName) {
  const std::string shown = page({status(7), status(3)}), line = "peerd_mirror_lag_bytes{";
  EXPECT_EQ(shown.find(line), shown.rfind(line));
}

TEST_F(MetricsTest, ASlotIsShownInOneOfItsStates) {
  metrics.slot_seen(MirrorId{1}, {.slot = "s", .exists = true, .wal_status = "unreserved"});
  EXPECT_TRUE(shows(page({status(1)}), R"(peerd_mirror_slot_status{mirror="m",status="unreserved"} 1)"));
  metrics.slot_seen(MirrorId{1}, {.slot = "s", .exists = false, .wal_status = {}});
  const std::string shown = page({status(1)});
  EXPECT_TRUE(shows(shown, R"(peerd_mirror_slot_status{mirror="m",status="unreserved"} 0)"));
  EXPECT_TRUE(shows(shown, R"(peerd_mirror_slot_status{mirror="m",status="gone"} 1)"));
}

TEST_F(MetricsTest, ALookAtTheSlotOfAMirrorThatHasEndedIsForgotten) {
  metrics.slot_seen(MirrorId{1}, {.slot = "s", .exists = true, .wal_status = "reserved"});
  metrics.moved(MirrorId{1}, MirrorState::terminating, MirrorState::terminated, "dropped");
  metrics.slot_seen(MirrorId{1}, {.slot = "s", .exists = true, .wal_status = "reserved"});
  page({status(2, "other")});
  EXPECT_EQ(page({status(1)}).find("slot_status{"), std::string::npos);
}

TEST(EscapeLabel, KeepsTextAndMendsWhatIsNone) {
  EXPECT_EQ(escape_label("a\"b\\c\nd"), R"(a\"b\\c\nd)");
  EXPECT_EQ(escape_label("größe 表"), "größe 表");
  EXPECT_EQ(escape_label("x\xff" "y\xc3"), "x\xEF\xBF\xBDy\xEF\xBF\xBD");
}

}  // namespace
}  // namespace peerd

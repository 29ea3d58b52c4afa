#include <nlohmann/json.hpp>

#include "copy_began.h"
#include "newest_lines.h"
#include "paging.h"
#include "rest_fixture.h"
#include "row_count.h"

namespace peerd::rest {
namespace {

using Json = nlohmann::json;

class RestFigures : public Rest {
 protected:
  void SetUp() override {
    make_peers();
    create(asked("m"));
    id_ = mirrors_.record("m").id;
  }
  Json ok(const net::HttpReply& reply) {
    EXPECT_EQ(reply.status, 200) << reply.body;
    return Json::parse(reply.body);
  }
  void apply_batches(int count) {
    const Lease lease = *catalog_->lease(id_, "me", std::chrono::hours(1));
    for (int i = 1; i <= count; ++i) {
      BatchRecord batch{.first = Lsn{100u * static_cast<unsigned>(i)}, .end = Lsn{100u * static_cast<unsigned>(i) + 50}};
      batch.inserts = static_cast<std::uint64_t>(i);
      catalog_->checkpoint(lease, Durable{batch.end}, batch);
    }
  }
  static std::vector<std::string> ids(const Json& reply) {
    std::vector<std::string> found;
    for (const Json& batch : reply["cdcBatches"]) found.push_back(batch["batchId"]);
    return found;
  }
  MirrorId id_;
};

using Ids = std::vector<std::string>;

TEST_F(RestFigures, BatchesComeNewestFirstAndByPages) {
  apply_batches(5);
  const Json all = ok(get("mirrors/cdc/batches/m"));
  EXPECT_EQ(ids(all), (Ids{"5", "4", "3", "2", "1"}));
  EXPECT_EQ(all["total"], 5);
  EXPECT_EQ(all["page"], 0);
  EXPECT_EQ(all["cdcBatches"][0]["startLsn"], "500");
  EXPECT_EQ(all["cdcBatches"][0]["endLsn"], "550");
  EXPECT_EQ(all["cdcBatches"][0]["numRows"], "5");
  const auto ask = [&](const std::string& more) {
    return ok(post("mirrors/cdc/batches", R"({"flow_job_name": "m", "limit": 2)" + more + "}"));
  };
  EXPECT_EQ(ids(ask("")), (Ids{"5", "4"}));
  EXPECT_EQ(ids(ask(R"(, "before_id": 4, "after_id": -1)")), (Ids{"3", "2"}));
  EXPECT_EQ(ask(R"(, "before_id": 4)")["page"], 2);
  EXPECT_EQ(ids(ask(R"(, "before_id": -1, "after_id": 1)")), (Ids{"3", "2"})) << "the nearest ones above";
  EXPECT_EQ(ids(ask(R"(, "after_id": 1)")), (Ids{"3", "2"})) << "the other id may be left out";
  EXPECT_EQ(ids(ask(R"(, "ascending": true)")), (Ids{"1", "2"}));
  EXPECT_EQ(ids(ok(get("mirrors/cdc/batches/m?limit=2&afterId=3&ascending=true"))), (Ids{"4", "5"}));
  EXPECT_EQ(get("mirrors/cdc/batches/none").status, 404);
  EXPECT_EQ(get("mirrors/cdc/batches/m?limit=x").status, 400);
  for (const char* id : {"before_id", "after_id"}) {
    const auto reply = post("mirrors/cdc/batches", std::string(R"({"flow_job_name": "m", ")") + id + "\": -2}");
    EXPECT_EQ(reply.status, 400) << id;
    EXPECT_TRUE(has(reply.body, id)) << reply.body;
  }
}

TEST_F(RestFigures, TheGraphHasTheRowsOfItsStepsAndNoneOfBeforeTheyWereKept) {
  const std::int64_t now = std::chrono::duration_cast<std::chrono::seconds>(system_clock().wall().time_since_epoch()).count();
  const HistoryStore::Of samples[] = {{id_, {.at = now / 10 * 10, .inserts = 3, .updates = 2, .deletes = 1}},
                                      {id_, {.at = now / 10 * 10 - 7200, .inserts = 10}}};
  catalog_->record(samples);
  const auto ask = [&](const std::string& type, const std::string& mode = "GRAPH_MODE_GROUP_BY") {
    return ok(post("mirrors/cdc/graph", R"({"flow_job_name": "m", "aggregate_type": "TIME_AGGREGATE_TYPE_)" + type +
                                            R"(", "mode": ")" + mode + "\"}"));
  };
  const Json hours = ask("ONE_HOUR");
  ASSERT_EQ(hours["data"].size(), 30u);
  EXPECT_EQ(hours["totalRows"], "16");
  EXPECT_EQ(hours["data"][29]["rows"], 6);
  EXPECT_EQ(hours["data"][27]["rows"], 10);
  EXPECT_EQ(hours["data"][1]["time"].get<double>() - hours["data"][0]["time"].get<double>(), 3'600'000);
  EXPECT_EQ(ask("FIVE_MIN", "GRAPH_MODE_LAST_X")["totalRows"], "6");
  EXPECT_EQ(ask("ONE_DAY", "GRAPH_MODE_LAST_X")["data"].size(), 24u);
  EXPECT_EQ(ask("ONE_MONTH")["totalRows"], "16");
  EXPECT_EQ(post("mirrors/cdc/graph", R"({"flow_job_name": "m"})").status, 400);
  for (const char* mode : {"3", "-1", "\"GRAPH_MODE_NONE\""}) {
    const auto reply = post("mirrors/cdc/graph", std::string(R"({"flow_job_name": "m", "aggregate_type": 4, "mode": )") + mode + "}");
    EXPECT_EQ(reply.status, 400) << mode;
    EXPECT_TRUE(has(reply.body, "mode")) << reply.body;
  }
}

TEST_F(RestFigures, CountsSaySinceWhen) {
  const Json counts = ok(get("mirrors/cdc/table_total_counts/m"));
  EXPECT_EQ(counts["totalData"]["totalCount"], "0");
  EXPECT_TRUE(counts["countedSince"].is_string());
  const Json rows = ok(get("mirrors/total_rows_synced/m?exclude_cdc=true"));
  EXPECT_EQ(rows["totalCountCDC"], "0");
  EXPECT_EQ(rows["totalCount"], rows["totalCountInitialLoad"]);
  EXPECT_EQ(get("mirrors/total_rows_synced/none").status, 404);
}

TEST_F(RestFigures, LogsAreThoseOfTheMirrorThatIsNamed) {
  mirrors_.create({"m_too", "src", "dst", {{"public.u", "public.other", {}}}, {}}, IfExists::no, wait());
  const std::int64_t start = catalog_->logs(id_).empty() ? 0 : catalog_->logs(id_).back().id;
  catalog_->log(id_, {.level = "info", .message = "one"});
  catalog_->log(id_, {.level = "warning", .message = "two", .hint = "a cure"});
  catalog_->log(id_, {.level = "error", .message = "three"});
  catalog_->log(mirrors_.record("m_too").id, {.level = "error", .message = "another's"});
  const auto ask = [&](const std::string& body) { return ok(post("mirrors/logs", body)); };
  const auto messages = [](const Json& reply) {
    Ids found;
    for (const Json& line : reply["errors"]) found.push_back(line["errorMessage"]);
    return found;
  };
  const Json all = ask(R"({"flow_job_name": "m", "num_per_page": 3})");
  EXPECT_EQ(messages(all), (Ids{"three", "two", "one"}));
  EXPECT_EQ(all["page"], 1);
  for (const char* level : {"warn", "warning"}) {
    const Json warned = ask(std::string(R"({"flow_job_name": "m", "level": ")") + level + "\"}");
    EXPECT_EQ(messages(warned), (Ids{"two"}));
    EXPECT_EQ(warned["errors"][0]["errorType"], "warn");
    EXPECT_EQ(warned["errors"][0]["hint"], "a cure");
  }
  EXPECT_EQ(messages(ask(R"({"flow_job_name": "m", "num_per_page": 1, "before_id": )" + std::to_string(start + 3) + "}")),
            (Ids{"two"}));
  EXPECT_EQ(messages(ask(R"({"level": "error"})")).size(), 2u);
  EXPECT_EQ(messages(ask(R"({"flow_job_name": "m", "num_per_page": 1, "page": 2})")), (Ids{"two"}));
  EXPECT_EQ(ask(R"({"level": "error", "num_per_page": 1})")["total"], 2);
  EXPECT_EQ(messages(ask(R"({"level": "error", "num_per_page": 1, "page": 3})")), (Ids{}));
  EXPECT_EQ(post("mirrors/logs", R"({"flow_job_name": "m", "after_id": -2})").status, 400);
  EXPECT_EQ(post("mirrors/logs", R"({"before_id": 3})").status, 400) << "each mirror has ids of its own";
  EXPECT_EQ(post("mirrors/logs", R"({"level": "loud"})").status, 400);
  EXPECT_EQ(post("mirrors/logs", R"({"flow_job_name": "none"})").status, 404);
}

TEST_F(RestFigures, RowsAreCountedBetweenPostgresServersAlone) {
  mirrors_.create({"mch", "src", "ch", {{"public.t", "t", {}}}, {}}, IfExists::no, wait());
  const auto reply = post("mirrors/row_counts", R"({"flow_job_name": "mch"})");
  EXPECT_EQ(reply.status, 400);
  EXPECT_TRUE(has(reply.body, "CLICKHOUSE")) << reply.body;
  EXPECT_EQ(post("mirrors/row_counts", R"({"flow_job_name": "m", "source_tables": ["public.nope"]})").status, 400);
}

TEST_F(RestFigures, TheLagOfASlotIsThatOfItsMirror) {
  const Lease lease = *catalog_->lease(id_, "me", std::chrono::hours(1));
  catalog_->begin(lease, {"the_slot", Lsn{1}}, {});
  const std::int64_t now = std::chrono::duration_cast<std::chrono::seconds>(system_clock().wall().time_since_epoch()).count();
  const HistoryStore::Of sample[] = {{id_, {.at = now / 10 * 10 - 60, .wal_kept_bytes = 2'000'000'000}}};
  catalog_->record(sample);
  const auto ask = [&](const std::string& slot, const std::string& since) {
    return post("peers/slots/lag_history",
                R"({"peer_name": "src", "slot_name": ")" + slot + R"(", "time_since": ")" + since + "\"}");
  };
  const Json lag = ok(ask("the_slot", "1 hour"));
  ASSERT_EQ(lag["data"].size(), 1u);
  EXPECT_EQ(lag["data"][0]["size"], 2.0);
  EXPECT_FALSE(lag["data"][0].contains("redoLSN")) << "what was not written down is not told";
  EXPECT_EQ(ok(ask("other", "1 hour"))["data"], Json::array());
  for (const char* wrong : {"", "hour", "1 fortnight", "-1 day", "1 hour 5 minutes"}) EXPECT_EQ(ask("the_slot", wrong).status, 400) << wrong;
  EXPECT_EQ(post("peers/slots/lag_history", R"({"peer_name": "none", "slot_name": "s", "time_since": "1 hour"})").status, 404);
}

TEST_F(RestFigures, ACopyBeganWhenSetupEndedAndNotWhenItWasResumed) {
  const auto log = [&](const std::string& message) { catalog_->log(id_, {.level = "info", .message = message}); };
  log("is SNAPSHOT, was PAUSED");
  log("is SNAPSHOT, was FAILED");
  EXPECT_EQ(copy_began_us(*catalog_, id_), 0) << "the line that told of its beginning is gone";
  log("is SNAPSHOT, was SETUP");
  EXPECT_EQ(copy_began_us(*catalog_, id_), catalog_->logs(id_).back().at_us);
}

/// Answers its first queries, and then takes too long.
class SlowSession final : public PeerSession {
 public:
  explicit SlowSession(int answered) : answered_(answered) {}
  Problems check(const Wait&) override { return {}; }
  std::string server_version(const Wait&) override { return {}; }
  void query(std::string_view, RowSink& sink, const Wait&) override {
    if (++asked > answered_) throw Error(ErrorCode::timeout, "the query took too long");
    const std::optional<std::string_view> cells[] = {"7", "7", "f"};
    sink.row(cells);
  }
  int asked = 0;

 private:
  const int answered_;
};

TEST(CountRows, WhatThereIsNoTimeForIsNotKnown) {
  const auto count = [](SlowSession& session, std::chrono::seconds left) {
    return count_rows(session, "public.t", "", Wait::at_most(left)).rows;
  };
  using std::chrono::seconds;
  SlowSession quick(2), locked(0), large(1), late(2);
  EXPECT_EQ(count(quick, seconds(60)), 7);
  EXPECT_EQ(count(locked, seconds(60)), -1);
  EXPECT_EQ(count(large, seconds(60)), -1);
  EXPECT_EQ(count(late, seconds(-1)), -1);
  EXPECT_EQ(late.asked, 0) << "nobody is asked when the time is over";
}

TEST(NewestLines, HoldsWhatAPageNeedsAndCountsTheRest) {
  NewestLines newest(3);
  const auto log = [](const std::string& mirror, std::vector<std::int64_t> times) {
    std::vector<LogLine> lines;
    for (const std::int64_t time : times) lines.push_back({mirror, {.at_us = time, .level = "info", .message = mirror}});
    return lines;
  };
  newest.add(log("a", {10, 30, 50}));
  newest.add(log("b", {20, 40, 60}));
  newest.add(log("c", {}));
  std::vector<std::int64_t> times;
  for (const LogLine& line : newest.lines()) times.push_back(line.log.at_us);
  EXPECT_EQ(times, (std::vector<std::int64_t>{40, 50, 60}));
  EXPECT_EQ(newest.total(), 6u);
}

TEST(CutPage, TakesWhatLiesNextToTheIdThatIsNamed) {
  const std::vector<std::int64_t> ids{2, 4, 6, 8};
  const auto cut = [&](Page page) {
    const Cut found = cut_page(ids, page);
    return std::vector<std::int64_t>(ids.begin() + static_cast<std::ptrdiff_t>(found.begin),
                                     ids.begin() + static_cast<std::ptrdiff_t>(found.end));
  };
  using List = std::vector<std::int64_t>;
  EXPECT_EQ(cut({}), ids);
  EXPECT_EQ(cut({.limit = 3}), (List{4, 6, 8}));
  EXPECT_EQ(cut({.limit = 3, .ascending = true}), (List{2, 4, 6}));
  EXPECT_EQ(cut({.before = 5, .limit = 9}), (List{2, 4}));
  EXPECT_EQ(cut({.before = 8, .limit = 1}), (List{6}));
  EXPECT_EQ(cut({.before = -1, .after = 4, .limit = 1}), (List{6}));
  EXPECT_EQ(cut({.before = 1, .limit = 1}), (List{}));
  EXPECT_EQ(cut_page(ids, {.before = 5, .limit = 2}).page, 2);
  EXPECT_EQ(cut_page({}, {.limit = 2}).page, 1);
}

}  // namespace
}  // namespace peerd::rest

#include <nlohmann/json.hpp>

#include "rest_fixture.h"

namespace peerd::rest {
namespace {

using Json = nlohmann::json;

class RestHistory : public Rest {
 protected:
  /// Two samples of mirror "m", the later one `ago` seconds old.
  void make_history(std::int64_t ago) {
    make_peers();
    create(asked("m"));
    last_ = std::chrono::duration_cast<std::chrono::seconds>(system_clock().wall().time_since_epoch()).count() / 10 * 10 - ago;
    const MirrorId id = mirrors_.record("m").id;
    const HistoryStore::Of samples[] = {
        {id, {.at = last_ - 20, .span_ms = 10'000, .lag_bytes = 5, .lag_ms = 1500, .wal_kept_bytes = 7, .inserts = 25}},
        {id, {.at = last_, .span_ms = 5'000, .inserts = 10, .updates = 5, .deletes = 1, .bytes = 100, .batches = 4, .batch_ms = 10}}};
    catalog_->record(samples);
  }
  Json ask(const std::string& path) {
    const auto reply = get(path);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return Json::parse(reply.body);
  }
  std::int64_t last_ = 0;
};

TEST_F(RestHistory, IsColumnsWithGaps) {
  make_history(60);
  const std::string range = "from=" + std::to_string(last_ - 20) + "&to=" + std::to_string(last_);
  EXPECT_EQ(ask("mirrors/m/history?" + range),
            Json::parse(R"({"mirror":"m","step_seconds":10,"at":[)" + std::to_string(last_ - 20) + "," +
                        std::to_string(last_ - 10) + "," + std::to_string(last_) + R"(],
                "lag_bytes":[5,null,0],"lag_seconds":[1.5,null,0.0],"wal_kept_bytes":[7,null,0],
                "inserts_per_second":[2.5,null,2.0],"updates_per_second":[0.0,null,1.0],"deletes_per_second":[0.0,null,0.2],
                "bytes_per_second":[0.0,null,20.0],"batch_ms":[null,null,2.5]})"));
}

TEST_F(RestHistory, IsTheLastHourUnlessAskedOtherwise) {
  make_history(60);
  const Json hour = ask("mirrors/m/history");
  EXPECT_EQ(hour["at"].size(), 360u);
  EXPECT_EQ(hour["step_seconds"], 10);
  const Json wide = ask("mirrors/m/history?points=10");
  EXPECT_LE(wide["at"].size(), 10u);
  EXPECT_EQ(ask("mirrors/m/history?from=0&points=100")["step_seconds"], 26'100);
}

TEST_F(RestHistory, OfAllMirrorsIsForSparklines) {
  make_history(30);
  const Json all = ask("history?minutes=10&points=60")["mirrors"]["m"];
  EXPECT_EQ(all["at"].size(), 60u);
  EXPECT_EQ(all["lag_seconds"].size(), 60u);
  const std::size_t place = static_cast<std::size_t>((last_ - all["at"][0].get<std::int64_t>()) / 10);
  EXPECT_EQ(all["rows_per_second"][place], 3.2);
}

TEST_F(RestHistory, RefusesWhatCannotBe) {
  make_history(60);
  EXPECT_EQ(get("mirrors/nope/history").status, 404);
  EXPECT_EQ(get("mirrors/m/history?points=0").status, 400);
  EXPECT_EQ(get("mirrors/m/history?from=20&to=10").status, 400);
  EXPECT_EQ(get("history?minutes=0").status, 400);
}

}  // namespace
}  // namespace peerd::rest

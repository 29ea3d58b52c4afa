#include <nlohmann/json.hpp>

#include "rest_fixture.h"

namespace peerd::rest {
namespace {

using Json = nlohmann::json;

class RestViews : public Rest {
 protected:
  Json rows(const std::string& path) {
    const auto reply = get("views/" + path);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return Json::parse(reply.body)["rows"];
  }
  void make_mirrors() {
    make_peers();
    ASSERT_EQ(post("flows/cdc/create", kMirror).status, 200);
    for (int i = 0; i < 5; ++i)
      catalog_->log(mirrors_.record("m").id, {.level = i == 0 ? "error" : "info", .message = "line " + std::to_string(i)});
  }
};

TEST_F(RestViews, AreListedWithTheirColumns) {
  const Json all = Json::parse(get("views").body)["views"];
  const auto expected = views(peers_, mirrors_, *catalog_);
  ASSERT_EQ(all.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(all[i]["name"], expected[i].name);
    EXPECT_EQ(all[i]["doc"], expected[i].doc);
    EXPECT_EQ(all[i]["columns"].size(), expected[i].columns.size());
  }
  EXPECT_EQ(all[1]["columns"][12], Json::parse(R"({"name":"lag_seconds","type":"real"})"));
}

TEST_F(RestViews, RowsHaveTypedValues) {
  make_mirrors();
  const Json all = rows("mirrors");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0]["name"], "m");
  EXPECT_EQ(all[0]["lag_bytes"], 0);
  EXPECT_EQ(all[0]["consistent"], false);
  EXPECT_EQ(all[0]["last_error"], nullptr);
}

TEST_F(RestViews, ColumnsFilterAndTheLastRowsCount) {
  make_mirrors();
  EXPECT_EQ(rows("mirror_logs?mirror=m").size(), 5u);
  EXPECT_EQ(rows("mirror_logs?mirror=n").size(), 0u);
  EXPECT_EQ(rows("mirror_logs?level=error").size(), 1u);
  EXPECT_EQ(rows("mirror_logs?message=line+2&level=info")[0]["id"], 3);
  EXPECT_EQ(rows("mirrors?consistent=false").size(), 1u);
  EXPECT_EQ(rows("mirrors?consistent=true").size(), 0u);
  const Json last = rows("mirror_logs?mirror=m&limit=2");
  ASSERT_EQ(last.size(), 2u);
  EXPECT_EQ(last[0]["message"], "line 3");
  EXPECT_EQ(last[1]["message"], "line 4");
}

TEST_F(RestViews, WhatIsNotThereIsTold) {
  EXPECT_EQ(get("views/mirrorz").status, 404);
  EXPECT_TRUE(has(get("views/mirrorz").body, "did you mean mirrors"));
  const auto column = get("views/mirrors?stat=x");
  EXPECT_EQ(column.status, 400);
  EXPECT_TRUE(has(column.body, "did you mean state")) << column.body;
  EXPECT_EQ(get("views/mirrors?limit=0").status, 400);
  EXPECT_EQ(get("views/mirrors?limit=10001").status, 400);
}

}  // namespace
}  // namespace peerd::rest

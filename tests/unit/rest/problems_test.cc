#include <nlohmann/json.hpp>

#include "rest_fixture.h"

namespace peerd::rest {
namespace {

using Json = nlohmann::json;

class RestProblems : public Rest {
 protected:
  /// The details of a refused validation, which a creation repeats.
  Json details(const std::string& body) {
    const auto reply = post("mirrors/cdc/validate", body), created = post("flows/cdc/create", body);
    EXPECT_EQ(reply.status, 400) << reply.body;
    EXPECT_EQ(Json::parse(created.body), Json::parse(reply.body));
    return Json::parse(reply.body)["details"];
  }
};

TEST_F(RestProblems, AreToldAllAtOnceEachByItself) {
  make_peers();
  world_.source("src").set_problems({problem("wal_level is replica", "ALTER SYSTEM SET wal_level = logical")});
  const Json all = details(R"({"connection_configs": {"flow_job_name": "no good name", "source_name": "src",
      "destination_name": "dst", "table_mappings": [{"source_table_identifier": "public.t",
      "destination_table_identifier": "public.t"}], "max_batch_size": 4000000000}})");
  ASSERT_EQ(all.size(), 3u) << all;
  EXPECT_TRUE(has(all[0]["metadata"]["message"], "no good name")) << all;
  EXPECT_TRUE(has(all[0]["metadata"]["detail"], "wal_level is replica")) << all;
  EXPECT_TRUE(has(all[0]["metadata"]["hint"], "ALTER SYSTEM")) << all;
  EXPECT_FALSE(has(all[0]["metadata"]["own_hint"], "ALTER SYSTEM")) << all;
  EXPECT_EQ(all[1]["reason"], "INVALID_OPTION");
  EXPECT_EQ(all[1]["metadata"]["field"], "max_batch_size");
  EXPECT_EQ(all[2]["reason"], "SOURCE_UNFIT");
  EXPECT_EQ(all[2]["metadata"]["message"], "wal_level is replica");
  EXPECT_EQ(all[2]["metadata"]["hint"], "ALTER SYSTEM SET wal_level = logical");
}

TEST_F(RestProblems, ATableAtFaultIsTheSubjectOfAViolation) {
  make_peers();
  Problem keyless = problem("table public.t has no key");
  keyless.text.table = "public.t";
  world_.source("src").set_problems({keyless});
  const Json all = details(kMirror);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1], Json::parse(R"({"@type": "type.googleapis.com/google.rpc.PreconditionFailure", "violations":
      [{"type": "SOURCE_UNFIT", "subject": "public.t", "description": "table public.t has no key"}]})"));
}

TEST_F(RestProblems, OneAloneIsAsEver) {
  make_peers();
  world_.source("src").set_problems({problem("wal_level is replica", "ALTER SYSTEM")});
  const Json all = details(kMirror);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_FALSE(all[0]["metadata"].contains("message"));
  EXPECT_EQ(all[0]["metadata"]["hint"], "ALTER SYSTEM");
}

TEST_F(RestProblems, AQueryIsRefusedInTheSqlFacesWords) {
  query_ = [](const std::string& sql, const Wait&) -> ViewQueryRows {
    if (sql == "SELECT x") throw ViewQueryRefused(Error(ErrorCode::not_supported, "no x", "ask for y").text, "42703", 8);
    return {{{"one", "int8"}, {"two", "text"}}, {{"1", std::nullopt}}, true};
  };
  EXPECT_EQ(post("query", R"({"sql":"SELECT 1"})").body,
            R"({"columns":[{"name":"one","type":"int8"},{"name":"two","type":"text"}],"rows":[["1",null]],"truncated":true})");
  const auto refused = post("query", R"({"sql":"SELECT x"})");
  EXPECT_EQ(refused.status, 400);
  const Json error = Json::parse(refused.body);
  EXPECT_EQ(error["message"], "no x");
  EXPECT_EQ(error["details"][0]["metadata"], Json::parse(R"({"hint":"ask for y","position":"8","sqlstate":"42703"})"));
  EXPECT_EQ(post("query", R"({"sequel":"SELECT 1"})").status, 400);
}

}  // namespace
}  // namespace peerd::rest

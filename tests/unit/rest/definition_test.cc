#include <nlohmann/json.hpp>

#include "rest_fixture.h"

namespace peerd::rest {
namespace {

using Json = nlohmann::json;

class Definition : public Rest {
 protected:
  Json definition(const std::string& name) {
    const auto reply = get("mirrors/" + name + "/definition");
    EXPECT_EQ(reply.status, 200) << reply.body;
    return Json::parse(reply.body);
  }
};

TEST_F(Definition, TheBodyMakesTheSameMirrorAgain) {
  make_peers();
  ASSERT_EQ(post("flows/cdc/create", kMirror).status, 200);
  const MirrorSpec before = mirrors_.record("m").spec;
  const std::string body = definition("m")["rest"].dump();
  mirrors_.request("m", MirrorEvent::drop, IfExists::no, wait());
  ASSERT_EQ(post("flows/cdc/create", body).status, 200) << body;
  const MirrorSpec after = mirrors_.record("m").spec;
  EXPECT_EQ(after.tables, before.tables);
  for (const Option& option : mirror_options().options) {
    const auto name = option.alias_of.empty() ? option.name : option.alias_of;
    EXPECT_EQ(after.text(name), before.text(name)) << name;
  }
}

TEST_F(Definition, SettingsOfColumnsAreInAllForms) {
  make_peers();
  MirrorRequest request = asked("m", "ch");
  request.tables[0].columns = {{"name", "title", "String", 0, 0, true}, {"id", "", "", 1, 2, {}}};
  request.tables[0].partition_by = "id % 3";
  create(request);
  const MirrorSpec before = mirrors_.record("m").spec;
  const Json all = definition("m");
  EXPECT_TRUE(has(all["sql"], "{from: public.t, to: \"public.t\", columns: [{source: name, target: title, type: 'String', nullable: true}, "
                              "{source: id, ordering: 1, partitioning: 2}], partition_by: 'id % 3'}") ||
              has(all["sql"], "{from: public.t, to: public.t, columns: [{source: name, target: title, type: 'String', nullable: true}, "
                              "{source: id, ordering: 1, partitioning: 2}], partition_by: 'id % 3'}"))
      << all["sql"];
  EXPECT_EQ(all["rest"]["connection_configs"]["table_mappings"][0]["columns"],
            Json::parse(R"([{"source_name":"name","destination_name":"title","destination_type":"String","nullable_enabled":true},
                            {"source_name":"id","ordering":1,"partitioning":2}])"));
  EXPECT_EQ(all["rest"]["connection_configs"]["table_mappings"][0]["partition_by_expr"], "id % 3");
  mirrors_.request("m", MirrorEvent::drop, IfExists::no, wait());
  ASSERT_EQ(post("flows/cdc/create", all["rest"].dump()).status, 200);
  EXPECT_EQ(mirrors_.record("m").spec.tables, before.tables);
}

TEST_F(Definition, OptionsOfTheTargetsKindAreInAllForms) {
  make_peers();
  create_kafka_peer("k");
  MirrorRequest request = asked("m", "k");
  request.options = {{"format", {RawOption::Kind::text, "flat"}}, {"partitions", {RawOption::Kind::number, "3"}}};
  create(request);
  const Json all = definition("m");
  EXPECT_EQ(all["sql"],
            "CREATE MIRROR m FROM src TO k\nWITH TABLE MAPPING (\n  public.t:public.t,\n  public.u:public.u\n)\n"
            "WITH (\n  format = 'flat',\n  partitions = 3\n);");
  EXPECT_EQ(all["rest"]["connection_configs"]["format"], "flat");
  EXPECT_EQ(all["rest"]["connection_configs"]["partitions"], 3);
  EXPECT_TRUE(has(all["yaml"], "\n  partitions: 3\n")) << all["yaml"];
}

TEST_F(Definition, YamlHasTheFieldsOfTheBody) {
  make_peers();
  ASSERT_EQ(post("flows/cdc/create", kMirror).status, 200);
  const std::string yaml = definition("m")["yaml"];
  EXPECT_TRUE(yaml.starts_with("connection_configs:\n  flow_job_name: m\n  table_mappings:\n"
                               "    - source_table_identifier: public.t\n"
                               "      destination_table_identifier: public.t\n      exclude:\n        - name\n"))
      << yaml;
  EXPECT_TRUE(has(yaml, "\n  idle_timeout_seconds: \"10\"\n")) << yaml;
  EXPECT_TRUE(has(yaml, "\n  do_initial_snapshot: true\n")) << yaml;
}

TEST_F(Definition, OfNoMirrorIs404) { EXPECT_EQ(get("mirrors/nope/definition").status, 404); }

TEST_F(Definition, OptionsComeFromTheTables) {
  const auto reply = get("options");
  ASSERT_EQ(reply.status, 200);
  const Json all = Json::parse(reply.body);
  ASSERT_EQ(all["peers"].size(), 3u);
  EXPECT_EQ(all["peers"][0]["kind"], "POSTGRES");
  EXPECT_EQ(all["peers"][0]["source"], true);
  EXPECT_EQ(all["peers"][1]["source"], false);
  EXPECT_EQ(all["peers"][0]["options"][1],
            Json::parse(R"({"name":"port","type":"integer","default":5432,"required":false,"secret":false,
                            "doc":"Its port.","least":1,"most":65535,"alias_of":null})"));
  EXPECT_EQ(all["peers"][0]["options"][2]["secret"], true);
  EXPECT_EQ(all["peers"][0]["options"][2]["default"], nullptr);
  EXPECT_EQ(all["peers"][2]["options"][2]["alias_of"], "user");
  EXPECT_EQ(all["mirror"].size(), mirror_options().options.size());
  EXPECT_EQ(all["mirror"][0]["default"], true);
  EXPECT_EQ(all["mirror_for"]["KAFKA"][0]["name"], "format");
  EXPECT_FALSE(all["mirror_for"].contains("POSTGRES"));
}

}  // namespace
}  // namespace peerd::rest

// What PeerDB's clients ask of the process itself, and what peerd has none of.
#include <nlohmann/json.hpp>
#include <set>

#include "peerd/base/text.h"
#include "rest_fixture.h"
#include "routes.h"

namespace peerd::rest {
namespace {

using Json = nlohmann::json;

class RestInstance : public Rest {
 protected:
  Json ok(const net::HttpReply& reply) {
    EXPECT_EQ(reply.status, 200) << reply.body;
    return Json::parse(reply.body);
  }
  net::HttpReply with_settings(const std::string& method, const std::string& path, const std::string& body = {}) {
    RestDeps deps{peers_, mirrors_, *catalog_, "", attempts_};
    deps.settings = {{"PEERD_SQL_PORT", "9901", "9900", "port of the SQL front end", OptionType::integer},
                     {"PEERD_PASSWORD", std::nullopt, "", "password", OptionType::text}};
    return make_rest_handler(deps).handle({method, "/api/v1/" + path, "", {}, body, "test"}, {});
  }
};

TEST_F(RestInstance, TellsThatItIsReadyAndThatNoMaintenanceRuns) {
  EXPECT_EQ(ok(get("instance/info")), Json::parse(R"({"status": "INSTANCE_STATUS_READY"})"));
  EXPECT_EQ(ok(get("instance/maintenance/status")),
            Json::parse(R"({"maintenanceRunning": false, "phase": "MAINTENANCE_PHASE_UNKNOWN", "pendingActivities": []})"));
  EXPECT_EQ(ok(get("peers/columns/all_type_conversions?destination_peer_type=CLICKHOUSE")), Json::parse(R"({"conversions": []})"));
  EXPECT_EQ(ok(get("scripts/-1")), Json::parse(R"({"scripts": []})"));
}

TEST_F(RestInstance, RefusesWhatItHasNotWithAReasonAndACure) {
  for (const char* path : {"scripts", "flows/cdc/cancel_table_addition", "mirrors/sequences/reset",
                           "instance/maintenance", "instance/maintenance/skip-snapshot-wait"}) {
    const auto reply = post(path, "{}");
    EXPECT_EQ(reply.status, 501) << path;
    const Json body = Json::parse(reply.body);
    EXPECT_NE(body["message"], "not supported") << path;
    EXPECT_TRUE(body["details"][0]["metadata"].contains("hint")) << path;
  }
  EXPECT_EQ(ask("DELETE", "/api/v1/scripts/1").status, 501);
}

TEST_F(RestInstance, SettingsAreShownAndSetAtTheStartAlone) {
  const Json settings = ok(with_settings("GET", "dynamic_settings"))["settings"];
  EXPECT_EQ(settings[0], Json::parse(R"({"name": "PEERD_SQL_PORT", "value": "9901", "defaultValue": "9900",
      "description": "port of the SQL front end", "valueType": "INT", "applyMode": "APPLY_MODE_RESTART", "targetForSetting": "ALL"})"));
  EXPECT_FALSE(settings[1].contains("value"));
  const auto known = with_settings("POST", "dynamic_settings", R"({"name": "PEERD_SQL_PORT", "value": "1"})");
  EXPECT_EQ(known.status, 501);
  EXPECT_TRUE(has(known.body, "PEERD_SQL_PORT")) << known.body;
  const auto mistyped = with_settings("POST", "dynamic_settings", R"({"name": "PEERD_SQL_PROT", "value": "1"})");
  EXPECT_EQ(mistyped.status, 400);
  EXPECT_TRUE(has(mistyped.body, "did you mean PEERD_SQL_PORT")) << mistyped.body;
  EXPECT_EQ(with_settings("POST", "dynamic_settings", R"({"name": "PEERDB_GROUP_NORMALIZE", "value": "8"})").status, 400);
}

TEST_F(RestInstance, TagsAreReplacedAsAWholeAndGoWithTheirMirror) {
  make_peers();
  create(asked("m"));
  const auto put = [&](const std::string& tags) { return post("flows/tags", R"({"flow_name": "m", "tags": )" + tags + "}"); };
  EXPECT_EQ(ok(put(R"([{"key": "b", "value": "2"}, {"key": "a", "value": ""}])")), Json::parse(R"({"flowName": "m"})"));
  EXPECT_EQ(ok(get("flows/tags/m")),
            Json::parse(R"({"flowName": "m", "tags": [{"key": "a", "value": ""}, {"key": "b", "value": "2"}]})"));
  EXPECT_EQ(put(R"([{"key": "c", "value": "1"}, {"key": "c", "value": "2"}])").status, 400);
  EXPECT_EQ(put(R"([{"value": "1"}])").status, 400);
  EXPECT_EQ(ok(get("flows/tags/m"))["tags"].size(), 2u) << "a refused request changes nothing";
  ok(put("[]"));
  EXPECT_EQ(ok(get("flows/tags/m"))["tags"], Json::array());
  EXPECT_EQ(get("flows/tags/none").status, 404);
  EXPECT_EQ(post("flows/tags", R"({"flow_name": "none"})").status, 404);
  ok(put(R"([{"key": "a", "value": "1"}])"));
  catalog_->delete_mirror(mirrors_.record("m").id);
  create(asked("m"));
  EXPECT_EQ(ok(get("flows/tags/m"))["tags"], Json::array());
}

TEST_F(RestInstance, ThePathsOfPeerDbsPageAreServed) {
  const auto ask_page = [&](const std::string& path) { return ok(ask("GET", "/api/" + path)); };
  EXPECT_EQ(ask_page("version"), ok(get("version")));
  const Json types = ask_page("peer-types");
  ASSERT_EQ(types.size(), 3u);
  EXPECT_EQ(types[0][0], "Sources");
  EXPECT_EQ(types[0][1], "POSTGRESQL");
  EXPECT_EQ(types[2], Json::parse(R"(["Queues", "KAFKA"])"));
  EXPECT_EQ(ask_page("mirror-types")[0]["title"], "CDC");
  EXPECT_EQ(ask("GET", "/api/peers/list").status, 404) << "the others are under /api/v1";
}

TEST_F(RestInstance, EveryRouteIsInTheDescriptionForTools) {
  const Json api = ok(ask("GET", "/api/openapi.json"));
  EXPECT_EQ(api, ok(get("openapi.json")));
  EXPECT_EQ(api["openapi"], "3.0.3");
  std::set<std::string> ids;
  for (const Route& route : routes()) {
    const Json& operation = api["paths"]["/" + std::string(route.path)][to_lower(route.method)];
    EXPECT_EQ(operation["summary"], route.doc);
    EXPECT_FALSE(route.doc.empty()) << route.path;
    EXPECT_TRUE(ids.insert(operation["operationId"]).second) << route.path;
    EXPECT_EQ(operation.contains("parameters"), route.path.find('{') != std::string_view::npos) << route.path;
    EXPECT_EQ(operation.contains("requestBody"), route.method == "POST") << route.path;
    EXPECT_TRUE(operation["responses"]["200"].contains("description"));
  }
  EXPECT_EQ(ids.size(), routes().size());
  EXPECT_TRUE(api["components"]["responses"].contains("Error")) << "what each operation refers to";
}

}  // namespace
}  // namespace peerd::rest

// What is asked of a server is tested on a real one: tests/scenario/test_browse.py.
#include <nlohmann/json.hpp>

#include "rest_fixture.h"

namespace peerd::rest {
namespace {

class Browse : public Rest {};

TEST_F(Browse, AnswersInPeerDbsShape) {
  make_peers();
  EXPECT_EQ(get("peers/type/src").body, R"({"peerType":"POSTGRES"})");
  EXPECT_EQ(get("peers/schemas?peer_name=src").body, R"({"schemas":["1"]})");
  EXPECT_EQ(get("peers/publications?peerName=src").body, R"({"publicationNames":["1"]})");
}

TEST_F(Browse, ReachesSourcesAlone) {
  make_peers();
  EXPECT_EQ(get("peers/schemas?peer_name=nope").status, 404);
  EXPECT_EQ(get("peers/type/nope").status, 404);
  EXPECT_EQ(get("peers/slots/nope").status, 404);
  const auto wrong = get("peers/slots/ch");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_TRUE(has(wrong.body, "cannot be a source")) << wrong.body;
  world_.peer("src").die();
  EXPECT_EQ(get("peers/schemas?peer_name=src").status, 503);
}

TEST_F(Browse, SaysWhichParameterIsMissing) {
  make_peers();
  for (const char* path : {"peers/schemas", "peers/tables?peer_name=src", "peers/columns?peer_name=src&schema_name=s"})
    EXPECT_EQ(get(path).status, 400) << path;
  EXPECT_TRUE(has(get("peers/tables?peer_name=src").body, "schema_name is missing"));
  EXPECT_EQ(get("peers/tables?peer_name=src&schema_name=s&cdc_enabled=maybe").status, 400);
}

}  // namespace
}  // namespace peerd::rest

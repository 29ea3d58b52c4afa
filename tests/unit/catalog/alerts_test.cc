#include <fstream>
#include <sstream>

#include "catalog_fixture.h"
#include "peerd/catalog/alert_store.h"

namespace peerd {
namespace {

class AlertStoreTest : public CatalogTest {
 protected:
  AlertStore& store() { return alerts_of(catalog()); }
  static AlertConfig config(std::string text = R"({"auth_token":"xoxb-1","channel_ids":["C1"]})") {
    return {.id = -1, .service_type = "slack", .service_config = std::move(text), .mirrors = {"m1", "m2"}};
  }
  static OpenCause cause(std::int64_t config, std::string mirror, std::string word) {
    return {.config = config, .mirror = std::move(mirror), .cause = std::move(word), .message = "is out of reach",
            .hint = "look", .since_us = 5, .told_at_us = 0, .resolved_at_us = 0};
  }
};

TEST_F(AlertStoreTest, AConfigurationComesBackAfterARestart) {
  const std::int64_t id = store().add_alert(config());
  AlertConfig expected = config();
  expected.id = id;
  reopen();
  EXPECT_EQ(store().alerts(), std::vector{expected});
  EXPECT_EQ(store().alert(id), expected);
  EXPECT_EQ(store().alert(id + 1), std::nullopt);
}

TEST_F(AlertStoreTest, TheSameOnceMoreIsThatOne) {
  const std::int64_t id = store().add_alert(config());
  EXPECT_EQ(store().add_alert(config(R"({ "channel_ids": ["C1"], "auth_token": "xoxb-1" })")), id);
  EXPECT_NE(store().add_alert(config(R"({"auth_token":"xoxb-1","channel_ids":["C2"]})")), id);
  EXPECT_EQ(store().alerts().size(), 2u);
}

TEST_F(AlertStoreTest, AnIdIsReplacedOrUnknown) {
  AlertConfig changed = config(R"({"channel_ids":["C9"]})");
  changed.id = store().add_alert(config());
  changed.mirrors = {};
  EXPECT_TRUE(store().replace_alert(changed));
  EXPECT_EQ(store().alert(changed.id), changed);
  changed.id += 7;
  EXPECT_FALSE(store().replace_alert(changed));
  EXPECT_FALSE(store().drop_alert(changed.id));
}

TEST_F(AlertStoreTest, NothingOfItLiesOpenInTheFile) {
  store().add_alert(config());
  catalog_.reset();
  for (const char* suffix : {"", "-wal"}) {
    std::stringstream bytes;
    bytes << std::ifstream(path_ + suffix, std::ios::binary).rdbuf();
    EXPECT_FALSE(has(bytes.str(), "xoxb-1")) << suffix;
  }
  EXPECT_TRUE(has(error_of([&] { open(path_, kKeyB); }).message, "alerts"));
}

TEST_F(AlertStoreTest, CausesAreReplacedAndGoWithTheirConfiguration) {
  const std::int64_t one = store().add_alert(config()), other = store().add_alert(config("{}"));
  OpenCause lag = cause(one, "m1", "lag");
  store().put_cause(lag);
  store().put_cause(cause(other, "m1", "lag"));
  store().put_cause(cause(other, "m2", "failed"));
  store().put_cause(cause(other + 1, "m2", "failed"));
  lag.told_at_us = 9, lag.resolved_at_us = 10;
  store().put_cause(lag);
  reopen();
  EXPECT_EQ(store().open_causes(), (std::vector{lag, cause(other, "m1", "lag"), cause(other, "m2", "failed")}));
  store().drop_cause(other, "m1", "lag");
  EXPECT_TRUE(store().drop_alert(one));
  EXPECT_EQ(store().open_causes(), std::vector{cause(other, "m2", "failed")});
}

}  // namespace
}  // namespace peerd

#include <nlohmann/json.hpp>

#include "alerts_fixture.h"

namespace peerd {
namespace {

AlertConfig config(std::string type, std::string text) { return {.id = -1, .service_type = std::move(type), .service_config = std::move(text), .mirrors = {}}; }

TEST(AlertPlan, WhatIsWrongIsNamed) {
  struct Case {
    const char *type, *text, *field, *part;
  };
  for (const Case& each : {
           Case{"pigeon", "{}", "config.service_type", "slack, webhook, pagerduty or email"},
           Case{"slack", "no json", "config.service_config", "JSON object"},
           Case{"slack", "[]", "config.service_config", "JSON object"},
           Case{"slack", R"({"channel_ids":["C1"]})", "config.service_config.auth_token", "is missing"},
           Case{"slack", R"({"auth_token":"","channel_ids":["C1"]})", "config.service_config.auth_token", "is missing"},
           Case{"slack", R"({"auth_token":"x","channel_ids":[]})", "config.service_config.channel_ids", "at least one"},
           Case{"slack", R"({"auth_token":"x","channel_ids":"C1"})", "config.service_config.channel_ids", "list of texts"},
           Case{"slack", R"({"auth_token":"x","chanel_ids":["C1"]})", "config.service_config.chanel_ids", "not a field"},
           Case{"slack", R"({"auth_token":"x\ny","channel_ids":["C1"]})", "config.service_config.auth_token", "one line"},
           Case{"slack", R"({"auth_token":"x","channel_ids":["C1"],"slot_lag_mb_alert_threshold":"5"})",
                "config.service_config.slot_lag_mb_alert_threshold", "integer from -1"},
           Case{"slack", R"({"auth_token":"x","channel_ids":["C1"],"slot_lag_mb_alert_threshold":18446744073709551615})",
                "config.service_config.slot_lag_mb_alert_threshold", "integer from -1"},
           Case{"webhook", R"({"url":"ftp://h/"})", "config.service_config.url", "https://"},
           Case{"webhook", R"({"url":"https://u:p@h/"})", "config.service_config.url", "user and password"},
           Case{"webhook", R"({"url":"https://h/","root_ca":"x"})", "config.service_config.root_ca", "PEM"},
           Case{"email", R"({"from":"a@b","smtp_host":"h","email_addresses":["a@b\nBcc: c@d"]})", "config.service_config.email_addresses", "none of them empty"},
           Case{"email", R"({"from":"a@b","smtp_host":"h","email_addresses":["nobody"]})", "config.service_config.email_addresses", "ops@example.com"},
           Case{"email", R"({"from":"a@b","smtp_host":"h/x","email_addresses":["a@b"]})", "config.service_config.smtp_host", "name or IP"},
           Case{"email", R"({"from":"a@b","smtp_host":"h","email_addresses":["a@b"],"smtp_security":"none","smtp_password":"p"})",
                "config.service_config.smtp_security", "in plain"},
           Case{"pagerduty", "{}", "config.service_config.routing_key", "is missing"}}) {
    const ErrorText error = error_of([&] { read_plan(config(each.type, each.text)); });
    EXPECT_EQ(error.code, ErrorCode::invalid_option);
    EXPECT_EQ(error.field, each.field) << each.text;
    EXPECT_NE(error.message.find(each.part), std::string::npos) << error.message;
  }
}

TEST(AlertPlan, ThresholdsHaveDefaultsAndCanBeOff) {
  const AlertThresholds usual = read_plan(config("webhook", R"({"url":"https://h","slot_lag_mb_alert_threshold":0})")).thresholds;
  EXPECT_EQ(usual.wal_kept_bytes, 5000ull << 20);
  EXPECT_EQ(usual.lag_bytes, std::nullopt);
  EXPECT_EQ(usual.retrying, std::chrono::seconds(300));
  const AlertThresholds set = read_plan(config("webhook", R"({"url":"https://h","slot_lag_mb_alert_threshold":-1,"lag_mb_alert_threshold":3})")).thresholds;
  EXPECT_EQ(set.wal_kept_bytes, std::nullopt);
  EXPECT_EQ(set.lag_bytes, 3ull << 20);
}

TEST(AlertPlan, ASecretDoesNotFollowToAnotherPlace) {
  const AlertConfig stored = config("slack", R"({"auth_token":"xoxb","channel_ids":["C1"]})");
  EXPECT_EQ(with_secrets_of(config("slack", R"({"auth_token":"","channel_ids":["C2"]})"), stored).service_config, R"({"auth_token":"xoxb","channel_ids":["C2"]})");
  const auto refused = [](const AlertConfig& moved, const AlertConfig& stored) { return error_of([&] { with_secrets_of(moved, stored); }).field; };
  EXPECT_EQ(refused(config("slack", R"({"channel_ids":["C2"],"api_url":"https://evil"})"), stored), "config.service_config.auth_token");
  EXPECT_EQ(with_secrets_of(webhook(), stored), webhook()) << "of another service";
  const AlertConfig hook = config("webhook", R"({"url":"https://h.example/a","secret":"s"})");
  EXPECT_EQ(with_secrets_of(config("webhook", R"({"url":"HTTPS://h.example:443/b"})"), hook).service_config, R"({"secret":"s","url":"HTTPS://h.example:443/b"})");
  EXPECT_EQ(with_secrets_of(config("webhook", R"({"url":"","secret":"t"})"), hook).service_config, R"({"secret":"t","url":"https://h.example/a"})");
  for (const char* url : {"https://evil/a", "http://h.example/a", "https://h.example:444/a"})
    EXPECT_EQ(refused(config("webhook", R"({"secret":"","url":")" + std::string(url) + "\"}"), hook), "config.service_config.secret") << url;
}

TEST(AlertPlan, AMailServerIsTheSameHoweverItIsWritten) {
  const std::string who = R"("email_addresses":["a@b"],"from":"a@b")";
  const AlertConfig stored = config("email", "{" + who + R"(,"smtp_host":"mail.example","smtp_user":"u","smtp_password":"p"})");
  const auto password = [&](const std::string& more) {
    return read_plan(with_secrets_of(config("email", "{" + who + R"(,"smtp_user":"u",)" + more + "}"), stored)).text("smtp_password");
  };
  EXPECT_EQ(password(R"("smtp_host":"MAIL.example","smtp_port":587,"smtp_security":"starttls")"), "p");
  EXPECT_EQ(password(R"("smtp_host":"mail.example","smtp_password":"")"), "p");
  EXPECT_EQ(password(R"("smtp_host":"mail.example","smtp_password":null)"), "");
  EXPECT_EQ(password(R"("smtp_host":"other.example","smtp_password":null)"), "");
  EXPECT_EQ(password(R"("smtp_host":"other.example","smtp_password":"q")"), "q");
  for (const char* moved : {R"("smtp_host":"other.example")", R"("smtp_host":"mail.example","smtp_port":25)", R"("smtp_host":"mail.example","smtp_security":"tls")"}) {
    const ErrorText error = error_of([&] { password(moved); });
    EXPECT_EQ(error.field, "config.service_config.smtp_password") << moved;
    EXPECT_EQ(error.hint, "give it again, or null for none");
  }
}

TEST(AlertPlan, ALoginIsWholeAndAnEmptyPasswordIsNone) {
  const std::string mail = R"({"email_addresses":["a@b"],"from":"a@b","smtp_host":"h")";
  EXPECT_EQ(error_of([&] { check_login(read_plan(config("email", mail + R"(,"smtp_password":"p"})"))); }).field, "config.service_config.smtp_user");
  check_login(read_plan(config("email", mail + R"(,"smtp_password":"p","smtp_user":"u"})")));
  check_login(read_plan(config("email", mail + R"(,"smtp_password":"","smtp_security":"none"})")));
}

TEST(AlertNotice, IsWrittenForEachReceiver) {
  const AlertNotice notice = notice_of({.config = 3, .mirror = "m", .cause = "failed", .message = "mirror m <b> \xff ü", .hint = "do", .since_us = kNow * 1'000'000});
  EXPECT_NE(webhook_body(notice).find(R"("status":"firing","cause":"failed","severity":"critical","mirror":"m")"), std::string::npos) << webhook_body(notice);
  EXPECT_NE(slack_body(notice, "C1", "<@U1>").find("&lt;b&gt;"), std::string::npos);
  EXPECT_NE(pagerduty_body(notice, "key").find(R"("event_action":"trigger","dedup_key":"peerd/3/m/failed/1800000000000000")"), std::string::npos);
  const std::string mail = mail_text(notice, "a@b", {"c@d", "e@f"}, kNow * 1'000'000);
  EXPECT_NE(mail.find("Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"), std::string::npos) << mail;
  EXPECT_NE(mail.find("Subject: =?UTF-8?B?"), std::string::npos);
  EXPECT_NE(mail.find("To: c@d,\r\n e@f\r\n"), std::string::npos) << mail;
}

TEST(AlertNotice, FitsIntoOneBlockOfSlack) {
  AlertNotice notice = notice_of({.config = 3, .mirror = "m", .cause = "failed", .message = std::string(9000, 'x')});
  std::string mentions;
  for (int i = 0; i < 100; ++i) mentions += "<@U0123456789A>";
  const auto body = nlohmann::json::parse(slack_body(notice, "C1", mentions));
  const std::string text = body["blocks"][1]["text"]["text"];
  EXPECT_LE(text.size(), 3000u);
  EXPECT_TRUE(text.ends_with("<@U0123456789A>")) << text;
}

TEST(AlertNotice, IsSignedAsOthersSign) {
  // printf '1800000000.{}' | openssl dgst -sha256 -hmac key
  EXPECT_EQ(signature_of("key", "1800000000", "{}"), "sha256=7321475872b03ff21bdc2dfd86ea2d99ec29c479fbe4a77aa6acf4509505493f");
}

}  // namespace
}  // namespace peerd

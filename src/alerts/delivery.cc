#include "delivery.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

#include "peerd/base/error.h"
#include "peerd/base/text.h"
#include "transfer.h"

namespace peerd {
namespace {

std::int64_t unix_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void require_taken(const WebAnswer& answer, std::string_view receiver) {
  if (answer.status >= 200 && answer.status < 300) return;
  const bool later = answer.status >= 500 || answer.status == 408 || answer.status == 429;  // It would take no other message, either.
  const bool denied = answer.status == 401 || answer.status == 403;
  const ErrorCode code = later ? ErrorCode::unreachable : denied ? ErrorCode::bad_password : ErrorCode::peer_error;
  throw Error(code, std::string(receiver) + " answered " + std::to_string(answer.status), "check the address and the secret");
}

std::string otherwise(std::string text, std::string_view fallback) { return text.empty() ? std::string(fallback) : text; }

void to_webhook(const AlertPlan& plan, const AlertNotice& notice, const Wait& wait) {
  const std::string body = webhook_body(notice), secret = plan.text("secret"), timestamp = std::to_string(unix_us() / 1'000'000);
  std::map<std::string, std::string> headers{{"X-Peerd-Timestamp", timestamp}};
  if (!secret.empty()) headers["X-Peerd-Signature"] = signature_of(secret, timestamp, body);
  require_taken(post_json(plan.text("url"), headers, body, plan.text("root_ca"), wait), "the webhook");
}

void to_pagerduty(const AlertPlan& plan, const AlertNotice& notice, const Wait& wait) {
  const std::string url = otherwise(plan.text("api_url"), "https://events.pagerduty.com/v2/enqueue");
  require_taken(post_json(url, {}, pagerduty_body(notice, plan.text("routing_key")), plan.text("root_ca"), wait), "PagerDuty");
}

/// Slack answers 200 with {"ok": false, "error": "invalid_auth"}.
void require_ok(const WebAnswer& answer, const std::string& channel) {
  require_taken(answer, "Slack");
  const auto told = nlohmann::json::parse(answer.body, nullptr, false);
  if (told.is_object() && told.value("ok", nlohmann::json()) == nlohmann::json(true)) return;
  const auto error = told.is_object() ? told.value("error", nlohmann::json()) : nlohmann::json();
  throw Error(ErrorCode::peer_error,
              "Slack refuses the message for channel " + channel + ": " + (error.is_string() ? error.get<std::string>() : "no reason given"),
              "check auth_token, and that the app is a member of the channel");
}

void to_slack(const AlertPlan& plan, const AlertNotice& notice, std::set<std::string>& taken, const Wait& wait) {
  const std::string url = otherwise(plan.text("api_url"), "https://slack.com/api/chat.postMessage");
  std::string mentions;
  for (const std::string& member : plan.texts("members")) mentions += "<@" + member + ">";
  std::optional<Error> first;
  for (const std::string& channel : plan.texts("channel_ids")) {
    if (taken.contains(channel)) continue;
    wait.check("telling Slack's channels");
    try {
      const std::string body = slack_body(notice, channel, otherwise(mentions, "<!channel>"));
      require_ok(post_json(url, {{"Authorization", "Bearer " + plan.text("auth_token")}}, body, plan.text("root_ca"), wait), channel);
      taken.insert(channel);
    } catch (const Error& error) {
      if (error.text.code == ErrorCode::unreachable || error.text.code == ErrorCode::timeout) throw;  // For every channel.
      if (!first) first = error;
    }
  }
  if (first) throw *first;
}

void to_email(const AlertPlan& plan, const AlertNotice& notice, const Wait& wait) {
  const std::string security = otherwise(plan.text("smtp_security"), "starttls"), from = plan.text("from");
  const std::vector<std::string> to = plan.texts("email_addresses");
  const MailServer server{.host = plan.text("smtp_host"),
                          .port = plan.number("smtp_port", security == "tls" ? 465 : 587),
                          .security = security,
                          .user = plan.text("smtp_user"),
                          .password = plan.text("smtp_password"),
                          .root_ca = plan.text("root_ca")};
  send_mail(server, from, to, mail_text(notice, from, to, unix_us()), wait);
}

}  // namespace

void deliver(const AlertPlan& plan, const AlertNotice& notice, std::set<std::string>& taken, const Wait& wait) {
  if (plan.service_type == "slack") return to_slack(plan, notice, taken, wait);
  if (plan.service_type == "webhook") return to_webhook(plan, notice, wait);
  if (plan.service_type == "pagerduty") return to_pagerduty(plan, notice, wait);
  to_email(plan, notice, wait);
}

}  // namespace peerd

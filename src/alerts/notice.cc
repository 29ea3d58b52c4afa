#include "notice.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

#include "peerd/base/encoding.h"
#include "peerd/base/text.h"
#include "rules.h"

namespace peerd {
namespace {

using nlohmann::ordered_json;

std::string write(const ordered_json& body) { return body.dump(-1, ' ', false, ordered_json::error_handler_t::replace); }

std::string_view word(AlertNotice::Kind kind) {
  constexpr std::array<std::string_view, 3> kWords{"firing", "resolved", "test"};
  return kWords[static_cast<std::size_t>(kind)];
}

std::string base64(std::string_view bytes) {
  std::string out;
  Base64 encoder(out);
  for (const char byte : bytes) encoder.put(static_cast<unsigned char>(byte));
  encoder.end();
  return out;
}

/// The longest prefix of whole characters that has at most so many bytes.
std::size_t whole_characters(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text.size();
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
  return most;
}

std::string in_lines(const std::string& text) {
  constexpr std::size_t kLine = 76;
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += kLine) out.append(text, at, kLine).append("\r\n");
  return out;
}

/// As encoded words of RFC 2047, each at most 75 characters; cut between characters of UTF-8.
std::string subject_text(std::string_view text) {
  constexpr std::size_t kWord = 42;
  std::string out;
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(1, whole_characters(text, kWord));
    out.append(out.empty() ? "" : "\r\n ").append("=?UTF-8?B?").append(base64(text.substr(0, length))).append("?=");
    text.remove_prefix(length);
  }
  return out;
}

std::string mail_date(std::int64_t now_us) {
  const std::time_t now = now_us / 1'000'000;
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 64> text{};
  std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S +0000", &parts);
  return text.data();
}

/// Slack reads these three as its own marks.
std::string slack_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else out += c;
  }
  return out;
}

/// At most so many bytes, and whole characters: receivers refuse more.
std::string cut(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  return text.substr(0, whole_characters(text, most)) + "…";
}

}  // namespace

std::string AlertNotice::title() const {
  if (kind == Kind::test) return "peerd: a test";
  const std::string state = kind == Kind::resolved ? "resolved" : severity;
  return "peerd: " + state + ": mirror " + mirror + ": " + cause;
}

std::string AlertNotice::text() const {
  if (kind == Kind::test) return message;
  std::string out = (kind == Kind::resolved ? "it is over: " : "") + message;
  if (kind == Kind::firing && !hint.empty()) out += "\nwhat to do: " + hint;
  out += "\nsince " + format_utc(since_us);
  if (kind == Kind::resolved) out += ", until " + format_utc(resolved_at_us);
  return out;
}

AlertNotice notice_of(const OpenCause& cause) {
  return {.kind = cause.resolved_at_us != 0 ? AlertNotice::Kind::resolved : AlertNotice::Kind::firing,
          .cause = cause.cause,
          .severity = std::string(severity_of(cause.cause)),
          .mirror = cause.mirror,
          .message = cause.message,
          .hint = cause.hint,
          .since_us = cause.since_us,
          .resolved_at_us = cause.resolved_at_us,
          .key = "peerd/" + std::to_string(cause.config) + "/" + cause.mirror + "/" + cause.cause + "/" + std::to_string(cause.since_us)};
}

AlertNotice test_notice(std::int64_t config, std::int64_t now_us) {
  return {.kind = AlertNotice::Kind::test, .cause = "test", .severity = "info", .mirror = {},
          .message = "This is a test of alert configuration " + std::to_string(config) + ". Nothing is wrong.", .hint = {},
          .since_us = now_us, .resolved_at_us = 0, .key = "peerd/" + std::to_string(config) + "/test/" + std::to_string(now_us)};
}

std::string webhook_body(const AlertNotice& notice) {
  const auto time = [](std::int64_t at) { return at == 0 ? ordered_json() : ordered_json(format_utc(at)); };
  return write({{"version", 1}, {"status", word(notice.kind)}, {"cause", notice.cause}, {"severity", notice.severity},
                {"mirror", notice.mirror}, {"title", notice.title()}, {"message", notice.message}, {"hint", notice.hint},
                {"since", time(notice.since_us)}, {"resolved_at", time(notice.resolved_at_us)}, {"key", notice.key}});
}

std::string pagerduty_body(const AlertNotice& notice, std::string_view routing_key) {
  ordered_json body{{"routing_key", routing_key},
                    {"event_action", notice.kind == AlertNotice::Kind::resolved ? "resolve" : "trigger"},
                    {"dedup_key", cut(notice.key, 250)}};
  if (notice.kind == AlertNotice::Kind::resolved) return write(body);
  body["payload"] = {{"summary", cut(notice.kind == AlertNotice::Kind::test ? notice.message : notice.title() + ": " + notice.message, 1000)},
                     {"source", "peerd"},
                     {"severity", notice.severity},
                     {"timestamp", format_utc(notice.since_us)},
                     {"component", notice.mirror},
                     {"class", notice.cause},
                     {"custom_details", {{"message", notice.message}, {"hint", notice.hint}}}};
  return write(body);
}

std::string slack_body(const AlertNotice& notice, std::string_view channel, std::string_view mentions) {
  // A block takes 3,000 characters, and a mention is whole or none.
  constexpr std::size_t kMentions = 1000, kText = 2900;
  if (mentions.size() > kMentions) mentions = mentions.substr(0, mentions.rfind('>', kMentions - 1) + 1);
  const std::string text = cut(slack_escaped(notice.text()), kText - mentions.size()) + "\ncc: " + std::string(mentions);
  return write({{"channel", channel},
                {"text", cut(slack_escaped(notice.title()), 2800)},
                {"blocks",
                 {{{"type", "header"}, {"text", {{"type", "plain_text"}, {"text", cut(notice.title(), 140)}}}},
                  {{"type", "section"}, {"text", {{"type", "mrkdwn"}, {"text", text}}}}}}});
}

std::string mail_text(const AlertNotice& notice, std::string_view from, const std::vector<std::string>& to, std::int64_t now_us) {
  std::string out;
  const auto header = [&](std::string_view name, std::string_view value) { out.append(name).append(": ").append(value).append("\r\n"); };
  header("Date", mail_date(now_us));
  header("From", from);
  header("To", join(to, ",\r\n "));  // A line of a message has at most 998 characters.
  header("Subject", subject_text(notice.title()));
  header("Message-ID", "<" + make_uuid() + "@peerd>");
  header("Auto-Submitted", "auto-generated");
  header("MIME-Version", "1.0");
  header("Content-Type", "text/plain; charset=utf-8");
  header("Content-Transfer-Encoding", "base64");
  return out + "\r\n" + in_lines(base64(notice.text() + "\n"));
}

std::string signature_of(std::string_view secret, std::string_view timestamp, std::string_view body) {
  const std::string signed_text = std::string(timestamp) + "." + std::string(body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(signed_text.data()),
       signed_text.size(), digest.data(), &size);
  std::string out = "sha256=";
  for (unsigned i = 0; i < size; ++i) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    out += kDigits[digest[i] >> 4];
    out += kDigits[digest[i] & 15];
  }
  return out;
}

}  // namespace peerd

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/catalog/alert_store.h"

namespace peerd {

/// One message, in no receiver's form yet.
struct AlertNotice {
  enum class Kind : std::uint8_t { firing, resolved, test };
  Kind kind = Kind::firing;
  std::string cause, severity, mirror;
  std::string message, hint;       ///< As when it was found.
  std::int64_t since_us = 0, resolved_at_us = 0;
  std::string key;                 ///< The same for a cause and its end, and for no other.

  std::string title() const;  ///< One line.
  std::string text() const;   ///< A few lines: what, what to do, since when.
};

AlertNotice notice_of(const OpenCause& cause);
AlertNotice test_notice(std::int64_t config, std::int64_t now_us);

/// The bodies that receivers take, as JSON.
std::string webhook_body(const AlertNotice& notice);
std::string pagerduty_body(const AlertNotice& notice, std::string_view routing_key);
/// `members`: who is mentioned, as "<@U1>"; "" for everybody in the channel.
std::string slack_body(const AlertNotice& notice, std::string_view channel, std::string_view mentions);
/// A whole message by RFC 5322, lines ended by CR LF.
std::string mail_text(const AlertNotice& notice, std::string_view from, const std::vector<std::string>& to, std::int64_t now_us);

/// "sha256=" and the hexadecimal HMAC-SHA256 of "<timestamp>.<body>".
std::string signature_of(std::string_view secret, std::string_view timestamp, std::string_view body);

}  // namespace peerd

#include "clickhouse/errors.h"

#include <algorithm>
#include <charconv>

namespace peerd::clickhouse {
namespace {

struct CodeFacts {
  int code;  ///< src/Common/ErrorCodes.cpp of ClickHouse.
  ErrorCode is;
  std::optional<Retry> retry;
  std::string_view hint;
};

using enum ErrorCode;
constexpr CodeFacts kCodes[] = {
    {16, schema_changed, {}, "the table was changed at the target; compare its columns with the source's"},
    {47, schema_changed, {}, "the table was changed at the target; compare its columns with the source's"},
    {53, schema_changed, {}, "the table was changed at the target; compare its columns with the source's"},
    {60, not_found, {}, "the table was dropped at the target: RESYNC TABLE … OF the mirror copies it anew"},
    {75, peer_error, Retry::later, "look into the ClickHouse server's log"},
    {81, not_found, {}, "make the database at the target; of a mirror that has written to it, RENAME DATABASE … or ATTACH DATABASE … back"},
    {158, target_unfit, {}, "raise for peerd's user the limit that the server names"},
    {159, timeout, {}, "raise max_execution_time for peerd's user"},
    {164, no_privilege, {}, "give peerd's user a profile without readonly"},
    {192, bad_password, {}, "check user and password"},
    {193, bad_password, {}, "check user and password"},
    {194, bad_password, {}, "check user and password"},
    {201, too_busy, {}, "raise the quota of peerd's user"},
    {202, too_busy, {}, "raise max_concurrent_queries"},
    {209, unreachable, {}, ""},
    {210, unreachable, {}, ""},
    {236, peer_error, Retry::later, ""},
    {241, too_busy, {}, "raise max_memory_usage or max_server_memory_usage, or give the server more memory"},
    {242, peer_error, Retry::later, "the table is read-only: see its replica's state in system.replicas"},
    {243, disk_full, {}, "free space on the ClickHouse server's disk"},
    {252,
     too_busy,
     {},
     "merges do not keep up: raise min_flush_interval_ms, or see system.merges and parts_to_throw_insert"},
    {279, peer_error, Retry::later, ""},
    {307, target_unfit, {}, "raise for peerd's user the limit that the server names"},
    {319, peer_error, Retry::later, ""},
    {344, target_unfit, {}, "switch on what the server names: for peerd's user, in its settings profile"},
    {359, wrong_state, Retry::after_operator, "max_table_size_to_drop of the server forbids it"},
    {373, too_busy, {}, ""},
    {392, no_privilege, {}, "give peerd's user a settings profile with allow_ddl = 1"},
    {394, peer_error, Retry::later, ""},
    {396, target_unfit, {}, "raise for peerd's user the limit that the server names"},
    {425, peer_error, Retry::later, ""},
    {439, too_busy, {}, ""},
    {452, target_unfit, {}, "take the constraint on this setting off the settings profile of peerd's user: peerd sends its own value"},
    {469, bad_value, {}, "drop the constraint at the target, or change the rows at the source"},
    {497, no_privilege, {}, "the server's text names the GRANT that is missing"},
    {516, bad_password, {}, "check user and password; a user may also be limited to other addresses"},
    {717, target_unfit, {}, "run at the target: ALTER TABLE … RESET SETTING table_readonly"},
    {999, peer_error, Retry::later, "ClickHouse Keeper does not answer"},
};

constexpr std::string_view kException = "__exception__";

std::string_view after(std::string_view text, std::string_view mark) {
  const std::size_t at = text.find(mark);
  return at == std::string_view::npos ? std::string_view{} : text.substr(at + mark.size());
}

int code_of(const net::HttpResponse& response) {
  int code = 0;
  std::string_view digits = after(response.body, "Code: ");
  const auto header = response.headers.find("x-clickhouse-exception-code");
  if (header != response.headers.end()) digits = header->second;
  std::from_chars(digits.data(), digits.data() + digits.size(), code);
  return code;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// The server's first sentence, without "(version …)", without what it quotes (that may be values), not too long.
std::string sentence(std::string_view body) {
  std::string_view text = after(body, "DB::Exception: ");
  if (text.empty()) text = body;
  text = text.substr(0, std::min(text.find("Column values"), text.find("(version ")));
  std::string out;
  bool quoted = false;
  text = text.substr(0, text.find('\n'));
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    // "it's": an apostrophe stands between letters, a quote does not open there.
    const bool apostrophe = !quoted && i > 0 && i + 1 < text.size() && is_letter(text[i - 1]) && is_letter(text[i + 1]);
    if (c == '\'' && !apostrophe) {
      if (!quoted) out += "'…'";
      quoted = !quoted;
    } else if (!quoted) {
      out += c;
    }
    if (out.size() > 400) break;
  }
  while (!out.empty() && (out.back() == ' ' || out.back() == '.')) out.pop_back();
  if (!out.empty() && out[0] >= 'A' && out[0] <= 'Z' && (out.size() < 2 || out[1] < 'A' || out[1] > 'Z'))
    out[0] |= 0x20;
  return out;
}

ErrorText foreign(const net::HttpResponse& response, const std::string& peer) {
  ErrorText text;
  const int status = response.status;
  if (status == 502 || status == 503 || status == 504) {
    text.code = unreachable;
    text.message = "a proxy in front of " + peer + " answers HTTP " + std::to_string(status);
  } else if (status == 401 || status == 403) {
    text.code = bad_password;
    text.message = peer + " refuses the login (HTTP " + std::to_string(status) + ")";
    text.hint = "check user and password";
  } else {
    text.code = target_unfit;
    text.message = peer + " answers HTTP " + std::to_string(status) + ", but not as ClickHouse does";
    text.hint = "check that host and port are ClickHouse's HTTP port: 8123, or 8443 with TLS";
  }
  return text;
}

}  // namespace

bool failed(const net::HttpResponse& response) {
  return response.status >= 300 || response.headers.contains("x-clickhouse-exception-code") ||
         response.body.find(kException) != std::string::npos;
}

ErrorText error_text(const net::HttpResponse& response, const std::string& peer) {
  // A native-protocol port knows HTTP's greeting and says so.
  if (response.body.find("clickhouse-client program") != std::string::npos) {
    ErrorText text{.code = target_unfit, .message = peer + " is ClickHouse's native-protocol port"};
    text.hint = "give its HTTP port: 8123, or 8443 with TLS";
    text.field = "port";
    return text;
  }
  const int code = code_of(response);
  if (code == 0) return foreign(response, peer);
  const auto* found = std::ranges::find(kCodes, code, &CodeFacts::code);
  ErrorText text{.code = peer_error};
  if (found != std::end(kCodes)) {
    text.code = found->is;
    text.retry = found->retry;
    text.hint = found->hint;
  }
  text.message = "ClickHouse: " + sentence(response.body);
  text.origin = "CH " + std::to_string(code);
  if (text.code == bad_password) text.message = "ClickHouse refuses the login of this user";
  // ENOSPC has no code of its own where a file is written.
  if (response.body.find("No space left on device") != std::string::npos ||
      response.body.find("errno: 28") != std::string::npos) {
    text.code = disk_full;
    text.retry.reset();
    text.hint = "free space on the ClickHouse server's disk";
  }
  return text;
}

}  // namespace peerd::clickhouse

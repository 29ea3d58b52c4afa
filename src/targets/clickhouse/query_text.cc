#include "clickhouse/query_text.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "clickhouse/session_settings.h"
#include "clickhouse/tokens.h"
#include "peerd/base/error.h"
#include "peerd/base/text.h"

namespace peerd::clickhouse {
namespace {

/// Words in lower case, signs as they are; what is quoted is "'".
std::vector<std::string> words_of(std::string_view sql) {
  std::vector<std::string> words;
  for (const Token& token : tokens_of(sql)) {
    const bool quoted = token.kind == Token::Kind::name || token.kind == Token::Kind::text;
    words.push_back(quoted ? "'" : to_lower(token.value));
  }
  return words;
}

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::not_supported, what + " in a SELECT over a ClickHouse peer changes the form of the answer",
              "leave it out, or ask the server itself");
}

bool pinned(const std::string& name) {
  return std::ranges::any_of(session_settings(), [&](const SessionSetting& setting) {
    return setting.pinned == Pinned::everywhere && setting.name == name;
  });
}

}  // namespace

void refuse_other_forms(std::string_view sql) {
  const std::vector<std::string> words = words_of(sql);
  const auto at = [&](std::size_t i) { return i < words.size() ? words[i] : std::string(";"); };
  bool settings = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "with" && at(i + 1) == "totals") refuse("WITH TOTALS");
    const char next = at(i + 1)[0];
    const bool named = (std::isalnum(static_cast<unsigned char>(next)) != 0 || next == '_') && at(i + 1) != "asc" && at(i + 1) != "desc";
    if (words[i] == "format" && named && (at(i + 2) == ";" || at(i + 2) == "settings")) refuse("FORMAT");
    settings = settings || (words[i] == "settings" && at(i + 2) == "=");
    if (settings && at(i + 1) == "=" && pinned(words[i])) refuse("the setting " + words[i]);
  }
}

}  // namespace peerd::clickhouse

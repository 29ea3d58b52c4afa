#include "clickhouse/query_text.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "clickhouse/session_settings.h"
#include "peerd/base/error.h"

namespace peerd::clickhouse {
namespace {

bool in_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Behind a text or a quoted name that begins at `at`: a backslash or a second quote keeps it open.
std::size_t behind_quoted(std::string_view sql, std::size_t at) {
  const char quote = sql[at++];
  for (; at < sql.size(); ++at) {
    if (sql[at] == '\\') {
      ++at;
    } else if (sql[at] == quote) {
      if (at + 1 == sql.size() || sql[at + 1] != quote) return at + 1;
      ++at;
    }
  }
  return sql.size();
}

/// Words in lower case, signs one by one; what is quoted is "'". Comments are left out.
std::vector<std::string> words_of(std::string_view sql) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < sql.size();) {
    const std::string_view rest = sql.substr(at);
    if (in_word(sql[at])) {
      std::string& word = words.emplace_back();
      for (; at < sql.size() && in_word(sql[at]); ++at)
        word += static_cast<char>(std::tolower(static_cast<unsigned char>(sql[at])));
    } else if (sql[at] == '\'' || sql[at] == '"' || sql[at] == '`') {
      at = behind_quoted(sql, at);
      words.emplace_back("'");
    } else if (rest.starts_with("--") || rest.starts_with("#!") || rest.starts_with("# ")) {
      at = std::min(sql.find('\n', at), sql.size());
    } else if (rest.starts_with("/*")) {
      const std::size_t end = sql.find("*/", at + 2);
      at = end == std::string_view::npos ? sql.size() : end + 2;
    } else {
      if (std::isspace(static_cast<unsigned char>(sql[at])) == 0) words.emplace_back(1, sql[at]);
      ++at;
    }
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
    const bool named = in_word(at(i + 1)[0]) && at(i + 1) != "asc" && at(i + 1) != "desc";
    if (words[i] == "format" && named && (at(i + 2) == ";" || at(i + 2) == "settings")) refuse("FORMAT");
    settings = settings || (words[i] == "settings" && at(i + 2) == "=");
    if (settings && at(i + 1) == "=" && pinned(words[i])) refuse("the setting " + words[i]);
  }
}

}  // namespace peerd::clickhouse

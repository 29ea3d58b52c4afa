#include "peerd/specs/table_pattern.h"

#include <algorithm>

#include "peerd/base/text.h"

namespace peerd {
namespace {

constexpr std::string_view kHowToWrite = "write schema.table with * for any characters; put a part that holds a dot, a quote or a star of its own in double quotes";

[[noreturn]] void refuse(std::string_view text) {
  throw Error(ErrorCode::invalid_option, "\"" + std::string(text) + "\" is no pattern of tables", std::string(kHowToWrite));
}

/// Takes what stands in double quotes at `at`, and leaves it behind them.
void take_quoted(std::string_view text, std::size_t& at, std::string& into) {
  for (++at;; ++at) {
    if (at >= text.size()) refuse(text);
    if (text[at] == '"' && !text.substr(at + 1).starts_with('"')) break;
    if (text[at] == '"') ++at;
    into += text[at];
  }
  ++at;
}

bool is_empty(const NamePart& part) { return part.size() == 1 && part.front().empty(); }

bool fits_part(const NamePart& part, std::string_view name) {
  if (part.size() == 1) return part.front() == name;
  if (!name.starts_with(part.front())) return false;
  name.remove_prefix(part.front().size());
  for (std::size_t i = 1; i + 1 < part.size(); ++i) {
    const std::size_t found = name.find(part[i]);
    if (found == std::string_view::npos) return false;
    name.remove_prefix(found + part[i].size());
  }
  return name.ends_with(part.back());
}

std::string regex_of(const NamePart& part) {
  std::string regex = "^";
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (i > 0) regex += ".*";
    for (const char c : part[i]) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80) != 0;
      if (!plain) regex += '\\';
      regex += c;
    }
  }
  return regex + "$";
}

}  // namespace

std::string part_text(const std::string& part) {
  return part.empty() || part.find_first_of(".\"*") != std::string::npos ? quote_identifier(part) : part;
}

std::string TableName::text() const { return part_text(schema) + "." + part_text(name); }

std::vector<NamePart> name_parts(std::string_view text) {
  std::vector<NamePart> parts{{""}};
  for (std::size_t at = 0; at < text.size();) {
    NamePart& part = parts.back();
    if (text[at] == '"') {
      take_quoted(text, at, part.back());
      continue;
    }
    if (text[at] == '.') parts.push_back({""});
    else if (text[at] == '*') part.emplace_back();
    else part.back() += text[at];
    ++at;
  }
  if (std::ranges::any_of(parts, is_empty)) refuse(text);
  return parts;
}

bool is_pattern(std::string_view text) {
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (c == '*' && !quoted) return true;
  }
  return false;
}

TablePattern::TablePattern(std::string_view text) {
  std::vector<NamePart> parts = name_parts(text);
  if (parts.size() > 2) refuse(text);
  if (parts.size() == 1) parts.insert(parts.begin(), {"public"});
  schema_ = std::move(parts[0]);
  name_ = std::move(parts[1]);
}

bool TablePattern::fits(const TableName& table) const { return fits_part(schema_, table.schema) && fits_part(name_, table.name); }
std::string TablePattern::schema_regex() const { return regex_of(schema_); }
std::string TablePattern::name_regex() const { return regex_of(name_); }

std::string target_by(std::string_view target, const TableName& table) {
  const std::vector<NamePart> parts = name_parts(target);
  std::size_t stars = 0;
  for (const NamePart& part : parts) stars += part.size() - 1;
  if (stars != 1 && stars != 2) {
    throw Error(ErrorCode::invalid_option, "target \"" + std::string(target) + "\" of a pattern has " + std::to_string(stars) + " stars",
                "one stands for the table's name (public.*:analytics.*), of two the first for its schema (app_*.*:*.*)");
  }
  std::size_t star = 2 - stars;
  std::string out;
  for (const NamePart& part : parts) {
    std::string filled = part.front();
    for (std::size_t i = 1; i < part.size(); ++i) filled += (star++ == 0 ? table.schema : table.name) + part[i];
    out += (out.empty() ? "" : ".") + part_text(filled);
  }
  return out;
}

std::vector<TableMapping> declared_mappings(const MirrorSpec& mirror) {
  std::vector<TableMapping> declared;
  for (const TableMapping& table : mirror.tables)
    if (!table.by_pattern) declared.push_back(table);
  declared.insert(declared.end(), mirror.patterns.begin(), mirror.patterns.end());
  return declared;
}

Named named_by(const TableMapping& pattern, const TableName& table) {
  if (!TablePattern(pattern.source).fits(table)) return Named::no;
  const bool excepted = std::ranges::any_of(pattern.except, [&](const std::string& name) { return TablePattern(name).fits(table); });
  return excepted ? Named::excepted : Named::yes;
}

}  // namespace peerd

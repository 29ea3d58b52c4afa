#include "peerd/control/mirror_sql.h"

#include <algorithm>

#include "peerd/base/text.h"
#include "peerd/specs/table_pattern.h"

namespace peerd {

namespace {

bool is_lower(char c) { return (c >= 'a' && c <= 'z') || c == '_'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A part of a table's name or a column: their case counts, so letters of both may stand unquoted.
std::string part_sql(const std::string& part) {
  const bool plain = !part.empty() && !is_digit(part.front()) && std::all_of(part.begin(), part.end(), [](char c) {
    return is_lower(c) || is_upper(c) || is_digit(c);
  });
  return plain ? part : quote_identifier(part);
}

/// The name of a mirror, a peer or an option, which folds to lower case unless quoted.
std::string folded_sql(const std::string& name) {
  return std::any_of(name.begin(), name.end(), is_upper) ? quote_identifier(name) : part_sql(name);
}

/// How a kind of peer reads the name of a table, as it is stored.
enum class Naming {
  schemas,  ///< schema.table, each part perhaps quoted.
  quoted,   ///< One name; quotes around parts of it mean nothing.
  raw       ///< One name, in which quotes are letters.
};

Naming naming_of(const PeerSpec& peer, const Connectors& connectors) {
  const auto& key = connectors.of(peer.kind).table_key;
  if (!key) return Naming::raw;
  return key(peer, "\"a.b\"") == key(peer, "a.b") ? Naming::quoted : Naming::schemas;
}

/// Takes a part in quotes off the front of `rest`. False when they do not close.
bool take_quoted(std::string_view& rest, std::string& part) {
  for (rest.remove_prefix(1); !rest.empty();) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == '"' && !rest.starts_with('"')) return true;
    if (c == '"') rest.remove_prefix(1);
    part += c;
  }
  return false;
}

/// The parts between the dots, unquoted; empty when `name` cannot be taken apart.
std::vector<std::string> parts_of(const std::string& name, Naming naming) {
  std::vector<std::string> parts;
  if (naming == Naming::raw && name.find('"') != std::string::npos) return {};
  for (std::string_view rest = name;;) {
    std::string part;
    if (rest.starts_with('"')) {
      if (!take_quoted(rest, part)) return {};
    } else {
      part = rest.substr(0, std::min(rest.find_first_of(".\""), rest.size()));
      rest.remove_prefix(part.size());
    }
    if (part.empty()) return {};
    parts.push_back(std::move(part));
    if (rest.empty()) return parts;
    if (!rest.starts_with('.')) return {};
    rest.remove_prefix(1);
  }
}

std::string table_sql(const std::string& name, Naming naming) {
  std::vector<std::string> parts = parts_of(name, naming);
  if (parts.empty()) return quote_identifier(name);
  // "a.b" alone would be read as schema and table.
  const bool dotted = parts.size() == 1 && parts[0].find('.') != std::string::npos;
  if (dotted && naming == Naming::schemas) parts.insert(parts.begin(), "public");
  if (dotted && naming == Naming::quoted) parts = split(parts[0], '.');
  for (std::string& part : parts) part = part_sql(part);
  return join(parts, ".");
}

/// With its stars, each outside of quotes.
std::string pattern_sql(const std::string& pattern) {
  std::vector<std::string> parts;
  for (const NamePart& part : name_parts(pattern)) {
    std::string text;
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (i > 0) text += '*';
      const bool bare = i > 0 && !part[i].empty() && std::all_of(part[i].begin(), part[i].end(), is_digit);
      if (!part[i].empty()) text += bare ? part[i] : part_sql(part[i]);
    }
    parts.push_back(std::move(text));
  }
  return join(parts, ".");
}

std::string setting_sql(const ColumnSetting& column) {
  std::string out = "{source: " + part_sql(column.source);
  if (!column.target.empty()) out += ", target: " + part_sql(column.target);
  if (!column.type.empty()) out += ", type: " + quote_literal(column.type);
  if (column.ordering != 0) out += ", ordering: " + std::to_string(column.ordering);
  if (column.partitioning != 0) out += ", partitioning: " + std::to_string(column.partitioning);
  if (column.nullable) out += std::string(", nullable: ") + (*column.nullable ? "true" : "false");
  return out + "}";
}

std::string mapping_sql(const TableMapping& table, Naming source, Naming target) {
  const bool pattern = is_pattern(table.source);
  const std::string from = pattern ? pattern_sql(table.source) : table_sql(table.source, source);
  const std::string to = pattern ? pattern_sql(table.target) : table_sql(table.target, target);
  std::string more;
  std::vector<std::string> except;
  for (const std::string& name : table.except) except.push_back(pattern_sql(name));
  if (!except.empty()) more += ", except: [" + join(except, ", ") + "]";
  std::vector<std::string> excluded, columns;
  for (const std::string& column : table.exclude) excluded.push_back(part_sql(column));
  for (const ColumnSetting& column : table.columns) columns.push_back(setting_sql(column));
  if (!excluded.empty()) more += ", exclude: [" + join(excluded, ", ") + "]";
  if (!columns.empty()) more += ", columns: [" + join(columns, ", ") + "]";
  if (!table.engine.empty()) more += ", engine: " + quote_literal(table.engine);
  if (!table.partition_by.empty()) more += ", partition_by: " + quote_literal(table.partition_by);
  return more.empty() ? from + ":" + to : "{from: " + from + ", to: " + to + more + "}";
}

std::string option_sql(const std::string& name, const std::string& value, const OptionTable& table, const OptionTable* more) {
  const Option* option = find_option(table, name);
  if (!option && more) option = find_option(*more, name);
  const bool bare = option && option->type != OptionType::text && !value.empty();
  std::vector<std::string> parts = split(name, '.');
  for (std::string& part : parts) part = folded_sql(part);
  return join(parts, ".") + " = " + (bare ? value : quote_literal(value));
}

/// With the first tag that the text does not hold.
std::string dollar_quoted(const std::string& text) {
  std::string tag = "$$";
  for (int i = 1; text.find(tag) != std::string::npos || text.ends_with('$'); ++i) {
    tag = "$q" + std::to_string(i) + "$";
    if (text.find(tag) == std::string::npos) break;
  }
  return tag + text + tag;
}

}  // namespace

std::string create_mirror_sql(const MirrorSpec& mirror, const PeerSpec& source, const PeerSpec& target,
                              const Connectors& connectors) {
  const Naming from = naming_of(source, connectors), to = naming_of(target, connectors);
  std::vector<std::string> tables, options;
  if (!mirror.of_query())
    for (const TableMapping& table : declared_mappings(mirror)) tables.push_back("  " + mapping_sql(table, from, to));
  for (const auto& [name, value] : mirror.options)
    options.push_back("  " + option_sql(name, value, mirror.option_table(), connectors.of(target.kind).mirror_options));
  std::string sql = "CREATE MIRROR " + folded_sql(mirror.name) + " FROM " + folded_sql(mirror.source) + " TO " +
                    folded_sql(mirror.target);
  sql += mirror.of_query() ? "\nFOR " + dollar_quoted(mirror.query) : "\nWITH TABLE MAPPING (\n" + join(tables, ",\n") + "\n)";
  if (!options.empty()) sql += "\nWITH (\n" + join(options, ",\n") + "\n)";
  return sql + ";";
}

std::string alter_mirror_sql(const std::string& mirror, const std::vector<TableMapping>& tables, const PeerSpec& source, const PeerSpec& target,
                             const Connectors& connectors) {
  const Naming from = naming_of(source, connectors), to = naming_of(target, connectors);
  std::vector<std::string> mappings;
  for (const TableMapping& table : tables) mappings.push_back(mapping_sql(table, from, to));
  return "ALTER MIRROR " + folded_sql(mirror) + " ADD TABLE " + join(mappings, ", ");
}

}  // namespace peerd

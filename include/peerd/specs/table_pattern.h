#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/specs/mirror_spec.h"

namespace peerd {

/// A table of a source, its name as the catalog there has it.
struct TableName {
  std::string schema, name;
  auto operator<=>(const TableName&) const = default;
  std::string told() const { return schema + "." + name; }
  /// As a mapping writes it: a part that holds a dot, a quote or a star in double quotes.
  std::string text() const;
};

/// A part of such a name as a mapping writes it.
std::string part_text(const std::string& part);

/// A part of a name, between its dots: the texts around its stars, without quotes. Two of them are one star.
using NamePart = std::vector<std::string>;
/// public."My.Events_"* as its parts. Throws Error(invalid_option) on what is none.
std::vector<NamePart> name_parts(std::string_view text);

/// Whether a mapping's source is a pattern: it has a star outside of double quotes.
bool is_pattern(std::string_view text);

/// schema.name in which each star stands for any number of characters; the schema is public where there is none. Case
/// counts.
class TablePattern {
 public:
  explicit TablePattern(std::string_view text);  ///< Throws Error(invalid_option) on what is none.
  bool fits(const TableName& table) const;
  /// The same as Postgres's regular expressions.
  std::string schema_regex() const;
  std::string name_regex() const;

 private:
  NamePart schema_, name_;
};

/// A pattern's target for one table: its only star is the table's whole name; of two the first is its schema. Throws
/// Error(invalid_option) on any other number of them.
std::string target_by(std::string_view target, const TableName& table);

/// Whether the pattern names the table, and whether its `except` takes it out again.
enum class Named { no, excepted, yes };
Named named_by(const TableMapping& pattern, const TableName& table);

/// What an operator has to write for the mirror's mapping: patterns, and tables that none of them brings.
std::vector<TableMapping> declared_mappings(const MirrorSpec& mirror);

}  // namespace peerd

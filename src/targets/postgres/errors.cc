#include "postgres/errors.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "peerd/base/text.h"
#include "peerd/postgres/types.h"

namespace peerd::pgtarget {
namespace {

using postgres::ServerError;

/// What a failure of one kind asks of the operator. $T = the table, $C = the column, $Y = the source's type of it,
/// $K = the constraint, $D = the domain, $P = the key's columns.
struct Advice {
  std::string_view sqlstate;  ///< A whole SQLSTATE, or the characters it begins with.
  std::string_view says;      ///< Part of the message, where one SQLSTATE stands for several things.
  std::string_view hint;
};
// The first match counts.
constexpr Advice kAdvice[] = {
    {"22P02", "for enum",
     "give the target's enum type the labels that the source's has: ALTER TYPE … RENAME VALUE … or ADD VALUE …"},
    {"22P02", "malformed record",
     "give the target's composite type the attributes that the source's has: ALTER TYPE … ADD ATTRIBUTE … or DROP ATTRIBUTE …"},
    {"22021", "", "the target's database needs ENCODING 'UTF8', and the source's text must be valid in its encoding"},
    {"22P05", "", "make the target's database with ENCODING 'UTF8'"},
    {"22", "", "ALTER TABLE $T ALTER COLUMN $C TYPE $Y"},
    {"23502", "domain", "ALTER DOMAIN $D DROP NOT NULL"},
    {"23502", "", "ALTER TABLE $T ALTER COLUMN $C DROP NOT NULL"},
    {"23514", "no partition", "CREATE TABLE … PARTITION OF $T …, for the rows that no partition takes"},
    {"23514", "domain", "ALTER DOMAIN $D DROP CONSTRAINT $K"},
    {"23514", "", "ALTER TABLE $T DROP CONSTRAINT $K"},
    {"23503", "", "ALTER TABLE $T DROP CONSTRAINT $K, or let the mirror's role set session_replication_role"},
    {"23", "", "the source has no such constraint: ALTER TABLE $T DROP CONSTRAINT $K, or DROP INDEX $K"},
    {"428C9", "", "ALTER TABLE $T ALTER COLUMN $C DROP EXPRESSION"},
    {"42P10", "", "the key is gone: ALTER TABLE $T ADD PRIMARY KEY ($P)"},
    {"55000", "replica identity", "ALTER TABLE $T ADD PRIMARY KEY ($P), or take the table out of the target's own publication"},
    {"54000", "", "an index of the target cannot hold the value: DROP INDEX, or another one over its hash"},
    {"P0001", "", "a trigger or function of the target's own raised it: ALTER TABLE $T DISABLE TRIGGER …"},
};

/// What an object name is looked up for (regclass and its like) stands in the cell.
constexpr std::string_view kAbsentObject =
    "make the object that the value names at the target, or ALTER TABLE $T ALTER COLUMN $C TYPE text";

void replace_all(std::string& text, std::string_view what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

/// What a table, its indexes and its own code refuse, besides values and constraints.
constexpr std::array<std::string_view, 9> kOfTable{"38", "39", "428C9", "42804", "42P10", "44", "54000", "55000", "P0"};

/// The column whose value COPY was reading, also where it read it into the table's staging table.
std::string copied_column(const ServerError& error, const MirrorTable& table) {
  const TableSchema& schema = table.schema;
  const std::string& name = error.copied;
  if (error.copied_into != "peerd_" + std::to_string(schema.id.oid)) return name;
  std::size_t number = 0;
  const char* const end = name.data() + name.size();
  if (name.size() < 2 || std::from_chars(name.data() + 1, end, number).ptr != end) return name;
  if (name[0] == 'b' && number < schema.key.size()) return schema.columns[schema.key[number]].name;
  if (name[0] == 'c' && number < schema.columns.size()) return schema.columns[number].name;
  return name;
}

/// The message without what it quotes of a cell: the names that the server tells apart may stay.
std::string without_values(const ServerError& error) {
  std::string_view rest = error.text.message;
  if (error.text.origin == "P0001") return "an error was raised by the target's own code";
  if (error.text.origin == "22021") return "a text has bytes that are no valid characters";
  if (error.text.origin == "22P05") return "a text has a character that the target's encoding does not have";
  if (error.copied.empty() && !error.text.origin.starts_with("22")) return std::string(rest);
  rest = rest.substr(0, rest.find(": "));
  std::string out;
  for (std::size_t open = rest.find('"'); open != std::string_view::npos; open = rest.find('"')) {
    const std::size_t close = rest.find('"', open + 1);
    if (close == std::string_view::npos) break;
    const std::string_view name = rest.substr(open + 1, close - open - 1);
    const bool known =
        name == error.constraint || name == error.column || error.table.ends_with("." + quote_identifier(name));
    out += known ? rest.substr(0, close + 1) : rest.substr(0, open == 0 ? 0 : open - 1);
    rest.remove_prefix(close + 1);
  }
  return out + std::string(rest);
}

/// Numbers, dates and the like are ASCII in every encoding.
bool may_hold_text(const Column& column) {
  const postgres::BuiltinType* const builtin = postgres::builtin_type(column.type_oid);
  if (builtin == nullptr) return true;
  return builtin->fixed_size < 0 && builtin->oid != postgres::kNumericOid && builtin->oid != postgres::kByteaOid;
}

std::string unquoted(std::string name) {
  std::erase(name, '"');
  return name;
}

/// The columns at fault: what the server names, else all of the domain that it names.
std::vector<std::string> columns_at_fault(const ServerError& error, const MirrorTable& table) {
  if (!error.copied.empty()) return {copied_column(error, table)};
  if (!error.column.empty()) return {error.column};
  std::vector<std::string> columns;
  // COPY converts many lines at once, before it cuts them into columns.
  const bool encoding = error.text.origin == "22021" || error.text.origin == "22P05";
  for (const Column& column : table.schema.columns) {
    if (encoding && may_hold_text(column)) columns.push_back(column.name);
    if (!error.type.empty() && unquoted(column.type_name) == unquoted(error.type)) columns.push_back(column.name);
  }
  return columns;
}

std::string advice(const ServerError& error) {
  if (!error.copied.empty() && error.text.origin.starts_with("42")) return std::string(kAbsentObject);
  for (const Advice& known : kAdvice) {
    if (error.text.origin.starts_with(known.sqlstate) && error.text.message.find(known.says) != std::string::npos)
      return std::string(known.hint);
  }
  return error.text.hint;
}

}  // namespace

bool is_of_old_staging(const Error& error) {
  const auto* const said = dynamic_cast<const ServerError*>(&error);
  return said != nullptr && said->text.origin.starts_with("22") && said->copied.empty();
}

bool is_refusal(const Error& error) {
  // Connection, rollback by the server, resources, its operator, its system, and itself (Postgres docs, Appendix A).
  constexpr std::array<std::string_view, 6> kOthers{"08", "40", "53", "57", "58", "XX"};
  const auto of_class = [&](std::string_view prefix) { return error.text.origin.starts_with(prefix); };
  return !error.text.origin.empty() && std::ranges::none_of(kOthers, of_class);
}

void explain(Error& error, const Site& site, const MirrorTable& table) {
  auto* const said = dynamic_cast<ServerError*>(&error);
  if (said != nullptr && !said->text.origin.empty() && said->text.table.empty()) {
    const TableSchema& schema = table.schema;
    const std::vector<std::string> columns = columns_at_fault(*said, table);
    std::vector<std::string> key, names;
    for (const std::uint16_t column : schema.key) key.push_back(quote_identifier(schema.columns[column].name));
    for (const std::string& column : columns) names.push_back(quote_identifier(column));
    const std::string target = postgres::parse_qualified(table.target_name).quoted();
    std::string hint = advice(*said), type = "…";
    for (const Column& column : schema.columns)
      if (columns.size() == 1 && column.name == columns[0] && !column.type_name.empty()) type = column.type_name;
    replace_all(hint, "$T", target);
    replace_all(hint, "$C", names.empty() ? "…" : join(names, " or "));
    replace_all(hint, "$Y", type);
    replace_all(hint, "$K", said->constraint.empty() ? "…" : quote_identifier(said->constraint));
    replace_all(hint, "$D", said->type.empty() ? "…" : said->type);
    replace_all(hint, "$P", join(key, ", "));
    std::string where = "target table " + target + ", key (" + join(key, ", ") + ")";
    if (!names.empty()) where = (names.size() > 1 ? "columns " : "column ") + join(names, ", ") + " of " + where;
    said->text.message = without_values(*said) + " (" + where + ")";
    const bool refuses = std::ranges::any_of(kOfTable, [&](std::string_view sqlstate) { return said->text.origin.starts_with(sqlstate); });
    if (said->text.code == ErrorCode::peer_error && refuses) said->text.code = ErrorCode::bad_value;
    said->text.hint = std::move(hint);
  }
  name_place(error, site, table.schema.qualified());
}

void name_place(Error& error, const Site& site, const std::string& table) {
  if (error.text.origin.empty()) return;  // Not a server's word.
  if (error.text.table.empty()) error.text.table = table;
  if (error.text.origin == "P0001" && error.text.hint.empty())
    error.text.hint = "an event trigger or function of the target's own refuses the statement: ALTER EVENT TRIGGER … DISABLE, or let the mirror's role pass";
  const std::string where = "target " + place(site.options);
  if (error.text.hint.find(where) != std::string::npos) return;
  switch (error.text.code) {
    case ErrorCode::disk_full:
      error.text.hint = "free space on the disk of the " + where + "; the mirror goes on by itself";
      break;
    case ErrorCode::no_privilege:
      if (error.text.hint.empty()) {
        error.text.hint = "grant it to " + quote_identifier(site.options.user) + " at the " + where +
                          ", or make that role the table's owner";
      }
      break;
    default:
      error.text.hint += (error.text.hint.empty() ? "at the " : "; at the ") + where;
  }
}

}  // namespace peerd::pgtarget

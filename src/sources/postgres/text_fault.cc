#include "postgres/text_fault.h"

#include "peerd/base/log.h"
#include "peerd/base/text.h"
#include "postgres/cures.h"
#include "peerd/postgres/types.h"
#include "postgres/partitions.h"

namespace peerd {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 60s;  ///< Whole tables are read.

/// Numbers, dates and the like are ASCII in every encoding.
bool may_hold_text(const Column& column) {
  const std::uint32_t element = postgres::element_type(column.type_oid);
  const std::uint32_t oid = element != 0 ? element : column.type_oid;
  const postgres::BuiltinType* const builtin = postgres::builtin_type(oid);
  if (builtin == nullptr) return true;
  return builtin->fixed_size < 0 && oid != postgres::kNumericOid && oid != postgres::kByteaOid;
}

/// It asks the server to make the texts UTF-8 as it would to send them.
bool holds_fault(postgres::Connection& connection, const TableSchema& schema, const std::string& texts, const Wait& wait) {
  try {
    connection.run("SELECT count(convert_to(" + texts + ", 'UTF8')) FROM " + rows_of(schema), wait);
    return false;
  } catch (const Error& error) {
    if (!is_text_fault(error)) throw;
    return true;
  }
}

std::vector<std::string> columns_at_fault(postgres::Connection& connection, const TableSchema& schema, const Wait& wait) {
  std::vector<std::string> texts, names, found;
  for (const Column& column : schema.columns) {
    if (!may_hold_text(column)) continue;
    names.push_back(column.name);
    texts.push_back("format('%s', " + quote_identifier(column.name) + ")");
  }
  if (texts.empty() || !holds_fault(connection, schema, join(texts, " || "), wait)) return {};
  for (std::size_t i = 0; i < texts.size(); ++i)
    if (holds_fault(connection, schema, texts[i], wait)) found.push_back(names[i]);
  return found;
}

/// Sets table and message where a column is found.
bool find(ErrorText& text, const std::vector<const TableSchema*>& tables, postgres::Connection& connection, const Wait& wait) {
  for (const TableSchema* schema : tables) {
    const std::vector<std::string> columns = columns_at_fault(connection, *schema, wait);
    if (columns.empty()) continue;
    text.table = schema->qualified();
    text.message = (columns.size() == 1 ? "column \"" : "columns \"") + join(columns, "\", \"") + "\" of table " + text.table +
                   " hold" + (columns.size() == 1 ? "s" : "");
    return true;
  }
  return false;
}

}  // namespace

bool is_text_fault(const Error& error) { return error.text.origin == "22021" || error.text.origin == "22P05"; }

void throw_text_fault(const Error& error, During during, const std::vector<const TableSchema*>& tables,
                      const Ask& ask, const std::stop_token& stop) {
  ErrorText text = error.text;
  text.code = ErrorCode::bad_value;
  text.retry = Retry::after_operator;
  text.message = "a text column holds";
  bool found = false;
  try {
    const Wait wait{std::chrono::steady_clock::now() + kPatience, stop};
    ask(wait, [&](postgres::Connection& connection) { found = find(text, tables, connection, wait); });
  } catch (const Error& other) {
    log(LogLevel::warning, "the column whose text is no UTF-8 was not found: " + other.text.message);
  }
  std::vector<std::string> names;
  for (const TableSchema* schema : tables) names.push_back(schema->qualified());
  if (!found && names.size() == 1) text.table = names[0];
  text.message += text.origin == "22021" ? " bytes that are no UTF-8" : " a character that UTF-8 does not have";
  if (!found) text.message += ", in a row of " + join(names, ", ") + " that is another by now";
  text.hint = "correct it at the source (convert_to(column, 'UTF8') fails on it), then ";
  text.hint += during == During::copy ? std::string("RESUME MIRROR; or exclude the column from the mapping")
                                      : std::string(kCopyAllAnew) + ", as the change that brought it stays in the WAL";
  throw Error(std::move(text));
}

}  // namespace peerd

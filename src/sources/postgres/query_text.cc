#include "postgres/query_text.h"

#include <algorithm>
#include <set>

#include "peerd/base/text.h"
#include "postgres/base_types.h"

namespace peerd {
namespace {

constexpr std::string_view kBefore = "SELECT * FROM (\n", kBehind = "\n) AS q LIMIT 0";
constexpr std::uint32_t kMoney = 790, kMoneyArray = 791;

std::string oids_of(const std::vector<Column>& columns) {
  std::string list;
  for (const Column& column : columns) list += (list.empty() ? "{" : ",") + std::to_string(column.type_oid);
  return list + "}";
}

void name_types(postgres::Connection& connection, std::vector<Column>& columns, const Wait& wait) {
  if (columns.empty()) return;
  std::string modifiers;
  for (const Column& column : columns) modifiers += (modifiers.empty() ? "{" : ",") + std::to_string(column.type_modifier);
  const postgres::Result names = connection.run(
      "SELECT format_type(t.oid, t.modifier) FROM unnest($1::oid[], $2::int4[]) WITH ORDINALITY AS t(oid, modifier, n) ORDER BY t.n",
      {{oids_of(columns), modifiers + "}"}}, wait);
  for (std::size_t i = 0; i < columns.size(); ++i) columns[i].type_name = names.string(static_cast<int>(i), 0);
  read_base_types(connection, columns, wait);
}

Problem unfit_column(const std::string& message, const std::string& hint) {
  return {ErrorText{.code = ErrorCode::source_unfit, .message = message, .hint = hint, .field = "query"}, {}};
}

}  // namespace

Bounds bounds_of(const Watermark* watermark, const Chunk::KeyRange& range) {
  if (watermark == nullptr) return {"NULL", "NULL"};
  const auto literal = [&](const std::vector<std::string>& cells) {
    return "(" + (cells.empty() ? "NULL::" + watermark->type : watermark->value(cells.at(0))) + ")";
  };
  return {literal(range.first), literal(range.end)};
}

Error query_error(const Error& error, std::size_t position) {
  ErrorText text = error.text;
  if (retry_of(text) == Retry::later && text.origin != "25006") return Error(std::move(text));
  text.message = "the query does not run at the source: " + text.message;
  if (position != 0) text.message += ", at character " + std::to_string(position) + " of the query";
  text.field = "query";
  text.retry = Retry::after_operator;
  if (text.code == ErrorCode::not_found || text.code == ErrorCode::wrong_state || text.code == ErrorCode::peer_error)
    text.code = ErrorCode::source_unfit;
  if (text.origin == "25006") text.hint = "a mirror's query reads, and nothing else";
  if (text.origin == "42P01" || text.origin == "42883" || text.origin == "42704")
    text.hint = "write names in full, schema.name: the search path holds pg_catalog alone" + (text.hint.empty() ? "" : "; " + text.hint);
  return Error(std::move(text));
}

std::vector<Column> describe_query(postgres::Connection& connection, const QueryTemplate& query, const Bounds& bounds, const Wait& wait) {
  std::vector<Column> columns;
  try {
    const postgres::Result described =
        connection.run(std::string(kBefore) + query.with(bounds.start, bounds.end) + std::string(kBehind), wait);
    for (int i = 0; i < described.columns(); ++i) {
      Column column;
      column.name = described.column_name(i);
      column.type_oid = described.column_type(i);
      column.type_modifier = described.column_type_modifier(i);
      column.number = static_cast<std::int16_t>(i + 1);
      columns.push_back(std::move(column));
    }
  } catch (const postgres::ServerError& error) {
    const std::size_t in_query = error.position > kBefore.size() ? error.position - kBefore.size() : 0;
    throw query_error(error, in_query == 0 ? 0 : query.place_of(in_query, bounds.start, bounds.end));
  }
  name_types(connection, columns, wait);
  return columns;
}

Problems check_columns(postgres::Connection& connection, const std::vector<Column>& columns, const Wait& wait) {
  Problems problems;
  std::set<std::string> seen, twice;
  for (const Column& column : columns) {
    if (seen.insert(column.name).second || !twice.insert(column.name).second) continue;
    problems.push_back(unfit_column("the query returns two columns called \"" + column.name + "\"", "give one of them another name: … AS name"));
  }
  if (columns.empty()) return {unfit_column("the query returns no columns", "SELECT at least one")};
  const postgres::Result kinds = connection.run(
      "SELECT t.typtype = 'p' FROM unnest($1::oid[]) WITH ORDINALITY AS u(oid, n) JOIN pg_type t ON t.oid = u.oid ORDER BY u.n",
      {{oids_of(columns)}}, wait);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const Column& column = columns[i];
    if (kinds.boolean(static_cast<int>(i), 0))
      problems.push_back(unfit_column("column \"" + column.name + "\" of the query is of type " + column.type_name + ", which no table can hold",
                                      "cast it, to a type that is named or to text"));
    const std::uint32_t base = column.base.oid != 0 ? column.base.oid : column.type_oid;
    if (base == kMoney || base == kMoneyArray)
      problems.push_back(unfit_column("column \"" + column.name + "\" of the query is money, whose text depends on lc_monetary",
                                      "cast it: …::numeric"));
  }
  return problems;
}

std::string copy_query_statement(const QueryTemplate& query, const Bounds& bounds, const TableSchema& schema, const CopyPlan& plan) {
  std::string columns, names;
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    const std::string name = quote_identifier(schema.columns[i].name);
    names += (i == 0 ? "" : ", ") + name;
    columns += (i == 0 ? "q." : ", q.") + name;
    if (i < plan.select_casts.size() && !plan.select_casts[i].empty()) columns += "::" + plan.select_casts[i];
  }
  return "COPY (SELECT " + columns + " FROM (\n" + query.with(bounds.start, bounds.end) + "\n) AS q (" + names + ")) TO STDOUT (FORMAT " +
         (plan.form == CopyForm::binary ? "binary" : "text") + ")";
}

}  // namespace peerd

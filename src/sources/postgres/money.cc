#include "postgres/money.h"

#include <algorithm>

#include "peerd/base/text.h"

namespace peerd {
namespace {

/// Money itself, its arrays, and what is made of them: domains, composites, ranges.
constexpr std::string_view kMoneyColumn =
    "WITH RECURSIVE made(type) AS (SELECT 'money'::regtype::oid UNION"
    " SELECT t.oid FROM pg_type t JOIN made m ON t.typelem = m.type OR t.typbasetype = m.type"
    "   OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND a.atttypid = m.type)"
    "   OR EXISTS (SELECT FROM pg_range r WHERE r.rngtypid = t.oid AND r.rngsubtype = m.type))"
    " SELECT a.attname FROM pg_attribute a JOIN made m ON m.type = a.atttypid"
    " WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

/// Digits behind the point under the database's, or the role's, own lc_monetary.
std::int64_t own_digits(postgres::Connection& connection, const Wait& wait) {
  connection.run("SELECT set_config(name, reset_val, false) FROM pg_settings WHERE name = 'lc_monetary'", wait);
  const std::int64_t digits = connection.run("SELECT scale('1'::money::numeric)", wait).integer(0, 0);
  connection.run("SET lc_monetary = 'C'", wait);
  return digits;
}

}  // namespace

Problems money_unfit(postgres::Connection& connection, const TableSchema& schema, const Wait& wait) {
  const postgres::Result found = connection.run(kMoneyColumn, {{std::to_string(schema.id.oid)}}, wait);
  Problems problems;
  for (int row = 0; row < found.rows(); ++row) {
    const std::string column = found.string(row, 0);
    if (std::ranges::find(schema.columns, column, &Column::name) == schema.columns.end()) continue;  // Excluded.
    const std::int64_t digits = own_digits(connection, wait);
    if (digits == 2) return problems;
    ErrorText text;
    text.code = ErrorCode::source_unfit;
    text.table = schema.qualified();
    text.message = "column \"" + column + "\" of table " + text.table + " is money, which this database counts with " +
                   std::to_string(digits) + " digits behind the point (lc_monetary), and peerd with 2";
    text.hint = "exclude the column from the mapping, or make it numeric";
    problems.push_back({std::move(text), "ALTER TABLE " + quote_identifier(schema.schema) + "." + quote_identifier(schema.name) +
                                             " ALTER " + quote_identifier(column) + " TYPE numeric"});
  }
  return problems;
}

}  // namespace peerd

#include "postgres/money.h"

#include "peerd/base/text.h"
#include "postgres/made_of.h"

namespace peerd {
namespace {

constexpr std::string_view kMoney = "{money}";

/// Digits behind the point under the database's, or the role's, own lc_monetary, as it was when the session began.
std::int64_t own_digits(postgres::Connection& connection, const Wait& wait) {
  connection.run("SELECT set_config(name, reset_val, false) FROM pg_settings WHERE name = 'lc_monetary'", wait);
  const std::int64_t digits = connection.run("SELECT scale('1'::money::numeric)", wait).integer(0, 0);
  connection.run("SET lc_monetary = 'C'", wait);
  return digits;
}

ErrorText unfit(const MadeOf& column, std::int64_t digits) {
  ErrorText text;
  text.table = column.table->qualified();
  text.message = "column \"" + column.column + "\" of table " + text.table + " is money, which this database counts with " +
                 std::to_string(digits) + " digits behind the point (lc_monetary), and peerd with 2";
  return text;
}

std::string cure(const MadeOf& column) {
  return "ALTER TABLE " + quote_identifier(column.table->schema) + "." + quote_identifier(column.table->name) + " ALTER " +
         quote_identifier(column.column) + " TYPE numeric";
}

}  // namespace

Problems money_unfit(postgres::Connection& connection, const TableSchema& schema, const Wait& wait) {
  const std::vector<MadeOf> columns = columns_made_of(connection, kMoney, std::vector{&schema}, wait);
  if (columns.empty()) return {};
  const std::int64_t digits = own_digits(connection, wait);
  if (digits == 2) return {};
  Problems problems;
  for (const MadeOf& column : columns) {
    ErrorText text = unfit(column, digits);
    text.code = ErrorCode::source_unfit;
    text.hint = "exclude the column from the mapping, or make it numeric";
    problems.push_back({std::move(text), cure(column)});
  }
  return problems;
}

void check_money(postgres::Connection& connection, const Connect& connect, std::span<const MirrorTable> tables,
                 const Wait& wait) {
  std::vector<const TableSchema*> schemas;
  for (const MirrorTable& table : tables) schemas.push_back(&table.schema);
  const std::vector<MadeOf> columns = columns_made_of(connection, kMoney, schemas, wait);
  if (columns.empty()) return;
  const std::int64_t digits = own_digits(*connect(false, wait), wait);
  if (digits == 2) return;
  ErrorText text = unfit(columns[0], digits);
  text.code = ErrorCode::schema_changed;
  text.hint = "set lc_monetary as it was, if the amounts were written so, and RESUME MIRROR; or DROP MIRROR, " + cure(columns[0]) +
              " (or exclude the column from the mapping), and CREATE MIRROR";
  text.retry = Retry::after_operator;
  throw Error(std::move(text));
}

}  // namespace peerd

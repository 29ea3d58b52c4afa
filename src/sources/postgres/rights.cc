#include "postgres/rights.h"

#include "peerd/base/text.h"

namespace peerd {
namespace {

std::string role_of(postgres::Connection& connection, const Wait& wait) {
  try {
    connection.run("ROLLBACK", wait);
    return connection.run("SELECT quote_ident(current_user)", wait).string(0, 0);
  } catch (const Error&) {
    return "the peer's user";
  }
}

}  // namespace

void name_right(postgres::Connection& connection, Error& error, const TableSchema& schema, const Wait& wait) {
  const auto says = [&](std::string_view words) { return error.text.message.find(words) != std::string::npos; };
  if (error.text.origin != "42501" || !error.text.hint.empty()) return;
  const std::string table = quote_identifier(schema.schema) + "." + quote_identifier(schema.name), role = role_of(connection, wait);
  const bool of_part = schema.partitioned && !says(" " + schema.name);  // The message names the partition.
  error.text.table = schema.qualified();
  error.text.hint = says("row-level security") ? "ALTER ROLE " + role + " BYPASSRLS, or ALTER TABLE " + table + " DISABLE ROW LEVEL SECURITY"
                    : says("for schema")       ? "GRANT USAGE ON SCHEMA " + quote_identifier(schema.schema) + " TO " + role
                    : of_part                  ? "GRANT SELECT ON that partition TO " + role
                                               : "GRANT SELECT ON " + table + " TO " + role;
  error.text.hint += ", at the source; then RESUME MIRROR";
}

}  // namespace peerd

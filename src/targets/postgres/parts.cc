#include "postgres/parts.h"

#include "peerd/base/text.h"
#include "unfit.h"

namespace peerd::pgtarget {
namespace {

using postgres::Connection;
using postgres::Result;
using Parameters = std::vector<std::optional<std::string>>;

constexpr const char* kCheck = "peerd_parts_stand";

constexpr std::string_view kLostColumns =
    "SELECT c.name, c.number, a.attnum, n.attname FROM _peerd.columns c"
    " LEFT JOIN pg_attribute a ON a.attrelid = c.table_oid AND a.attname = c.name"
    " LEFT JOIN pg_attribute n ON n.attrelid = c.table_oid AND n.attnum = c.number AND NOT n.attisdropped"
    " WHERE c.table_oid = $1::oid AND a.attnum IS DISTINCT FROM c.number ORDER BY c.number";

void learn_columns(Connection& connection, const Site& site, const MirrorTable& table, const Parameters& oid,
                   const Wait& wait) {
  std::vector<std::string> names;
  for (const Column& column : table.schema.columns) names.push_back(quote_literal(column.name));
  for (const std::string& own : {site.soft_delete, site.synced_at})
    if (!own.empty()) names.push_back(quote_literal(own));
  connection.run("INSERT INTO _peerd.columns (table_oid, name, number, mirror) SELECT attrelid, attname, attnum, " +
                     quote_literal(site.uuid) + " FROM pg_attribute WHERE attrelid = $1::oid AND attnum > 0 AND attname IN (" +
                     join(names, ", ") + ") ON CONFLICT (table_oid, name) DO NOTHING",
                 oid, wait);
}

void require_columns(Connection& connection, const std::string& target, ErrorText about, const Parameters& oid,
                     const Wait& wait) {
  const Result lost = connection.run(kLostColumns, oid, wait);
  if (lost.rows() == 0) return;
  std::vector<std::string> names, words;
  for (int row = 0; row < lost.rows(); ++row) {
    names.push_back(quote_identifier(lost.string(row, 0)));
    words.push_back(names.back() + " was column " + lost.string(row, 1) + " of the table, which " +
                    (lost.null(row, 3) ? "was dropped" : "is named " + quote_identifier(lost.string(row, 3)) + " now") +
                    (lost.null(row, 2) ? "" : "; column " + lost.string(row, 2) + " has its name"));
  }
  const bool one = names.size() == 1;
  about.message = (one ? "column " : "columns ") + join(names, ", ") + " of " + target +
                  (one ? " is not the one that this mirror has written to" : " are not those that this mirror has written to");
  about.detail = join(words, "; ");
  throw Error(std::move(about));
}

}  // namespace

void note_parts(Connection& connection, const Site& site, const MirrorTable& table, std::uint32_t oid, const Wait& wait) {
  const Parameters of{std::to_string(oid)};
  connection.run("DELETE FROM _peerd.columns WHERE table_oid = $1::oid", of, wait);
  learn_parts(connection, site, table, oid, wait);
}

void learn_parts(Connection& connection, const Site& site, const MirrorTable& table, std::uint32_t oid, const Wait& wait) {
  learn_columns(connection, site, table, {std::to_string(oid)}, wait);
}

void require_parts(Connection& connection, const MirrorTable& table, std::uint32_t oid, const Wait& wait) {
  const std::string target = "target table " + postgres::parse_qualified(table.target_name).quoted();
  require_columns(connection, target, lost_table(table.schema.qualified()), {std::to_string(oid)}, wait);
}

void prepare_parts_check(Connection& connection, const Wait& wait) {
  connection.prepare(kCheck,
                     "SELECT 1 / (NOT EXISTS (SELECT FROM _peerd.columns c LEFT JOIN pg_attribute a"
                     " ON a.attrelid = c.table_oid AND a.attname = c.name"
                     " WHERE c.table_oid = ANY ($1::oid[]) AND a.attnum IS DISTINCT FROM c.number))::integer",
                     wait);
}

std::string parts_check(const std::string& oids) { return std::string("EXECUTE ") + kCheck + "('{" + oids + "}'); "; }

}  // namespace peerd::pgtarget

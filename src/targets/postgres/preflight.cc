#include <algorithm>
#include <iterator>
#include <set>

#include "peerd/base/text.h"
#include "postgres/bookkeeping.h"
#include "postgres/errors.h"
#include "postgres/overlap.h"
#include "postgres/ownership.h"
#include "postgres/postgres_target.h"

namespace peerd::pgtarget {
namespace {

/// Rights that the mirror needs beside those on single tables.
Problems check_rights(postgres::Connection& connection, const Site& site, const Wait& wait) {
  Problems problems;
  const auto lacks = [&](const char* right) {
    const std::vector<std::optional<std::string>> parameters{right};
    return !connection.run("SELECT has_database_privilege(current_database(), $1)", parameters, wait).boolean(0, 0);
  };
  const auto report = [&](const std::string& message, const std::string& right) {
    const std::string cure = "GRANT " + right + " ON DATABASE " + quote_identifier(site.options.database) + " TO " +
                             quote_identifier(site.options.user);
    problems.push_back({ErrorText{.code = ErrorCode::no_privilege,
                                  .message = message,
                                  .detail = {},
                                  .hint = cure,
                                  .field = {},
                                  .table = {},
                                  .origin = {},
                                  .retry = {}},
                        cure});
  };
  if (lacks("TEMPORARY")) report("no right to make temporary tables at the target", "TEMPORARY");
  if (!bookkeeping_exists(connection, wait) && lacks("CREATE"))
    report("no right to create the schema _peerd at the target", "CREATE");
  if (connection.run("SELECT pg_is_in_recovery()", wait).boolean(0, 0)) {
    problems.push_back({ErrorText{.code = ErrorCode::target_unfit,
                                  .message = "the target " + place(site.options) + " is a read-only standby",
                                  .detail = {},
                                  .hint = "point the peer at the primary",
                                  .field = {},
                                  .table = {},
                                  .origin = {},
                                  .retry = {}},
                        ""});
  }
  return problems;
}

/// Quoted names of what may have parts: of two tables that share rows one is such a table, and most targets have none.
std::set<std::string> partitioned_tables(postgres::Connection& connection, const Wait& wait) {
  const auto found = connection.run(
      "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'p'", wait);
  std::set<std::string> names;
  for (int row = 0; row < found.rows(); ++row) names.insert(postgres::QualifiedName{found.string(row, 0), found.string(row, 1)}.quoted());
  return names;
}

Problems check_overlap(postgres::Connection& connection, const MirrorTable& table, std::span<const MirrorTable> tables, const Wait& wait) {
  const postgres::QualifiedName name = postgres::parse_qualified(table.target_name);
  std::vector<postgres::QualifiedName> others;
  for (const MirrorTable& other : tables)
    if (other.target_name != table.target_name) others.push_back(postgres::parse_qualified(other.target_name));
  if (others.empty()) return {};
  const auto shared = shares_rows(connection, table, name, inspect(connection, name, wait), others, wait);
  return shared ? Problems{*shared} : Problems();
}

/// Of tables with targets of their own, as one moment shows them.
Problems check_tables(postgres::Connection& connection, const Site& site, std::span<const MirrorTable> tables, const Wait& wait) {
  Problems problems;
  const std::set<std::string> partitioned = partitioned_tables(connection, wait);
  std::set<std::string> names;
  for (const MirrorTable& table : tables) {
    const std::string name = postgres::parse_qualified(table.target_name).quoted();
    if (!names.insert(name).second) {
      problems.push_back({ErrorText{.code = ErrorCode::invalid_option,
                                    .message = "two tables are mapped to " + table.target_name,
                                    .detail = {},
                                    .hint = "give each table a target of its own",
                                    .field = {},
                                    .table = table.schema.qualified(),
                                    .origin = {},
                                    .retry = {}},
                          ""});
      continue;
    }
    Problems found = site.mappings.check(table);
    if (found.empty()) found = check_table(connection, site, site.here(table), wait);
    if (found.empty() && partitioned.contains(name)) found = check_overlap(connection, table, tables, wait);
    std::ranges::move(found, std::back_inserter(problems));
  }
  return problems;
}

}  // namespace

Problems PostgresTarget::preflight(std::span<const MirrorTable> tables, const Wait& wait) {
  Problems problems;
  try {
    // A connection of its own: nothing that fails here costs the mirror anything.
    const auto connection = connect(site_, wait);
    problems = check_rights(*connection, site_, wait);
    const auto look = [&] { return check_tables(*connection, site_, tables, wait); };
    std::ranges::move(at_one_moment(*connection, wait, look), std::back_inserter(problems));
  } catch (Error& error) {
    name_place(error, site_, "");
    problems.push_back({error.text, ""});
  }
  return problems;
}

}  // namespace peerd::pgtarget

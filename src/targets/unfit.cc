#include "unfit.h"

#include <algorithm>

#include "peerd/base/text.h"

namespace peerd {

Problem unfit(ErrorCode code, const std::string& table, std::string message, std::string hint, std::string cure) {
  Problem problem;
  problem.text.code = code;
  problem.text.message = std::move(message);
  problem.text.hint = std::move(hint);
  problem.text.table = table;
  problem.cure_sql = std::move(cure);
  return problem;
}

Problem unfit(const MirrorTable& table, std::string message, std::string hint, std::string cure) {
  return unfit(ErrorCode::target_unfit, table.schema.qualified(), std::move(message), std::move(hint), std::move(cure));
}

ErrorText lost_table(const std::string& table) {
  ErrorText text;
  text.code = ErrorCode::target_unfit;
  text.hint = "put back what the mirror has written to and RESUME MIRROR; or RESYNC TABLE " + table +
              " OF the mirror, which copies it anew; another table of its name is to be renamed or dropped first";
  text.table = table;
  return text;
}

std::vector<std::string> lost_columns(const TableSchema& from, const TableSchema& to) {
  std::vector<std::string> lost;
  for (const Column& column : from.columns) {
    const bool found = std::ranges::any_of(to.columns, [&](const Column& other) {
      return column.number != 0 && other.number != 0 ? column.number == other.number : column.name == other.name;
    });
    if (!found) lost.push_back(column.name);
  }
  return lost;
}

ErrorText kept_column(const MirrorTable& table, const std::string& name, const std::string& where,
                      const std::string& cure) {
  ErrorText text;
  text.code = ErrorCode::target_unfit;
  text.table = table.schema.qualified();
  text.message = "column " + quote_identifier(name) + " of table " + text.table +
                 " was dropped at the source and is another one now, and " + where +
                 " keeps the old one's values under that name";
  text.hint = "run at the target: " + cure + "; then RESUME MIRROR";
  text.retry = Retry::after_operator;
  return text;
}

ErrorText own_values(const MirrorTable& table, const std::string& name, const std::string& where, const std::string& cure) {
  ErrorText text;
  text.code = ErrorCode::target_unfit;
  text.table = table.schema.qualified();
  text.message = "table " + text.table + " has gained column " + quote_identifier(name) + " at the source, and " + where +
                 " has a column of that name which is not the mirror's and holds other values than older rows have at the source";
  text.hint = "run at the target: " + cure + "; then RESUME MIRROR";
  text.retry = Retry::after_operator;
  return text;
}

namespace {

bool tells_by_name(std::string_view type) {
  constexpr std::string_view kTypes[] = {"regclass",   "regtype",       "regproc",      "regprocedure", "regoper",       "regoperator",
                                         "regrole", "regnamespace", "regcollation", "regconfig",    "regdictionary", "regdatabase"};
  if (type.ends_with("[]")) type.remove_suffix(2);
  return std::ranges::find(kTypes, type) != std::end(kTypes);
}

}  // namespace

Problems named_key(const MirrorTable& table) {
  const bool whole = table.schema.keyless() && table.schema.identity == ReplicaIdentity::full;
  for (std::size_t place = 0; place < table.schema.columns.size(); ++place) {
    if (!whole && std::ranges::find(table.schema.key, place) == table.schema.key.end()) continue;
    const Column& column = table.schema.columns[place];
    if (!tells_by_name(column.type_name) && !tells_by_name(column.base.name)) continue;
    const std::string name = quote_identifier(column.name);
    if (whole) {
      return {unfit(table, "table " + table.schema.qualified() + " has no key, and column " + name + " (" + column.type_name +
                               ") tells objects of the source by their names: a row would not be found again when its object is renamed",
                    "ALTER TABLE " + table.schema.qualified() + " ADD PRIMARY KEY (...) at the source, or exclude the column")};
    }
    return {unfit(table, "the key of table " + table.schema.qualified() + " tells objects of the source by their names, in column " + name +
                             " (" + column.type_name + "): a row would keep its old key when its object is renamed",
                  "ALTER TABLE " + table.schema.qualified() + " ALTER COLUMN " + name + " TYPE oid, or another key, at the source; or exclude the table")};
  }
  return {};
}

}  // namespace peerd

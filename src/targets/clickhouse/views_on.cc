#include "clickhouse/views_on.h"

#include <algorithm>
#include <vector>

#include "clickhouse/column_type.h"
#include "clickhouse/tokens.h"

namespace peerd::clickhouse {

std::optional<ReadingView> view_that_reads(Client& client, std::string_view table, const std::set<std::string>& columns, Views which,
                                           const Wait& wait) {
  const std::string name = quote_text(table);
  const std::string depending =
      "(v.database, v.name) IN (SELECT arrayJoin(arrayZip(dependencies_database, dependencies_table)) FROM system.tables"
      " WHERE database = currentDatabase() AND name = " + name + ")";
  const std::string plain = "v.engine = 'View' AND position(v.as_select, " + name + ") > 0";
  const auto views = client.query("SELECT v.database, v.name, v.as_select, v.engine FROM system.tables AS v WHERE " + depending +
                                      (which == Views::all ? " OR " + plain : "") + " ORDER BY ALL", wait);
  for (const auto& row : views) {
    const std::vector<Token> tokens = tokens_of(row.at(2));
    const auto names = [&](const std::string& what) {
      return std::ranges::any_of(tokens, [&](const Token& token) { return token.kind != Token::Kind::text && token.value == what; });
    };
    if (row.at(3) == "View" && !names(std::string(table))) continue;
    for (const std::string& column : columns)
      if (names(column)) return ReadingView{quote_name(row.at(0)) + "." + quote_name(row.at(1)), column};
  }
  return std::nullopt;
}

}  // namespace peerd::clickhouse

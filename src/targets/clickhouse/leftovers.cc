#include "clickhouse/leftovers.h"

#include <algorithm>
#include <charconv>

#include "clickhouse/column_type.h"
#include "peerd/base/log.h"

namespace peerd::clickhouse {
namespace {

std::uint64_t number(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void kill_all(Client& client, const StatementNames& names, const std::string& which, const Wait& wait) {
  const std::string where = " WHERE startsWith(query_id, " + quote_text(names.mirror()) +
                            ") AND toUInt64OrZero(splitByChar(':', query_id)[3]) <= " + std::to_string(names.epoch()) +
                            " AND " + which;
  for (bool asked = false;; asked = true) {
    const std::string running = only_cell(client.query("SELECT count() FROM system.processes" + where, wait));
    if (running == "0") return;
    if (!asked) log(LogLevel::info, "killing " + running + " statements that an earlier run left at ClickHouse");
    client.execute("KILL QUERY" + where + " ASYNC", wait);
    wait.check("waiting for killed statements to end at ClickHouse");
    system_clock().sleep_until(system_clock().now() + std::chrono::milliseconds(50), wait.stop);
  }
}

}  // namespace

void kill_leftovers(Client& client, const StatementNames& names, const Wait& wait) {
  kill_all(client, names, "NOT startsWith(query_id, " + quote_text(names.own()) + ")", wait);
}

void kill_leftovers(Client& client, const StatementNames& names, TableId table, const Wait& wait) {
  kill_all(client, names, "splitByChar(':', query_id)[5] = " + quote_text(std::to_string(table.oid)), wait);
}

std::chrono::milliseconds interval_for_parts(std::chrono::milliseconds least, std::uint64_t parts,
                                             std::uint64_t delay_from) {
  constexpr std::chrono::milliseconds kMost{60'000};
  const std::uint64_t calm = std::max<std::uint64_t>(delay_from / 4, 1);
  if (parts <= calm) return least;
  // From a quarter of the way on, twice as long for every further tenth.
  const std::uint64_t steps =
      std::min<std::uint64_t>((parts - calm) * 10 / std::max<std::uint64_t>(delay_from, 1) + 1, 8);
  const auto longer = std::max(least, std::chrono::milliseconds(500)) * (1 << steps);
  return std::max(least, std::min(longer, kMost));
}

std::chrono::milliseconds measure_interval(Client& client, std::string_view comment, std::chrono::milliseconds least,
                                           const Wait& wait) {
  const auto parts = client.query(
      "SELECT max(c) FROM (SELECT count() AS c FROM system.parts WHERE active AND database = currentDatabase() AND "
      "table IN "
      "(SELECT name FROM system.tables WHERE database = currentDatabase() AND comment = " +
          quote_text(comment) + ") GROUP BY table, partition_id)",
      wait);
  const auto limit =
      client.query("SELECT value FROM system.merge_tree_settings WHERE name = 'parts_to_delay_insert'", wait);
  return interval_for_parts(least, number(only_cell(parts)), std::max<std::uint64_t>(number(only_cell(limit)), 100));
}

}  // namespace peerd::clickhouse

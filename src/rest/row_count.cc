#include "row_count.h"

#include "peer_rows.h"
#include "peerd/base/text.h"
#include "peerd/postgres/connection.h"

namespace peerd::rest {
namespace {

constexpr std::int64_t kTooLarge = 10ll << 30;  ///< As PeerDB: such a table's rows are estimated.
constexpr std::chrono::seconds kLongestSize{20}, kLongestCount{30};

/// Bytes, the planner's estimate (NULL before the first ANALYZE), and whether rows of descendants are its own.
constexpr std::string_view kSize = R"(
SELECT coalesce(sum(pg_table_size(p.oid)), 0)::bigint, sum(p.reltuples) FILTER (WHERE p.reltuples >= 0)::bigint,
       bool_or(c.relkind = 'p')
FROM pg_class c CROSS JOIN LATERAL (
  SELECT c.oid AS relid WHERE c.relkind <> 'p'
  UNION ALL SELECT relid FROM pg_partition_tree(c.oid) WHERE c.relkind = 'p' AND isleaf) t
JOIN pg_class p ON p.oid = t.relid WHERE c.oid = )";

PeerRows rows_of(PeerSession& session, const std::string& sql, const Wait& wait) {
  PeerRows rows;
  session.query(sql, rows, wait);
  return rows;
}

}  // namespace

RowCount count_rows(PeerSession& session, const std::string& table, const std::string& where, const Wait& wait) try {
  if (wait.expired()) return {};
  const std::string quoted = postgres::parse_qualified(table).quoted();
  // The size, too, waits for whoever has locked the table.
  const PeerRows size =
      rows_of(session, std::string(kSize) + quote_literal(quoted) + "::regclass", wait.shorter(kLongestSize));
  if (size.integer(0, 0) > kTooLarge) return {size.null(0, 1) ? -1 : size.integer(0, 1), true};
  const bool partitioned = size.truth(0, 2);
  const PeerRows counted = rows_of(session, "SELECT count(*) FROM " + std::string(partitioned ? "" : "ONLY ") + quoted + where,
                                   wait.shorter(kLongestCount));
  return {counted.integer(0, 0), false};
} catch (const Error& error) {
  const ErrorCode code = error.text.code;
  // A query that took too long costs its session: what opens it anew may be cut short in turn.
  const bool late = code == ErrorCode::timeout || (code == ErrorCode::unreachable && wait.expired());
  if (!late) throw;
  return {};
}

}  // namespace peerd::rest

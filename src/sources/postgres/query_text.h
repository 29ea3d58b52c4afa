#pragma once

#include <string>
#include <vector>

#include "peerd/base/error.h"
#include "peerd/changes/chunk.h"
#include "peerd/changes/table.h"
#include "peerd/postgres/connection.h"
#include "peerd/specs/query_template.h"
#include "postgres/watermark.h"

namespace peerd {

/// What stands in a query for {{.start}} and {{.end}}.
struct Bounds {
  std::string start, end;
};
/// Literals of the range; NULLs of the type where the range is empty, which is enough to describe the query by.
Bounds bounds_of(const Watermark* watermark, const Chunk::KeyRange& range);

/// What the query returns, as the server describes it; nothing of it is run. In a transaction its tables stay locked against
/// what would rewrite them until the end, so that a snapshot that is taken afterwards is none of before.
/// Throws what the server says, with the place in the query as it is written.
std::vector<Column> describe_query(postgres::Connection& connection, const QueryTemplate& query, const Bounds& bounds, const Wait& wait);

/// What cannot be copied of these columns: names that are there twice, types that hold no values.
Problems check_columns(postgres::Connection& connection, const std::vector<Column>& columns, const Wait& wait);

/// The COPY statement of a range. Pure.
std::string copy_query_statement(const QueryTemplate& query, const Bounds& bounds, const TableSchema& schema, const CopyPlan& plan);

/// The server's error on the query, for whoever wrote that. `position`: in the query; 0 = none.
Error query_error(const Error& error, std::size_t position);

}  // namespace peerd

#include "postgres/snapshot_plan.h"

#include <algorithm>
#include <cmath>

#include "peerd/base/text.h"

namespace peerd {
namespace {

constexpr std::uint64_t kSampledBlocks = 200;

/// Rows per block, from a sample of blocks: statistics may be missing, or older than the rows.
double sample(postgres::Connection& connection, const MirrorTable& table, std::uint64_t blocks, const Wait& wait) {
  if (blocks == 0) return 0;
  const double percent = std::min(100.0, 100.0 * kSampledBlocks / static_cast<double>(blocks));
  const std::string quoted = quote_identifier(table.schema.schema) + "." + quote_identifier(table.schema.name);
  const postgres::Result result = connection.run(
      "SELECT count(*) FROM ONLY " + quoted + " TABLESAMPLE SYSTEM (" + std::to_string(percent) + ")", wait);
  // At least one: a sample that meets only dead rows must not make one chunk of a large table.
  return std::max(1.0, static_cast<double>(result.integer(0, 0)) / (static_cast<double>(blocks) * percent / 100.0));
}

}  // namespace

std::vector<Chunk> cut(const MirrorTable& table, std::uint32_t file_node, const TableSize& size,
                       std::uint64_t rows_per_chunk, std::uint64_t most) {
  std::uint64_t count = 1;
  if (rows_per_chunk > 0 && size.rows_per_block > 0) {
    const double rows = static_cast<double>(size.blocks) * size.rows_per_block;
    count = static_cast<std::uint64_t>(std::ceil(rows / static_cast<double>(rows_per_chunk)));
  }
  count = std::clamp<std::uint64_t>(count, 1, std::max<std::uint64_t>(1, std::min(size.blocks, most)));
  std::vector<Chunk> chunks;
  for (std::uint64_t i = 0; i < count; ++i) {
    Chunk chunk;
    chunk.table = table.schema.id;
    chunk.start = table.start;
    chunk.number = static_cast<std::uint32_t>(i);
    chunk.file_node = file_node;
    chunk.first_block = size.blocks * i / count;
    chunk.end_block = i + 1 == count ? Chunk::kNoEndBlock : size.blocks * (i + 1) / count;
    chunks.push_back(chunk);
  }
  return chunks;
}

std::vector<Chunk> plan_chunks(postgres::Connection& connection, const MirrorTable& table, std::uint64_t rows_per_chunk,
                               const Wait& wait) {
  // File node and size in one statement: a rewrite in between shows as another file node at the first chunk.
  const postgres::Result result = connection.run(
      "SELECT pg_relation_filenode(oid), pg_relation_size(oid) / current_setting('block_size')::bigint"
      " FROM pg_class WHERE oid = $1",
      {{std::to_string(table.schema.id.oid)}}, wait);
  if (result.rows() == 0 || result.null(0, 0) || result.null(0, 1)) {
    throw Error(ErrorCode::not_found, "table " + table.schema.qualified() + " does not exist at the source any more");
  }
  TableSize size;
  size.blocks = static_cast<std::uint64_t>(result.integer(0, 1));
  size.rows_per_block = sample(connection, table, size.blocks, wait);
  // Before Postgres 14 a ctid range is a filter on a scan of the whole table: few chunks, or it is read too often.
  const std::uint64_t most = connection.server_version() >= 140000 ? 100'000 : 8;
  return cut(table, static_cast<std::uint32_t>(result.integer(0, 0)), size, rows_per_chunk, most);
}

}  // namespace peerd

#include "postgres/snapshot_plan.h"

#include <algorithm>
#include <cmath>

#include "peerd/base/text.h"
#include "postgres/describe.h"
#include "postgres/partitions.h"

namespace peerd {
namespace {

constexpr std::uint64_t kSampledBlocks = 200;
constexpr double kSampledPerRange = 30;       ///< Rows, so that ranges come out even enough.
constexpr std::uint64_t kMostRanges = 10'000;

/// " TABLESAMPLE …" of about that share.
std::string sampled(double percent) { return " TABLESAMPLE SYSTEM (" + std::to_string(std::min(100.0, percent)) + ")"; }

/// Rows per block, from a sample of blocks: statistics may be missing, or older than the rows.
double sample(postgres::Connection& connection, const std::string& rows, std::uint64_t blocks, const Wait& wait) {
  if (blocks == 0) return 0;
  const double percent = std::min(100.0, 100.0 * kSampledBlocks / static_cast<double>(blocks));
  const postgres::Result result =
      connection.run("SELECT count(*) FROM " + rows + sampled(percent), wait);
  // At least one: a sample that meets only dead rows must not make one chunk of a large table.
  return std::max(1.0, static_cast<double>(result.integer(0, 0)) / (static_cast<double>(blocks) * percent / 100.0));
}

/// What holds rows of a table: the table itself, or one of its partitions.
struct Holder {
  TableId part;      ///< 0 = the table itself.
  std::string rows;  ///< For FROM.
};
std::vector<Holder> holders(postgres::Connection& connection, const MirrorTable& table, const Wait& wait) {
  if (!table.schema.partitioned) return {{{}, rows_of(table.schema)}};
  std::vector<Holder> found;
  auto partitions = read_partitions(connection, {&table.schema.id, 1}, wait);
  for (const LookedPartition& part : partitions[table.schema.id.oid]) found.push_back({{part.note.oid}, "ONLY " + part.quoted});
  return found;
}

struct Measured {
  std::uint32_t file_node = 0;
  TableSize size;
};
std::optional<Measured> measure(postgres::Connection& connection, const MirrorTable& table, const Holder& holder,
                                const Wait& wait) {
  // File node and size in one statement: a rewrite in between shows as another file node at the first chunk.
  const postgres::Result result = connection.run(
      "SELECT pg_relation_filenode(oid), pg_relation_size(oid) / current_setting('block_size')::bigint"
      " FROM pg_class WHERE oid = $1",
      {{std::to_string(holder.part.oid != 0 ? holder.part.oid : table.schema.id.oid)}}, wait);
  if (result.rows() == 0 || result.null(0, 0) || result.null(0, 1)) {
    if (holder.part.oid != 0) return std::nullopt;  // A partition takes its rows along when it is dropped.
    throw Error(ErrorCode::not_found, "table " + table.schema.qualified() + " does not exist at the source any more");
  }
  Measured measured;
  measured.file_node = static_cast<std::uint32_t>(result.integer(0, 0));
  measured.size.blocks = static_cast<std::uint64_t>(result.integer(0, 1));
  try {
    measured.size.rows_per_block = sample(connection, holder.rows, measured.size.blocks, wait);
  } catch (const Error& error) {
    if (holder.part.oid == 0 || error.text.code != ErrorCode::not_found) throw;
    return std::nullopt;
  }
  return measured;
}

/// True when bounds in the key's order can be compared again: the session's search_path finds the operators that ORDER
/// BY uses. Those of an extension's type, or of another one in its place, would leave rows between the ranges.
bool has_builtin_order(postgres::Connection& connection, const TableSchema& schema, const Wait& wait) {
  std::string oids;
  for (const std::uint16_t column : schema.key)
    oids += (oids.empty() ? "{" : ",") + std::to_string(schema.columns[column].type_oid);
  return connection
      .run("SELECT bool_and(typnamespace = 'pg_catalog'::regnamespace) FROM pg_type WHERE oid = ANY ($1::oid[])",
           {{oids + "}"}}, wait)
      .boolean(0, 0);
}

/// At most `count` - 1 keys that part a sample of the table evenly, rising.
std::vector<std::vector<std::string>> bounds(postgres::Connection& connection, const MirrorTable& table,
                                             std::uint64_t count, double percent, const Wait& wait) {
  std::string key, texts;
  for (const std::uint16_t column : table.schema.key) {
    const std::string name = quote_identifier(table.schema.columns[column].name);
    key += (key.empty() ? "" : ", ") + name;
    texts += (texts.empty() ? "" : ", ") + name + "::text";
  }
  const std::string number = std::to_string(count);
  // Names that no column of the key has: the inner SELECT has those, too.
  std::string n = "peerd n", c = "peerd c";
  const auto taken = [&](const Column& column) { return column.name == n || column.name == c; };
  while (std::ranges::any_of(table.schema.columns, taken)) n += "n", c += "c";
  n = quote_identifier(n);
  c = quote_identifier(c);
  const postgres::Result result = connection.run(
      "SELECT " + texts + " FROM (SELECT " + key + ", row_number() OVER (ORDER BY " + key +
          ") - 1 AS " + n + ", count(*) OVER () AS " + c + " FROM " + rows_of(table.schema) + sampled(percent) +
          ") s WHERE " + n + " > 0 AND " + n + " * " + number + " / " + c + " <> (" + n + " - 1) * " + number + " / " + c +
          " ORDER BY " + n,
      wait);
  std::vector<std::vector<std::string>> keys;
  for (int row = 0; row < result.rows(); ++row) {
    std::vector<std::string>& cells = keys.emplace_back();
    for (int column = 0; column < result.columns(); ++column) cells.push_back(result.string(row, column));
  }
  return keys;
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
  // Before Postgres 14 a ctid range is a filter on a scan of the whole table: few chunks, or it is read too often.
  const std::uint64_t most = connection.server_version() >= 140000 ? 100'000 : 8;
  std::vector<Chunk> chunks;
  for (const Holder& holder : holders(connection, table, wait)) {
    const std::optional<Measured> measured = measure(connection, table, holder, wait);
    if (!measured) continue;
    for (Chunk& chunk : cut(table, measured->file_node, measured->size, rows_per_chunk, most)) {
      chunk.part = holder.part;
      chunk.number = static_cast<std::uint32_t>(chunks.size());
      chunks.push_back(std::move(chunk));
    }
  }
  // Without a partition there is nothing to cut: one range of all keys.
  return chunks.empty() ? plan_key_ranges(connection, table, 0, wait) : chunks;
}

std::vector<Chunk> plan_key_ranges(postgres::Connection& connection, const MirrorTable& table,
                                   std::uint64_t rows_per_chunk, const Wait& wait) {
  // Under a lock: a rewrite in the middle would show an empty table, and make one chunk of it.
  connection.run("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY", wait);
  connection.run("LOCK TABLE " + rows_of(table.schema) + " IN ACCESS SHARE MODE", wait);
  Measured measured;
  double rows = 0;
  for (const Holder& holder : holders(connection, table, wait)) {
    const Measured part = measure(connection, table, holder, wait).value_or(Measured{});
    if (!table.schema.partitioned) measured.file_node = part.file_node;
    measured.size.blocks += part.size.blocks;
    rows += static_cast<double>(part.size.blocks) * part.size.rows_per_block;
  }
  if (measured.size.blocks > 0) measured.size.rows_per_block = rows / static_cast<double>(measured.size.blocks);
  std::uint64_t count = 1;
  if (rows_per_chunk > 0 && has_builtin_order(connection, table.schema, wait))
    count = static_cast<std::uint64_t>(std::clamp(std::ceil(rows / static_cast<double>(rows_per_chunk)), 1.0,
                                                  static_cast<double>(kMostRanges)));
  std::vector<std::vector<std::string>> parts;
  if (count > 1) {
    const double sampled_rows = std::max(kSampledPerRange * static_cast<double>(count),
                                         kSampledBlocks * measured.size.rows_per_block);
    parts = bounds(connection, table, count, 100.0 * sampled_rows / rows, wait);
  }
  Chunk chunk;
  chunk.table = table.schema.id;
  chunk.start = table.start;
  chunk.file_node = measured.file_node;
  chunk.range = Chunk::KeyRange{{}, {}, columns_mark(connection, table.schema.id, wait)};
  connection.run("COMMIT", wait);
  std::vector<Chunk> chunks;
  for (std::vector<std::string>& part : parts) {
    chunk.range->end = part;
    chunks.push_back(chunk);
    ++chunk.number;
    chunk.range->first = std::move(part);
  }
  chunk.range->end.clear();
  chunks.push_back(std::move(chunk));
  return chunks;
}

}  // namespace peerd

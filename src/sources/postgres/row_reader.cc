#include "postgres/row_reader.h"

#include <algorithm>

#include "peerd/postgres/array_literal.h"
#include "peerd/base/text.h"
#include "postgres/cures.h"
#include "postgres/tracked_table.h"
#include "postgres/wal_wait.h"

namespace peerd {
namespace {

constexpr std::size_t kPieceBytes = 4 << 20;
constexpr std::uint64_t kMostBlocks = 1024;

[[noreturn]] void throw_altered() { throw Error(ErrorCode::timeout, "the table was altered while it was read"); }

}  // namespace

/// Under the lock: a column that bears another's name now would bring another's values. Partitions have numbers of their own,
/// and the table's names.
void RowReader::check_columns(postgres::Connection& connection, const Wait& wait) {
  std::string numbers = "{", types = "{";
  std::vector<std::string_view> quoted;
  for (const Column& column : schema_.columns) {
    const char* const separator = numbers.size() == 1 ? "" : ",";
    numbers += separator + std::to_string(column.number);
    types += separator + std::to_string(column.type_oid);
    quoted.push_back(column.name);
  }
  const postgres::Result found = connection.run(
      "SELECT count(*) FILTER (WHERE a.attrelid = $1::oid AND a.attnum = c.number), count(*) FILTER (WHERE a.attrelid = $2::oid)"
      " FROM pg_attribute a JOIN unnest($3::int2[], $4::text[], $5::oid[]) c(number, name, type)"
      " ON a.attname = c.name AND a.atttypid = c.type WHERE a.attrelid IN ($1::oid, $2::oid)",
      {{std::to_string(schema_.id.oid), part(), numbers + "}", postgres::array_literal(quoted), types + "}"}}, wait);
  const auto columns = static_cast<std::int64_t>(schema_.columns.size());
  // What became of it the next start finds, and judges.
  if (found.integer(0, 0) != columns || found.integer(0, 1) != columns) throw_altered();
}

/// Under the name that it has now, which is the answer; none when it is gone, or no partition of the table any more.
std::optional<std::string> RowReader::lock(postgres::Connection& connection, const Wait& wait) {
  constexpr std::string_view kName =
      "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_class c"
      " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::oid"
      " AND (c.oid = $2::oid OR EXISTS (SELECT FROM pg_partition_ancestors(c.oid) a WHERE a.relid = $2::oid))";
  const std::vector<std::optional<std::string>> oids{part(), std::to_string(schema_.id.oid)};
  const postgres::Result name = connection.run(kName, oids, wait);
  if (name.rows() == 0) return std::nullopt;
  connection.run("LOCK TABLE ONLY " + name.string(0, 0) + " IN ACCESS SHARE MODE", wait);
  if (connection.run(kName, oids, wait).rows() == 0) return std::nullopt;
  return name.string(0, 0);
}

/// Anew when it is another file than before.
void RowReader::measure(postgres::Connection& connection, const Wait& wait) {
  const postgres::Result size = connection.run(
      "SELECT pg_relation_filenode(oid), pg_relation_size(oid) / current_setting('block_size')::bigint"
      " FROM pg_class WHERE oid = $1",
      {{part()}}, wait);
  if (size.rows() == 0 || size.null(0, 0)) throw_altered();
  if (const auto now = static_cast<std::uint64_t>(size.integer(0, 0)); now != file_node_) {
    file_node_ = now;
    next_block_ = 0;
    end_block_ = static_cast<std::uint64_t>(size.integer(0, 1));
  }
}

void RowReader::read_blocks(postgres::Connection& connection, const std::string& name, const Wait& wait) {
  std::string columns;
  for (const Column& column : schema_.columns) columns += (columns.empty() ? "" : ", ") + quote_identifier(column.name);
  const std::uint64_t end = std::min(end_block_, next_block_ + blocks_);
  // tableoid: never a table that took the name in between.
  const std::string sql = "SELECT " + columns + " FROM ONLY " + name + " WHERE ctid >= '(" + std::to_string(next_block_) +
                          ",0)'::tid AND ctid < '(" + std::to_string(end) + ",0)'::tid AND tableoid = " +
                          part();
  std::size_t bytes = 0;
  connection.each_row(sql, {}, wait, [&](const postgres::Result& row) {
    for (int i = 0; i < row.columns(); ++i) {
      auto& cell = cells_.emplace_back();
      if (!row.null(0, i)) bytes += cell.emplace(row.string(0, i)).size();
    }
  });
  next_block_ = end;
  if (bytes > kPieceBytes) blocks_ = std::max<std::uint64_t>(1, blocks_ / 2);
  if (bytes < kPieceBytes / 4) blocks_ = std::min(kMostBlocks, blocks_ * 2);
}

bool RowReader::next(postgres::Connection& connection, const Wait& wait) {
  cells_.clear();
  for (; part_ < parts_.size(); ++part_) {
    if (next_of_part(connection, wait)) return true;
    file_node_ = next_block_ = end_block_ = 0;
  }
  return false;
}

bool RowReader::next_of_part(postgres::Connection& connection, const Wait& wait) {
  // The lock first, then a snapshot: one older than a rewrite would read nothing, without an error.
  connection.run("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL lock_timeout = '2s'", wait);
  const std::optional<std::string> name = lock(connection, wait);
  if (!name && !schema_.partitioned)
    throw_schema_changed(schema_, "was dropped at the source while its rows were needed", copy_anew(schema_));
  bool more = false;
  if (name) {
    check_columns(connection, wait);
    measure(connection, wait);
    more = next_block_ < end_block_;
    if (more) read_blocks(connection, *name, wait);
  }
  connection.run("COMMIT", wait);
  // What an asynchronous commit wrote may still die with the source.
  if (more) horizon_ = await_flushed(connection, wait);
  return more;
}

std::vector<std::uint16_t> RowReader::nulls_beyond(const TableSchema& schema) const {
  const std::size_t width = schema_.columns.size();
  std::vector<std::uint16_t> nulls;
  for (std::size_t i = 0; i < width; ++i) {
    if (schema.columns[i].nullable || schema.columns[i].in_key) continue;
    bool null = false;
    for (std::size_t cell = i; cell < cells_.size() && !null; cell += width) null = !cells_[cell];
    if (null) nulls.push_back(static_cast<std::uint16_t>(i));
  }
  return nulls;
}

void RowReader::append(const MirrorTable& table, Lsn position, BatchBuilder& into) {
  const std::size_t width = schema_.columns.size();
  for (std::size_t first = 0; first < cells_.size(); first += width) {
    const std::span<CellView> row = into.cells(width);
    for (std::size_t i = 0; i < width; ++i) {
      if (const auto& cell = cells_[first + i]) row[i] = {CellView::Kind::text, into.keep(*cell)};
    }
    ChangeView change{};
    change.kind = ChangeView::Kind::update;
    change.table = into.table(table);
    // Later than all that the stream has sent, and earlier than all that it will send.
    change.version = {position, Lsn{}};
    change.row = row;
    into.append(change);
  }
  cells_.clear();
}

}  // namespace peerd

#include <algorithm>

#include "postgres/cures.h"
#include "postgres/wal_stream.h"

// The hot path: one change from libpq's buffer into the batch. Allocates nothing once the batch's arena is warm.
namespace peerd {
namespace {

/// A row in libpq's memory, and its copy in the batch's, when all of it is used: one copy keeps all of its cells.
struct Kept {
  std::string_view sent, copy;
  bool holds(std::string_view part) const {
    return !sent.empty() && part.data() >= sent.data() && part.data() + part.size() <= sent.data() + sent.size();
  }
  std::string_view of(std::string_view part) const { return {copy.data() + (part.data() - sent.data()), part.size()}; }
};

Kept keep_whole(const pgoutput::Tuple& sent, bool whole, BatchBuilder& into) {
  return whole ? Kept{sent.bytes, into.keep(sent.bytes)} : Kept{};
}

/// Moves the views of `cells` from libpq's memory into the batch's; those of no kept row (missing values, or beside excluded
/// columns) one by one.
void keep_cells(std::span<CellView> cells, const Kept& row, const Kept& old_row, BatchBuilder& into) {
  for (CellView& cell : cells) {
    if (cell.kind != CellView::Kind::text || cell.bytes.empty()) continue;
    if (row.holds(cell.bytes)) cell.bytes = row.of(cell.bytes);
    else cell.bytes = old_row.holds(cell.bytes) ? old_row.of(cell.bytes) : into.keep(cell.bytes);
  }
}

[[noreturn]] void refuse_change(const TableSchema& schema, const char* lacks) {
  ErrorText text;
  text.code = ErrorCode::peer_error;
  text.table = schema.qualified();
  text.message = "the source sent a change of table " + text.table + lacks;
  text.hint = "ALTER TABLE " + text.table + " REPLICA IDENTITY FULL; then " + copy_anew(schema);
  text.retry = Retry::after_operator;
  throw Error(std::move(text));
}

[[noreturn]] void no_key(const TableSchema& schema) { refuse_change(schema, " without its key"); }

[[noreturn]] void no_whole_row(const TableSchema& schema) {
  refuse_change(schema, ", which has no key, without all of the row that it is of");
}

void check_key(const TableSchema& schema, std::span<const CellView> row) {
  for (const std::uint16_t column : schema.key) {
    if (row[column].kind != CellView::Kind::text) no_key(schema);
  }
}

/// The old key, when the update really changed it: Postgres also sends it when a key column is stored out of line.
std::span<CellView> changed_key(const pgoutput::Message& message, const TableSchema& schema, const Shape& shape,
                                std::span<const CellView> row, BatchBuilder& into) {
  if (message.old_kind == pgoutput::OldTuple::none) return {};
  bool differs = false;
  for (const std::uint16_t column : schema.key) {
    const std::uint16_t from = shape.from[column];
    if (from == Shape::kAbsent) no_key(schema);
    const pgoutput::Cell& old = message.old_row.cells[from];
    differs |= old.kind != pgoutput::Cell::Kind::text || old.bytes != row[column].bytes;
  }
  if (!differs) return {};
  const std::span<CellView> key = into.cells(schema.key.size());
  if (!project_key(schema, shape, message.old_row, key)) no_key(schema);
  return key;
}

/// ChangeView::old_row, but for the key alone of a row whose key is told anyway.
std::span<CellView> shown_old_row(const pgoutput::Message& message, const TableSchema& schema, const Shape& shape,
                                  bool key_told, BatchBuilder& into) {
  const bool full = message.old_kind == pgoutput::OldTuple::full && !schema.partitioned;
  if (!into.keeps_old_rows() || message.old_kind == pgoutput::OldTuple::none || (key_told && !full)) return {};
  const std::span<CellView> row = into.cells(schema.columns.size());
  project_old(schema, shape, message, row);
  return row;
}

void check_whole(const TableSchema& schema, std::span<const CellView> row) {
  if (std::ranges::find(row, CellView::Kind::unchanged, &CellView::kind) != row.end()) no_whole_row(schema);
}

}  // namespace

/// Of a table without a key: the row as it is, and as it was, each whole (rules.md 41).
void WalStream::append_whole(const pgoutput::Message& message, Lsn position, TrackedTable& table, BatchBuilder& into) {
  const TableSchema& schema = table.table().schema;
  const Shape& shape = table.shape();
  const bool insert = message.kind == pgoutput::MessageKind::insert, remove = message.kind == pgoutput::MessageKind::remove;
  if (!insert && message.old_kind != pgoutput::OldTuple::full) no_whole_row(schema);
  ChangeView change{};
  change.table = into.table(table.table());
  change.version = {commit_, position};
  const std::span<CellView> old_row = into.cells(insert ? 0 : schema.columns.size());
  const std::span<CellView> row = into.cells(remove ? 0 : schema.columns.size());
  if (!insert) project_old(schema, shape, message, old_row);
  if (!remove) project(schema, shape, message, row);
  check_whole(schema, old_row);
  check_whole(schema, row);
  const Kept old = keep_whole(message.old_row, !insert && shape.whole, into);
  const Kept now = keep_whole(message.new_row, !remove && shape.whole, into);
  keep_cells(old_row, {}, old, into);
  keep_cells(row, now, old, into);
  change.kind = insert ? ChangeView::Kind::insert : remove ? ChangeView::Kind::remove : ChangeView::Kind::update;
  change.row = remove ? old_row : row;
  if (!insert && !remove) change.old_row = old_row;
  into.append(change);
}

void WalStream::append_change(const pgoutput::Message& message, Lsn position, TrackedTable& table, BatchBuilder& into) {
  const TableSchema& schema = table.table().schema;
  if (schema.keyless()) return append_whole(message, position, table, into);
  const Shape& shape = table.shape();
  ChangeView change{};
  change.table = into.table(table.table());
  change.version = {commit_, position};
  const std::span<CellView> row = into.cells(schema.columns.size());
  const bool remove = message.kind == pgoutput::MessageKind::remove;
  std::span<CellView> key;
  if (remove) {
    change.kind = ChangeView::Kind::remove;
    key = into.cells(schema.key.size());
    if (!project_key(schema, shape, message.old_row, key)) no_key(schema);
  } else {
    change.kind = message.kind == pgoutput::MessageKind::insert ? ChangeView::Kind::insert : ChangeView::Kind::update;
    project(schema, shape, message, row);
    check_key(schema, row);
    key = changed_key(message, schema, shape, row, into);
  }
  const std::span<CellView> old_row = shown_old_row(message, schema, shape, remove || !key.empty(), into);
  const Kept old = keep_whole(message.old_row, !old_row.empty() && shape.whole, into);
  const Kept now = keep_whole(message.new_row, !remove && shape.whole, into);
  keep_cells(old_row, {}, old, into);
  keep_cells(key, {}, old, into);
  if (remove) {
    for (std::size_t i = 0; i < key.size(); ++i) row[schema.key[i]] = key[i];
  } else {
    keep_cells(row, now, old, into);
    change.old_key = key;
  }
  change.row = row;
  change.old_row = old_row;
  into.append(change);
}

}  // namespace peerd

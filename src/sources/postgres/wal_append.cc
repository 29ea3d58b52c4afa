#include "postgres/wal_stream.h"

// The hot path: one change from libpq's buffer into the batch. Allocates nothing once the batch's arena is warm.
namespace peerd {
namespace {

bool within(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

/// Moves the views of `cells` from libpq's memory into the batch's: those of `sent` by one copy when all of it is used,
/// the others (of an old row, missing values, or beside excluded columns) one by one.
void keep_cells(std::span<CellView> cells, const pgoutput::Tuple& sent, bool whole, BatchBuilder& into) {
  const std::string_view kept = whole ? into.keep(sent.bytes) : std::string_view();
  for (CellView& cell : cells) {
    if (cell.kind != CellView::Kind::text || cell.bytes.empty()) continue;
    if (whole && within(cell.bytes, sent.bytes)) {
      cell.bytes = {kept.data() + (cell.bytes.data() - sent.bytes.data()), cell.bytes.size()};
    } else {
      cell.bytes = into.keep(cell.bytes);
    }
  }
}

[[noreturn]] void no_key(const TableSchema& schema) {
  ErrorText text;
  text.code = ErrorCode::peer_error;
  text.table = schema.qualified();
  text.message = "the source sent a change of table " + text.table + " without its key";
  text.hint = "ALTER TABLE " + text.table + " REPLICA IDENTITY FULL, then DROP MIRROR and CREATE MIRROR";
  text.retry = Retry::after_operator;
  throw Error(std::move(text));
}

void check_key(const TableSchema& schema, std::span<const CellView> row) {
  for (const std::uint16_t column : schema.key) {
    if (row[column].kind != CellView::Kind::text) no_key(schema);
  }
}

/// The old key, when the update really changed it: Postgres also sends it when a key column is stored out of line.
std::span<const CellView> changed_key(const pgoutput::Message& message, const TableSchema& schema, const Shape& shape,
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
  keep_cells(key, message.old_row, false, into);
  return key;
}

}  // namespace

void WalStream::append_change(const pgoutput::Message& message, Lsn position, TrackedTable& table, BatchBuilder& into) {
  const TableSchema& schema = table.table().schema;
  const Shape& shape = table.shape();
  ChangeView change{};
  change.table = into.table(table.table());
  change.version = {commit_, position};
  const std::span<CellView> row = into.cells(schema.columns.size());
  if (message.kind == pgoutput::MessageKind::remove) {
    change.kind = ChangeView::Kind::remove;
    const std::span<CellView> key = into.cells(schema.key.size());
    if (!project_key(schema, shape, message.old_row, key)) no_key(schema);
    keep_cells(key, message.old_row, false, into);
    for (std::size_t i = 0; i < key.size(); ++i) row[schema.key[i]] = key[i];
  } else {
    change.kind = message.kind == pgoutput::MessageKind::insert ? ChangeView::Kind::insert : ChangeView::Kind::update;
    project(schema, shape, message, row);
    check_key(schema, row);
    change.old_key = changed_key(message, schema, shape, row, into);
    keep_cells(row, message.new_row, shape.whole, into);
  }
  change.row = row;
  into.append(change);
}

}  // namespace peerd

#include "postgres/relation_shape.h"

#include <algorithm>

#include "peerd/base/error.h"

namespace peerd {
namespace {

char letter_of(ReplicaIdentity identity) {
  switch (identity) {
    case ReplicaIdentity::index:
      return 'i';
    case ReplicaIdentity::full:
      return 'f';
    case ReplicaIdentity::nothing:
      return 'n';
    default:
      return 'd';
  }
}

/// By the primary key or by an index: rows are named by the columns that are flagged, and it is these that count.
bool same_identity(ReplicaIdentity identity, char sent) {
  const auto by_index = [](char letter) { return letter == 'd' || letter == 'i'; };
  return letter_of(identity) == sent || (by_index(letter_of(identity)) && by_index(sent));
}

CellView view(const pgoutput::Cell& cell) {
  switch (cell.kind) {
    case pgoutput::Cell::Kind::null:
      return {CellView::Kind::null, {}};
    case pgoutput::Cell::Kind::unchanged:
      return {CellView::Kind::unchanged, {}};
    case pgoutput::Cell::Kind::text:
      return {CellView::Kind::text, cell.bytes};
    default:
      throw Error(ErrorCode::peer_error, "the source sent a binary value where text was asked for");
  }
}

void check_count(const Shape& shape, const pgoutput::Tuple& sent) {
  if (sent.cells.size() != shape.sent_columns) {
    throw Error(ErrorCode::peer_error, "the source sent a row with another count of columns than it announced");
  }
}

/// A column that older rows had not: what Postgres shows in them.
CellView missing_in(const Column& column) {
  return column.missing_value ? CellView{CellView::Kind::text, *column.missing_value} : CellView{};
}

/// Whether the old row shows the column. A partition's row is sent as the table's own: called full by the table's identity, it
/// may hold what the partition's has alone, which is the key.
bool shown(const pgoutput::Message& change, const TableSchema& schema, const Column& column) {
  if (change.old_kind == pgoutput::OldTuple::full && !schema.partitioned) return true;
  return change.old_kind != pgoutput::OldTuple::none && column.in_key;
}

/// With FULL every column is flagged, so the flags say nothing of the key (rules.md 4).
bool same_key(const TableSchema& schema, std::span<const std::int16_t> numbers, const SentRelation& sent) {
  if (sent.identity == 'f') return true;
  for (std::size_t place = 0; place < numbers.size(); ++place) {
    const bool in_key = std::ranges::any_of(schema.key, [&](std::uint16_t i) {
      return numbers[place] != 0 && schema.columns[i].number == numbers[place];
    });
    if (in_key != sent.columns[place].in_key) return false;
  }
  return true;
}

}  // namespace

SentRelation keep(const pgoutput::Message& relation) {
  SentRelation sent;
  sent.identity = relation.identity;
  for (const pgoutput::RelationColumn& column : relation.columns) {
    Column kept;
    kept.name = column.name;
    kept.type_oid = column.type_oid;
    kept.type_modifier = column.type_modifier;
    kept.in_key = column.in_key;
    sent.columns.push_back(std::move(kept));
  }
  return sent;
}

Shape compare(const TableSchema& schema, std::span<const std::int16_t> numbers, const SentRelation& sent) {
  Shape shape;
  shape.sent_columns = sent.columns.size();
  shape.identity_changed = !same_identity(schema.identity, sent.identity) || !same_key(schema, numbers, sent);
  std::vector<bool> used(sent.columns.size(), false);
  for (const Column& column : schema.columns) {
    const auto found = std::ranges::find(numbers, column.number);
    if (found == numbers.end()) {
      shape.from.push_back(Shape::kAbsent);
      shape.absent.push_back(column.name);
      continue;
    }
    const auto place = static_cast<std::uint16_t>(found - numbers.begin());
    const Column& now = sent.columns[place];
    used[place] = true;
    shape.from.push_back(place);
    if (now.name != column.name) shape.renamed.push_back({column.number, now.name});
    if (now.type_oid != column.type_oid || now.type_modifier != column.type_modifier) {
      shape.retyped.push_back(now);
      shape.retyped.back().number = column.number;
    }
    const auto index = static_cast<std::uint16_t>(&column - schema.columns.data());
    if (!column.nullable && std::ranges::find(schema.key, index) == schema.key.end()) shape.required.push_back(index);
  }
  shape.key_sent = (!schema.keyless() || sent.identity == 'f') && std::all_of(schema.key.begin(), schema.key.end(), [&](std::uint16_t i) {
    return shape.from[i] != Shape::kAbsent && (sent.identity == 'f' || sent.columns[shape.from[i]].in_key);
  });
  shape.whole = std::all_of(used.begin(), used.end(), [](bool is_used) { return is_used; });
  for (std::size_t i = 0; i < sent.columns.size(); ++i) {
    if (used[i] || numbers[i] == 0) continue;
    shape.added.push_back(sent.columns[i]);
    shape.added.back().in_key = false;
    shape.added.back().number = numbers[i];
  }
  return shape;
}

std::vector<std::uint16_t> nulls_in(const Shape& shape, const pgoutput::Tuple& row) {
  check_count(shape, row);
  std::vector<std::uint16_t> nulls;
  for (const std::uint16_t column : shape.required)
    if (row.cells[shape.from[column]].kind == pgoutput::Cell::Kind::null) nulls.push_back(column);
  return nulls;
}

void project(const TableSchema& schema, const Shape& shape, const pgoutput::Message& change, std::span<CellView> row) {
  check_count(shape, change.new_row);
  if (change.old_kind != pgoutput::OldTuple::none) check_count(shape, change.old_row);
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::uint16_t from = shape.from[i];
    if (from == Shape::kAbsent) {
      row[i] = missing_in(schema.columns[i]);
      continue;
    }
    row[i] = view(change.new_row.cells[from]);
    if (row[i].kind == CellView::Kind::unchanged && shown(change, schema, schema.columns[i]))
      row[i] = view(change.old_row.cells[from]);
  }
}

void project_old(const TableSchema& schema, const Shape& shape, const pgoutput::Message& change, std::span<CellView> row) {
  check_count(shape, change.old_row);
  for (std::size_t i = 0; i < row.size(); ++i) {
    const Column& column = schema.columns[i];
    if (!shown(change, schema, column)) row[i].kind = CellView::Kind::unchanged;
    else row[i] = shape.from[i] == Shape::kAbsent ? missing_in(column) : view(change.old_row.cells[shape.from[i]]);
  }
}

bool project_key(const TableSchema& schema, const Shape& shape, const pgoutput::Tuple& old_row,
                 std::span<CellView> key) {
  check_count(shape, old_row);
  for (std::size_t i = 0; i < key.size(); ++i) {
    const std::uint16_t from = shape.from[schema.key[i]];
    if (from == Shape::kAbsent) return false;
    key[i] = view(old_row.cells[from]);
    if (key[i].kind != CellView::Kind::text) return false;
  }
  return true;
}

}  // namespace peerd

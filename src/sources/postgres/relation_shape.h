#pragma once

#include <string>
#include <vector>

#include "peerd/changes/batch.h"
#include "postgres/pgoutput_decoder.h"

// How the rows of a Relation message become rows of a mirrored table. Pure.
namespace peerd {

/// A Relation message, kept. Not the table's name: it is what its OID says, and Coverage judges what it is called.
struct SentRelation {
  char identity = 'd';
  std::vector<Column> columns;  ///< in_key as flagged; type_name empty.
};
SentRelation keep(const pgoutput::Message& relation);

/// The sent columns against the table's.
struct Shape {
  static constexpr std::uint16_t kAbsent = 0xffff;
  std::vector<std::uint16_t> from;      ///< By column of the schema: its place in what is sent, or kAbsent.
  std::vector<Column> added;            ///< Sent, but neither in the schema nor excluded.
  std::vector<std::string> absent;      ///< In the schema, but not sent.
  std::vector<std::string> retyped;     ///< Of another type.
  std::vector<std::string> remodified;  ///< Of the same type with another modifier: varchar(10), varchar(20).
  bool whole = false;                   ///< Every sent column is used: a row's bytes can be kept in one piece.
  bool in_order = true;    ///< The schema's columns that are sent come as in the schema: by their numbers.
  bool added_last = true;  ///< `added` comes after all of them, as an added column does.
  bool identity_changed = false;        ///< Another replica identity, or other columns in it.
  bool key_sent = false;                ///< Old rows show all of the table's key columns.
  std::size_t sent_columns = 0;
};
Shape compare(const TableSchema& schema, const std::vector<std::string>& exclude, const SentRelation& sent);

/// The new row of an insert or update as a row of the table: one cell per column of the schema, views of the sent
/// bytes. Columns that were not sent get their missing value. Unchanged values come from the old row where it shows
/// them: every column with identity FULL, the key's columns otherwise. Throws Error(peer_error) on another count of
/// columns.
void project(const TableSchema& schema, const Shape& shape, const pgoutput::Message& change, std::span<CellView> row);
/// The old row likewise; `unchanged` where only the key was sent.
void project_old(const TableSchema& schema, const Shape& shape, const pgoutput::Message& change, std::span<CellView> row);
/// The key cells of an old row, in key order. False when one of them is null or not there.
bool project_key(const TableSchema& schema, const Shape& shape, const pgoutput::Tuple& old_row,
                 std::span<CellView> key);

}  // namespace peerd

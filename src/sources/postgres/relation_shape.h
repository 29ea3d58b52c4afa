#pragma once

#include <span>
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
  std::vector<Column> added;            ///< Sent, of a number that is not in the schema.
  std::vector<std::string> absent;      ///< In the schema, but not sent.
  struct Renamed {
    std::int16_t number = 0;
    std::string name;
  };
  std::vector<Renamed> renamed;         ///< Sent under these names, which are others than the schema's.
  std::vector<Column> retyped;          ///< As sent, of another type than the schema's, or of another modifier: varchar(20).
  std::vector<std::uint16_t> required;  ///< Columns of the schema, not of the key, that were sent and are NOT NULL there.
  bool whole = false;                   ///< Every sent column is used: a row's bytes can be kept in one piece.
  bool identity_changed = false;        ///< Another replica identity, or other columns in it.
  bool key_sent = false;                ///< Old rows show all of the table's key columns.
  std::size_t sent_columns = 0;
};
/// `numbers`: what each sent column is, by its place; 0: none of the table's as it is mirrored.
Shape compare(const TableSchema& schema, std::span<const std::int16_t> numbers, const SentRelation& sent);

/// The new row of an insert or update as a row of the table: one cell per column of the schema, views of the sent
/// bytes. Columns that were not sent get their missing value. Unchanged values come from the old row where it shows
/// them: every column with identity FULL, the key's columns otherwise. Throws Error(peer_error) on another count of
/// columns.
void project(const TableSchema& schema, const Shape& shape, const pgoutput::Message& change, std::span<CellView> row);
/// The old row likewise; `unchanged` where only the key was sent.
void project_old(const TableSchema& schema, const Shape& shape, const pgoutput::Message& change, std::span<CellView> row);
/// The columns that are NULL in the new row, and NOT NULL in the schema: none was when it was described.
std::vector<std::uint16_t> nulls_in(const Shape& shape, const pgoutput::Tuple& row);
/// The key cells of an old row, in key order. False when one of them is null or not there.
bool project_key(const TableSchema& schema, const Shape& shape, const pgoutput::Tuple& old_row,
                 std::span<CellView> key);

}  // namespace peerd

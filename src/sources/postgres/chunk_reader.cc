#include "postgres/chunk_reader.h"

#include <algorithm>

#include "peerd/base/text.h"
#include "peerd/changes/renaming.h"
#include "postgres/describe.h"
#include "postgres/partitions.h"
#include "postgres/rights.h"
#include "postgres/table_notes.h"
#include "postgres/text_fault.h"

namespace peerd {
namespace {

bool same_shape(const TableSchema& planned, const TableSchema& now) {
  // What a type is called may be written otherwise; what it is may not change.
  // A partitioned table keeps no values of before: its partitions do, each of which is checked by its file.
  const bool both_whole = planned.partitioned && now.partitioned;
  const auto same = [&](const Column& a, const Column& b) {
    return a.name == b.name && a.type_oid == b.type_oid && a.type_modifier == b.type_modifier && a.in_key == b.in_key &&
           (both_whole || a.missing_value == b.missing_value);
  };
  return planned.id == now.id && planned.identity == now.identity && planned.key == now.key &&
         planned.partitioned == now.partitioned &&
         std::equal(planned.columns.begin(), planned.columns.end(), now.columns.begin(), now.columns.end(), same);
}

/// Columns that the mapping excluded, whatever they are called by now.
void leave_out(TableSchema& schema, const std::vector<CatalogNotes::Excluded>& excluded) {
  std::vector<std::int16_t> numbers;
  for (const Column& column : schema.columns)
    if (std::ranges::find(excluded, column.number, &CatalogNotes::Excluded::number) != excluded.end()) numbers.push_back(column.number);
  CatalogNotes none;
  drop_columns(schema, none, numbers);
}

std::string in_blocks(const Chunk& chunk) {
  std::string where = "ctid >= '(" + std::to_string(chunk.first_block) + ",0)'::tid";
  if (chunk.end_block != Chunk::kNoEndBlock) where += " AND ctid < '(" + std::to_string(chunk.end_block) + ",0)'::tid";
  return where;
}

/// Compared as a row, so that the key's index serves.
std::string in_range(const TableSchema& schema, const Chunk::KeyRange& range) {
  std::string where = "true", key;
  for (const std::uint16_t column : schema.key)
    key += (key.empty() ? "" : ", ") + quote_identifier(schema.columns[column].name);
  const auto bound = [&](const char* compared, const std::vector<std::string>& cells) {
    if (cells.empty()) return;
    std::string values;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      values += (i == 0 ? "" : ", ") + quote_literal(cells[i]) + "::" + schema.columns[schema.key[i]].type_name;
    }
    where += " AND (" + key + ") " + compared + " (" + values + ")";
  };
  bound(">=", range.first);
  bound("<", range.end);
  return where;
}

}  // namespace

std::string copy_statement(const MirrorTable& table, const Chunk& chunk, const CopyPlan& plan, const std::string& part) {
  std::string columns;
  for (std::size_t i = 0; i < table.schema.columns.size(); ++i) {
    columns += (columns.empty() ? "" : ", ") + quote_identifier(table.schema.columns[i].name);
    if (i < plan.select_casts.size() && !plan.select_casts[i].empty()) columns += "::" + plan.select_casts[i];
  }
  const std::string where = chunk.range ? in_range(table.schema, *chunk.range) : in_blocks(chunk);
  std::string called = table.schema.qualified();
  std::replace(called.begin(), called.end(), '*', '_');  // Nothing in a name may end the comment.
  return "COPY (SELECT " + columns + " FROM " + (part.empty() ? rows_of(table.schema) : "ONLY " + part) + " WHERE " + where +
         ") TO STDOUT (FORMAT " +
         (plan.form == CopyForm::binary ? "binary" : "text") + ") /* peerd chunk " + called + " " +
         std::to_string(chunk.number) + " */";
}

PostgresChunkReader::PostgresChunkReader(Connect connect, std::vector<MappedTable> tables)
    : CopyOutReader(std::move(connect)), tables_(std::move(tables)) {}

bool PostgresChunkReader::as_planned(postgres::Connection& connection, const MirrorTable& table, const Chunk& chunk,
                                     const Wait& wait) const {
  const auto mapped = std::find_if(tables_.begin(), tables_.end(), [&](const MappedTable& candidate) {
    return candidate.source.schema == table.schema.schema && candidate.source.name == table.schema.name;
  });
  if (mapped == tables_.end()) throw Error(ErrorCode::internal, "a chunk of a table that is not mapped");
  std::optional<CatalogTable> found = read_table(connection, *mapped, wait);
  if (found) leave_out(found->schema, table.notes.excluded);
  if (!found || (found->kind != 'r' && found->kind != 'p') || !same_shape(table.schema, found->schema)) return false;
  if (chunk.range) return columns_mark(connection, table.schema.id, wait) == chunk.range->columns_mark;
  return chunk.part.oid != 0 || found->file_node == chunk.file_node;
}

/// The partition's lock first, then the check of its file.
PostgresChunkReader::Found PostgresChunkReader::find_part(const MirrorTable& table, const Chunk& chunk, std::string& part,
                                                          const Wait& wait) {
  constexpr std::string_view kPart =
      "SELECT format('%I.%I', n.nspname, c.relname), coalesce(pg_relation_filenode(c.oid), 0) FROM pg_class c"
      " JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_partition_ancestors($1::oid) a ON a.relid = $2::oid"
      " WHERE c.oid = $1::oid";
  const std::vector<std::optional<std::string>> oids{std::to_string(chunk.part.oid), std::to_string(table.schema.id.oid)};
  const postgres::Result name = connection_->run(kPart, oids, wait);
  if (name.rows() == 0) return Found::gone;
  connection_->run("LOCK TABLE ONLY " + name.string(0, 0) + " IN ACCESS SHARE MODE", wait);
  const postgres::Result now = connection_->run(kPart, oids, wait);
  if (now.rows() == 0) return Found::gone;
  part = now.string(0, 0);
  return part == name.text(0, 0) && now.integer(0, 1) == chunk.file_node ? Found::as_planned : Found::moved;
}

PostgresChunkReader::Found PostgresChunkReader::find(const MirrorTable& table, const Chunk& chunk, std::string& part,
                                                     const Wait& wait) {
  try {
    // A range of keys is read from all partitions: each of them, too, before the snapshot.
    const std::string all = rows_of(table.schema);
    const bool range = chunk.range.has_value();
    connection_->run("LOCK TABLE " + (range || all.starts_with("ONLY ") ? all : "ONLY " + all) + " IN ACCESS SHARE MODE", wait);
    if (table.schema.keyless()) return find_whole(table, chunk, wait);
    if (!as_planned(*connection_, table, chunk, wait)) return Found::moved;
    return chunk.part.oid == 0 ? Found::as_planned : find_part(table, chunk, part, wait);
  } catch (const Error& error) {
    if (error.text.code != ErrorCode::not_found) throw;
    return Found::moved;
  }
}

/// The snapshot is older than the lock: what became of the table since it was taken is seen by other eyes. Rows that an ALTER
/// has written anew since would not show in it; then the file is another than the snapshot's.
PostgresChunkReader::Found PostgresChunkReader::find_whole(const MirrorTable& table, const Chunk& chunk, const Wait& wait) {
  const postgres::Result then = connection_->run("SELECT relfilenode::bigint FROM pg_class WHERE oid = $1::oid",
                                                 {{std::to_string(table.schema.id.oid)}}, wait);
  if (then.rows() == 0 || then.integer(0, 0) != chunk.file_node) return Found::moved;
  const auto now = connect_(false, wait);
  return as_planned(*now, table, chunk, wait) ? Found::as_planned : Found::moved;
}

ChunkReader::Opened PostgresChunkReader::open(const MirrorTable& table, const Chunk& chunk, const CopyPlan& plan,
                                              const Wait& wait) {
  // The lock first, then the check, then a snapshot: one older than a rewrite would read nothing, without an error.
  // Of a table without a key all chunks are of one snapshot, which was taken at its start (rules.md 41).
  if (!table.schema.keyless()) begin(wait);
  else if (chunk.snapshot.empty() || !begin_in(chunk.snapshot, wait)) return Opened::table_moved;
  try {
    std::string part;
    const Found found = find(table, chunk, part, wait);
    if (found != Found::as_planned) {
      roll_back(wait);
      return found == Found::gone ? Opened::ready : Opened::table_moved;
    }
    schema_ = table.schema;
    copy(copy_statement(table, chunk, plan, part), plan.form, wait);
  } catch (Error& error) {
    name_right(*connection_, error, table.schema, wait);
    throw;
  }
  return Opened::ready;
}

void PostgresChunkReader::explain(const Error& error, const Wait& wait) {
  if (!is_text_fault(error)) return;
  const Ask ask = [this](const Wait& patience, const auto& question) { question(*connect_(false, patience)); };
  throw_text_fault(error, During::copy, {&schema_}, ask, wait.stop);
}

}  // namespace peerd

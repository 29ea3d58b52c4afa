#pragma once

#include <map>
#include <set>
#include <span>
#include <string>

#include "clickhouse/client.h"
#include "clickhouse/column_type.h"
#include "peerd/base/error.h"
#include "peerd/changes/table.h"

namespace peerd::clickhouse {

/// What the server has under a table's name.
struct ExistingTable {
  struct Column {
    std::string type, default_kind;
    bool in_partition = false;  ///< In the expression of PARTITION BY.
    std::string codec;
    bool in_key = false;  ///< Of ORDER BY, PRIMARY KEY or SAMPLE BY.
    std::string comment;
  };
  bool exists = false;
  bool empty = true;
  std::string engine, comment, uuid, sorting_key, create_query;
  std::string modified;  ///< kModified.
  std::map<std::string, Column> columns;
};
/// When a table was altered last, in SQL over system.tables. Its seconds are too coarse for those that have just passed.
inline constexpr std::string_view kLately = "lately";
inline constexpr std::string_view kModified =
    "if(now() - metadata_modification_time < 3, 'lately', toString(toUnixTimestamp(metadata_modification_time)))";
/// On peerd's version column: see marks.h.
std::string version_comment(const ExistingTable& existing);
ExistingTable read_table(Client& client, std::string_view name, const Wait& wait);

/// The comment on a table is its title: "peerd mirror <uuid>". A table belongs to one mirror (rules.md 2).
std::string title(std::string_view mirror_uuid);

/// The columns of ORDER BY, quoted.
std::vector<std::string> ordered_names(const TableLayout& layout);

enum class Fsync { no, yes };
std::string create_statement(const TableLayout& layout, std::string_view name, std::string_view comment, Fsync fsync);

/// While rows flow, constraints and projections are left to the statement that they stand in the way of, if it ever comes.
enum class Looked { at_start, meanwhile };
/// Why the table cannot take the mirror's rows; empty when it can, perhaps once widened. Changes nothing.
Problems unfitness(const ExistingTable& existing, const TableLayout& layout, std::string_view name,
                   std::string_view comment, Looked looked = Looked::at_start);

/// The columns of `layout` that hold what the source's rows hold.
std::set<std::string> held_columns(const TableLayout& layout);
/// Those that the table lacks.
std::vector<std::string> lost_columns(const ExistingTable& existing, const TableLayout& layout);

/// The comment on a column that peerd added to a table: what stands in it came from the source, also when nobody remembers, since
/// the transaction that it was gained in came in part and comes again.
inline constexpr std::string_view kAddedByMirror = "added by peerd";
/// With the source's number of the column, so that a later one of that name is not taken for it.
std::string added_by_mirror(const Column& column);
/// ALTERs that give an own or taken-over table what it lacks: columns, Nullable, the title.
std::vector<std::string> widening(const ExistingTable& existing, const TableSchema& schema, const TableLayout& layout,
                                  std::string_view name, std::string_view comment);

/// Columns that are NOT NULL in the layout and may hold NULL at the target all the same.
std::set<std::string> nullable_columns(const ExistingTable& existing, const TableLayout& layout);
/// The ALTER that lets column `i` hold NULL.
std::string allow_null(const ExistingTable& existing, const TableLayout& layout, std::size_t i, std::string_view name);

/// Columns of the source that peerd's own would shadow, or that the engine keeps for itself.
Problems name_clashes(const TableLayout& layout);
/// A name with which a table could not be made, or not be dropped again. Some servers refuse it, others only then
/// (getMaxTableNameLengthForDatabase() of those that have it answers the same). Pure.
std::optional<Problem> too_long(const TableLayout& layout, std::string_view database, std::string_view name);

/// The type without what does not matter for its values: LowCardinality, and Nullable.
std::string bare_type(std::string_view type);

}  // namespace peerd::clickhouse

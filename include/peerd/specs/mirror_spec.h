#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/base/error.h"
#include "peerd/base/option_table.h"
#include "peerd/changes/table.h"

namespace peerd {

struct MirrorId {
  std::int64_t value = 0;
  auto operator<=>(const MirrorId&) const = default;
};

/// The right to write for a mirror: every progress write, and every transaction at a target that can check it, carries
/// `epoch`; an older one fails with ErrorCode::fenced.
struct Lease {
  MirrorId mirror;
  std::uint64_t epoch = 0;
  std::string uuid;  ///< Of the mirror's incarnation: names its slot and its rows at the target; a new CREATE has a new one.
};

/// What a mapping asks of one column at the target (interface.md 2.2, ColumnSetting). What a kind of target cannot do is
/// refused by CREATE MIRROR.
struct ColumnSetting {
  std::string source;    ///< The column at the source.
  std::string target{};  ///< Its name at the target; empty: the same.
  std::string type{};    ///< Its type there, in the target's words; empty: peerd's choice.
  int ordering = 0;      ///< Above 0: its place in the target's sort key.
  int partitioning = 0;  ///< Above 0: its place in the target's partition key.
  std::optional<bool> nullable{};  ///< Not given: as at the source; false is refused where that may be NULL.
  /// Not to be nullable asks for nothing, where it is not refused.
  bool operator==(const ColumnSetting& other) const {
    return source == other.source && target == other.target && type == other.type && ordering == other.ordering &&
           partitioning == other.partitioning && nullable.value_or(false) == other.nullable.value_or(false);
  }
};

struct TableMapping {
  std::string source, target;        ///< "schema.table"; target as the operator wrote it.
  std::vector<std::string> exclude;  ///< Column names.
  std::vector<ColumnSetting> columns{};
  std::string engine{};        ///< Of a table that peerd makes at ClickHouse: "MergeTree"; empty: ReplacingMergeTree.
  std::string partition_by{};  ///< Its PARTITION BY, in ClickHouse's words; wins over ColumnSetting::partitioning.
  std::vector<std::string> except{};  ///< Of a pattern (table_pattern.h): tables and patterns that it leaves out.
  bool by_pattern = false;  ///< What one of the mirror's patterns says of that table: it needs no words of its own.
  bool came_later = false;  ///< By a pattern, while the mirror ran: nobody has asked for this table in particular.
  bool operator==(const TableMapping& other) const {
    return source == other.source && target == other.target && exclude == other.exclude && columns == other.columns &&
           engine == other.engine && partition_by == other.partition_by && except == other.except &&
           by_pattern == other.by_pattern;
  }
};

/// Options of CREATE MIRROR (interface.md 3.5). REST fields have the same names.
const OptionTable& mirror_options();

/// Options of CREATE MIRROR … FOR $$query$$ (interface.md 3.6), a mirror of a query.
const OptionTable& query_mirror_options();

/// Options of PAUSE MIRROR.
const OptionTable& pause_options();

/// What becomes of the rows of a query at the target: they are added; put in the place of those of the same unique key; or
/// all that is there makes way for them.
enum class QueryMode : std::uint8_t { append, upsert, overwrite };
std::optional<QueryMode> parse_query_mode(std::string_view word);  ///< "append".

/// What CREATE MIRROR declares.
struct MirrorSpec {
  std::string name, source, target;  ///< source and target are peers' names.
  /// All that it maps, also by its patterns. Of a query: one, from its watermark table ("" = none) to its target table.
  std::vector<TableMapping> tables;
  Options options;  ///< By option_table(), and the target's own.
  std::string query{};  ///< The text of a mirror of a query; "" = a mirror of tables.
  /// The database of the source peer. Filled in by who runs the mirror, for targets that tell where a row comes from.
  std::string source_database{};
  std::vector<TableMapping> patterns{};  ///< Of tables that are there, and may come: `source` and `target` have stars.
  bool operator==(const MirrorSpec&) const = default;

  bool of_query() const { return !query.empty(); }
  const OptionTable& option_table() const { return of_query() ? query_mirror_options() : mirror_options(); }
  std::optional<QueryMode> query_mode() const;    ///< None of a mirror of tables.
  std::vector<std::string> unique_keys() const;   ///< unique_key_columns, one by one.
  std::string text(std::string_view option) const;      ///< With the default filled in.
  std::int64_t integer(std::string_view option) const;
  bool boolean(std::string_view option) const;
  /// A column that is dropped at the source is dropped at the target (option dropped_columns).
  bool drops_columns() const { return !of_query() && text("dropped_columns") == "drop"; }
  /// Of the logical messages that the mirror delivers (option logical_messages, of the kinds of target that take any):
  /// "*" is every prefix; none: no messages.
  std::vector<std::string> message_prefixes() const;
};

/// What was asked and reached; how it goes is health. mirrors/state_table.h says which may follow which.
enum class MirrorState : std::uint8_t { setup, snapshot, running, pausing, paused, terminating, terminated, completed, failed };
std::string_view to_string(MirrorState state);  ///< "RUNNING".
std::optional<MirrorState> parse_mirror_state(std::string_view word);

/// A mirror as the catalog has it.
struct MirrorRecord {
  MirrorId id;
  std::string uuid;
  MirrorSpec spec;
  MirrorState state = MirrorState::setup;
  MirrorState resume_to = MirrorState::setup;  ///< The phase that RESUME goes on with.
  bool receives = false;                       ///< Of the last PAUSE: while it is paused it goes on receiving into its spool.
  std::string reason;                          ///< Why it is in this state, in a sentence.
  std::int64_t created_at_us = 0;
};

struct LogRecord {
  std::int64_t id = 0, at_us = 0;
  std::string level, message, detail, hint;  ///< level: "info", "warning", "error".
};

}  // namespace peerd

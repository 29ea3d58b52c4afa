#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "clickhouse/column_type.h"
#include "mappings.h"
#include "peerd/base/mutex.h"
#include "peerd/specs/mirror_spec.h"

namespace peerd::clickhouse {

/// A table as it stood when it was last compared with its note.
struct Standing {
  std::string uuid;
  std::string modified;                ///< When it was last altered: table_note.h.
  std::optional<std::uint64_t> trail;  ///< The last step of its column_trail.h; none where that cannot be read.
};

/// How one mirror's tables are laid out at the target, and what is known of them there. Thread-safe.
class Layouts {
 public:
  Layouts(const MirrorSpec& mirror, std::string title);

  const std::string& title() const { return title_; }  ///< The comment on the mirror's tables.

  const std::optional<QueryMode>& query() const { return query_; }  ///< Of a mirror of a query.
  /// Throws where the mapping asks for what the table, as it is now, cannot become.
  TableLayout of(const MirrorTable& table) const;
  const Mapped* mapped(const MirrorTable& table) const { return mappings_.of(table); }
  const Mappings& mappings() const { return mappings_; }
  bool drops() const { return drops_; }  ///< A column that is dropped at the source is dropped here.
  /// Names of the columns that peerd adds to every table.
  std::set<std::string> own_columns() const { return {std::string(kVersionColumn), soft_delete_col_name_, synced_at_col_name_}; }
  /// These columns may hold NULL at the target, although they were NOT NULL when the source's table was described: no
  /// message of the stream tells of DROP NOT NULL, so that the target's column is the memory of it.
  void loosen(TableId table, std::set<std::string> columns);
  void forget_loose(TableId table);  ///< They are called otherwise now.
  /// These columns have these types there, of which older changes tell values too: whatever type a change came with, its values
  /// are laid out as these.
  void retype(TableId table, const std::vector<Column>& columns);
  void forget_types(TableId table);  ///< It is made anew.
  void know(TableId table, Standing standing);
  std::optional<Standing> standing(TableId table) const;  ///< None before the first comparison.

 private:
  const std::string soft_delete_col_name_, synced_at_col_name_, title_;
  const std::optional<QueryMode> query_;
  const OnUnfit on_unfit_;
  const bool drops_;
  const Mappings mappings_;
  mutable Mutex mutex_;
  std::map<TableId, std::set<std::string>> loose_ PEERD_GUARDED_BY(mutex_);
  std::map<TableId, std::map<std::int16_t, Column>> types_ PEERD_GUARDED_BY(mutex_);  ///< By number.
  std::map<TableId, Standing> standings_ PEERD_GUARDED_BY(mutex_);
};

}  // namespace peerd::clickhouse

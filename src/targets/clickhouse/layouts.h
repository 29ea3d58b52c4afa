#pragma once

#include <map>
#include <set>
#include <string>

#include "clickhouse/column_type.h"
#include "peerd/base/mutex.h"

namespace peerd::clickhouse {

/// How one mirror's tables are laid out at the target, and what is known of them there. Thread-safe.
class Layouts {
 public:
  Layouts(std::string soft_delete_col_name, std::string synced_at_col_name)
      : soft_delete_col_name_(std::move(soft_delete_col_name)), synced_at_col_name_(std::move(synced_at_col_name)) {}

  TableLayout of(const TableSchema& schema) const;
  /// These columns may hold NULL at the target, although they were NOT NULL when the source's table was described: no
  /// message of the stream tells of DROP NOT NULL, so that the target's column is the memory of it.
  void loosen(TableId table, std::set<std::string> columns);
  /// The uuid of the table that was compared with its note.
  void know(TableId table, std::string uuid);
  std::string uuid(TableId table) const;  ///< "" when none was.

 private:
  const std::string soft_delete_col_name_, synced_at_col_name_;
  mutable Mutex mutex_;
  std::map<TableId, std::set<std::string>> loose_ PEERD_GUARDED_BY(mutex_);
  std::map<TableId, std::string> uuids_ PEERD_GUARDED_BY(mutex_);
};

}  // namespace peerd::clickhouse

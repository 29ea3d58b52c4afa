#pragma once

#include "postgres/tracked_table.h"

// Tables of a few columns, as a mirror, the catalog and the stream have them.
namespace peerd {

inline MirrorTable table(std::vector<std::string> columns) {
  MirrorTable table;
  table.schema.id.oid = 7;
  table.schema.schema = "s";
  table.schema.name = "t";
  table.start = Lsn{5};
  for (const std::string& name : columns) {
    Column column;
    column.name = name;
    column.type_oid = 23;
    column.number = static_cast<std::int16_t>(table.schema.columns.size() + 1);
    table.schema.columns.push_back(column);
  }
  table.schema.key = {0};
  table.schema.columns[0].in_key = true;
  return table;
}

/// The same in the catalog; a name with '-' before it is that of a dropped column.
inline LookedTable looked(std::vector<std::string> columns) {
  LookedTable now;
  now.file_node = 1;
  for (const std::string& name : columns) {
    LookedColumn& column = now.columns.emplace_back();
    column.number = static_cast<std::int16_t>(now.columns.size());
    column.dropped = name.starts_with('-');
    column.name = name;
    column.type_oid = column.dropped ? 0 : 23;
    column.type_name = "integer";
    column.mark.altered = 1;
  }
  return now;
}

inline SentRelation sent(std::vector<std::string> columns) {
  const MirrorTable like = table(std::move(columns));
  return {'d', like.schema.columns};
}

}  // namespace peerd

#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "peerd/changes/lsn.h"

namespace peerd {

struct TableId {
  std::uint32_t oid = 0;
  auto operator<=>(const TableId&) const = default;
};

/// A column as pgoutput sends it: generated, dropped and excluded columns are not among them.
struct Column {
  std::string name;
  std::uint32_t type_oid = 0;
  std::int32_t type_modifier = -1;
  std::string type_name;  ///< format_type(): "numeric(10,2)", "public.mood". "" when only a Relation message is known.
  bool in_key = false;
  bool nullable = true;
  /// What rows older than an ADD COLUMN … DEFAULT show (pg_attribute.attmissingval), in text form.
  std::optional<std::string> missing_value;
  bool operator==(const Column&) const = default;
};

/// Which columns name a row in the WAL (ALTER TABLE … REPLICA IDENTITY).
enum class ReplicaIdentity : std::uint8_t { primary_key, index, full, nothing };

struct TableSchema {
  TableId id;
  std::string schema, name;
  std::vector<Column> columns;
  std::vector<std::uint16_t> key;  ///< Indexes into columns, in the key's own order (rules.md 4). Never empty in a mirror.
  ReplicaIdentity identity = ReplicaIdentity::primary_key;
  bool operator==(const TableSchema&) const = default;
  std::string qualified() const { return schema + "." + name; }  ///< For people; not quoted.
};

/// A table as one mirror sees it: excluded columns are gone, the target's name is settled.
struct MirrorTable {
  TableSchema schema;
  std::string target_name;  ///< As the mapping says: "s.t" or "t".
  Lsn start;                ///< rules.md 8: changes committed before it are not applied; its snapshot rows' version.
  /// pg_publication_rel.oid when it was described: another one later means that it was out of the publication, and changes
  /// are missing (rules.md 36). 0 = not known, or published by a schema or with all tables.
  std::uint32_t membership = 0;
  bool operator==(const MirrorTable&) const = default;
};

}  // namespace peerd

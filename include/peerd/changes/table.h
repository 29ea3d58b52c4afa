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

/// How a table stood in its publication, and what named its rows, when it was described (rules.md 36). In the source's own
/// words: the source compares, others keep it.
struct CoverageNote {
  std::uint32_t publication = 0;      ///< pg_publication.oid; 0: an earlier version noted nothing of it.
  std::uint32_t publication_row = 0;  ///< xmin of its row: an ALTER PUBLICATION and its reverse leave another one.
  std::uint32_t publication_owner = 0;
  std::vector<std::string> paths;     ///< By what it is published: "table 16401", "schema 16500 733", "all tables".
  std::string key;                    ///< attnum of the columns that name a row: "1 3". "": not noted.
  std::uint32_t key_constraint = 0;   ///< pg_constraint.oid of the primary key, where the WAL does not name rows by it (FULL).
  std::uint32_t toast = 0;            ///< pg_class.reltoastrelid: SET UNLOGGED and SET LOGGED leave another, VACUUM FULL does not.
  std::int64_t columns_mark = 0;      ///< Stands for its rows in pg_attribute: other rewrites that leave another alter them.
  bool operator==(const CoverageNote&) const = default;
};

/// A table as one mirror sees it: excluded columns are gone, the target's name is settled.
struct MirrorTable {
  TableSchema schema;
  std::string target_name;  ///< As the mapping says: "s.t" or "t".
  Lsn start;                ///< rules.md 8: changes committed before it are not applied; its snapshot rows' version.
  CoverageNote coverage;    ///< Anything else later means that changes are missing.
  bool operator==(const MirrorTable&) const = default;
};

}  // namespace peerd

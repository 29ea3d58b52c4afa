#pragma once

#include <optional>
#include <span>

#include "peerd/changes/table.h"
#include "postgres/source_names.h"

// How tables and their publication stand in the source's catalog now, before any judgement.
namespace peerd {

struct PublicationStanding {
  std::uint32_t oid = 0;
  std::uint32_t row = 0;  ///< xmin: every ALTER PUBLICATION that is not of its tables or schemas writes the row anew.
  std::uint32_t owner = 0;
  std::string missing;  ///< Of insert, update, delete and truncate: "update, delete".
  bool via_root = false;           ///< publish_via_partition_root.
  bool generated_columns = false;  ///< publish_generated_columns (Postgres 18).
  std::string comment;
};
std::optional<PublicationStanding> read_publication(postgres::Connection& connection, const std::string& name,
                                                    const Wait& wait);

struct TableStanding {
  bool exists = false;
  std::string schema, name;
  char kind = 'r';         ///< pg_class.relkind.
  char persistence = 'p';  ///< pg_class.relpersistence.
  char identity = 'd';     ///< pg_class.relreplident.
  /// By what the publication publishes it, sorted: by itself, a schema or all tables; a partition also by what it is a part of.
  /// Each path names the rows of the catalog that it hangs on: a path that was broken for a while comes back as another.
  std::vector<std::string> paths;
  bool from_above = false;  ///< A table that it is a partition of is published: with via_root its changes are told as that one's.
  bool filtered = false;   ///< It has a row filter or a column list there.
  bool generated = false;  ///< It has generated columns.
  std::uint32_t toast = 0;        ///< pg_class.reltoastrelid; 0 when it needs none.
  std::int64_t columns_mark = 0;  ///< Stands for the numbers and rows of its columns in pg_attribute.

  /// The index by whose columns the mirror tells rows apart: the identity's, and with FULL and NOTHING the primary key.
  struct Key {
    std::string index;                  ///< Quoted, with its schema.
    bool immediate = true, valid = true;  ///< Postgres takes no other index for a replica identity.
    std::string numbers;                ///< attnum of its columns, rising: "1 3".
    std::vector<std::string> columns;   ///< Their names in the index's order.
    std::uint32_t constraint = 0;       ///< pg_constraint.oid; 0 for an index alone. REINDEX keeps it.
    std::string constraint_name;        ///< Not quoted.
    std::string definition;             ///< Of one that is deferrable: "PRIMARY KEY (id)", without what defers it.
  };
  std::optional<Key> key;
  /// Nothing but all of a row names it, and the WAL carries all of it (rules.md 41).
  bool keyless() const { return identity == 'f' && kind == 'r' && !key; }
};
/// Why the publication does not tell the table's changes as its own, in words that the table's name follows; empty: it
/// does.
std::string told_otherwise(const PublicationStanding& publication, const TableStanding& table);
/// In the order of `oids`; two queries however many there are. Empty paths where there is no such publication.
std::vector<TableStanding> read_standings(postgres::Connection& connection, const std::string& publication,
                                          std::span<const std::uint32_t> oids, const Wait& wait);

/// pg_class.oid of the mapped tables, in order; 0 for one that does not exist.
std::vector<std::uint32_t> oids_of(postgres::Connection& connection, std::span<const MappedTable> tables,
                                   const Wait& wait);

}  // namespace peerd

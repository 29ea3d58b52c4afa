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

/// A type as a column has it.
struct TypeOf {
  std::uint32_t oid = 0;  ///< 0: none.
  std::int32_t modifier = -1;
  std::string name;  ///< As Column::type_name.
  bool operator==(const TypeOf&) const = default;
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
  /// Of a domain, and of an array of one: the type beneath, however many domains lie between; its values have the same
  /// text.
  TypeOf base{};
  /// pg_attribute.attnum: what the column is, whatever it is called. 0 = not known: noted by an older peerd.
  std::int16_t number = 0;
  /// What the mapping calls it, where it was renamed since: settings follow the column, not the name. Empty: its name.
  std::string mapped{};
  bool operator==(const Column&) const = default;
};

/// Which columns name a row in the WAL (ALTER TABLE … REPLICA IDENTITY).
enum class ReplicaIdentity : std::uint8_t { primary_key, index, full, nothing };

struct TableSchema {
  TableId id;
  std::string schema, name;
  std::vector<Column> columns;
  /// Indexes into columns, in the key's own order (rules.md 4). Empty: rows are told apart by nothing but all of their
  /// values, and equal ones are counted (rules.md 41); the identity is then `full`. So are those of a query that adds
  /// rows.
  std::vector<std::uint16_t> key;
  ReplicaIdentity identity = ReplicaIdentity::primary_key;
  bool partitioned = false;  ///< It holds no rows itself: its partitions do, at whatever depth.
  bool operator==(const TableSchema&) const = default;
  std::string qualified() const { return schema + "." + name; }  ///< For people; not quoted.
  bool keyless() const { return key.empty(); }
};

/// What is at the end of a type that is made of others: `path` leads there, ".street" or "[].price".
struct TypeLeaf {
  std::string path;
  std::uint32_t oid = 0;
  std::int32_t modifier = -1;
  std::string type, plain;  ///< As format_type() writes it: with its modifier, and without.
  bool operator==(const TypeLeaf&) const = default;
};
/// A type of the database's own, by its name, and what a value of it consists of, in the order of its text.
struct TypeMakeUp {
  std::string type;
  std::vector<TypeLeaf> leaves;
  bool operator==(const TypeMakeUp&) const = default;
};

/// How a table stood in its publication, and what named its rows, when it was described (rules.md 36). In the source's
/// own words: the source compares, others keep it.
struct CoverageNote {
  std::uint32_t publication = 0;      ///< pg_publication.oid; 0: an earlier version noted nothing of it.
  std::uint32_t publication_row = 0;  ///< xmin of its row: an ALTER PUBLICATION and its reverse leave another one.
  std::uint32_t publication_owner = 0;
  std::vector<std::string> paths;     ///< By what it is published: "table 16401", "schema 16500 733", "all tables".
  std::string key;                    ///< attnum of the columns that name a row: "1 3". "": not noted.
  /// pg_constraint.oid of the primary key, where the WAL does not name rows by it (FULL).
  std::uint32_t key_constraint = 0;
  /// pg_class.reltoastrelid: SET UNLOGGED and SET LOGGED leave another, VACUUM FULL does not.
  std::uint32_t toast = 0;
  /// Stands for its rows in pg_attribute: other rewrites that leave another alter them.
  std::int64_t columns_mark = 0;
  bool operator==(const CoverageNote&) const = default;
};

/// What keeps rows of a table apart: a unique index or an exclusion constraint, as one server's catalog has it. Two
/// rows clash when each part of the one stands in its relation to the same part of the other, and both meet the
/// condition.
struct UniqueRule {
  struct Part {
    std::string text;       ///< A column's name in quotes, or an expression over columns as pg_get_indexdef() has it.
    std::string relation;   ///< "OPERATOR(pg_catalog.=)": equality, or what an exclusion constraint excludes with.
    std::string collation;  ///< "COLLATE s.n", or "".
    bool equality = true;   ///< The relation is the equality that the type has by default.
    bool bytewise = true;   ///< Its collation, if any, tells all different texts apart.
    bool nullable = true;
    bool unrepeated = false;  ///< Whoever leaves the column out gets a value that no other row has, or NULL.
    bool operator==(const Part&) const = default;
  };
  std::uint32_t oid = 0;     ///< Of its index.
  std::string name, drop;    ///< For people; the statement that takes it away.
  std::vector<Part> parts;
  std::string condition;     ///< Of a partial index; "" = all rows.
  bool nulls_clash = false;  ///< NULLS NOT DISTINCT.
  bool deferrable = false;
  std::vector<std::string> columns;  ///< All that parts and condition read.
  bool operator==(const UniqueRule&) const = default;
};

/// What the source's catalog says of a table beside its shape. The WAL tells nothing of a column that is dropped and
/// added again, of a rewrite that changes values, of another label of an enum: they are noticed by comparing this with
/// a later look.
struct CatalogNotes {
  std::int16_t last_number = 0;  ///< The highest number that was given to a column so far; 0 = nothing is noted.
  std::uint32_t file_node = 0;   ///< Another one means that the table was rewritten or truncated.
  /// What SET UNLOGGED takes from a table, or keeps it from (catalog_look.h): any of it that is found again shows that
  /// the table was logged all the while. Empty: not noted.
  std::vector<std::string> logged;
  /// It was already, since a column came that the stream has still to announce: what older rows hold in it is not
  /// known.
  bool rewritten = false;
  struct Excluded {
    std::string name;  ///< Or that of a column that was dropped at the source since, and that the target keeps.
    std::int16_t number = 0;  ///< Negative: it was dropped, and no row of when it was there is still to come.
    bool operator==(const Excluded&) const = default;
  };
  std::vector<Excluded> excluded;
  /// A label of an enum, or an attribute of a composite type, that a column's type is made of.
  struct TypePart {
    std::uint32_t type = 0, part = 0;  ///< OIDs of type and label; of an attribute its number.
    bool label = false;
    std::string type_name;
    std::string text;  ///< The label; the attribute's name and type.
    bool operator==(const TypePart&) const = default;
  };
  /// Of a column of the schema, by its place there.
  struct Mark {
    std::uint32_t altered = 0;  ///< xmin of its row in pg_attribute: another one after each ALTER of the column.
    /// OIDs of its default and of its indexes, rising. ALTER … TYPE makes all of them anew; one that stayed excludes
    /// it.
    std::vector<std::uint32_t> attached;
    std::vector<TypePart> types;
    bool operator==(const Mark&) const = default;
  };
  std::vector<Mark> marks;
  /// A partition that holds rows of a partitioned table. The stream sends its changes as the table's own, and tells
  /// nothing of rows that come or go with it: attached, detached, dropped, or truncated by itself.
  struct Partition {
    std::uint32_t oid = 0;
    std::string name;  ///< "s.n", for people.
    /// xmin of the rows that attach it, up to the table: detached and attached again, it has others. Empty: so far known
    /// from the stream alone.
    std::string link;
    std::uint32_t file_node = 0;
    std::uint32_t toast = 0;  ///< As CoverageNote::toast.
    bool unread = false;      ///< Its rows are among those that are read at `read_again`.
    bool operator==(const Partition&) const = default;
  };
  std::vector<Partition> partitions;  ///< Of a partitioned table, by oid.
  /// How rows of before a change of the columns were announced. After a crash they come again, and a name may be
  /// another column's by then.
  struct Sent {
    Lsn until;  ///< The commit position of the transaction that altered the table.
    std::vector<std::string> names;
    std::vector<std::int16_t> numbers;  ///< By place; 0: of a column that was dropped since.
    std::vector<TypeOf> types{};        ///< By place, without names. Empty: noted by an older peerd.
    bool operator==(const Sent&) const = default;
  };
  std::vector<Sent> sent;
  /// The target is being altered: its columns of these numbers have either these names or those of the schema.
  std::vector<Excluded> renaming;
  /// So it is with types: its columns of these numbers have either these or those of the schema, which they take all the same.
  std::vector<Column> retyping;
  /// These it may have not any more: they are called so where they are dropped. The target itself tells which are gone.
  std::vector<Excluded> dropping;
  /// Its rows at the target may be others than the source's, of which the WAL tells nothing: they are read once more
  /// when the stream has passed this position. 0 = none needs to be.
  Lsn read_again;
  bool operator==(const CatalogNotes&) const = default;
};

/// A table as one mirror sees it: excluded columns are gone, the target's name is settled.
struct MirrorTable {
  TableSchema schema;
  std::string target_name;  ///< As the mapping says: "s.t" or "t".
  Lsn start;                ///< rules.md 8: changes committed before it are not applied; its snapshot rows' version.
  CoverageNote coverage;    ///< Anything else later means that changes are missing.
  /// What keeps rows apart at the source, the key's own index among them; read anew at each start, never stored. A
  /// target that keeps more apart would lose rows.
  std::vector<UniqueRule> unique{};
  /// Of its columns' types that are made of others at the source; read with `unique`. A type of the name at the target may be
  /// made of something else.
  std::vector<TypeMakeUp> types{};
  CatalogNotes notes;  ///< Empty in batches: only the source and the catalog look at it.
  bool operator==(const MirrorTable&) const = default;
};

/// What is read anew at each start and never stored, from how the same table was read.
inline void take_unstored(MirrorTable& table, const MirrorTable& read) {
  table.unique = read.unique;
  table.types = read.types;
}

}  // namespace peerd

#include "postgres/limits.h"

#include <algorithm>
#include <array>

#include "peerd/base/text.h"
#include "postgres/unique.h"
#include "unfit.h"

namespace peerd::pgtarget {
namespace {

using postgres::Connection;
using postgres::QualifiedName;
using Parameters = std::vector<std::optional<std::string>>;

constexpr std::size_t kMostColumns = 1600;   ///< Of any table (MaxHeapAttributeNumber).
constexpr std::size_t kLongestName = 63;     ///< In bytes; the server cuts longer ones off (NAMEDATALEN - 1).
/// Every table has columns of these names; "oid" some tables before Postgres 12.
constexpr std::array<std::string_view, 6> kSystemColumns{"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"};
constexpr std::size_t kStagingColumns = 3;   ///< o, a and m of the temporary table; it has the key twice (statements.h).
constexpr std::size_t kWholeStagingColumns = 4;  ///< o, a, p and t: of a table without a key.

std::optional<Problem> own_name(const MirrorTable& table, const char* option, const std::string& name) {
  if (name.empty()) return std::nullopt;
  const std::string quoted = quote_identifier(name);
  if (name.size() > kLongestName) {
    Problem found = unfit(table, std::string(option) + " is longer than the 63 bytes that a name can have",
                          std::string("choose a shorter name: ") + option + " = '...'");
    found.text.field = option;
    return found;
  }
  if (std::ranges::find(kSystemColumns, name) != kSystemColumns.end()) {
    Problem found = unfit(table, quoted + " is a column that Postgres itself has in every table: " + option + " cannot be it",
                          std::string("choose another name: ") + option + " = '...'");
    found.text.field = option;
    return found;
  }
  if (std::ranges::find(table.schema.columns, name, &Column::name) == table.schema.columns.end()) return std::nullopt;
  Problem found = unfit(table,
                        "column " + quoted + " of source table " + table.schema.qualified() +
                            " has the name of the column that peerd keeps at the target",
                        "leave it out: exclude: [" + quoted + "] in the table's mapping, or name peerd's otherwise: " +
                            option + " = '...'; a mirror that is there takes either by DROP MIRROR and CREATE MIRROR");
  found.text.field = option;
  return found;
}

/// Dropped columns count too: their places are not used again.
std::size_t taken_places(Connection& connection, const Standing& standing, const Wait& wait) {
  const Parameters oid{std::to_string(standing.oid)};
  return static_cast<std::size_t>(
      connection.run("SELECT coalesce(max(attnum), 0) FROM pg_attribute WHERE attrelid = $1::oid", oid, wait)
          .integer(0, 0));
}

std::optional<Problem> too_many_columns(Connection& connection, const Site& site, const MirrorTable& table,
                                        const QualifiedName& name, const Standing& standing, const Wait& wait) {
  const std::size_t own = (site.soft_delete.empty() ? 0u : 1u) + (site.synced_at.empty() ? 0u : 1u);
  const std::size_t columns = table.schema.columns.size(), staged = (table.schema.keyless() ? kWholeStagingColumns : kStagingColumns) + table.schema.key.size();
  const std::size_t most = kMostColumns - std::max(own, staged);
  const std::string of_source = "source table " + table.schema.qualified() + " has " + std::to_string(columns) +
                                " columns";
  if (columns > most) {
    return unfit(table,
                 of_source + ", and a table of its key can be mirrored to Postgres with " + std::to_string(most) +
                     ": a table holds 1600, and peerd needs " + std::to_string(kMostColumns - most) + " beside them",
                 "leave " + std::to_string(columns - most) + " out: exclude: [...] in the table's mapping");
  }
  if (standing.oid == 0) return std::nullopt;
  std::size_t absent = 0;
  for (const Column& column : table.schema.columns) absent += standing.find(column.name) == nullptr ? 1u : 0u;
  for (const std::string& column : {site.soft_delete, site.synced_at})
    absent += !column.empty() && standing.find(column) == nullptr ? 1u : 0u;
  if (absent == 0 || taken_places(connection, standing, wait) + absent <= kMostColumns) return std::nullopt;
  return unfit(table,
               "target table " + name.quoted() + " has no room for " + std::to_string(absent) +
                   " more columns: a table holds 1600, dropped ones counted",
               "exclude columns in the table's mapping, or make the target table anew", "DROP TABLE " + name.quoted());
}

/// The columns and expressions by which the table and its partitions are partitioned; an expression comes as "".
std::vector<std::string> partitioned_by(Connection& connection, const Standing& standing, const Wait& wait) {
  const Parameters oid{std::to_string(standing.oid)};
  const auto found = connection.run(
      "SELECT DISTINCT coalesce(a.attname, '') FROM pg_partition_tree($1::oid) t"
      " JOIN pg_partitioned_table p ON p.partrelid = t.relid CROSS JOIN LATERAL unnest(p.partattrs::int2[]) k (attnum)"
      " LEFT JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = k.attnum",
      oid, wait);
  std::vector<std::string> names;
  for (int row = 0; row < found.rows(); ++row) names.push_back(found.string(row, 0));
  return names;
}

bool has_foreign_partition(Connection& connection, const Standing& standing, const Wait& wait) {
  const Parameters oid{std::to_string(standing.oid)};
  return connection
      .run("SELECT EXISTS (SELECT FROM pg_partition_tree($1::oid) t JOIN pg_class c ON c.oid = t.relid"
           " WHERE c.relkind = 'f')",
           oid, wait)
      .boolean(0, 0);
}

/// A unique index of a partitioned table must hold all columns by which it is partitioned; and only the owner adds one.
std::optional<Problem> no_key_possible(Connection& connection, const Site& site, const MirrorTable& table,
                                       const QualifiedName& name, const Standing& standing, const Wait& wait) {
  if (standing.oid == 0 || key_index(table.schema, standing) != nullptr) return std::nullopt;
  const std::vector<std::string> key = quoted_key(table.schema);
  const std::string wanted = "the mirror's key (" + join(key, ", ") + ")";
  if (standing.kind == 'p') {
    for (const std::string& column : partitioned_by(connection, standing, wait)) {
      if (std::ranges::find(key, quote_identifier(column)) != key.end()) continue;
      return unfit(table,
                   "target table " + name.quoted() + " is partitioned by " +
                       (column.empty() ? "an expression" : "column " + quote_identifier(column)) + ": " + wanted +
                       " cannot be made unique there",
                   "partition it by columns of the key, or drop it: the mirror then makes it",
                   "DROP TABLE " + name.quoted());
    }
    if (has_foreign_partition(connection, standing, wait)) {
      return unfit(table,
                   "target table " + name.quoted() + " has a foreign table as partition: " + wanted +
                       " cannot be made unique there",
                   "detach that partition, or drop the table: the mirror then makes it",
                   "DROP TABLE " + name.quoted());
    }
  }
  const Parameters oid{std::to_string(standing.oid)};
  const bool owned =
      connection.run("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = $1::oid", oid, wait)
          .boolean(0, 0);
  if (owned) return std::nullopt;
  const std::string cure = "ALTER TABLE " + name.quoted() + " OWNER TO " + quote_identifier(site.options.user);
  Problem found = unfit(table,
                        "target table " + name.quoted() + " has no unique index on " + wanted +
                            ", and only its owner can add one",
                        cure + "; or ALTER TABLE " + name.quoted() + " ADD PRIMARY KEY (" + join(key, ", ") + ")",
                        cure);
  found.text.code = ErrorCode::no_privilege;
  return found;
}

/// Where no index keeps the key yet, the one that peerd will build would keep it under the columns' own collations. One
/// that takes keys for the same which the source tells apart could not hold all rows; and of two such rows one would go as
/// if it had been copied twice.
std::optional<Problem> key_would_merge(const Site& site, const MirrorTable& table, const QualifiedName& name,
                                       const Standing& standing) {
  if (standing.oid == 0 || key_index(table.schema, standing) != nullptr) return std::nullopt;
  UniqueRule rule;
  std::vector<std::string> words, alter;
  for (const std::string& quoted : quoted_key(table.schema)) {
    const auto column = std::ranges::find(standing.columns, quoted,
                                          [](const StandingColumn& one) { return quote_identifier(one.name); });
    if (column == standing.columns.end()) return std::nullopt;
    UniqueRule::Part part;
    part.text = quoted;
    part.collation = column->collation;
    part.bytewise = column->bytewise;
    part.nullable = false;
    rule.parts.push_back(std::move(part));
    rule.columns.push_back(column->name);
    if (column->bytewise) continue;
    words.push_back(quoted + " " + column->collation);
    alter.push_back("ALTER COLUMN " + quoted + " TYPE " + column->type + " COLLATE pg_catalog.\"default\"");
  }
  if (alter.empty() || judge(site, table, rule).stricter.empty()) return std::nullopt;
  const std::string cure = "ALTER TABLE " + name.quoted() + " " + join(alter, ", ");
  return unfit(table,
               "the key of target table " + name.quoted() + " would take different keys of source table " +
                   table.schema.qualified() + " for the same: " + join(words, ", "),
               cure, cure);
}

/// ON CONFLICT (key) takes every unique index on just these columns for its own, also beside one that is not deferrable,
/// and then fails on this one.
std::optional<Problem> deferrable_key(Connection& connection, const MirrorTable& table, const QualifiedName& name,
                                      const Standing& standing, const Wait& wait) {
  const auto stands_in_the_way = [&](const StandingIndex& index) {
    return index.plain && !index.immediate && is_of_key(table.schema, index);
  };
  const auto index = std::ranges::find_if(standing.unique, stands_in_the_way);
  if (index == standing.unique.end()) return std::nullopt;
  const Parameters oid{std::to_string(index->oid)};
  const auto found = connection.run("SELECT conname FROM pg_constraint WHERE conindid = $1::oid AND contype IN ('p', 'u')", oid, wait);
  if (found.rows() == 0) return std::nullopt;
  const std::string constraint = quote_identifier(found.string(0, 0));
  std::string cure = "ALTER TABLE " + name.quoted() + " DROP CONSTRAINT " + constraint;
  if (index->primary) cure += ", ADD PRIMARY KEY (" + join(quoted_key(table.schema), ", ") + ")";
  return unfit(table, "constraint " + constraint + " on the mirror's key at target table " + name.quoted() +
                          " is DEFERRABLE: no row can be merged by it",
               cure, cure);
}

/// The source's tables and columns have names that Postgres can have; a mapping's may not be.
std::optional<Problem> impossible_name(const MirrorTable& table, const QualifiedName& target) {
  for (const std::string& part : {target.schema, target.name}) {
    if (part.size() <= kLongestName) continue;
    return unfit(table, "name " + quote_identifier(part) + " of target table " + target.quoted() + " is longer than the 63 bytes that a name can have",
                 "map the table to a shorter name: Postgres would cut this one off, and might take another table's rows for it");
  }
  for (const Column& column : table.schema.columns) {
    const bool system = std::ranges::find(kSystemColumns, column.name) != kSystemColumns.end();
    if (!system && column.name.size() <= kLongestName) continue;
    const std::string quoted = quote_identifier(column.name);
    Problem found = unfit(table, system ? quoted + " is a column that Postgres itself has in every table: none of the mapping's can be it"
                                        : "column name " + quoted + " is longer than the 63 bytes that a name can have",
                          "choose another name in the mapping's columns");
    found.text.field = "columns";
    return found;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Problem> not_durable(Connection& connection, const MirrorTable& table, const QualifiedName& name,
                                   const Standing& standing, const Wait& wait) {
  if (standing.oid == 0) return std::nullopt;
  const Parameters oids{"{" + std::to_string(standing.oid) + "}"};
  // Of a partitioned table nothing but its partitions has rows, and no statement makes it LOGGED.
  const auto found = connection.run(
      std::string(kWithPartitions) +
      " SELECT format('%I.%I', n.nspname, c.relname), c.relpersistence = 't' FROM own JOIN pg_class c USING (oid)"
      " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relpersistence <> 'p' AND c.relkind <> 'p' ORDER BY 1",
      oids, wait);
  if (found.rows() == 0) return std::nullopt;
  std::vector<std::string> names, alter;
  bool temporary = false;
  for (int row = 0; row < found.rows(); ++row) {
    temporary |= found.boolean(row, 1);
    names.push_back(found.string(row, 0));
    alter.push_back("ALTER TABLE " + names.back() + " SET LOGGED");
  }
  const std::string target = "target table " + name.quoted();
  if (temporary) return unfit(table, target + " is temporary: it ends with its session", "map the table to another name");
  const std::string cure = join(alter, "; ");
  return unfit(table,
               target + (standing.kind == 'p' ? " has UNLOGGED partitions: " + join(names, ", ") : " is UNLOGGED") +
                   ": a crash of its server would empty it, and nothing would come again",
               cure + "; a mirror that has copied into it goes on with RESUME MIRROR, or, if its server has crashed since, with RESYNC TABLE " +
                   table.schema.qualified() + " OF the mirror, which copies it anew",
               cure);
}

std::optional<Problem> resets_own_columns(const Site& site, const MirrorTable& table, const QualifiedName& name,
                                          const Standing& standing) {
  if (!table.schema.keyless() || site.query || standing.oid == 0) return std::nullopt;
  const Shape shape = shape_of(site, name, table, standing);
  if (!shape.other_unique || shape.extra.empty()) return std::nullopt;
  return unfit(table,
               "target table " + name.quoted() + " has column " + shape.extra.front().name + " beside the source's, and " +
                   (shape.clashes.empty() ? "one GENERATED ALWAYS AS IDENTITY" : "unique index " + shape.clashes.front().name) +
                   ": without a key, changed rows would be removed and inserted, and lose what is in it",
               "drop one of the two at the target, or give the source table a primary key");
}

std::optional<Problem> beyond_limits(Connection& connection, const Site& site, const MirrorTable& table,
                                     const QualifiedName& name, const Standing& standing, const Wait& wait) {
  if (auto found = impossible_name(table, name)) return found;
  if (auto found = own_name(table, "soft_delete_col_name", site.soft_delete)) return found;
  if (auto found = own_name(table, "synced_at_col_name", site.synced_at)) return found;
  if (auto found = too_many_columns(connection, site, table, name, standing, wait)) return found;
  if (auto found = not_durable(connection, table, name, standing, wait)) return found;
  if (auto found = resets_own_columns(site, table, name, standing)) return found;
  if (table.schema.keyless()) {
    if (!site.copies && !site.query) {
      Problem found = unfit(table, "table " + table.schema.qualified() + " has no key, and do_initial_copy = false leaves its rows out: a change of one would find none at the target",
                            "let it be copied, give it a primary key, or leave it out");
      found.text.field = "do_initial_copy";
      return found;
    }
    Problems named = site.query ? Problems() : named_key(table);
    return named.empty() ? std::nullopt : std::optional(std::move(named.front()));
  }
  if (auto found = deferrable_key(connection, table, name, standing, wait)) return found;
  if (auto found = key_would_merge(site, table, name, standing)) return found;
  return no_key_possible(connection, site, table, name, standing, wait);
}

}  // namespace peerd::pgtarget

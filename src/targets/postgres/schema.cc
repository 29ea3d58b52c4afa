#include "postgres/schema.h"

#include <algorithm>
#include <array>

#include "peerd/base/text.h"
#include "peerd/postgres/type_change.h"
#include "peerd/postgres/type_leaves.h"
#include "peerd/postgres/types.h"
#include "peerd/postgres/unique_rules.h"

namespace peerd::pgtarget {
namespace {

using postgres::QualifiedName;
using postgres::Result;
using Parameters = std::vector<std::optional<std::string>>;

constexpr std::uint32_t kFirstOwnOid = 16384;  ///< Below it are the types that every server has (FirstNormalObjectId).
/// pg_node_tree, pg_ndistinct, pg_dependencies, pg_mcv_list, pg_brin_bloom_summary, pg_brin_minmax_multi_summary, gtsvector
/// and its array: Postgres writes them and reads none.
constexpr std::uint32_t kOnlyWritten[] = {194, 3361, 3402, 5017, 4600, 4601, 3642, 3644};

// A domain may stand on another one: `d` walks down to the type under all of them. A default names no column, and is read as of no
// table: as of one, pg_get_expr() would wait for whoever has that locked.
constexpr std::string_view kColumns =
    "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.atttypid, a.atttypmod, a.attnotnull,"
    " a.atthasdef OR a.attidentity <> '' OR d.has_default, a.attgenerated <> '', a.attgenerated = 'v', a.attidentity = 'a',"
    " d.not_null,"
    " d.base || coalesce(' ' || c.words, ''), coalesce(c.words, ''), coalesce(c.bytewise, true),"
    " coalesce(CASE WHEN a.attgenerated = '' THEN pg_get_expr(f.adbin, 0) END, '')"
    " FROM pg_attribute a LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum LEFT JOIN LATERAL (SELECT format('COLLATE %I.%I', n.nspname, l.collname) AS words,"
    " l.collisdeterministic AS bytewise FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace"
    " WHERE l.oid = a.attcollation) c ON true CROSS JOIN LATERAL (WITH RECURSIVE layer AS ("
    " SELECT t.oid, a.atttypmod AS modifier, t.typtype, t.typbasetype, t.typtypmod, t.typnotnull,"
    " t.typdefault FROM pg_type t WHERE t.oid = a.atttypid"
    " UNION ALL SELECT t.oid, l.typtypmod, t.typtype, t.typbasetype, t.typtypmod, t.typnotnull, t.typdefault"
    " FROM layer l JOIN pg_type t ON t.oid = l.typbasetype WHERE l.typtype = 'd')"
    " SELECT bool_or(typnotnull AND typtype = 'd') AS not_null,"
    " bool_or(typdefault IS NOT NULL AND typtype = 'd') AS has_default,"
    " max(format_type(oid, modifier)) FILTER (WHERE typtype <> 'd') AS base FROM layer) d"
    " WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
constexpr std::string_view kChecks =
    "SELECT EXISTS (SELECT 1 FROM pg_constraint WHERE contype = 'c' AND (conrelid = $1::oid OR contypid IN"
    " (WITH RECURSIVE layer AS (SELECT atttypid AS type FROM pg_attribute WHERE attrelid = $1::oid AND attnum > 0"
    " UNION SELECT t.typbasetype FROM layer l JOIN pg_type t ON t.oid = l.type WHERE t.typtype = 'd')"
    " SELECT type FROM layer WHERE type <> 0)))";
// INCLUDE columns do not make rows unique: only the first indnkeyatts count. What an index takes for equal is its
// operator class's equality (3 in a B-tree), under its own collation: search_path finds that of no extension, and may
// find another one.
constexpr std::string_view kUnique =
    "SELECT i.indexrelid, i.indisprimary, i.indpred IS NULL AND i.indexprs IS NULL AND NOT i.indisexclusion,"
    " i.indimmediate, i.indisvalid,"
    " a.attname, CASE WHEN o.oid IS NULL THEN ' = ' ELSE format(' OPERATOR(%I.%s) ', n.nspname, o.oprname) END,"
    " CASE WHEN k.locale NOT IN (0, a.attcollation) THEN (SELECT format(' COLLATE %I.%I', n.nspname, l.collname)"
    " FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace WHERE l.oid = k.locale) END"
    " FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indclass::oid[], i.indcollation::oid[])"
    " WITH ORDINALITY AS k (attnum, opclass, locale, n)"
    " LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum"
    " LEFT JOIN pg_opclass c ON c.oid = k.opclass AND c.opcmethod = 403"
    " LEFT JOIN pg_amop m ON m.amopfamily = c.opcfamily AND m.amopstrategy = 3 AND m.amoppurpose = 's'"
    " AND m.amoplefttype = c.opcintype AND m.amoprighttype = c.opcintype"
    " LEFT JOIN pg_operator o ON o.oid = m.amopopr LEFT JOIN pg_namespace n ON n.oid = o.oprnamespace"
    " WHERE i.indrelid = $1::oid AND i.indisunique AND k.n <= i.indnkeyatts ORDER BY i.indexrelid, k.n";

void read_columns(postgres::Connection& connection, const Parameters& oid, Standing& standing, const Wait& wait) {
  const Result found = connection.run_planned(kColumns, oid, wait);
  for (int row = 0; row < found.rows(); ++row) {
    standing.columns.push_back({found.string(row, 0), found.string(row, 1),
                                static_cast<std::uint32_t>(found.integer(row, 2)),
                                static_cast<std::int32_t>(found.integer(row, 3)), found.boolean(row, 4),
                                found.boolean(row, 5), found.boolean(row, 6), found.boolean(row, 7),
                                found.boolean(row, 8), found.boolean(row, 9), found.string(row, 10),
                                found.string(row, 11), found.boolean(row, 12), found.string(row, 13)});
  }
}

void read_unique(postgres::Connection& connection, const Parameters& oid, Standing& standing, const Wait& wait) {
  const Result found = connection.run_planned(kUnique, oid, wait);
  for (int row = 0; row < found.rows(); ++row) {
    const auto index = static_cast<std::uint32_t>(found.integer(row, 0));
    if (standing.unique.empty() || standing.unique.back().oid != index) {
      standing.unique.push_back(
          {index, found.boolean(row, 1), found.boolean(row, 2), found.boolean(row, 3), found.boolean(row, 4), {}, {}});
    }
    standing.unique.back().columns.push_back(found.string(row, 5));
    standing.unique.back().equal.push_back({found.string(row, 6), found.string(row, 7)});
  }
}

/// Of a builtin type, which is the same here as there: a longer one.
bool is_longer(const StandingColumn& column, std::uint32_t oid, std::int32_t modifier) {
  return oid != 0 && oid < kFirstOwnOid && postgres::allows_more({oid, modifier}, {column.type_oid, column.modifier});
}

bool is_source_column(const TableSchema& schema, const std::string& name) {
  return std::ranges::any_of(schema.columns, [&](const Column& column) { return column.name == name; });
}

struct OwnColumn {
  const std::string& name;
  const char *type, *default_value;
  std::uint32_t type_oid;
};
std::array<OwnColumn, 2> own_columns(const Site& site) {
  return {{{site.soft_delete, "boolean", "false", postgres::kBoolOid},
           {site.synced_at, "timestamp with time zone", "now()", postgres::kTimestamptzOid}}};
}

Difference wrong_type(const std::string& quoted, const StandingColumn& column, const std::string& type) {
  // By way of text there is a cast from any type to any.
  return {"column " + quoted + " is " + column.type + ", not " + type,
          "ALTER COLUMN " + quoted + " TYPE " + type + " USING " + quoted + "::text::" + type};
}

std::string made_anew(const std::string& quoted, const std::string& type) {
  return "DROP COLUMN " + quoted + ", ADD COLUMN " + quoted + " " + type;
}

std::optional<Difference> difference(const Column& source, bool key, const TargetType& type,
                                     const StandingColumn& column) {
  const std::string quoted = quote_identifier(source.name);
  if (column.generated) {
    return Difference{"column " + quoted + " is generated",
                      column.computed_on_read ? made_anew(quoted, type.name) : "ALTER COLUMN " + quoted + " DROP EXPRESSION"};
  }
  if (!takes(column, source, type)) return wrong_type(quoted, column, type.name);
  if (!type.unlike.empty() && column.type_oid == type.oid)
    return Difference{"type " + type.name + " of column " + quoted + " is another one than the source's: " + type.unlike,
                      "ALTER COLUMN " + quoted + " TYPE text"};
  if (key || !source.nullable) return std::nullopt;
  if (column.not_null) {
    return Difference{"column " + quoted + " is NOT NULL, the source's is not",
                      "ALTER COLUMN " + quoted + " DROP NOT NULL"};
  }
  // A domain of the same name takes what the source's takes.
  if (column.domain_not_null && column.type != type.name) {
    return Difference{"the type of column " + quoted + " is NOT NULL, the source's is not",
                      "ALTER COLUMN " + quoted + " TYPE " + type.name};
  }
  return std::nullopt;
}

}  // namespace

bool takes(const StandingColumn& column, const Column& source, const TargetType& wanted) {
  if (column.type == wanted.name || column.type_oid == postgres::kTextOid) return true;
  if (is_longer(column, source.type_oid, source.type_modifier) || is_longer(column, source.base.oid, source.base.modifier)) return true;
  if (column.modifier != -1) return false;
  return column.type_oid == wanted.oid || postgres::widens(wanted.oid, column.type_oid);
}

const StandingColumn* Standing::find(const std::string& name) const {
  const auto found = std::ranges::find(columns, name, &StandingColumn::name);
  return found == columns.end() ? nullptr : &*found;
}

Standing inspect(postgres::Connection& connection, const QualifiedName& name, const Wait& wait) {
  const Parameters parameters{name.schema, name.name};
  const Result found = connection.run_planned(
      "SELECT c.oid, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
      " WHERE n.nspname = $1 AND c.relname = $2",
      parameters, wait);
  Standing standing;
  if (found.rows() == 0) return standing;
  standing.oid = static_cast<std::uint32_t>(found.integer(0, 0));
  standing.kind = found.text(0, 1).front();
  const Parameters oid{found.string(0, 0)};
  read_columns(connection, oid, standing, wait);
  read_unique(connection, oid, standing, wait);
  standing.checks = connection.run_planned(kChecks, oid, wait).boolean(0, 0);
  standing.rules = postgres::read_unique_rules(connection, standing.oid, postgres::RulesOf::target, wait);
  return standing;
}

/// Tables that inherit from it are none of the mirror's: they have mappings of their own, or are not mirrored.
std::string Standing::rows_of(const QualifiedName& name) const {
  return (kind == 'p' ? "" : "ONLY ") + name.quoted();
}

bool has_rows(postgres::Connection& connection, const QualifiedName& name, const Standing& standing,
              const Wait& wait) {
  return connection.run("SELECT EXISTS (SELECT 1 FROM " + standing.rows_of(name) + ")", wait).boolean(0, 0);
}

bool is_referenced(postgres::Connection& connection, const QualifiedName& name, const Wait& wait) {
  const Parameters table{name.quoted()};
  return connection
      .run("WITH own AS (SELECT $1::regclass::oid AS oid UNION SELECT relid FROM pg_partition_tree($1::regclass))"
           " SELECT EXISTS (SELECT 1 FROM pg_constraint WHERE contype = 'f' AND confrelid IN (SELECT oid FROM own)"
           " AND conrelid NOT IN (SELECT oid FROM own))",
           table, wait)
      .boolean(0, 0);
}

void remove_all_rows(postgres::Connection& connection, const QualifiedName& name, const Wait& wait) {
  const Parameters table{name.quoted()};
  const Result may = connection.run(
      "SELECT relkind = 'p', has_table_privilege(oid, 'TRUNCATE') FROM pg_class WHERE oid = $1::regclass", table, wait);
  const std::string rows = (may.boolean(0, 0) ? "" : "ONLY ") + name.quoted();
  const bool truncate = may.boolean(0, 1) && !is_referenced(connection, name, wait);
  connection.run((truncate ? "TRUNCATE " : "DELETE FROM ") + rows, wait);
}

bool schema_exists(postgres::Connection& connection, const std::string& schema, const Wait& wait) {
  const Parameters parameters{schema};
  return connection.run("SELECT 1 FROM pg_namespace WHERE nspname = $1", parameters, wait).rows() == 1;
}

namespace {

/// Types of the database's own that have the source's names, and are made of something else.
void compare_make_up(postgres::Connection& connection, const MirrorTable& table, std::vector<TargetType>& types, const Wait& wait) {
  if (table.types.empty()) return;
  std::vector<std::uint32_t> oids;
  for (const TargetType& type : types) oids.push_back(type.oid);
  const std::vector<TypeMakeUp> here = postgres::read_type_make_up(connection, oids, wait);
  for (std::size_t i = 0; i < types.size(); ++i) {
    const auto source = std::ranges::find(table.types, table.schema.columns[i].type_name, &TypeMakeUp::type);
    if (source == table.types.end() || types[i].oid == postgres::kTextOid) continue;
    const auto found = std::ranges::find(here, types[i].name, &TypeMakeUp::type);
    types[i].unlike = found == here.end() ? "it is made of nothing else" : postgres::unlike(*source, *found);
  }
}

}  // namespace

std::vector<TargetType> target_types(postgres::Connection& connection, const MirrorTable& table, const Wait& wait) {
  const TableSchema& schema = table.schema;
  std::string values;
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    const Column& column = schema.columns[i];
    const bool builtin = column.type_oid != 0 && column.type_oid < kFirstOwnOid;
    std::string name = quote_literal(column.type_name);
    if (std::ranges::find(kOnlyWritten, column.type_oid) != std::end(kOnlyWritten)) {
      name = "'text'";
    } else if (column.type_name.empty()) {
      // A Relation message tells the oid alone, which means something here only for builtin types.
      name = builtin
                 ? "format_type(" + std::to_string(column.type_oid) + ", " + std::to_string(column.type_modifier) + ")"
                 : "'text'";
    }
    values += (i == 0 ? "(" : ", (") + std::to_string(i) + ", " + name + ")";
  }
  const Result found = connection.run(
      "SELECT v.name, coalesce(to_regtype(v.name)::oid, 0) FROM (VALUES " + values + ") AS v (n, name) ORDER BY v.n",
      wait);
  std::vector<TargetType> types;
  for (int row = 0; row < found.rows(); ++row) {
    const auto oid = static_cast<std::uint32_t>(found.integer(row, 1));
    if (oid == 0) {
      types.push_back({"text", postgres::kTextOid});
    } else {
      types.push_back({found.string(row, 0), oid});
    }
  }
  compare_make_up(connection, table, types, wait);
  return types;
}

std::string create_table(const Site& site, const QualifiedName& name, const TableSchema& schema,
                         const std::vector<TargetType>& types) {
  std::vector<std::string> columns;
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    const bool key = std::ranges::find(schema.key, i) != schema.key.end();
    columns.push_back(quote_identifier(schema.columns[i].name) + " " + types[i].name + (key ? " NOT NULL" : ""));
  }
  if (!site.soft_delete.empty()) columns.push_back(quote_identifier(site.soft_delete) + " boolean DEFAULT false");
  if (!site.synced_at.empty())
    columns.push_back(quote_identifier(site.synced_at) + " timestamp with time zone DEFAULT now()");
  return "CREATE TABLE " + name.quoted() + " (" + join(columns, ", ") + ")";
}

std::vector<std::string> widen_table(const QualifiedName& name, const TableSchema& schema,
                                     const std::vector<TargetType>& types, const Standing& standing) {
  std::vector<std::string> statements;
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    const Column& column = schema.columns[i];
    if (standing.find(column.name) != nullptr) continue;
    const std::string alter = "ALTER TABLE " + name.quoted();
    const std::string quoted = quote_identifier(column.name);
    const std::string add = alter + " ADD COLUMN " + quoted + " " + types[i].name;
    if (!column.missing_value) {
      statements.push_back(add);
      continue;
    }
    // A constant default is stored once for all rows of before; rows of later bring their own value.
    statements.push_back(add + " DEFAULT " + quote_literal(*column.missing_value));
    statements.push_back(alter + " ALTER COLUMN " + quoted + " DROP DEFAULT");
  }
  return statements;
}

std::vector<Difference> differences(const Site& site, const TableSchema& schema, const std::vector<TargetType>& types,
                                    const Standing& standing, bool ours) {
  std::vector<Difference> out;
  if (standing.kind != 'r' && standing.kind != 'p') return {{"it is not a table", ""}};
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    const StandingColumn* column = standing.find(schema.columns[i].name);
    if (column != nullptr) {
      const bool key = std::ranges::find(schema.key, i) != schema.key.end();
      auto found = difference(schema.columns[i], key, types[i], *column);
      if (found) found->column = column->name;
      if (found) out.push_back(std::move(*found));
    } else if (!ours) {
      const std::string quoted = quote_identifier(schema.columns[i].name);
      out.push_back({"column " + quoted + " is missing", "ADD COLUMN " + quoted + " " + types[i].name});
    }
  }
  for (const StandingColumn& column : standing.columns) {
    const bool own = column.name == site.soft_delete || column.name == site.synced_at;
    if (own || is_source_column(schema, column.name) || !column.refuses_absence()) continue;
    const std::string quoted = quote_identifier(column.name);
    out.push_back({"column " + quoted + " is NOT NULL without a default, and the source has no such column",
                   "ALTER COLUMN " + quoted + (column.not_null ? " DROP NOT NULL" : " TYPE " + column.base)});
  }
  for (const OwnColumn& own : own_columns(site)) {
    if (own.name.empty()) continue;
    const StandingColumn* column = standing.find(own.name);
    const std::string quoted = quote_identifier(own.name);
    if (column == nullptr) {
      if (ours) out.push_back({"column " + quoted + " is missing", "ADD COLUMN " + quoted + " " + own.type +
                               " DEFAULT " + own.default_value});
    } else if (column->generated || column->identity_always) {
      out.push_back({"column " + quoted + ", which peerd sets, is generated",
                     made_anew(quoted, std::string(own.type) + " DEFAULT " + own.default_value)});
    } else if (column->type_oid != own.type_oid) {
      out.push_back(wrong_type(quoted, *column, own.type));
    } else if (ours && (own.name == site.soft_delete ? column->default_value != own.default_value : column->default_value.empty())) {
      // COPY leaves it to the default.
      out.push_back({"column " + quoted + ", which peerd leaves to its default, has not DEFAULT " + own.default_value,
                     "ALTER COLUMN " + quoted + " SET DEFAULT " + own.default_value, "", true});
    }
  }
  return out;
}

std::vector<std::string> add_own_columns(const Site& site, const Standing& standing) {
  std::vector<std::string> parts;
  for (const OwnColumn& own : own_columns(site)) {
    if (own.name.empty()) continue;
    const std::string quoted = quote_identifier(own.name);
    parts.push_back(standing.find(own.name) == nullptr
                        ? "ADD COLUMN " + quoted + " " + own.type + " DEFAULT " + own.default_value
                        : "ALTER COLUMN " + quoted + " SET DEFAULT " + own.default_value);
  }
  return parts;
}

bool is_of_key(const TableSchema& schema, const StandingIndex& index) {
  return index.columns.size() == schema.key.size() && std::ranges::all_of(schema.key, [&](std::uint16_t column) {
    return std::ranges::find(index.columns, schema.columns[column].name) != index.columns.end();
  });
}

const StandingIndex* key_index(const TableSchema& schema, const Standing& standing) {
  for (const StandingIndex& index : standing.unique) {
    if (index.plain && index.immediate && index.valid && is_of_key(schema, index)) return &index;
  }
  return nullptr;
}

CopyPlan copy_plan(const TableSchema& schema, const Standing& standing) {
  CopyPlan plan;
  plan.select_casts.resize(schema.columns.size());
  // One column that needs text makes it the form of all: a cast to text is not always what the stream sends (bool,
  // char(n)).
  const bool binary = std::ranges::all_of(schema.columns, [&](const Column& column) {
    const StandingColumn* standing_column = standing.find(column.name);
    return standing_column != nullptr && standing_column->type_oid == column.type_oid &&
           postgres::binary_trusted(column.type_oid);
  });
  plan.form = binary ? CopyForm::binary : CopyForm::text;
  return plan;
}

namespace {

/// What keeps rows of different keys apart, and the columns that it reads.
void add_clashes(const Site& site, const MirrorTable& table, const Standing& standing, Shape& shape) {
  const TableSchema& schema = table.schema;
  for (const UniqueRule& rule : standing.rules) {
    Judgement judgement = judge(site, table, rule);
    if (!judgement.clash) continue;
    shape.clashes.push_back(std::move(*judgement.clash));
    shape.tombstones &= judgement.bears_tombstones;
    for (std::uint16_t column = 0; column < schema.columns.size(); ++column) {
      const bool read = std::ranges::find(rule.columns, schema.columns[column].name) != rule.columns.end();
      const bool known = std::ranges::find(shape.watched, column) != shape.watched.end();
      if (read && !known && std::ranges::find(schema.key, column) == schema.key.end()) shape.watched.push_back(column);
    }
  }
}

/// Where UPDATE may not set a column, a row that changes it is deleted and inserted too.
void add_always(const TableSchema& schema, Shape& shape) {
  shape.other_unique = !shape.clashes.empty();
  for (const std::uint16_t column : shape.always) {
    if (std::ranges::find(schema.key, column) != schema.key.end()) continue;
    shape.other_unique = true;
    if (std::ranges::find(shape.watched, column) == shape.watched.end()) shape.watched.push_back(column);
  }
}

}  // namespace

Shape shape_of(const Site& site, const QualifiedName& name, const MirrorTable& table, const Standing& standing) {
  const TableSchema& schema = table.schema;
  Shape shape;
  shape.table = name.quoted();
  shape.rows = standing.rows_of(name);
  shape.staging = "pg_temp." + quote_identifier("peerd_" + std::to_string(schema.id.oid));
  for (const Column& column : schema.columns) shape.columns.push_back(quote_identifier(column.name));
  const StandingIndex* index = key_index(schema, standing);
  for (const std::uint16_t column : schema.key) {
    Equality equal{" = ", ""};
    if (index != nullptr) {
      const auto place = std::ranges::find(index->columns, schema.columns[column].name) - index->columns.begin();
      equal = index->equal[static_cast<std::size_t>(place)];
    }
    shape.key.push_back({column, equal});
  }
  if (!site.soft_delete.empty()) shape.soft_delete = quote_identifier(site.soft_delete);
  if (!site.synced_at.empty()) shape.synced_at = quote_identifier(site.synced_at);
  for (const StandingColumn& column : standing.columns) {
    const bool own = column.name == site.soft_delete || column.name == site.synced_at;
    if (!own && !column.generated && !is_source_column(schema, column.name))
      shape.extra.push_back({quote_identifier(column.name), column.identity_always});
  }
  shape.kept = "pg_temp." + quote_identifier("peerd_kept_" + std::to_string(schema.id.oid));
  // A CHECK may want more than the key: what it says of such a row is not known before it is tried.
  shape.tombstones = !shape.soft_delete.empty() && !standing.checks;
  for (std::uint16_t i = 0; i < schema.columns.size(); ++i) {
    const StandingColumn* column = standing.find(schema.columns[i].name);
    shape.types.push_back(column == nullptr ? "text" : column->base);
    if (column != nullptr && column->identity_always) shape.always.push_back(i);
    const bool key = std::ranges::find(schema.key, i) != schema.key.end();
    if (!key && column != nullptr && column->refuses_absence()) shape.tombstones = false;
  }
  add_clashes(site, table, standing, shape);
  add_always(schema, shape);
  return shape;
}

std::vector<std::string> quoted_key(const TableSchema& schema) {
  std::vector<std::string> names;
  for (const std::uint16_t column : schema.key) names.push_back(quote_identifier(schema.columns[column].name));
  return names;
}

}  // namespace peerd::pgtarget

#include "postgres/schema.h"

#include <algorithm>

#include "peerd/base/text.h"
#include "peerd/postgres/types.h"

namespace peerd::pgtarget {
namespace {

using postgres::QualifiedName;
using postgres::Result;
using Parameters = std::vector<std::optional<std::string>>;

constexpr std::uint32_t kFirstOwnOid = 16384;  ///< Below it are the types that every server has (FirstNormalObjectId).

constexpr std::string_view kColumns =
    "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.atttypid, a.atttypmod, a.attnotnull,"
    " a.atthasdef OR a.attidentity <> '', a.attgenerated <> ''"
    " FROM pg_attribute a WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
// INCLUDE columns do not make rows unique: only the first indnkeyatts count.
constexpr std::string_view kUnique =
    "SELECT i.indexrelid, i.indisprimary, i.indpred IS NULL AND i.indexprs IS NULL, i.indimmediate, i.indisvalid, "
    "a.attname"
    " FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, n)"
    " LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum"
    " WHERE i.indrelid = $1::oid AND i.indisunique AND k.n <= i.indnkeyatts ORDER BY i.indexrelid, k.n";

void read_columns(postgres::Connection& connection, const Parameters& oid, Standing& standing, const Wait& wait) {
  const Result found = connection.run(kColumns, oid, wait);
  for (int row = 0; row < found.rows(); ++row) {
    standing.columns.push_back({found.string(row, 0), found.string(row, 1),
                                static_cast<std::uint32_t>(found.integer(row, 2)),
                                static_cast<std::int32_t>(found.integer(row, 3)), found.boolean(row, 4),
                                found.boolean(row, 5), found.boolean(row, 6)});
  }
}

void read_unique(postgres::Connection& connection, const Parameters& oid, Standing& standing, const Wait& wait) {
  const Result found = connection.run(kUnique, oid, wait);
  for (int row = 0; row < found.rows(); ++row) {
    const auto index = static_cast<std::uint32_t>(found.integer(row, 0));
    if (standing.unique.empty() || standing.unique.back().oid != index) {
      standing.unique.push_back(
          {index, found.boolean(row, 1), found.boolean(row, 2), found.boolean(row, 3), found.boolean(row, 4), {}});
    }
    standing.unique.back().columns.push_back(found.string(row, 5));
  }
}

/// Every value of `from` is a value of `to`, and different values stay different.
bool widens(std::uint32_t from, std::uint32_t to) {
  using namespace postgres;
  switch (from) {
    case kInt2Oid:
      return to == kInt4Oid || to == kInt8Oid || to == kNumericOid;
    case kInt4Oid:
      return to == kInt8Oid || to == kNumericOid;
    case kInt8Oid:
      return to == kNumericOid;
    case kFloat4Oid:
      return to == kFloat8Oid;
    default:
      return false;
  }
}

bool fits(const TargetType& wanted, const StandingColumn& column) {
  if (column.type == wanted.name || column.type_oid == postgres::kTextOid) return true;
  if (column.modifier != -1) return false;
  return column.type_oid == wanted.oid || widens(wanted.oid, column.type_oid);
}

bool is_source_column(const TableSchema& schema, const std::string& name) {
  return std::ranges::any_of(schema.columns, [&](const Column& column) { return column.name == name; });
}

/// Its rows cannot clash where their keys do not.
bool holds_key(const TableSchema& schema, const StandingIndex& index) {
  return std::ranges::all_of(schema.key, [&](std::uint16_t column) {
    return std::ranges::find(index.columns, schema.columns[column].name) != index.columns.end();
  });
}

void own_column(const std::string& name, const char* type, std::uint32_t oid, const Standing& standing,
                std::vector<std::string>& out) {
  if (name.empty()) return;
  const StandingColumn* column = standing.find(name);
  const std::string quoted = quote_identifier(name);
  if (column == nullptr) {
    out.push_back("column " + quoted + " is missing: ADD COLUMN " + quoted + " " + type);
  } else if (column->type_oid != oid) {
    out.push_back("column " + quoted + " is " + column->type + ", not " + type);
  }
}

}  // namespace

const StandingColumn* Standing::find(const std::string& name) const {
  const auto found = std::ranges::find(columns, name, &StandingColumn::name);
  return found == columns.end() ? nullptr : &*found;
}

Standing inspect(postgres::Connection& connection, const QualifiedName& name, const Wait& wait) {
  const Parameters parameters{name.schema, name.name};
  const Result found = connection.run(
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
  return standing;
}

bool has_rows(postgres::Connection& connection, const QualifiedName& name, const Wait& wait) {
  return connection.run("SELECT EXISTS (SELECT 1 FROM " + name.quoted() + ")", wait).boolean(0, 0);
}

bool schema_exists(postgres::Connection& connection, const std::string& schema, const Wait& wait) {
  const Parameters parameters{schema};
  return connection.run("SELECT 1 FROM pg_namespace WHERE nspname = $1", parameters, wait).rows() == 1;
}

std::vector<TargetType> target_types(postgres::Connection& connection, const TableSchema& schema, const Wait& wait) {
  std::string values;
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    const Column& column = schema.columns[i];
    const bool builtin = column.type_oid != 0 && column.type_oid < kFirstOwnOid;
    std::string name = quote_literal(column.type_name);
    // A Relation message tells the oid alone, which means something here only for builtin types.
    if (column.type_name.empty()) {
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

std::vector<std::string> differences(const Site& site, const TableSchema& schema, const std::vector<TargetType>& types,
                                     const Standing& standing, bool may_widen) {
  std::vector<std::string> out;
  if (standing.kind != 'r' && standing.kind != 'p') out.emplace_back("it is not a table");
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    const std::string quoted = quote_identifier(schema.columns[i].name);
    const StandingColumn* column = standing.find(schema.columns[i].name);
    if (column == nullptr) {
      if (!may_widen) out.push_back("column " + quoted + " is missing: ADD COLUMN " + quoted + " " + types[i].name);
    } else if (column->generated) {
      out.push_back("column " + quoted + " is generated");
    } else if (!fits(types[i], *column)) {
      out.push_back("column " + quoted + " is " + column->type + ", not " + types[i].name);
    } else if (column->not_null && schema.columns[i].nullable && std::ranges::find(schema.key, i) == schema.key.end()) {
      out.push_back("column " + quoted + " is NOT NULL, the source's is not");
    }
  }
  for (const StandingColumn& column : standing.columns) {
    const bool own = column.name == site.soft_delete || column.name == site.synced_at;
    if (own || is_source_column(schema, column.name) || !column.not_null || column.has_default) continue;
    out.push_back("column " + quote_identifier(column.name) +
                  " is NOT NULL without a default, and the source has no such column");
  }
  own_column(site.soft_delete, "boolean", postgres::kBoolOid, standing, out);
  own_column(site.synced_at, "timestamp with time zone", postgres::kTimestamptzOid, standing, out);
  return out;
}

const StandingIndex* key_index(const TableSchema& schema, const Standing& standing) {
  for (const StandingIndex& index : standing.unique) {
    if (!index.plain || !index.immediate || !index.valid || index.columns.size() != schema.key.size()) continue;
    if (holds_key(schema, index)) return &index;
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

/// Which columns of the mirror make rows unique beside the key.
void add_unique(const TableSchema& schema, const Standing& standing, Shape& shape) {
  const StandingIndex* key = key_index(schema, standing);
  const auto number = [&](const std::string& name) {
    return std::ranges::find(schema.columns, name, &Column::name) - schema.columns.begin();
  };
  const auto end = static_cast<std::ptrdiff_t>(schema.columns.size());
  std::vector<bool> watched(schema.columns.size(), false);
  for (const StandingIndex& index : standing.unique) {
    if (&index == key || (index.plain && holds_key(schema, index))) continue;
    shape.other_unique = true;
    std::vector<std::uint16_t> columns;
    for (const std::string& name : index.columns) {
      if (number(name) != end) columns.push_back(static_cast<std::uint16_t>(number(name)));
    }
    if (index.plain) {
      for (const std::uint16_t column : columns) watched[column] = true;
      if (columns.size() == index.columns.size()) shape.unique.push_back(columns);
    } else {
      watched.assign(watched.size(), true);  // Any column may stand in its expressions or its condition.
    }
  }
  for (std::uint16_t column = 0; column < watched.size(); ++column) {
    if (watched[column] && std::ranges::find(schema.key, column) == schema.key.end()) shape.watched.push_back(column);
  }
}

}  // namespace

Shape shape_of(const Site& site, const QualifiedName& name, const TableSchema& schema, const Standing& standing) {
  Shape shape;
  shape.table = name.quoted();
  shape.staging = "pg_temp." + quote_identifier("peerd_" + std::to_string(schema.id.oid));
  for (const Column& column : schema.columns) shape.columns.push_back(quote_identifier(column.name));
  shape.key = schema.key;
  if (!site.soft_delete.empty()) shape.soft_delete = quote_identifier(site.soft_delete);
  if (!site.synced_at.empty()) shape.synced_at = quote_identifier(site.synced_at);
  shape.tombstones = !shape.soft_delete.empty();
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    const StandingColumn* column = standing.find(schema.columns[i].name);
    const bool key = std::ranges::find(schema.key, i) != schema.key.end();
    if (!key && column != nullptr && column->not_null && !column->has_default) shape.tombstones = false;
  }
  add_unique(schema, standing, shape);
  return shape;
}

std::vector<std::string> quoted_key(const TableSchema& schema) {
  std::vector<std::string> names;
  for (const std::uint16_t column : schema.key) names.push_back(quote_identifier(schema.columns[column].name));
  return names;
}

}  // namespace peerd::pgtarget

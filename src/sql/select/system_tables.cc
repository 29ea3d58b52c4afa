#include "system_tables.h"

#include <array>

namespace peerd::sql {
namespace {

using Rows = std::vector<Row>;

constexpr std::int64_t kPublic = 2200, kCatalog = 11, kInformation = 13000, kOwner = 10, kDatabase = 1;
constexpr std::int64_t kFirstView = 16384;

/// "oid:oid relname:text".
std::vector<BoundColumn> columns(std::string_view text) {
  std::vector<BoundColumn> all;
  while (!text.empty()) {
    const auto space = text.find(' ');
    const auto word = text.substr(0, space);
    const auto colon = word.find(':');
    all.push_back({std::string(word.substr(0, colon)), type_of_name(word.substr(colon + 1))});
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  }
  return all;
}

Table table(std::string schema, std::string name, std::string_view written, Rows rows = {}) {
  return {std::move(schema), std::move(name), columns(written), [rows = std::move(rows)] { return rows; }};
}

Value text(std::string value) { return value; }
Value number(std::int64_t value) { return value; }

constexpr std::array<std::uint32_t, 15> kListed = {oid::kBool,        oid::kInt2,     oid::kInt4,    oid::kInt8,
                                                   oid::kOid,         oid::kFloat8,   oid::kNumeric, oid::kText,
                                                   oid::kVarchar,     oid::kName,     oid::kDate,    oid::kTimestamp,
                                                   oid::kTimestamptz, oid::kInterval, oid::kVoid};

std::string category_letter(std::uint32_t type) {
  switch (category(type)) {
    case Category::boolean:
      return "B";
    case Category::number:
      return "N";
    case Category::text:
      return "S";
    case Category::time:
      return "D";
    case Category::interval:
      return "T";
    case Category::array:
      return "A";
    default:
      return "P";
  }
}

/// Base types and arrays of them.
Rows types() {
  Rows rows;
  const auto add = [&](std::uint32_t type) {
    const std::uint32_t array = array_of(type), element = element_of(type);
    rows.push_back({number(type), text(short_name(type)), number(kCatalog), number(kOwner), number(type_length(type)),
                    text(type == oid::kVoid ? "p" : "b"), text(category_letter(type)), number(0), number(element),
                    number(array), number(0), number(-1), false, text(","), Value(), number(0)});
  };
  for (const auto type : kListed) add(type);
  for (const auto type : kListed) {
    if (array_of(type) != 0) add(array_of(type));
  }
  return rows;
}

Rows classes(const std::vector<Table>& views) {
  Rows rows;
  for (std::size_t i = 0; i < views.size(); ++i) {
    rows.push_back({number(kFirstView + static_cast<std::int64_t>(i)),
                    text(views[i].name),
                    number(kPublic),
                    number(0),
                    number(kOwner),
                    number(0),
                    number(0),
                    number(0),
                    -1.0,
                    false,
                    false,
                    text("p"),
                    text("v"),
                    number(static_cast<std::int64_t>(views[i].columns.size())),
                    false,
                    false,
                    false,
                    false,
                    text("n"),
                    false,
                    Value()});
  }
  return rows;
}

Rows attributes(const std::vector<Table>& views) {
  Rows rows;
  for (std::size_t v = 0; v < views.size(); ++v) {
    for (std::size_t i = 0; i < views[v].columns.size(); ++i) {
      const auto& column = views[v].columns[i];
      rows.push_back({number(kFirstView + static_cast<std::int64_t>(v)), text(column.name), number(column.type),
                      number(type_length(column.type)), number(static_cast<std::int64_t>(i + 1)), number(-1), false,
                      false, false, text(""), text(""), number(0)});
    }
  }
  return rows;
}

Rows information_columns(const std::vector<Table>& views, const std::string& database) {
  Rows rows;
  for (const auto& view : views) {
    for (std::size_t i = 0; i < view.columns.size(); ++i) {
      rows.push_back({text(database), text("public"), text(view.name), text(view.columns[i].name),
                      number(static_cast<std::int64_t>(i + 1)), Value(), text("YES"),
                      text(full_name(view.columns[i].type)), text(short_name(view.columns[i].type))});
    }
  }
  return rows;
}

Rows view_rows(const std::vector<Table>& views, const std::function<Row(const Table&)>& of) {
  Rows rows;
  for (const auto& view : views) rows.push_back(of(view));
  return rows;
}

Rows setting_rows(const SessionFacts& facts) {
  Rows rows;
  if (!facts.settings) return rows;
  for (const auto& [name, value] : facts.settings()) {
    rows.push_back(
        {text(name), text(value), Value(), text(""), text(""), text("user"), text("string"), text("default")});
  }
  return rows;
}

/// Tables of which peerd has no row.
std::vector<Table> empty_tables() {
  const std::string catalog = "pg_catalog";
  return {
      table(catalog, "pg_am", "oid:oid amname:name amtype:text"),
      table(catalog, "pg_attrdef", "oid:oid adrelid:oid adnum:int2 adbin:text"),
      table(catalog, "pg_collation", "oid:oid collname:name collnamespace:oid"),
      table(catalog, "pg_constraint",
            "oid:oid conname:name connamespace:oid contype:text conrelid:oid confrelid:oid conindid:oid contypid:oid"),
      table(catalog, "pg_depend",
            "classid:oid objid:oid objsubid:int4 refclassid:oid refobjid:oid refobjsubid:int4 deptype:text"),
      table(catalog, "pg_description", "objoid:oid classoid:oid objsubid:int4 description:text"),
      table(catalog, "pg_enum", "oid:oid enumtypid:oid enumsortorder:float8 enumlabel:name"),
      table(catalog, "pg_extension", "oid:oid extname:name extowner:oid extnamespace:oid extversion:text"),
      table(catalog, "pg_index",
            "indexrelid:oid indrelid:oid indnatts:int2 indisunique:bool indisprimary:bool indisvalid:bool"),
      table(catalog, "pg_inherits", "inhrelid:oid inhparent:oid inhseqno:int4"),
      table(catalog, "pg_matviews", "schemaname:name matviewname:name matviewowner:name"),
      table(catalog, "pg_proc", "oid:oid proname:name pronamespace:oid prokind:text prorettype:oid"),
      table(catalog, "pg_range", "rngtypid:oid rngsubtype:oid rngmultitypid:oid"),
      table(catalog, "pg_tables", "schemaname:name tablename:name tableowner:name"),
      table(catalog, "pg_trigger", "oid:oid tgrelid:oid tgname:name"),
  };
}

}  // namespace

std::vector<Table> system_tables(const std::vector<Table>& views, const SessionFacts& facts) {
  const std::string catalog = "pg_catalog", information = "information_schema";
  std::vector<Table> all = empty_tables();
  all.push_back(table(catalog, "pg_namespace", "oid:oid nspname:name nspowner:oid",
                      {{number(kCatalog), text(catalog), number(kOwner)},
                       {number(kPublic), text("public"), number(kOwner)},
                       {number(kInformation), text(information), number(kOwner)}}));
  all.push_back(table(catalog, "pg_type",
                      "oid:oid typname:name typnamespace:oid typowner:oid typlen:int2 typtype:text typcategory:text "
                      "typrelid:oid typelem:oid typarray:oid typbasetype:oid typtypmod:int4 typnotnull:bool "
                      "typdelim:text typdefault:text typcollation:oid",
                      types()));
  all.push_back(table(catalog, "pg_class",
                      "oid:oid relname:name relnamespace:oid reltype:oid relowner:oid relam:oid reltablespace:oid "
                      "relpages:int4 reltuples:float8 relhasindex:bool relisshared:bool relpersistence:text "
                      "relkind:text relnatts:int2 relhasrules:bool relhastriggers:bool relrowsecurity:bool "
                      "relforcerowsecurity:bool relreplident:text relispartition:bool relpartbound:text",
                      classes(views)));
  all.push_back(table(catalog, "pg_attribute",
                      "attrelid:oid attname:name atttypid:oid attlen:int2 attnum:int2 atttypmod:int4 attnotnull:bool "
                      "atthasdef:bool attisdropped:bool attidentity:text attgenerated:text attcollation:oid",
                      attributes(views)));
  all.push_back(table(catalog, "pg_database",
                      "oid:oid datname:name datdba:oid encoding:int4 datcollate:text datctype:text datistemplate:bool "
                      "datallowconn:bool datconnlimit:int4",
                      {{number(kDatabase), text(facts.database), number(kOwner), number(6), text("C"), text("C"), false,
                        true, number(-1)}}));
  all.push_back(table(catalog, "pg_roles", "oid:oid rolname:name rolsuper:bool rolcanlogin:bool",
                      {{number(kOwner), text(facts.user), false, true}}));
  all.push_back(table(catalog, "pg_user", "usename:name usesysid:oid usesuper:bool",
                      {{text(facts.user), number(kOwner), false}}));
  all.push_back(
      table(catalog, "pg_settings",
            "name:text setting:text unit:text category:text short_desc:text context:text vartype:text source:text",
            setting_rows(facts)));
  all.push_back(table(catalog, "pg_views", "schemaname:name viewname:name viewowner:name definition:text",
                      view_rows(views, [&](const Table& view) {
                        return Row{text("public"), text(view.name), text(facts.user), Value()};
                      })));
  all.push_back(table(information, "schemata", "catalog_name:name schema_name:name schema_owner:name",
                      {{text(facts.database), text("public"), text(facts.user)},
                       {text(facts.database), text(catalog), text(facts.user)},
                       {text(facts.database), text(information), text(facts.user)}}));
  all.push_back(table(information, "tables", "table_catalog:name table_schema:name table_name:name table_type:text",
                      view_rows(views, [&](const Table& view) {
                        return Row{text(facts.database), text("public"), text(view.name), text("VIEW")};
                      })));
  all.push_back(table(information, "columns",
                      "table_catalog:name table_schema:name table_name:name column_name:name ordinal_position:int4 "
                      "column_default:text is_nullable:text data_type:text udt_name:name",
                      information_columns(views, facts.database)));
  return all;
}

}  // namespace peerd::sql

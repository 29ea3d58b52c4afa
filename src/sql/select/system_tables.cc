#include "system_tables.h"

#include <algorithm>
#include <array>
#include <map>

#include "proc_names.h"
#include "system_columns.h"

namespace peerd::sql {
namespace {

using Rows = std::vector<Row>;

constexpr std::int64_t kPublic = 2200, kCatalog = 11, kInformation = 13000, kOwner = 10, kDatabase = 16384, kTablespace = 1663;
constexpr std::int64_t kFirstView = 16384, kFirstSystem = 1000;

std::vector<BoundColumn> columns_of(std::string_view text) {
  std::vector<BoundColumn> all;
  while (!text.empty()) {
    const auto space = text.find(' ');
    const auto word = text.substr(0, space);
    const auto colon = word.find(':');
    auto type = word.substr(colon + 1);
    const bool array = type.ends_with("[]");
    if (array) type.remove_suffix(2);
    const std::uint32_t element = type_of_name(type);
    all.push_back({std::string(word.substr(0, colon)), array ? array_of(element) : element});
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  }
  return all;
}

Value text(std::string value) { return value; }
Value number(std::int64_t value) { return value; }

/// What is told of an object. Of what is not, it has nothing: false, 0, or NULL.
struct Told {
  std::string_view column;
  Value value;
};
using Object = std::vector<Told>;

Row row_of(const std::vector<BoundColumn>& columns, const Object& object) {
  Row row;
  for (const auto& column : columns) {
    const auto told = std::ranges::find(object, std::string_view(column.name), &Told::column);
    if (told != object.end()) {
      row.push_back(told->value);
    } else if (column.type == oid::kBool) {
      row.emplace_back(false);
    } else if (is_integer(column.type) || is_object_number(column.type)) {
      row.push_back(number(0));
    } else {
      row.emplace_back();
    }
  }
  return row;
}

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

/// int4in, or date_in.
Value proc_of(const std::string& type, const char* what) {
  const std::int64_t plain = proc_number(type + what);
  return number(plain != 0 ? plain : proc_number(type + "_" + what));
}

std::vector<Object> procs() {
  std::vector<Object> all;
  for (const Proc& proc : type_procs()) {
    all.push_back({{"oid", number(proc.number)},
                   {"proname", text(std::string(proc.name))},
                   {"pronamespace", number(kCatalog)},
                   {"proowner", number(kOwner)},
                   {"prokind", text("f")}});
  }
  return all;
}

/// Base types and arrays of them.
std::vector<Object> types() {
  std::vector<Object> all;
  const auto add = [&](std::uint32_t type) {
    const std::uint32_t array = array_of(type), element = element_of(type);
    const std::string name = short_name(type), family = element ? "array" : name;
    all.push_back({{"oid", number(type)},
                   {"typname", text(name)},
                   {"typnamespace", number(kCatalog)},
                   {"typowner", number(kOwner)},
                   {"typlen", number(type_length(type))},
                   {"typbyval", type_length(type) > 0 && type_length(type) <= 8},
                   {"typtype", text(type == oid::kVoid ? "p" : "b")},
                   {"typcategory", text(category_letter(type))},
                   {"typisdefined", true},
                   {"typdelim", text(",")},
                   {"typelem", number(element)},
                   {"typarray", number(array)},
                   {"typinput", proc_of(family, "in")},
                   {"typoutput", proc_of(family, "out")},
                   {"typreceive", proc_of(family, "recv")},
                   {"typsend", proc_of(family, "send")},
                   {"typalign", text("i")},
                   {"typstorage", text("p")},
                   {"typtypmod", number(-1)}});
  };
  for (const auto type : kListed) add(type);
  for (const auto type : kListed) {
    if (array_of(type) != 0) add(array_of(type));
  }
  return all;
}

std::vector<Object> classes(const std::vector<Table>& views) {
  std::vector<Object> all;
  for (std::size_t i = 0; i < views.size(); ++i) {
    all.push_back({{"oid", number(kFirstView + static_cast<std::int64_t>(i))},
                   {"relname", text(views[i].name)},
                   {"relnamespace", number(kPublic)},
                   {"relowner", number(kOwner)},
                   {"reltuples", -1.0},
                   {"relpersistence", text("p")},
                   {"relkind", text("v")},
                   {"relnatts", number(static_cast<std::int64_t>(views[i].columns.size()))},
                   {"relispopulated", true},
                   {"relreplident", text("n")}});
  }
  return all;
}

std::vector<Object> attributes(const std::vector<Table>& views) {
  std::vector<Object> all;
  for (std::size_t v = 0; v < views.size(); ++v) {
    for (std::size_t i = 0; i < views[v].columns.size(); ++i) {
      const auto& column = views[v].columns[i];
      all.push_back({{"attrelid", number(kFirstView + static_cast<std::int64_t>(v))},
                     {"attname", text(column.name)},
                     {"atttypid", number(column.type)},
                     {"attstattarget", number(-1)},
                     {"attlen", number(type_length(column.type))},
                     {"attnum", number(static_cast<std::int64_t>(i + 1))},
                     {"attcacheoff", number(-1)},
                     {"atttypmod", number(-1)},
                     {"attstorage", text("p")},
                     {"attalign", text("i")},
                     {"attidentity", text("")},
                     {"attgenerated", text("")},
                     {"attcompression", text("")},
                     {"attislocal", true}});
    }
  }
  return all;
}

std::vector<Object> information_columns(const std::vector<Table>& views, const std::string& database) {
  std::vector<Object> all;
  for (const auto& view : views) {
    for (std::size_t i = 0; i < view.columns.size(); ++i) {
      const std::int64_t at = static_cast<std::int64_t>(i + 1);
      all.push_back({{"table_catalog", text(database)},
                     {"table_schema", text("public")},
                     {"table_name", text(view.name)},
                     {"column_name", text(view.columns[i].name)},
                     {"ordinal_position", number(at)},
                     {"is_nullable", text("YES")},
                     {"data_type", text(full_name(view.columns[i].type))},
                     {"character_maximum_length", Value()},
                     {"character_octet_length", Value()},
                     {"numeric_precision", Value()},
                     {"numeric_precision_radix", Value()},
                     {"numeric_scale", Value()},
                     {"datetime_precision", Value()},
                     {"interval_precision", Value()},
                     {"udt_catalog", text(database)},
                     {"udt_schema", text("pg_catalog")},
                     {"udt_name", text(short_name(view.columns[i].type))},
                     {"dtd_identifier", text(std::to_string(at))},
                     {"is_self_referencing", text("NO")},
                     {"is_identity", text("NO")},
                     {"is_generated", text("NEVER")},
                     {"is_updatable", text("NO")}});
    }
  }
  return all;
}

std::vector<Object> setting_rows(const SessionFacts& facts) {
  std::vector<Object> all;
  if (!facts.settings) return all;
  for (const auto& [name, value] : facts.settings()) {
    all.push_back({{"name", text(name)},
                   {"setting", text(value)},
                   {"category", text("")},
                   {"short_desc", text("")},
                   {"context", text("user")},
                   {"vartype", text("string")},
                   {"source", text("default")},
                   {"boot_val", text(value)},
                   {"reset_val", text(value)}});
  }
  return all;
}

std::vector<Object> of_views(const std::vector<Table>& views, const std::function<Object(const Table&)>& of) {
  std::vector<Object> all;
  for (const auto& view : views) all.push_back(of(view));
  return all;
}

using Make = std::function<std::vector<Object>()>;

/// Tables that hold something.
std::map<std::string_view, Make> contents(const std::vector<Table>& views, const SessionFacts& facts) {
  const auto schema = [&facts](const char* name) {
    return Object{{"catalog_name", text(facts.database)}, {"schema_name", text(name)}, {"schema_owner", text(facts.user)}};
  };
  const auto space = [](std::int64_t oid, const char* name) {
    return Object{{"oid", number(oid)}, {"nspname", text(name)}, {"nspowner", number(kOwner)}};
  };
  const auto one = [](Object object) { return [object] { return std::vector<Object>{object}; }; };
  return {
      {"pg_namespace",
       [=] {
         return std::vector<Object>{space(kCatalog, "pg_catalog"), space(kPublic, "public"), space(kInformation, "information_schema")};
       }},
      {"pg_type", types},
      {"pg_proc", procs},
      {"pg_class", [&views] { return classes(views); }},
      {"pg_attribute", [&views] { return attributes(views); }},
      {"pg_database", one({{"oid", number(kDatabase)},
                           {"datname", text(facts.database)},
                           {"datdba", number(kOwner)},
                           {"encoding", number(6)},
                           {"datcollate", text("C")},
                           {"datctype", text("C")},
                           {"datallowconn", true},
                           {"datconnlimit", number(-1)},
                           {"dattablespace", number(kTablespace)}})},
      {"pg_tablespace", one({{"oid", number(kTablespace)}, {"spcname", text("pg_default")}, {"spcowner", number(kOwner)}})},
      {"pg_roles", one({{"oid", number(kOwner)},
                        {"rolname", text(facts.user)},
                        {"rolinherit", true},
                        {"rolcanlogin", true},
                        {"rolconnlimit", number(-1)}})},
      {"pg_user", one({{"usename", text(facts.user)}, {"usesysid", number(kOwner)}})},
      {"pg_settings", [&facts] { return setting_rows(facts); }},
      {"pg_views",
       [&] {
         return of_views(views, [&](const Table& view) {
           return Object{{"schemaname", text("public")}, {"viewname", text(view.name)}, {"viewowner", text(facts.user)}};
         });
       }},
      {"schemata",
       [=] { return std::vector<Object>{schema("public"), schema("pg_catalog"), schema("information_schema")}; }},
      {"tables",
       [&] {
         return of_views(views, [&](const Table& view) {
           return Object{{"table_catalog", text(facts.database)},   {"table_schema", text("public")},
                         {"table_name", text(view.name)},           {"table_type", text("VIEW")},
                         {"is_insertable_into", text("NO")},        {"is_typed", text("NO")}};
         });
       }},
      {"views",
       [&] {
         return of_views(views, [&](const Table& view) {
           return Object{{"table_catalog", text(facts.database)},
                         {"table_schema", text("public")},
                         {"table_name", text(view.name)},
                         {"check_option", text("NONE")},
                         {"is_updatable", text("NO")},
                         {"is_insertable_into", text("NO")}};
         });
       }},
      {"columns", [&] { return information_columns(views, facts.database); }},
  };
}

}  // namespace

std::vector<Table> system_tables(const std::vector<Table>& views, const SessionFacts& facts,
                                 const std::function<bool(std::string_view)>& wanted) {
  std::vector<Table> all;
  std::vector<const SystemShape*> named;
  for (const SystemShape& shape : system_shapes()) {
    if (wanted(shape.name)) named.push_back(&shape);
  }
  if (named.empty()) return all;  // As in most statements.
  const auto held = contents(views, facts);
  for (const SystemShape* shape : named) {
    Table& table = all.emplace_back(
        Table{std::string(shape->schema), std::string(shape->name), columns_of(shape->columns), {}});
    Rows rows;
    if (const auto found = held.find(shape->name); found != held.end()) {
      for (const Object& object : found->second()) rows.push_back(row_of(table.columns, object));
    }
    table.rows = [rows = std::move(rows)] { return rows; };
  }
  return all;
}

std::int64_t relation_number(const std::vector<Table>& tables, std::string_view name) {
  for (std::size_t i = 0; i < tables.size() && tables[i].schema == "public"; ++i) {
    if (tables[i].name == name) return kFirstView + static_cast<std::int64_t>(i);
  }
  const auto shapes = system_shapes();
  const auto found = std::ranges::find(shapes, name, &SystemShape::name);
  return found == shapes.end() ? 0 : kFirstSystem + (found - shapes.begin());
}

}  // namespace peerd::sql

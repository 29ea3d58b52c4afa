#include "functions.h"

// What clients ask of a catalog in which little stands but the views.
namespace peerd::sql {
namespace {

using oid::kBool;
using oid::kInt2;
using oid::kInt4;
using oid::kInt8;
using oid::kName;
using oid::kOid;
using oid::kText;

Value yes(Context&, const Row&) { return true; }
Value no(Context&, const Row&) { return false; }
Value nothing(Context&, const Row&) { return {}; }
Value zero(Context&, const Row&) { return std::int64_t{0}; }

Value type_text(Context&, const Row& row) {
  const auto type = static_cast<std::uint32_t>(row[0].integer());
  return type == 0 ? Value(std::string("-")) : Value(full_name(type));
}

Value encoding_text(Context&, const Row& row) { return std::string(row[0].integer() == 6 ? "UTF8" : ""); }

/// Each is there for everything that is in sight, and everything in the views may be read.
void add_questions(std::vector<Function>& all) {
  for (const auto* name : {"pg_table_is_visible", "pg_type_is_visible", "pg_function_is_visible", "pg_operator_is_visible",
                           "pg_collation_is_visible", "pg_conversion_is_visible", "pg_opclass_is_visible",
                           "pg_opfamily_is_visible", "pg_statistics_obj_is_visible", "pg_ts_config_is_visible",
                           "pg_ts_dict_is_visible", "pg_ts_parser_is_visible", "pg_ts_template_is_visible"})
    all.push_back({name, {kOid}, kBool, yes});
  for (const auto* name : {"has_database_privilege", "has_schema_privilege", "has_table_privilege", "has_function_privilege",
                           "has_tablespace_privilege", "has_language_privilege", "has_any_column_privilege", "pg_has_role"}) {
    all.push_back({name, {kText, kText}, kBool, yes});
    all.push_back({name, {kOid, kText}, kBool, yes});
    all.push_back({name, {kName, kOid, kText}, kBool, yes});
    all.push_back({name, {kName, kText, kText}, kBool, yes});
  }
  all.push_back({"has_column_privilege", {kOid, kInt2, kText}, kBool, yes});
  all.push_back({"has_column_privilege", {kOid, kText, kText}, kBool, yes});
  all.push_back({"pg_is_in_recovery", {}, kBool, no});
  all.push_back({"pg_is_wal_replay_paused", {}, kBool, no});
  all.push_back({"pg_is_other_temp_schema", {kOid}, kBool, no});
}

/// Definitions of what there is none of; the views' are nobody's business.
void add_definitions(std::vector<Function>& all) {
  for (const auto* name : {"pg_get_constraintdef", "pg_get_indexdef", "pg_get_viewdef", "pg_get_triggerdef", "pg_get_ruledef",
                           "pg_get_functiondef", "pg_get_function_result", "pg_get_function_arguments",
                           "pg_get_function_identity_arguments", "pg_get_statisticsobjdef", "pg_get_statisticsobjdef_columns",
                           "pg_get_function_sqlbody", "pg_get_partkeydef", "pg_get_partition_constraintdef",
                           "pg_tablespace_location"}) {
    all.push_back({name, {kOid}, kText, nothing});
    all.push_back({name, {kOid, kBool}, kText, nothing});
  }
  all.push_back({"obj_description", {kOid}, kText, nothing});
  all.push_back({"obj_description", {kOid, kText}, kText, nothing});
  all.push_back({"shobj_description", {kOid, kText}, kText, nothing});
  all.push_back({"col_description", {kOid, kInt4}, kText, nothing});
  all.push_back({"pg_get_indexdef", {kOid, kInt4, kBool}, kText, nothing});
  all.push_back({"pg_get_expr", {kText, kOid}, kText, nothing});
  all.push_back({"pg_get_expr", {kText, kOid, kBool}, kText, nothing});
  all.push_back({"pg_get_serial_sequence", {kText, kText}, kText, nothing});
  all.push_back({"pg_relation_is_publishable", {kOid}, kBool, no});
  all.push_back({"to_regclass", {kText}, oid::kRegclass, nothing});
}

void add_sizes(std::vector<Function>& all) {
  for (const auto* name : {"pg_table_size", "pg_relation_size", "pg_total_relation_size", "pg_indexes_size", "pg_database_size",
                           "pg_tablespace_size"}) {
    all.push_back({name, {kOid}, kInt8, zero});
    all.push_back({name, {kText}, kInt8, zero});
  }
}

}  // namespace

std::vector<Function> catalog_functions() {
  std::vector<Function> all = {
      {"pg_encoding_to_char", {kInt4}, kName, encoding_text},
      {"pg_char_to_encoding", {kText}, kInt4, [](Context&, const Row&) -> Value { return std::int64_t{6}; }},
      {"getdatabaseencoding", {}, kName, [](Context&, const Row&) -> Value { return std::string("UTF8"); }},
      {"pg_advisory_unlock_all", {}, oid::kVoid, [](Context&, const Row&) -> Value { return std::string(); }},
      {"pg_my_temp_schema", {}, kOid, zero},
      {"format_type", {kOid}, kText, type_text},
  };
  add_questions(all);
  add_definitions(all);
  add_sizes(all);
  return all;
}

}  // namespace peerd::sql

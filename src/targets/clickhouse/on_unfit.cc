#include "clickhouse/on_unfit.h"

#include <algorithm>

#include "clickhouse/nearest.h"
#include "peerd/postgres/types.h"
#include "peerd/targets/clickhouse_target.h"
#include "unfit.h"

namespace peerd::clickhouse {
namespace {

/// Whether a value of the column may be one that the type cannot hold.
bool may_be_unfit(const Column& column, const ColumnType& type) {
  if (!has_order(type)) return false;
  const std::uint32_t oid = column.base.oid != 0 ? column.base.oid : column.type_oid;
  const int bytes = oid == postgres::kInt2Oid ? 2 : oid == postgres::kInt4Oid ? 4 : oid == postgres::kInt8Oid ? 8 : 0;
  if (bytes == 0) return true;
  if (type.scalar == Scalar::integer) return !type.is_signed || type.width < bytes;
  constexpr int kDigits[] = {0, 0, 5, 0, 10, 0, 0, 0, 19};  // Of an integer of so many bytes.
  return type.scalar == Scalar::decimal && type.precision - type.scale < kDigits[bytes];
}

}  // namespace

OnUnfit on_unfit_of(const MirrorSpec& mirror) {
  const std::string word = option_text(clickhouse_mirror_options(), mirror.options, "on_unfit_value");
  if (word == "stop") return OnUnfit::stop;
  if (word == "null") return OnUnfit::null;
  if (word == "clamp") return OnUnfit::clamp;
  Error error(ErrorCode::invalid_option, "option \"on_unfit_value\" has no such value",
      "use one of 'stop', 'null', 'clamp'");
  error.text.field = "on_unfit_value";
  throw error;
}

void prepare_unfit(TableLayout& layout, const TableSchema& schema, OnUnfit on_unfit) {
  layout.on_unfit = on_unfit;
  if (on_unfit != OnUnfit::clamp) return;
  for (std::size_t i = 0; i < layout.types.size(); ++i)
    if (has_order(layout.types[i]) && !layout.in_key(i)) read_as_text(layout.types[i], schema.columns[i].type_oid);
}

Problems check_unfit(const TableLayout& layout, const TableSchema& schema) {
  Problems problems;
  if (layout.on_unfit != OnUnfit::null) return problems;
  for (std::size_t i = 0; i < layout.types.size(); ++i) {
    const ColumnType& type = layout.types[i];
    if (type.nullable || type.array || layout.in_key(i) || !may_be_unfit(schema.columns[i], type)) continue;
    const std::string& name = layout.sources[i];
    problems.push_back(unfit(ErrorCode::invalid_option, layout.table,
                             "column \"" + name + "\" of table " + layout.table +
                                 " is NOT NULL, and on_unfit_value = 'null' has no NULL to write where " +
                                 type.name + " cannot hold a value",
                             "let it hold NULL: columns: [{source: " + name +
                                 ", nullable: true}]; or ask for 'clamp' or 'stop'"));
    problems.back().text.field = "on_unfit_value";
  }
  return problems;
}

std::vector<UnfitValues> unfit_values(const TableLayout& layout, TableId table,
    const std::vector<std::uint64_t>& counts) {
  std::vector<UnfitValues> found;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    found.push_back({table, layout.sources[i],
                     layout.types[i].name + " cannot hold: " +
                         (layout.on_unfit == OnUnfit::null
                             ? "NULL stands in their place" : "the nearest value stands in their place"),
                     counts[i]});
  }
  return found;
}

}  // namespace peerd::clickhouse

#include "peerd/base/log.h"
#include "phase.h"

namespace peerd {

void MirrorContext::count_unfit(const MirrorTable& table, std::span<const UnfitValues> found) const {
  std::vector<const UnfitValues*> first;
  board.update(record.id, [&](MirrorStatus& status) {
    first.clear();
    const auto shown = std::ranges::find(status.tables, table.schema.id, &TableStatus::id);
    if (shown == status.tables.end()) return;
    for (const UnfitValues& values : found) {
      if (values.table != table.schema.id) continue;
      std::uint64_t& count = shown->unfit[values.column];
      if (count == 0) first.push_back(&values);
      count += values.count;
    }
  });
  for (const UnfitValues* values : first) {
    const std::string name = table.schema.qualified();
    const std::string words = "column \"" + values->column + "\" of table " + name + " holds values that " +
        values->words;
    log(LogLevel::warning, words, {.mirror = record.spec.name, .table = name});
    catalog.log(record.id, {.level = "warning", .message = words,
        .detail = "this line comes once for a column; SELECT unfit_values, unfit_columns "
                                                                            "FROM mirror_tables counts them",
                            .hint = {}});
  }
}

}  // namespace peerd

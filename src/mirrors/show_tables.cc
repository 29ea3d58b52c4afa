#include "peerd/base/log.h"
#include "phase.h"

namespace peerd {

void tell(const MirrorContext& context, const std::string& message) {
  log(LogLevel::info, message, {.mirror = context.record.spec.name});
  context.catalog.log(context.record.id, {.level = "info", .message = message, .detail = {}, .hint = {}});
}

void warn(const MirrorContext& context, const std::string& message, const std::string& hint) {
  log(LogLevel::warning, message, {.mirror = context.record.spec.name, .hint = hint});
  context.catalog.log(context.record.id, {.level = "warning", .message = message, .detail = {}, .hint = hint});
}

void MirrorContext::show_tables(const std::vector<MirrorTable>& tables) const {
  board.update(record.id, [&](MirrorStatus& status) {
    std::vector<TableStatus> all;
    for (const MirrorTable& table : tables) {
      const auto known = std::ranges::find(status.tables, table.schema.id, &TableStatus::id);
      TableStatus shown = known == status.tables.end() ? TableStatus{} : *known;
      shown.id = table.schema.id;
      shown.source = table.schema.qualified();
      shown.target = table.target_name;
      all.push_back(std::move(shown));
    }
    status.tables = std::move(all);
  });
}

}  // namespace peerd

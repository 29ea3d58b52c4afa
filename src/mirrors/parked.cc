#include "parked.h"

#include <array>

#include "mirror.h"
#include "peerd/base/log.h"
#include "retry_policy.h"

namespace peerd {
namespace {

/// What a table may have by itself: a value, a shape, a relation that does not do. What a server answers besides, a right that
/// is missing, a disk, a limit of the user's, may be of all tables: then the mirror stops.
bool of_table_alone(const ErrorText& error) {
  using enum ErrorCode;
  constexpr std::array kFound{bad_value, schema_changed, source_unfit, target_unfit, not_found, not_supported};
  constexpr std::array kAnswered{bad_value, schema_changed, not_found, not_supported};
  if (error.table.empty() || verdict_of(error) == Verdict::retry) return false;
  if (error.origin.empty()) return std::ranges::find(kFound, error.code) != kFound.end();
  return std::ranges::find(kAnswered, error.code) != kAnswered.end();
}

/// By its name at the source, or else at the target; nullptr when it may be either of two.
const MirrorTable* table_called(const std::vector<MirrorTable>& tables, const std::string& name) {
  const MirrorTable* found = nullptr;
  const auto look = [&](const auto& name_of) {
    for (const MirrorTable& table : tables) {
      if (name_of(table) != name) continue;
      if (found != nullptr) return found = nullptr, true;
      found = &table;
    }
    return found != nullptr;
  };
  if (!look([](const MirrorTable& table) { return table.schema.qualified(); }))
    look([](const MirrorTable& table) { return table.target_name; });
  return found;
}

/// RESUME does not bring the table back: where an error names it as the cure, RESYNC TABLE stands.
std::string cure_of(std::string hint, const std::string& resync, const std::string& mirror) {
  for (const std::string& resume : {"RESUME MIRROR " + mirror, std::string("RESUME MIRROR")}) {
    for (std::size_t at = hint.find(resume); at != std::string::npos; at = hint.find(resume, at + resync.size()))
      hint.replace(at, resume.size(), resync);
  }
  if (hint.empty()) return "cure the cause, then " + resync + " copies the table anew";
  if (hint.find("RESYNC") != std::string::npos) return hint;
  return hint + "; then " + resync + " copies the table anew";
}

}  // namespace

bool is_parked(const MirrorProgress& progress, TableId table) {
  const auto* const note = progress.note(table);
  return note != nullptr && note->parked.has_value();
}

std::vector<MirrorTable> followed(const MirrorProgress& progress) {
  std::vector<MirrorTable> tables;
  for (const MirrorTable& table : progress.tables)
    if (!is_parked(progress, table.schema.id)) tables.push_back(table);
  return tables;
}

void require_followed(const MirrorProgress& progress) {
  if (progress.tables.empty() || !followed(progress).empty()) return;
  const MirrorTable& table = progress.tables.front();
  ErrorText told = told_of(table.schema.qualified(), *progress.note(table.schema.id)->parked);
  told.detail = "no table is left that could go on; changes of this one from " + to_string(progress.note(table.schema.id)->parked->from) + " on are left out";
  told.retry = Retry::after_operator;
  throw Error(std::move(told));
}

std::optional<TableId> table_to_park(const MirrorRecord& mirror, const MirrorProgress& progress, const ErrorText& error) {
  const bool streams = mirror.state == MirrorState::running || mirror.state == MirrorState::paused;
  if (!streams || mirror.spec.of_query() || mirror.spec.text("on_table_error") != "park" || !of_table_alone(error)) return std::nullopt;
  const MirrorTable* const table = table_called(progress.tables, error.table);
  if (table == nullptr || is_parked(progress, table->schema.id) || followed(progress).size() < 2) return std::nullopt;
  return table->schema.id;
}

ErrorText told_of(const std::string& table, const ParkedTable& parked) {
  const std::string named = "table " + table + ": ";
  const std::string why = parked.reason.starts_with(named) ? parked.reason.substr(named.size()) : parked.reason;
  ErrorText told{.code = ErrorCode::schema_changed, .message = "table " + table + " is parked: " + why};
  told.detail = "its changes from " + to_string(parked.from) + " on are left out, and the other tables go on";
  told.hint = parked.hint;
  told.table = table;
  return told;
}

void park(MirrorWorld& world, const MirrorRecord& mirror, const Lease& lease, const MirrorProgress& progress, TableId table,
          const ErrorText& error) {
  const auto known = std::ranges::find(progress.tables, table, [](const MirrorTable& t) { return t.schema.id; });
  const std::string name = known->schema.qualified();
  ParkedTable parked;
  parked.from = std::max(progress.checkpoint ? progress.checkpoint->lsn : Lsn{}, known->start);
  parked.since_us = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  parked.reason = error.message;
  parked.hint = cure_of(error.hint, "RESYNC TABLE " + name + " OF " + mirror.spec.name, mirror.spec.name);
  world.catalog.park(lease, table, parked);
  ErrorText told = told_of(name, parked);
  if (!error.detail.empty()) told.detail += "; " + error.detail;
  told.code = error.code;
  world.board.update(mirror.id, [&](MirrorStatus& status) {
    for (TableStatus& shown : status.tables)
      if (shown.id == table) shown.parked = parked;
    status.last_error = told;
    status.last_error_at_us = parked.since_us;
  });
  log(LogLevel::error, told.message, {.mirror = mirror.spec.name, .table = name, .code = facts(error.code).word, .hint = told.hint});
  world.catalog.log(mirror.id, {.level = "error", .message = told.message, .detail = told.detail, .hint = told.hint});
}

}  // namespace peerd

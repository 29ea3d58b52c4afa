#include <algorithm>
#include <nlohmann/json.hpp>

#include "sql_catalog.h"

namespace peerd {
namespace {

std::string context_of(std::int64_t id) { return "alert/" + std::to_string(id); }

bool same_contents(const AlertConfig& one, const AlertConfig& other) {
  return one.service_type == other.service_type && one.mirrors == other.mirrors &&
         nlohmann::json::parse(one.service_config) == nlohmann::json::parse(other.service_config);
}

}  // namespace

AlertStore& alerts_of(Catalog& catalog) { return dynamic_cast<AlertStore&>(catalog); }

std::vector<AlertConfig> SqlCatalog::read_alerts() {
  std::vector<AlertConfig> all;
  for (Rows rows = ask(Sql::all_alerts, {}); rows.next();) {
    const std::int64_t id = rows.integer(0);
    all.push_back({id, rows.text(1), secrets_.open(rows.text(2), context_of(id)),
                   nlohmann::json::parse(rows.text(3)).get<std::vector<std::string>>()});
  }
  return all;
}

std::int64_t SqlCatalog::add_alert(const AlertConfig& config) {
  Lock lock(mutex_);
  for (const AlertConfig& there : read_alerts())
    if (same_contents(there, config)) return there.id;
  sqlite::Transaction transaction(database_);
  const std::int64_t id = next_id("alert");
  run(Sql::insert_alert, {id, config.service_type, secrets_.seal(config.service_config, context_of(id)),
                          nlohmann::json(config.mirrors).dump()});
  transaction.commit();
  return id;
}

bool SqlCatalog::replace_alert(const AlertConfig& config) {
  Lock lock(mutex_);
  return run(Sql::update_alert,
             {config.id, config.service_type, secrets_.seal(config.service_config, context_of(config.id)),
              nlohmann::json(config.mirrors).dump()}) > 0;
}

bool SqlCatalog::drop_alert(std::int64_t id) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  run(Sql::delete_alert_causes, {id});
  const bool there = run(Sql::delete_alert, {id}) > 0;
  transaction.commit();
  return there;
}

std::optional<AlertConfig> SqlCatalog::alert(std::int64_t id) {
  for (AlertConfig& config : alerts())
    if (config.id == id) return std::move(config);
  return std::nullopt;
}

std::vector<AlertConfig> SqlCatalog::alerts() {
  Lock lock(mutex_);
  return read_alerts();
}

std::vector<OpenCause> SqlCatalog::open_causes() {
  Lock lock(mutex_);
  std::vector<OpenCause> all;
  for (Rows rows = ask(Sql::all_causes, {}); rows.next();) {
    all.push_back({rows.integer(0), rows.text(1), rows.text(2), rows.text(3), rows.text(4), rows.integer(5),
                   rows.integer(6), rows.integer(7)});
  }
  return all;
}

void SqlCatalog::put_cause(const OpenCause& cause) {
  Lock lock(mutex_);
  run(Sql::put_cause, {cause.config, cause.mirror, cause.cause, cause.message, cause.hint, cause.since_us,
                       cause.told_at_us, cause.resolved_at_us});
}

void SqlCatalog::drop_cause(std::int64_t config, std::string_view mirror, std::string_view cause) {
  Lock lock(mutex_);
  run(Sql::delete_cause, {config, std::string(mirror), std::string(cause)});
}

}  // namespace peerd

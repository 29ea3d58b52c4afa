#include "routes.h"

#include <array>
#include <charconv>

#include "peerd/base/text.h"
#include "peerd/net/http.h"

namespace peerd::rest {
namespace {

using enum Route::Kind;

constexpr std::array kRoutes{
    Route{"GET", "peers/list", reads, list_peers},
    Route{"GET", "peers/info/{name}", reads, peer_info},
    Route{"POST", "peers/validate", changes, validate_peer},
    Route{"POST", "peers/create", changes, create_peer},
    Route{"POST", "peers/drop", changes, drop_peer},
    Route{"GET", "peers/type/{peer_name}", reads, peer_type},
    Route{"GET", "peers/schemas", reads, list_schemas},
    Route{"GET", "peers/tables", reads, list_tables},
    Route{"GET", "peers/tables/all", reads, list_all_tables},
    Route{"GET", "peers/columns", reads, list_columns},
    Route{"GET", "peers/publications", reads, list_publications},
    Route{"GET", "peers/slots/{peer_name}", reads, list_slots},
    Route{"POST", "mirrors/cdc/validate", changes, validate_mirror},
    Route{"POST", "flows/cdc/create", changes, create_mirror},
    Route{"GET", "mirrors/list", reads, list_mirrors},
    Route{"GET", "mirrors/names", reads, mirror_names},
    Route{"POST", "mirrors/status", reads, mirror_status},
    Route{"POST", "mirrors/state_change", changes, change_state},
    Route{"POST", "session", reads, open_session},
    Route{"GET", "session", reads, show_session},
    Route{"DELETE", "session", reads, close_session},
    Route{"GET", "events", reads, stream_events},
    Route{"GET", "mirrors/{name}/definition", reads, mirror_definition},
    Route{"GET", "mirrors/{name}/history", reads, mirror_history},
    Route{"GET", "history", reads, all_history},
    Route{"GET", "options", reads, list_options},
    Route{"GET", "views", reads, list_views},
    Route{"GET", "views/{view}", reads, view_rows},
    Route{"POST", "query", reads, run_query},
    Route{"GET", "alerts/config", reads, list_alerts},
    Route{"POST", "alerts/config", changes, put_alert},
    Route{"DELETE", "alerts/config/{id}", changes, drop_alert},
    Route{"POST", "alerts/config/{id}/test", changes, test_alert},
    Route{"GET", "version", reads, version},
    Route{"GET", "mirrors/cdc/batches/{flow_job_name}", reads, list_batches},
    Route{"POST", "mirrors/cdc/batches", reads, ask_batches},
    Route{"POST", "mirrors/cdc/graph", reads, batch_graph},
    Route{"GET", "mirrors/cdc/table_total_counts/{flow_job_name}", reads, table_total_counts},
    Route{"GET", "mirrors/cdc/initial_load/{parent_mirror_name}", reads, initial_load},
    Route{"GET", "mirrors/total_rows_synced/{flow_job_name}", reads, total_rows_synced},
    Route{"POST", "mirrors/row_counts", reads, row_counts},
    Route{"POST", "mirrors/logs", reads, mirror_logs},
    Route{"POST", "peers/slots/lag_history", reads, slot_lag_history},
    Route{"GET", "peers/stats/{peer_name}", reads, list_sessions},
    Route{"GET", "peers/columns/all_type_conversions", reads, type_conversions},
    Route{"POST", "flows/tags", changes, put_tags},
    Route{"GET", "flows/tags/{flow_name}", reads, get_tags},
    Route{"GET", "dynamic_settings", reads, list_settings},
    Route{"POST", "dynamic_settings", changes, set_setting},
    Route{"GET", "scripts/{id}", reads, list_scripts},
    Route{"POST", "scripts", changes, refuse_lacking},
    Route{"DELETE", "scripts/{id}", changes, refuse_lacking},
    Route{"POST", "flows/qrep/create", changes, refuse_lacking},
    Route{"POST", "flows/cdc/cancel_table_addition", changes, refuse_lacking},
    Route{"POST", "mirrors/sequences/reset", changes, refuse_lacking},
    Route{"GET", "instance/info", reads, instance_info},
    Route{"GET", "instance/maintenance/status", reads, maintenance_status},
    Route{"POST", "instance/maintenance", changes, refuse_lacking},
    Route{"POST", "instance/maintenance/skip-snapshot-wait", changes, refuse_lacking},
    Route{"GET", "peer-types", reads, peer_types},
    Route{"GET", "mirror-types", reads, mirror_types},
};

/// A value of the query, "+" for a space as forms write it.
std::string decode(std::string_view text) {
  std::string spaced(text);
  for (char& c : spaced) {
    if (c == '+') c = ' ';
  }
  return net::url_decode(spaced);
}

[[noreturn]] void refuse(std::string_view name, std::string message, std::string hint) {
  throw Error(ErrorText{.code = ErrorCode::invalid_option,
                        .message = std::move(message),
                        .hint = std::move(hint),
                        .field = std::string(name)});
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

std::optional<std::string_view> versioned(std::string_view path) {
  for (const std::string_view prefix : {"/api/v1/", "/v1/"}) {
    if (path.starts_with(prefix)) return path.substr(prefix.size());
  }
  for (const std::string_view page : {"/api/version", "/api/peer-types", "/api/mirror-types"}) {
    if (path == page) return path.substr(std::string_view("/api/").size());
  }
  return std::nullopt;
}

std::optional<std::string_view> match(std::string_view pattern, std::string_view path) {
  const auto brace = pattern.find('{');
  if (brace == std::string_view::npos) return pattern == path ? std::optional(std::string_view()) : std::nullopt;
  const auto behind = pattern.substr(pattern.find('}') + 1);
  if (!path.starts_with(pattern.substr(0, brace)) || !path.ends_with(behind)) return std::nullopt;
  if (path.size() <= brace + behind.size()) return std::nullopt;
  const auto value = path.substr(brace, path.size() - brace - behind.size());
  return value.find('/') == std::string_view::npos ? std::optional(value) : std::nullopt;
}

Query read_query(std::string_view raw) {
  Query query;
  for (const std::string& pair : split(raw, '&')) {
    const auto equals = pair.find('=');
    if (pair.empty()) continue;
    query[decode(pair.substr(0, equals))] = equals == std::string::npos ? "" : decode(pair.substr(equals + 1));
  }
  return query;
}

std::optional<std::int64_t> read_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

const std::string& Call::required(std::string_view name) const {
  const auto found = query.find(name);
  if (found == query.end() || found->second.empty()) {
    refuse(name, std::string(name) + " is missing", "add ?" + std::string(name) + "=… to the path");
  }
  return found->second;
}

std::string_view Call::optional(std::string_view name, std::string_view otherwise) const {
  const auto found = query.find(name);
  return found == query.end() || found->second.empty() ? otherwise : std::string_view(found->second);
}

std::int64_t Call::integer(std::string_view name, std::int64_t otherwise, std::int64_t least, std::int64_t most) const {
  const std::string_view text = optional(name);
  if (text.empty()) return otherwise;
  const auto value = read_integer(text);
  if (!value || *value < least || *value > most) {
    const std::string range = std::to_string(least) + " to " + std::to_string(most);
    refuse(name, std::string(name) + " must be an integer from " + range, "");
  }
  return *value;
}

}  // namespace peerd::rest

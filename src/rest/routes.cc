#include "routes.h"

#include <array>
#include <charconv>

#include "json.h"
#include "peerd/base/text.h"
#include "peerd/net/http.h"

namespace peerd::rest {
namespace {

using enum Route::Kind;

constexpr std::array kRoutes{
    Route{"GET", "peers/list", reads, list_peers, "all peers, and which may be sources and destinations"},
    Route{"GET", "peers/info/{name}", reads, peer_info, "one peer, secrets masked, with its server's version"},
    Route{"POST", "peers/validate", changes, validate_peer, "connects to a peer and checks it, storing nothing"},
    Route{"POST", "peers/create", changes, create_peer,
          "checks a peer and stores it, or replaces it with allow_update"},
    Route{"POST", "peers/drop", changes, drop_peer, "forgets a peer that no mirror uses"},
    Route{"GET", "peers/type/{peer_name}", reads, peer_type, "the kind of a peer"},
    Route{"GET", "peers/schemas", reads, list_schemas, "the schemas of a source (peer_name)"},
    Route{"GET", "peers/tables", reads, list_tables, "the tables of a schema of a source (peer_name, schema_name)"},
    Route{"GET", "peers/tables/all", reads, list_all_tables, "all tables of a source, with their schema (peer_name)"},
    Route{"GET", "peers/columns", reads, list_columns,
          "the columns of a table of a source (peer_name, schema_name, table_name)"},
    Route{"GET", "peers/publications", reads, list_publications, "the publications of a source (peer_name)"},
    Route{"GET", "peers/slots/{peer_name}", reads, list_slots, "the replication slots of a source's database"},
    Route{"POST", "mirrors/cdc/validate", changes, validate_mirror, "all checks of a mirror, storing nothing"},
    Route{"POST", "flows/cdc/create", changes, create_mirror, "creates a mirror"},
    Route{"GET", "mirrors/list", reads, list_mirrors, "all mirrors, with status and health"},
    Route{"GET", "mirrors/names", reads, mirror_names, "the names of all mirrors"},
    Route{"POST", "mirrors/status", reads, mirror_status,
          "how one mirror is, with its configuration, copy and batches when asked for"},
    Route{"POST", "mirrors/state_change", changes, change_state,
          "pauses, resumes or drops a mirror; answers when it is done"},
    Route{"POST", "session", reads, open_session, "logs in and sets a session's cookie"},
    Route{"GET", "session", reads, show_session, "who asks, and how they logged in"},
    Route{"DELETE", "session", reads, close_session, "ends the session"},
    Route{"GET", "events", reads, stream_events, "what changes at the mirrors, as it happens (text/event-stream)"},
    Route{"GET", "mirrors/{name}/definition", reads, mirror_definition,
          "what makes the same mirror again: SQL, a REST body, YAML"},
    Route{"GET", "mirrors/{name}/history", reads, mirror_history, "a mirror's figures over time, in columns"},
    Route{"GET", "history", reads, all_history, "the lag and the rate of every mirror over the last minutes"},
    Route{"GET", "declaration", reads, declaration, "all peers and mirrors as POST plan takes them, without secrets"},
    Route{"POST", "plan", changes, plan, "what would have to change for peers and mirrors to be as declared"},
    Route{"GET", "options", reads, list_options, "the options of peers and mirrors, with types, defaults and docs"},
    Route{"GET", "views", reads, list_views, "the views and their columns"},
    Route{"GET", "views/{view}", reads, view_rows, "the last rows of a view, filtered by columns"},
    Route{"POST", "query", reads, run_query, "answers one SELECT over the views"},
    Route{"GET", "alerts/config", reads, list_alerts, "who is told what is wrong with which mirrors, secrets blanked"},
    Route{"POST", "alerts/config", changes, put_alert, "makes or changes such a configuration"},
    Route{"DELETE", "alerts/config/{id}", changes, drop_alert, "removes such a configuration"},
    Route{"POST", "alerts/config/{id}/test", changes, test_alert, "sends a message to such a receiver, to try it"},
    Route{"GET", "version", reads, version, "peerd's version"},
    Route{"GET", "mirrors/cdc/batches/{flow_job_name}", reads, list_batches,
          "the last batches of a mirror, newest first"},
    Route{"POST", "mirrors/cdc/batches", reads, ask_batches, "the last batches of a mirror, by pages"},
    Route{"POST", "mirrors/cdc/graph", reads, batch_graph, "rows applied per step of time"},
    Route{"GET", "mirrors/cdc/table_total_counts/{flow_job_name}", reads, table_total_counts,
          "changes by table since peerd was started"},
    Route{"GET", "mirrors/cdc/initial_load/{parent_mirror_name}", reads, initial_load,
          "how far the copy of each table is"},
    Route{"GET", "mirrors/total_rows_synced/{flow_job_name}", reads, total_rows_synced,
          "rows copied, and streamed since peerd was started"},
    Route{"POST", "mirrors/row_counts", reads, row_counts, "the tables' rows at both ends, between Postgres servers"},
    Route{"POST", "mirrors/logs", reads, mirror_logs, "the mirrors' logs, newest first"},
    Route{"POST", "peers/slots/lag_history", reads, slot_lag_history, "how much WAL a mirror's slot kept, over time"},
    Route{"GET", "peers/stats/{peer_name}", reads, list_sessions, "what peerd runs at a source now"},
    Route{"GET", "peers/columns/all_type_conversions", reads, type_conversions,
          "always empty: types at the target follow from the source"},
    Route{"POST", "flows/tags", changes, put_tags, "replaces the tags of a mirror"},
    Route{"GET", "flows/tags/{flow_name}", reads, get_tags, "the tags of a mirror"},
    Route{"GET", "dynamic_settings", reads, list_settings, "peerd's settings"},
    Route{"POST", "dynamic_settings", changes, set_setting, "refused: settings are read when peerd starts"},
    Route{"GET", "scripts/{id}", reads, list_scripts, "always empty: there are no scripts"},
    Route{"POST", "scripts", changes, refuse_lacking, "refused: there are no scripts"},
    Route{"DELETE", "scripts/{id}", changes, refuse_lacking, "refused: there are no scripts"},
    Route{"POST", "flows/qrep/create", changes, create_query_mirror, "creates a mirror of a query"},
    Route{"POST", "flows/cdc/cancel_table_addition", changes, refuse_lacking,
          "refused: a table that is being added is taken out by removed_tables"},
    Route{"POST", "mirrors/sequences/reset", changes, refuse_lacking,
          "refused: sequences are not carried to the target"},
    Route{"GET", "instance/info", reads, instance_info, "that peerd is ready"},
    Route{"GET", "instance/maintenance/status", reads, maintenance_status, "that no maintenance runs"},
    Route{"POST", "instance/maintenance", changes, refuse_lacking, "refused: there is no maintenance mode"},
    Route{"POST", "instance/maintenance/skip-snapshot-wait", changes, refuse_lacking,
          "refused: there is no maintenance mode"},
    Route{"GET", "peer-types", reads, peer_types, "the kinds of peers, as PeerDB's page shows them"},
    Route{"GET", "mirror-types", reads, mirror_types, "the kinds of mirrors, as PeerDB's page shows them"},
    Route{"GET", "openapi.json", reads, openapi, "this description of the API"},
};

/// A value of the query, "+" for a space as forms write it.
std::string decode(std::string_view text) {
  std::string spaced(text);
  for (char& c : spaced) {
    if (c == '+') c = ' ';
  }
  return net::url_decode(spaced);
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

std::optional<std::string_view> versioned(std::string_view path) {
  for (const std::string_view prefix : {"/api/v1/", "/v1/"}) {
    if (path.starts_with(prefix)) return path.substr(prefix.size());
  }
  for (const std::string_view page : {"/api/version", "/api/peer-types", "/api/mirror-types", "/api/openapi.json"}) {
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

const std::string& Call::required(std::string_view name) const {
  const auto found = query.find(name);
  if (found == query.end() || found->second.empty()) {
    refuse_field(std::string(name), std::string(name) + " is missing",
                 "add ?" + std::string(name) + "=… to the path");
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
    refuse_field(std::string(name), std::string(name) + " must be an integer from " + range);
  }
  return *value;
}

}  // namespace peerd::rest

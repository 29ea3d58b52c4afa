#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "mirror_events.h"
#include "peerd/base/clock.h"
#include "peerd/rest/rest_server.h"
#include "sessions.h"

namespace peerd::rest {

/// What follows the "?" of a request, decoded; of a name that comes twice the last counts.
using Query = std::map<std::string, std::string, std::less<>>;
Query read_query(std::string_view raw);

/// What an endpoint gets; all of it lives as long as the call.
struct Call {
  RestDeps& deps;
  std::string_view parameter;  ///< What stands where the path says {name}.
  std::string_view body;
  const Query& query;
  Wait wait;
  Sessions& sessions;
  MirrorEvents& events;
  const net::HttpRequest& request;
  net::HttpReply& reply;  ///< What goes out with the JSON: an endpoint may set the status and headers.

  /// Throws Error(invalid_option) naming it when it is missing or empty.
  const std::string& required(std::string_view name) const;
  std::string_view optional(std::string_view name, std::string_view otherwise = "") const;
  /// Throws Error(invalid_option) naming it when it is no integer of least to most.
  std::int64_t integer(std::string_view name, std::int64_t otherwise, std::int64_t least, std::int64_t most) const;
};

struct Route {
  enum class Kind { reads, changes };  ///< Who may only read is refused what changes something.
  std::string_view method, path;       ///< Path behind /api/v1 or /v1; a part "{…}" takes any one part.
  Kind kind;
  std::string (*answer)(Call&);  ///< The reply's JSON; status 200 unless it sets another. Throws Error.
  std::string_view doc;          ///< One line, for openapi.json.
};
std::span<const Route> routes();

/// The path behind /api/v1/ or /v1/, or behind /api/ where PeerDB's page has a route of its own.
std::optional<std::string_view> versioned(std::string_view path);
/// The part that the route's "{…}" takes, "" when it has none; nullopt when the path is not the route's.
std::optional<std::string_view> match(std::string_view pattern, std::string_view path);

// The endpoints, by file.
std::string list_peers(Call& call);
std::string peer_info(Call& call);
std::string validate_peer(Call& call);
std::string create_peer(Call& call);
std::string drop_peer(Call& call);

// What a source peer holds, asked of its server.
std::string peer_type(Call& call);
std::string list_schemas(Call& call);
std::string list_tables(Call& call);
std::string list_all_tables(Call& call);
std::string list_columns(Call& call);
std::string list_publications(Call& call);
std::string list_slots(Call& call);

std::string validate_mirror(Call& call);
std::string create_mirror(Call& call);
std::string create_query_mirror(Call& call);
std::string list_mirrors(Call& call);
std::string mirror_names(Call& call);
std::string mirror_status(Call& call);
std::string change_state(Call& call);
std::string mirror_definition(Call& call);
std::string mirror_history(Call& call);
std::string all_history(Call& call);

std::string declaration(Call& call);
std::string plan(Call& call);

std::string list_options(Call& call);
std::string list_views(Call& call);
std::string view_rows(Call& call);
std::string run_query(Call& call);

std::string open_session(Call& call);
std::string show_session(Call& call);
std::string close_session(Call& call);

std::string list_alerts(Call& call);
std::string put_alert(Call& call);
std::string drop_alert(Call& call);
std::string test_alert(Call& call);

std::string stream_events(Call& call);

// Rows and bytes over time.
std::string list_batches(Call& call);
std::string ask_batches(Call& call);
std::string batch_graph(Call& call);
std::string table_total_counts(Call& call);
std::string total_rows_synced(Call& call);
std::string initial_load(Call& call);
std::string row_counts(Call& call);
std::string mirror_logs(Call& call);
std::string slot_lag_history(Call& call);
std::string list_sessions(Call& call);

std::string put_tags(Call& call);
std::string get_tags(Call& call);
std::string list_settings(Call& call);
std::string set_setting(Call& call);

// What PeerDB has and peerd has not: empty where that is the truth, refused otherwise.
std::string refuse_lacking(Call& call);
std::string list_scripts(Call& call);
std::string type_conversions(Call& call);
std::string maintenance_status(Call& call);

std::string instance_info(Call& call);
std::string peer_types(Call& call);
std::string mirror_types(Call& call);
std::string version(Call& call);
std::string openapi(Call& call);

}  // namespace peerd::rest

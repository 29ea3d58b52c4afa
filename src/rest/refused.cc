// Routes of PeerDB for what peerd does not have: each says so, and what to do instead.
#include "json.h"
#include "proto/instance.pb.h"
#include "routes.h"

namespace peerd::rest {
namespace {

struct Lacking {
  std::string_view path, message, hint;
};
constexpr Lacking kLacking[] = {
    {"scripts", "scripts are not supported: rows reach the target as they are at the source",
     "transform them at the target, by a view or a materialized view"},
    {"flows/cdc/cancel_table_addition", "the addition of a table is cancelled by taking the table out again",
     "POST mirrors/state_change with flow_config_update and the table among removed_tables"},
    {"mirrors/sequences/reset", "sequences are not carried to the target, so they cannot be set there",
     "SELECT setval(…) at the target before it takes writes"},
    {"instance/maintenance", "there is no maintenance mode",
     "pause the mirrors with POST mirrors/state_change, or stop peerd: mirrors go on where they were"},
};

}  // namespace

std::string refuse_lacking(Call& call) {
  const std::string_view path = versioned(call.request.path).value_or("");
  for (const Lacking& lacking : kLacking) {
    if (path.starts_with(lacking.path))
      throw Error(ErrorCode::not_supported, std::string(lacking.message), std::string(lacking.hint));
  }
  throw Error(ErrorCode::not_supported, "not supported");
}

std::string list_scripts(Call&) { return write_json(peerdb_route::GetScriptsResponse()); }

/// A column's type at the target follows from the one at the source: there is none to choose.
std::string type_conversions(Call&) { return write_json(peerdb_route::ColumnsTypeConversionResponse()); }

std::string maintenance_status(Call&) { return write_json(peerdb_route::MaintenanceStatusResponse()); }

std::string instance_info(Call&) {
  peerdb_route::InstanceInfoResponse reply;
  reply.set_status(peerdb_route::INSTANCE_STATUS_READY);  // It answers; there is no maintenance mode.
  return write_json(reply);
}

}  // namespace peerd::rest

#include "json.h"
#include "peerd/alerts/alerts.h"
#include "peerd/base/text.h"
#include "proto/route.pb.h"
#include "routes.h"

namespace peerd::rest {
namespace {

Alerts& alerts_of(Call& call) {
  if (call.deps.alerts == nullptr) throw Error(ErrorCode::not_supported, "this server tells no alerts");
  return *call.deps.alerts;
}

std::int64_t id_in(const Call& call) {
  const auto id = read_integer(call.parameter);
  if (!id) refuse_field("id", "id must be an integer");
  return *id;
}

}  // namespace

std::string list_alerts(Call& call) {
  peerdb_route::GetAlertConfigsResponse reply;
  for (const AlertConfig& config : alerts_of(call).list()) {
    auto& shown = *reply.add_configs();
    shown.set_id(static_cast<std::int32_t>(config.id));
    shown.set_service_type(config.service_type);
    shown.set_service_config(config.service_config);
    for (const std::string& mirror : config.mirrors) shown.add_alert_for_mirrors(mirror);
  }
  return write_json(reply);
}

std::string put_alert(Call& call) {
  peerdb_route::PostAlertConfigRequest request;
  read_json(call.body, request);
  if (!request.has_config())
    refuse_field("config", "config is missing", "{\"config\": {\"id\": -1, \"service_type\": \"slack\", …}}");
  const auto& given = request.config();
  peerdb_route::PostAlertConfigResponse reply;
  reply.set_id(static_cast<std::int32_t>(alerts_of(call).put({given.id(), given.service_type(), given.service_config(),
                                                              {given.alert_for_mirrors().begin(), given.alert_for_mirrors().end()}})));
  return write_json(reply);
}

std::string drop_alert(Call& call) {
  alerts_of(call).drop(id_in(call));
  return write_json(peerdb_route::DeleteAlertConfigResponse());
}

std::string test_alert(Call& call) {
  alerts_of(call).test(id_in(call), call.wait);
  return R"({"status":"sent"})";
}

}  // namespace peerd::rest

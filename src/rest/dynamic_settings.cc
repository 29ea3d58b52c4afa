// peerd's settings in the form in which PeerDB's clients ask for theirs. They are read at the start, so none can be set here.
#include "json.h"
#include "peerd/base/text.h"
#include "proto/instance.pb.h"
#include "routes.h"

namespace peerd::rest {
namespace {

peerdb_route::DynconfValueType type_of(OptionType type) {
  switch (type) {
    case OptionType::integer:
      return peerdb_route::INT;
    case OptionType::boolean:
      return peerdb_route::BOOL;
    case OptionType::text:
      break;
  }
  return peerdb_route::STRING;
}

}  // namespace

std::string list_settings(Call& call) {
  peerdb_route::GetDynamicSettingsResponse reply;
  for (const ShownSetting& setting : call.deps.settings) {
    auto& item = *reply.add_settings();
    item.set_name(setting.variable);
    if (setting.value) item.set_value(*setting.value);
    item.set_default_value(setting.default_text);
    item.set_description(setting.doc);
    item.set_value_type(type_of(setting.type));
    item.set_apply_mode(peerdb_route::APPLY_MODE_RESTART);
    item.set_target_for_setting(peerdb_route::ALL);
  }
  return write_json(reply);
}

std::string set_setting(Call& call) {
  peerdb_route::PostDynamicSettingRequest body;
  read_json(call.body, body);
  std::vector<std::string_view> names;
  for (const ShownSetting& setting : call.deps.settings) {
    if (setting.variable == body.name()) {
      throw Error(ErrorText{.code = ErrorCode::not_supported,
                            .message = "settings are read when peerd starts",
                            .hint = "set " + setting.variable + " in peerd's environment and start it anew",
                            .field = "name"});
    }
    names.push_back(setting.variable);
  }
  const auto meant = closest(body.name(), names);
  refuse_field("name", "there is no setting \"" + body.name() + "\"",
               meant.empty() ? "GET dynamic_settings lists peerd's; PeerDB's others have no meaning here"
                             : "did you mean " + std::string(meant));
}

}  // namespace peerd::rest

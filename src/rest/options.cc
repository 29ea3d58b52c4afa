#include <charconv>
#include <nlohmann/json.hpp>

#include "plain_json.h"
#include "routes.h"

namespace peerd::rest {
namespace {

using Json = nlohmann::ordered_json;

std::string_view type_word(OptionType type) {
  if (type == OptionType::integer) return "integer";
  return type == OptionType::boolean ? "boolean" : "text";
}

/// In the option's own type; null when it has none.
Json default_of(const Option& option) {
  if (option.default_text.empty()) return nullptr;
  if (option.type == OptionType::boolean) return option.default_text == "true";
  if (option.type == OptionType::text) return option.default_text;
  std::int64_t value = 0;
  std::from_chars(option.default_text.data(), option.default_text.data() + option.default_text.size(), value);
  return value;
}

Json options_json(const OptionTable& table) {
  Json list = Json::array();
  for (const Option& option : table.options) {
    const bool ranged = option.least != 0 || option.most != 0;
    list.push_back({{"name", option.name},
                    {"type", type_word(option.type)},
                    {"default", default_of(option)},
                    {"required", option.required == Required::yes},
                    {"secret", option.secret == Secret::yes},
                    {"doc", option.doc},
                    {"least", ranged ? Json(option.least) : Json()},
                    {"most", ranged ? Json(option.most) : Json()},
                    {"alias_of", option.alias_of.empty() ? Json() : Json(option.alias_of)}});
  }
  return list;
}

}  // namespace

std::string list_options(Call& call) {
  Json reply{{"peers", Json::array()}, {"mirror", options_json(mirror_options())}, {"mirror_for", Json::object()}};
  for (const Connector& connector : call.deps.peers.connectors().all()) {
    reply["peers"].push_back({{"kind", connector.kind},
                              {"source", static_cast<bool>(connector.source)},
                              {"target", static_cast<bool>(connector.target)},
                              {"options", options_json(*connector.options)}});
    if (connector.mirror_options)
      reply["mirror_for"][std::string(connector.kind)] = options_json(*connector.mirror_options);
  }
  return write_plain(reply);
}

}  // namespace peerd::rest

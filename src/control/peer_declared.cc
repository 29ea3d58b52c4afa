#include "peer_declared.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "names.h"
#include "peerd/base/text.h"
#include "peerd/specs/peerdb_options.h"

namespace peerd {

namespace {

using Json = nlohmann::json;

Problem group_problem(const std::string& field, const std::string& what) {
  return {ErrorText{.code = ErrorCode::invalid_option, .message = "\"" + field + "\" " + what,
                    .hint = "a JSON object such as '{\"host\": \"bastion\", \"user\": \"me\"}', or its fields as options of their own: " + field + ".host",
                    .field = field},
          {}};
}

/// What is null, or as a client sends it that sends every field, is not given.
void open_group(const std::string& name, const Json& fields, RawOptions& into, Problems& problems) {
  for (const auto& [field, value] : fields.items()) {
    if (value.is_null() || value == "" || value == 0) continue;
    const bool plain = value.is_string() || value.is_number_integer() || value.is_boolean();
    const RawOption option{value.is_string() ? RawOption::Kind::text : value.is_boolean() ? RawOption::Kind::boolean : RawOption::Kind::number,
                           value.is_string() ? value.get<std::string>() : value.dump()};
    if (!plain) {
      problems.push_back(group_problem(name, "holds what is no text and no number"));
    } else if (!into.emplace(name + "." + field, option).second) {
      problems.push_back(group_problem(name, "gives " + field + ", which is given beside it, too"));
    }
  }
}

/// A group, given as one, as its options.
Problems open_groups(const OptionTable& table, RawOptions& raw) {
  Problems problems;
  std::vector<std::pair<std::string, std::string>> groups;
  std::erase_if(raw, [&](const auto& entry) {
    const bool group = is_group(table, entry.first);
    if (group) groups.emplace_back(entry.first, entry.second.text);
    return group;
  });
  for (const auto& [name, text] : groups) {
    if (text.empty()) continue;
    const Json fields = Json::parse(text, nullptr, false);
    if (!fields.is_object()) problems.push_back(group_problem(name, "is no JSON object"));
    else open_group(name, fields, raw, problems);
  }
  return problems;
}

}  // namespace

bool is_group(const OptionTable& table, std::string_view name) {
  if (find_option(table, name) != nullptr) return false;
  return std::ranges::any_of(table.options, [&](const Option& option) { return option.name.starts_with(std::string(name) + "."); });
}

PeerSpec declare_peer(const Connectors& connectors, std::string_view name, std::string_view kind, const RawOptions& options) {
  const Connector& connector = connectors.of(to_upper(kind));
  PeerSpec spec{std::string(name), std::string(connector.kind), {}};
  Problems problems = check_name("peer", name);
  RawOptions raw = options;
  for (Problem& problem : open_groups(*connector.options, raw)) problems.push_back(std::move(problem));
  for (Problem& problem : take_peerdb_options(*connector.options, peerdb_peer_options(connector.kind), raw))
    problems.push_back(std::move(problem));
  for (Problem& problem : check_options(*connector.options, raw, spec.options))
    problems.push_back(std::move(problem));
  throw_if_any(problems);
  return spec;
}

}  // namespace peerd

#include "peerd/mirrors/connectors.h"

#include "peerd/base/text.h"

namespace peerd {

const Connector* Connectors::find(std::string_view kind) const noexcept {
  for (const Connector& connector : connectors_)
    if (connector.kind == kind) return &connector;
  return nullptr;
}

const Connector& Connectors::of(std::string_view kind) const {
  if (const Connector* found = find(kind)) return *found;
  std::vector<std::string_view> kinds;
  std::vector<std::string> words;
  for (const Connector& connector : connectors_) {
    kinds.push_back(connector.kind);
    words.emplace_back(connector.kind);
  }
  const std::string_view near = closest(kind, kinds);
  ErrorText text;
  text.code = ErrorCode::invalid_option;
  text.message = "unknown kind of peer \"" + std::string(kind) + "\"";
  text.field = "type";
  text.hint = near.empty() ? "use one of " + join(words, ", ") : "did you mean " + std::string(near) + "?";
  throw Error(std::move(text));
}

}  // namespace peerd

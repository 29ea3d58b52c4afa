#include "plain_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "peerd/base/text.h"

namespace peerd::rest {
namespace {

using Json = nlohmann::ordered_json;

/// Words that some YAML reader takes for no text, in lower case.
bool is_reserved(const std::string& text) {
  static const std::set<std::string, std::less<>> kWords{"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
  return kWords.contains(to_lower(text));
}

/// A text in JSON's quotes is one in YAML's, too.
std::string yaml_scalar(const Json& value) {
  if (!value.is_string()) return write_plain(value);
  const auto& text = value.get_ref<const std::string&>();
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const bool plain = !text.empty() && letter(text.front()) && !is_reserved(text) &&
                     std::all_of(text.begin(), text.end(), [&](char c) {
                       return letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-';
                     });
  return plain ? text : write_plain(value);
}

bool is_block(const Json& value) { return value.is_structured() && !value.empty(); }

void add_block(const Json& value, const std::string& indent, std::string& yaml);

void add_entry(const std::string& start, const Json& value, const std::string& indent, std::string& yaml) {
  yaml += start;
  if (!is_block(value)) {
    yaml += " " + yaml_scalar(value) + "\n";
    return;
  }
  yaml += "\n";
  add_block(value, indent, yaml);
}

void add_block(const Json& value, const std::string& indent, std::string& yaml) {
  if (value.is_object()) {
    for (const auto& [name, entry] : value.items())
      add_entry(indent + yaml_scalar(name) + ":", entry, indent + "  ", yaml);
    return;
  }
  for (const Json& entry : value) {
    if (!is_block(entry)) {
      add_entry(indent + "-", entry, indent + "  ", yaml);
      continue;
    }
    // The first line of what is inside stands behind the dash.
    std::string inside;
    add_block(entry, indent + "  ", inside);
    yaml += indent + "- " + inside.substr(indent.size() + 2);
  }
}

}  // namespace

std::string write_plain(const Json& document) { return document.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string write_yaml(const Json& document) {
  std::string yaml;
  if (!is_block(document)) return yaml_scalar(document) + "\n";
  add_block(document, "", yaml);
  return yaml;
}

}  // namespace peerd::rest

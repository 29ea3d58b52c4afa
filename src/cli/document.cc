#include "document.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "peerd/base/error.h"
#include "peerd/base/option_table.h"
#include "peerd/base/text.h"
#include "references.h"

namespace peerd::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kKept = "${kept}";

/// Names of the file and of the API, where they differ.
struct Name {
  std::string_view file, api;
};
constexpr std::array kMirror{Name{"source", "source_name"}, Name{"target", "destination_name"},
                             Name{"tables", "table_mappings"}, Name{"do_initial_copy", "do_initial_snapshot"},
                             Name{"sync_interval", "idle_timeout_seconds"}};
/// Of a mirror of a query: as SQL's options are called.
constexpr std::array kQuery{Name{"source", "source_name"}, Name{"target", "destination_name"},
                            Name{"destination_table_name", "destination_table_identifier"},
                            Name{"watermark_table_name", "watermark_table"}, Name{"parallelism", "max_parallel_workers"},
                            Name{"refresh_interval", "wait_between_batches_seconds"}};
constexpr std::string_view kModes = "QREP_WRITE_MODE_";
constexpr std::array kTable{Name{"from", "source_table_identifier"}, Name{"to", "destination_table_identifier"},
                            Name{"partition_by", "partition_by_expr"}, Name{"except", "except_tables"}};
constexpr std::array kColumn{Name{"source", "source_name"}, Name{"target", "destination_name"},
                             Name{"type", "destination_type"}, Name{"nullable", "nullable_enabled"}};

std::string api_name(std::span<const Name> names, const std::string& file) {
  const auto found = std::ranges::find(names, file, &Name::file);
  return found == names.end() ? file : std::string(found->api);
}

std::string file_name(std::span<const Name> names, const std::string& api) {
  const auto found = std::ranges::find(names, api, &Name::api);
  return found == names.end() ? api : std::string(found->file);
}

[[noreturn]] void refuse(const std::string& field, const std::string& message, const std::string& hint) {
  throw Error(ErrorText{.code = ErrorCode::invalid_option,
                        .message = (field.empty() ? "" : field + ": ") + message,
                        .hint = hint,
                        .field = field});
}

/// Plain true and false are truth values; all else is text, which the API reads as the number that it is.
Json scalar(const YAML::Node& node, const std::string& field) {
  if (node.IsNull()) refuse(field, "it has no value", "give one, '' for an empty text, or leave the line out");
  const std::string text = node.Scalar();
  const bool plain = node.Tag() == "?";
  if (plain && (text == "true" || text == "false")) return text == "true";
  return filled_in(text, field);
}

Json value(const YAML::Node& node, const std::string& field) {
  if (node.IsSequence()) {
    Json list = Json::array();
    for (std::size_t i = 0; i < node.size(); ++i)
      list.push_back(value(node[i], field + "[" + std::to_string(i) + "]"));
    return list;
  }
  if (!node.IsMap()) return scalar(node, field);
  Json map = Json::object();
  for (const auto& entry : node) map[entry.first.Scalar()] = value(entry.second, field + "." + entry.first.Scalar());
  return map;
}

/// `name` of the map, which it has to be.
std::string required(const YAML::Node& node, const char* name, const std::string& field, const std::string& example) {
  if (!node[name] || !node[name].IsScalar()) refuse(field + "." + name, "it is missing", example);
  return node[name].Scalar();
}

Json read_peer(const std::string& name, const YAML::Node& node) {
  const std::string field = "peers." + name;
  if (!node.IsMap()) refuse(field, "a peer is a map of its options", "type: postgres, host: …");
  const std::string kind = to_lower(required(node, "type", field, "type: postgres"));
  Json config = Json::object(), keep = Json::array();
  for (const auto& entry : node) {
    const std::string option = entry.first.Scalar();
    if (option == "type") continue;
    if (entry.second.IsScalar() && entry.second.Scalar() == kKept) keep.push_back(option);
    else config[option] = value(entry.second, field + "." + option);
  }
  const Json peer{{"name", name}, {"type", to_upper(kind)}, {kind + "_config", config}};
  return {{"peer", peer}, {"keep", keep}};
}

/// "public.a:b", with a colon outside of quotes.
Json read_pair(const std::string& text, const std::string& field) {
  std::size_t colon = std::string::npos, colons = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == ':' && !quoted) colon = i, ++colons;
  }
  if (colons != 1)
    refuse(field, "a table is source:target", "public.orders:orders, or {from: public.orders, to: orders}");
  return {{"source_table_identifier", text.substr(0, colon)}, {"destination_table_identifier", text.substr(colon + 1)}};
}

/// Settings of columns: a list of maps.
Json read_columns(const YAML::Node& node, const std::string& field) {
  if (!node.IsSequence()) refuse(field, "columns are a list", "columns: [{source: price, type: 'Decimal(18, 2)'}]");
  Json columns = Json::array();
  for (std::size_t i = 0; i < node.size(); ++i) {
    const std::string at = field + "[" + std::to_string(i) + "]";
    if (!node[i].IsMap()) refuse(at, "what is asked of a column is a map", "{source: price, type: 'Decimal(18, 2)'}");
    Json column = Json::object();
    for (const auto& entry : node[i])
      column[api_name(kColumn, entry.first.Scalar())] = value(entry.second, at + "." + entry.first.Scalar());
    columns.push_back(column);
  }
  return columns;
}

Json read_tables(const YAML::Node& node, const std::string& field) {
  if (!node.IsSequence()) refuse(field, "tables are a list", "tables: [public.orders:orders]");
  Json tables = Json::array();
  for (std::size_t i = 0; i < node.size(); ++i) {
    const std::string at = field + "[" + std::to_string(i) + "]";
    if (node[i].IsScalar()) {
      tables.push_back(read_pair(filled_in(node[i].Scalar(), at), at));
      continue;
    }
    if (!node[i].IsMap()) refuse(at, "a table is source:target, or a map", "{from: public.orders, to: orders}");
    Json table = Json::object();
    for (const auto& entry : node[i]) {
      const std::string name = entry.first.Scalar(), of = at + "." + name;
      table[api_name(kTable, name)] = name == "columns" ? read_columns(entry.second, of) : value(entry.second, of);
    }
    tables.push_back(table);
  }
  return tables;
}

Json read_query(const std::string& name, const YAML::Node& node, const std::string& field) {
  Json mirror{{"flow_job_name", name}}, keys = Json::array();
  std::string mode = "append";
  for (const auto& entry : node) {
    const std::string option = entry.first.Scalar(), at = field + "." + option;
    if (option == "mode") {
      mode = filled_in(entry.second.Scalar(), at);
    } else if (option == "unique_key_columns") {
      for (const std::string& key : split(filled_in(entry.second.Scalar(), at), ',')) keys.push_back(key);
    } else {
      mirror[api_name(kQuery, option)] = value(entry.second, at);
    }
  }
  mirror["write_mode"] = {{"write_type", std::string(kModes) + to_upper(mode)}, {"upsert_key_columns", keys}};
  return mirror;
}

Json read_mirror(const std::string& name, const YAML::Node& node) {
  const std::string field = "mirrors." + name;
  if (!node.IsMap()) refuse(field, "a mirror is a map", "source: src, target: ch, tables: [public.orders:orders]");
  required(node, "source", field, "source: a peer's name");
  required(node, "target", field, "target: a peer's name");
  if (node["query"]) return read_query(name, node, field);
  Json mirror{{"flow_job_name", name}};
  for (const auto& entry : node) {
    const std::string option = entry.first.Scalar(), at = field + "." + option;
    mirror[api_name(kMirror, option)] = option == "tables" ? read_tables(entry.second, at) : value(entry.second, at);
  }
  return mirror;
}

/// Reads each entry of the map `name` of the file, if it has one.
Json read_all(const YAML::Node& root, const char* name, Json (*read)(const std::string&, const YAML::Node&)) {
  Json all = Json::array();
  const YAML::Node node = root[name];
  if (!node || node.IsNull()) return all;
  if (!node.IsMap()) refuse(name, "it is a map by name", std::string(name) + ": {a_name: {…}}");
  std::vector<std::string> names;
  for (const auto& entry : node) {
    names.push_back(entry.first.Scalar());
    // yaml-cpp takes the same key twice.
    if (std::ranges::count(names, names.back()) > 1)
      refuse(std::string(name) + "." + names.back(), "it stands there twice", "leave one out");
    all.push_back(read(names.back(), entry.second));
  }
  return all;
}

void write_value(YAML::Emitter& out, const Json& value) {
  if (value.is_array()) {
    out << YAML::Flow << YAML::BeginSeq;
    for (const Json& item : value) write_value(out, item);
    out << YAML::EndSeq;
  } else if (value.is_object()) {
    out << YAML::Flow << YAML::BeginMap;
    for (const auto& [name, item] : value.items()) {
      out << YAML::Key << name << YAML::Value;
      write_value(out, item);
    }
    out << YAML::EndMap;
  } else if (value.is_string()) {
    std::string text = value.get<std::string>();
    for (std::size_t at = 0; (at = text.find("${", at)) != std::string::npos; at += 3) text.insert(at, "$");
    out << YAML::DoubleQuoted << text;
  } else {
    out << value.dump();
  }
}

void write_entry(YAML::Emitter& out, const std::string& name, const Json& value) {
  out << YAML::Key << name << YAML::Value;
  write_value(out, value);
}

void write_peer(YAML::Emitter& out, const Json& declared) {
  const Json& peer = declared.at("peer");
  const std::string kind = to_lower(peer.at("type").get<std::string>());
  out << YAML::Key << peer.at("name").get<std::string>() << YAML::Value << YAML::BeginMap;
  out << YAML::Key << "type" << YAML::Value << kind;
  if (const auto config = peer.find(kind + "_config"); config != peer.end())
    for (const auto& [name, value] : config->items()) write_entry(out, name, value);
  if (const auto keep = declared.find("keep"); keep != declared.end())
    for (const Json& name : *keep) out << YAML::Key << name.get<std::string>() << YAML::Value << std::string(kKept);
  out << YAML::EndMap;
}

/// With the file's names of its fields.
Json renamed(std::span<const Name> names, const Json& message) {
  Json out = Json::object();
  for (const auto& [field, item] : message.items()) out[file_name(names, field)] = item;
  return out;
}

void write_mirror(YAML::Emitter& out, const Json& mirror) {
  out << YAML::Key << mirror.at("flow_job_name").get<std::string>() << YAML::Value << YAML::BeginMap;
  for (const auto& [name, value] : mirror.items()) {
    if (name == "flow_job_name") continue;
    if (name != "table_mappings") {
      write_entry(out, file_name(kMirror, name), value);
      continue;
    }
    out << YAML::Key << "tables" << YAML::Value << YAML::Block << YAML::BeginSeq;
    for (const Json& mapping : value) {
      Json table = renamed(kTable, mapping);
      if (const auto columns = table.find("columns"); columns != table.end())
        for (Json& column : *columns) column = renamed(kColumn, column);
      write_value(out, table);
    }
    out << YAML::EndSeq;
  }
  out << YAML::EndMap;
}

void write_query(YAML::Emitter& out, const Json& mirror) {
  out << YAML::Key << mirror.at("flow_job_name").get<std::string>() << YAML::Value << YAML::BeginMap;
  for (const auto& [name, value] : mirror.items())
    if (name != "flow_job_name" && name != "write_mode") write_entry(out, file_name(kQuery, name), value);
  const Json& mode = mirror.at("write_mode");
  write_entry(out, "mode", to_lower(mode.value("write_type", std::string(kModes) + "APPEND").substr(kModes.size())));
  std::vector<std::string> keys;
  for (const Json& key : mode.value("upsert_key_columns", Json::array())) keys.push_back(key);
  if (!keys.empty()) write_entry(out, "unique_key_columns", join(keys, ","));
  out << YAML::EndMap;
}

void write_each(YAML::Emitter& out, const Json& declaration, const char* name, void (*write)(YAML::Emitter&, const Json&)) {
  const auto all = declaration.find(name);
  if (all == declaration.end()) return;
  for (const Json& one : *all) write(out, one);
}

}  // namespace

Json read_document(std::string_view yaml) {
  YAML::Node root;
  try {
    root = YAML::Load(std::string(yaml));
  } catch (const YAML::Exception& error) {
    refuse("", "the file is not YAML: line " + std::to_string(error.mark.line + 1) + ": " + error.msg,
           "docs/files.md shows one");
  }
  if (!root.IsMap()) refuse("", "the file declares nothing", "it begins with peers: or mirrors:");
  constexpr std::array<std::string_view, 2> kParts{"peers", "mirrors"};
  for (const auto& entry : root) {
    const std::string part = entry.first.Scalar();
    if (std::ranges::find(kParts, part) != kParts.end()) continue;
    const std::string_view meant = closest(part, kParts);
    refuse(part, "there is no such part",
           meant.empty() ? "a file has peers: and mirrors:" : "did you mean " + std::string(meant) + "?");
  }
  Json document{{"peers", read_all(root, "peers", read_peer)}, {"mirrors", Json::array()}, {"query_mirrors", Json::array()}};
  for (Json& mirror : read_all(root, "mirrors", read_mirror))
    document[mirror.contains("query") ? "query_mirrors" : "mirrors"].push_back(std::move(mirror));
  return document;
}

std::string write_document(const Json& declaration) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  out << YAML::Key << "peers" << YAML::Value << YAML::BeginMap;
  write_each(out, declaration, "peers", write_peer);
  out << YAML::EndMap << YAML::Key << "mirrors" << YAML::Value << YAML::BeginMap;
  write_each(out, declaration, "mirrors", write_mirror);
  write_each(out, declaration, "query_mirrors", write_query);
  out << YAML::EndMap;
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace peerd::cli

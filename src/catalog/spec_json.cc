#include "spec_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "peerd/base/error.h"

namespace peerd {

namespace {

using nlohmann::json;

constexpr int kVersion = 1;
constexpr int kSettingsVersion = 2;  ///< Of a mirror whose mapping sets columns, an engine or PARTITION BY.
constexpr int kQueryVersion = 3;     ///< Of a mirror of a query.
constexpr int kPatternVersion = 4;   ///< Of a mirror that maps by patterns.

std::string dump(const json& document) {
  try {
    return document.dump();
  } catch (const json::exception&) {
    throw Error(ErrorCode::bad_value, "a name or an option is not valid UTF-8");
  }
}

template <typename Read>
auto read(std::string_view text, Read from) {
  try {
    const json document = json::parse(text);
    if (const int version = document.at("v"); version < kVersion || version > kPatternVersion)
      throw Error(ErrorCode::internal, "the catalog holds a definition of a version that this peerd does not know");
    return from(document);
  } catch (const json::exception& error) {
    throw Error(ErrorCode::internal,
                std::string("the catalog holds a definition that cannot be read: ") + error.what());
  }
}

bool is_secret(const OptionTable* table, std::string_view name) {
  if (!table) return true;
  const Option* found = find_option(*table, name);
  return found == nullptr || found->secret == Secret::yes;
}

std::string secret_context(std::string_view peer, std::string_view option) {
  return "peer/" + std::string(peer) + "/" + std::string(option);
}

}  // namespace

std::string peer_json(const PeerSpec& peer, const OptionTable* table, const SecretBox& secrets) {
  json options = json::object();
  for (const auto& [name, value] : peer.options) {
    if (is_secret(table, name))
      options[name] = {{"sealed", secrets.seal(value, secret_context(peer.name, name))}};
    else
      options[name] = value;
  }
  return dump({{"v", kVersion}, {"options", options}});
}

Options peer_options(std::string_view name, std::string_view text, const SecretBox& secrets) {
  return read(text, [&](const json& document) {
    Options options;
    for (const auto& [option, value] : document.at("options").items()) {
      options[option] = value.is_object()
                            ? secrets.open(value.at("sealed").get<std::string>(), secret_context(name, option))
                            : value.get<std::string>();
    }
    return options;
  });
}

namespace {

json setting_json(const ColumnSetting& column) {
  json document = {{"source", column.source}};
  if (!column.target.empty()) document["target"] = column.target;
  if (!column.type.empty()) document["type"] = column.type;
  if (column.ordering != 0) document["ordering"] = column.ordering;
  if (column.partitioning != 0) document["partitioning"] = column.partitioning;
  if (column.nullable) document["nullable"] = *column.nullable;
  return document;
}

ColumnSetting read_setting(const json& document) {
  ColumnSetting column{document.at("source").get<std::string>()};
  column.target = document.value("target", "");
  column.type = document.value("type", "");
  column.ordering = document.value("ordering", 0);
  column.partitioning = document.value("partitioning", 0);
  if (const auto found = document.find("nullable"); found != document.end()) column.nullable = found->get<bool>();
  return column;
}

bool has_settings(const TableMapping& mapping) {
  return !mapping.columns.empty() || !mapping.engine.empty() || !mapping.partition_by.empty();
}

json mapping_json(const TableMapping& mapping) {
  json document = {{"source", mapping.source}, {"target", mapping.target}, {"exclude", mapping.exclude}};
  for (const ColumnSetting& column : mapping.columns) document["columns"].push_back(setting_json(column));
  if (!mapping.engine.empty()) document["engine"] = mapping.engine;
  if (!mapping.partition_by.empty()) document["partition_by"] = mapping.partition_by;
  if (!mapping.except.empty()) document["except"] = mapping.except;
  if (mapping.by_pattern) document["by_pattern"] = true;
  if (mapping.came_later) document["came_later"] = true;
  return document;
}

TableMapping read_mapping(const json& document) {
  TableMapping mapping{document.at("source").get<std::string>(), document.at("target").get<std::string>(),
                       document.at("exclude").get<std::vector<std::string>>()};
  for (const json& column : document.value("columns", json::array())) mapping.columns.push_back(read_setting(column));
  mapping.engine = document.value("engine", "");
  mapping.partition_by = document.value("partition_by", "");
  mapping.except = document.value("except", std::vector<std::string>());
  mapping.by_pattern = document.value("by_pattern", false);
  mapping.came_later = document.value("came_later", false);
  return mapping;
}

}  // namespace

std::string mirror_json(const MirrorSpec& mirror) {
  json tables = json::array();
  for (const TableMapping& mapping : mirror.tables) tables.push_back(mapping_json(mapping));
  // What an earlier peerd would pass over is of a version that it refuses.
  const bool settings = std::ranges::any_of(mirror.tables, has_settings);
  json document = {{"v", settings ? kSettingsVersion : kVersion}, {"tables", tables}, {"options", mirror.options}};
  if (mirror.of_query()) {
    document["v"] = kQueryVersion;
    document["query"] = mirror.query;
  }
  if (!mirror.patterns.empty()) document["v"] = kPatternVersion;
  for (const TableMapping& pattern : mirror.patterns) document["patterns"].push_back(mapping_json(pattern));
  return dump(document);
}

void read_mirror(std::string_view text, MirrorSpec& into) {
  read(text, [&](const json& document) {
    for (const json& mapping : document.at("tables")) into.tables.push_back(read_mapping(mapping));
    for (const auto& [name, value] : document.at("options").items()) into.options[name] = value.get<std::string>();
    into.query = document.value("query", "");
    for (const json& pattern : document.value("patterns", json::array())) into.patterns.push_back(read_mapping(pattern));
    return true;
  });
}

std::string identity_json(const TargetIdentity& identity) {
  return dump({{"v", kVersion}, {"facts", identity.facts}, {"made", identity.made}});
}

TargetIdentity read_identity(std::string_view text) {
  return read(text, [](const json& document) {
    return TargetIdentity{document.at("facts").get<std::map<std::string, std::string>>(), document.at("made")};
  });
}

std::string parked_json(const ParkedTable& parked) {
  return dump({{"v", kVersion}, {"from", parked.from.value}, {"since_us", parked.since_us}, {"reason", parked.reason}, {"hint", parked.hint}});
}

std::optional<ParkedTable> read_parked(std::string_view text) {
  if (text.empty()) return std::nullopt;
  return read(text, [](const json& document) {
    return ParkedTable{Lsn{document.at("from").get<std::uint64_t>()}, document.at("since_us"), document.at("reason"), document.at("hint")};
  });
}

std::string key_range_json(const Chunk::KeyRange& range) {
  return dump({{"v", kVersion}, {"first", range.first}, {"end", range.end}, {"columns_mark", range.columns_mark}});
}

Chunk::KeyRange read_key_range(std::string_view text) {
  return read(text, [](const json& document) {
    Chunk::KeyRange range;
    range.first = document.at("first").get<std::vector<std::string>>();
    range.end = document.at("end").get<std::vector<std::string>>();
    range.columns_mark = document.at("columns_mark");
    return range;
  });
}

}  // namespace peerd

#include "spec_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "peerd/base/error.h"

namespace peerd {

namespace {

using nlohmann::json;

constexpr int kVersion = 1;
constexpr int kSettingsVersion = 2;  ///< Of a mirror whose mapping sets columns, an engine or PARTITION BY.

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
    if (const int version = document.at("v"); version != kVersion && version != kSettingsVersion)
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

json coverage_json(const CoverageNote& note) {
  return {{"publication", note.publication}, {"row", note.publication_row}, {"owner", note.publication_owner},
          {"paths", note.paths}, {"key", note.key}, {"constraint", note.key_constraint},
          {"toast", note.toast}, {"columns_mark", note.columns_mark}};
}

/// Earlier versions noted one number of a table's own membership, and nothing else.
CoverageNote read_coverage(const json& table) {
  CoverageNote note;
  if (const auto membership = table.value("membership", 0u); membership != 0)
    note.paths = {"table " + std::to_string(membership)};
  const auto found = table.find("coverage");
  if (found == table.end()) return note;
  note.publication = found->at("publication");
  note.publication_row = found->at("row");
  note.publication_owner = found->at("owner");
  note.paths = found->at("paths").get<std::vector<std::string>>();
  note.key = found->at("key");
  note.key_constraint = found->at("constraint");
  note.toast = found->at("toast");
  note.columns_mark = found->at("columns_mark");
  return note;
}

json column_json(const Column& column) {
  json document = {{"name", column.name},           {"type", column.type_oid}, {"modifier", column.type_modifier},
                   {"type_name", column.type_name}, {"in_key", column.in_key}, {"nullable", column.nullable}};
  if (column.missing_value) document["missing_value"] = *column.missing_value;
  if (column.base.oid != 0)
    document["base"] = {{"type", column.base.oid}, {"modifier", column.base.modifier}, {"type_name", column.base.name}};
  if (column.number != 0) document["number"] = column.number;
  return document;
}

Column read_column(const json& document) {
  Column column;
  column.name = document.at("name");
  column.type_oid = document.at("type");
  column.type_modifier = document.at("modifier");
  column.type_name = document.at("type_name");
  column.in_key = document.at("in_key");
  column.nullable = document.at("nullable");
  if (document.contains("missing_value")) column.missing_value = document.at("missing_value").get<std::string>();
  if (const auto base = document.find("base"); base != document.end())
    column.base = {base->at("type"), base->at("modifier"), base->at("type_name")};
  column.number = document.value("number", std::int16_t{0});
  return column;
}

json mark_json(const CatalogNotes::Mark& mark) {
  json document = {{"altered", mark.altered}, {"attached", mark.attached}};
  for (const auto& part : mark.types) {
    document["types"].push_back({{"type", part.type}, {"part", part.part}, {"label", part.label},
                                 {"type_name", part.type_name}, {"text", part.text}});
  }
  return document;
}

CatalogNotes::Mark read_mark(const json& document) {
  CatalogNotes::Mark mark;
  mark.altered = document.at("altered");
  mark.attached = document.at("attached").get<std::vector<std::uint32_t>>();
  for (const json& part : document.value("types", json::array())) {
    mark.types.push_back({part.at("type").get<std::uint32_t>(), part.at("part").get<std::uint32_t>(),
                          part.at("label").get<bool>(), part.at("type_name").get<std::string>(),
                          part.at("text").get<std::string>()});
  }
  return mark;
}

json partitions_json(const std::vector<CatalogNotes::Partition>& partitions) {
  json document = json::array();
  for (const auto& part : partitions) {
    document.push_back({{"oid", part.oid}, {"name", part.name}, {"link", part.link}, {"file_node", part.file_node},
                        {"toast", part.toast}, {"unread", part.unread}});
  }
  return document;
}

std::vector<CatalogNotes::Partition> read_partitions(const json& document) {
  std::vector<CatalogNotes::Partition> partitions;
  const auto found = document.find("partitions");
  if (found == document.end()) return partitions;
  for (const json& part : *found) {
    partitions.push_back({part.at("oid").get<std::uint32_t>(), part.at("name").get<std::string>(),
                          part.at("link").get<std::string>(), part.at("file_node").get<std::uint32_t>(),
                          part.at("toast").get<std::uint32_t>(), part.at("unread").get<bool>()});
  }
  return partitions;
}

json notes_json(const CatalogNotes& notes) {
  json excluded = json::array(), marks = json::array();
  for (const auto& column : notes.excluded) excluded.push_back({{"name", column.name}, {"number", column.number}});
  for (const auto& mark : notes.marks) marks.push_back(mark_json(mark));
  return {{"last_number", notes.last_number}, {"file_node", notes.file_node}, {"logged", notes.logged},
          {"rewritten", notes.rewritten},
          {"excluded", excluded}, {"marks", marks}, {"partitions", partitions_json(notes.partitions)},
          {"read_again", notes.read_again.value}};
}

CatalogNotes read_notes(const json& document) {
  CatalogNotes notes;
  notes.last_number = document.at("last_number");
  notes.file_node = document.at("file_node");
  notes.logged = document.value("logged", std::vector<std::string>());
  notes.rewritten = document.at("rewritten");
  for (const json& column : document.at("excluded"))
    notes.excluded.push_back({column.at("name").get<std::string>(), column.at("number").get<std::int16_t>()});
  for (const json& mark : document.at("marks")) notes.marks.push_back(read_mark(mark));
  notes.partitions = read_partitions(document);
  notes.read_again = Lsn{document.value("read_again", std::uint64_t{0})};
  return notes;
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
  return document;
}

TableMapping read_mapping(const json& document) {
  TableMapping mapping{document.at("source").get<std::string>(), document.at("target").get<std::string>(),
                       document.at("exclude").get<std::vector<std::string>>()};
  for (const json& column : document.value("columns", json::array())) mapping.columns.push_back(read_setting(column));
  mapping.engine = document.value("engine", "");
  mapping.partition_by = document.value("partition_by", "");
  return mapping;
}

}  // namespace

std::string mirror_json(const MirrorSpec& mirror) {
  json tables = json::array();
  for (const TableMapping& mapping : mirror.tables) tables.push_back(mapping_json(mapping));
  // What an earlier peerd would pass over is of a version that it refuses.
  const bool settings = std::ranges::any_of(mirror.tables, has_settings);
  return dump({{"v", settings ? kSettingsVersion : kVersion}, {"tables", tables}, {"options", mirror.options}});
}

void read_mirror(std::string_view text, MirrorSpec& into) {
  read(text, [&](const json& document) {
    for (const json& mapping : document.at("tables")) into.tables.push_back(read_mapping(mapping));
    for (const auto& [name, value] : document.at("options").items()) into.options[name] = value.get<std::string>();
    return true;
  });
}

std::string table_json(const MirrorTable& table) {
  const TableSchema& schema = table.schema;
  json columns = json::array();
  for (const Column& column : schema.columns) columns.push_back(column_json(column));
  return dump({{"v", kVersion},
               {"oid", schema.id.oid},
               {"schema", schema.schema},
               {"name", schema.name},
               {"columns", columns},
               {"key", schema.key},
               {"identity", static_cast<int>(schema.identity)},
               {"partitioned", schema.partitioned},
               {"target", table.target_name},
               {"coverage", coverage_json(table.coverage)},
               {"notes", notes_json(table.notes)}});
}

MirrorTable read_table(std::string_view text) {
  return read(text, [](const json& document) {
    MirrorTable table;
    TableSchema& schema = table.schema;
    schema.id.oid = document.at("oid");
    schema.schema = document.at("schema");
    schema.name = document.at("name");
    for (const json& column : document.at("columns")) schema.columns.push_back(read_column(column));
    schema.key = document.at("key").get<std::vector<std::uint16_t>>();
    schema.identity = static_cast<ReplicaIdentity>(document.at("identity").get<int>());
    schema.partitioned = document.value("partitioned", false);
    table.target_name = document.at("target");
    table.coverage = read_coverage(document);
    // Rows of older versions have none: they are learnt at the next start of the stream.
    if (document.contains("notes")) table.notes = read_notes(document.at("notes"));
    return table;
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

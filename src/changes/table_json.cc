#include "peerd/changes/table_json.h"

#include <nlohmann/json.hpp>

#include "peerd/base/error.h"

namespace peerd {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;

std::string dump(const json& document) {
  try {
    return document.dump();
  } catch (const json::exception&) {
    throw Error(ErrorCode::bad_value, "a name or a value of a table's definition is not valid UTF-8");
  }
}

template <typename Read>
auto reading(Read read) {
  try {
    return read();
  } catch (const json::exception& error) {
    throw Error(ErrorCode::internal, std::string("what was kept of a table cannot be read: ") + error.what());
  }
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
  if (!column.mapped.empty()) document["mapped"] = column.mapped;
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
  column.mapped = document.value("mapped", "");
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

json named_json(const std::vector<CatalogNotes::Excluded>& columns) {
  json document = json::array();
  for (const auto& column : columns) document.push_back({{"name", column.name}, {"number", column.number}});
  return document;
}

std::vector<CatalogNotes::Excluded> read_named(const json& document) {
  std::vector<CatalogNotes::Excluded> columns;
  for (const json& column : document)
    columns.push_back({column.at("name").get<std::string>(), column.at("number").get<std::int16_t>()});
  return columns;
}

json sent_json(const std::vector<CatalogNotes::Sent>& sent) {
  json document = json::array();
  for (const auto& before : sent) {
    json types = json::array();
    for (const TypeOf& type : before.types) types.push_back({type.oid, type.modifier});
    document.push_back({{"until", before.until.value}, {"names", before.names}, {"numbers", before.numbers}, {"types", types}});
  }
  return document;
}

std::vector<CatalogNotes::Sent> read_sent(const json& document) {
  std::vector<CatalogNotes::Sent> sent;
  for (const json& before : document) {
    sent.push_back({Lsn{before.at("until").get<std::uint64_t>()}, before.at("names").get<std::vector<std::string>>(),
                    before.at("numbers").get<std::vector<std::int16_t>>()});
    for (const json& type : before.value("types", json::array())) sent.back().types.push_back({type.at(0), type.at(1), {}});
  }
  return sent;
}

json notes_json(const CatalogNotes& notes) {
  json marks = json::array();
  for (const auto& mark : notes.marks) marks.push_back(mark_json(mark));
  json document = {{"last_number", notes.last_number}, {"file_node", notes.file_node}, {"logged", notes.logged},
          {"rewritten", notes.rewritten},
          {"excluded", named_json(notes.excluded)}, {"marks", marks}, {"partitions", partitions_json(notes.partitions)},
          {"read_again", notes.read_again.value}};
  if (!notes.sent.empty()) document["sent"] = sent_json(notes.sent);
  if (!notes.renaming.empty()) document["renaming"] = named_json(notes.renaming);
  for (const Column& column : notes.retyping) document["retyping"].push_back(column_json(column));
  if (!notes.dropping.empty()) document["dropping"] = named_json(notes.dropping);
  return document;
}

CatalogNotes read_notes(const json& document) {
  CatalogNotes notes;
  notes.last_number = document.at("last_number");
  notes.file_node = document.at("file_node");
  notes.logged = document.value("logged", std::vector<std::string>());
  notes.rewritten = document.at("rewritten");
  notes.excluded = read_named(document.at("excluded"));
  notes.sent = read_sent(document.value("sent", json::array()));
  notes.renaming = read_named(document.value("renaming", json::array()));
  for (const json& column : document.value("retyping", json::array())) notes.retyping.push_back(read_column(column));
  notes.dropping = read_named(document.value("dropping", json::array()));
  for (const json& mark : document.at("marks")) notes.marks.push_back(read_mark(mark));
  notes.partitions = read_partitions(document);
  notes.read_again = Lsn{document.value("read_again", std::uint64_t{0})};
  return notes;
}

}  // namespace

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
  return reading([&] {
    const json document = json::parse(text);
    if (document.at("v") != kVersion)
      throw Error(ErrorCode::internal, "a table was kept in a version that this peerd does not know");
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

std::string shape_json(const NewShape& shape) {
  return dump({{"table", table_json(shape.table)}, {"start", shape.table.start.value}, {"commit", shape.commit.value},
               {"horizon", shape.horizon.value}, {"words", shape.words}, {"hint", shape.hint}});
}

NewShape read_shape(std::string_view text) {
  return reading([&] {
    const json document = json::parse(text);
    NewShape shape{.table = read_table(document.at("table").get<std::string>()),
                   .commit = Lsn{document.at("commit").get<std::uint64_t>()},
                   .horizon = Lsn{document.at("horizon").get<std::uint64_t>()},
                   .words = document.at("words").get<std::string>(),
                   .hint = document.at("hint").get<std::string>()};
    shape.table.start = Lsn{document.at("start").get<std::uint64_t>()};
    return shape;
  });
}

}  // namespace peerd

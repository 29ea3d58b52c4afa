#include "json_parts.h"

#include <nlohmann/json.hpp>

#include "peerd/base/text.h"
#include "plain_json.h"

namespace peerd::rest {
namespace {

namespace pb = google::protobuf;
using Json = nlohmann::ordered_json;

constexpr std::string_view kPreconditionFailure = "type.googleapis.com/google.rpc.PreconditionFailure";

bool is_plain_message(const pb::FieldDescriptor& field) {
  return field.message_type() && !field.is_map() && !field.message_type()->full_name().starts_with("google.protobuf.");
}

bool may_be_null(const pb::FieldDescriptor& field) {
  return field.message_type() && !field.is_repeated() && !field.has_optional_keyword() && !field.real_containing_oneof();
}

/// Whether a message of that type can have a null in it at all.
bool holds_nullable(const pb::Descriptor& type) {
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& field = *type.field(i);
    if (may_be_null(field) || (is_plain_message(field) && holds_nullable(*field.message_type()))) return true;
  }
  return false;
}

void add_nulls(const pb::Message& message, Json& json) {
  const auto& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const auto* field = message.GetDescriptor()->field(i);
    if (!field->message_type() || field->is_map()) continue;
    if (!field->is_repeated() && !reflection.HasField(message, field)) {
      if (may_be_null(*field)) json[field->json_name()] = nullptr;
      continue;
    }
    if (!is_plain_message(*field)) continue;
    Json& inner = json[field->json_name()];
    if (!field->is_repeated()) add_nulls(reflection.GetMessage(message, field), inner);
    for (int j = 0; field->is_repeated() && j < reflection.FieldSize(message, field); ++j)
      add_nulls(reflection.GetRepeatedMessage(message, field, j), inner[static_cast<std::size_t>(j)]);
  }
}

}  // namespace

std::string reason_of(const ErrorText& text) {
  return to_upper(facts(text.code).word);
}

std::string with_nulls(const pb::Message& message, std::string json) {
  if (!holds_nullable(*message.GetDescriptor())) return json;
  Json document = Json::parse(json);
  add_nulls(message, document);
  return write_plain(document);
}

std::string with_violations(std::string json, const Problems& problems) {
  Json violations = Json::array();
  for (const Problem& problem : problems) {
    if (problem.text.table.empty()) continue;
    violations.push_back({{"type", reason_of(problem.text)},
                          {"subject", problem.text.table},
                          {"description", problem.text.message}});
  }
  if (violations.empty()) return json;
  Json document = Json::parse(json);
  document["details"].push_back({{"@type", kPreconditionFailure}, {"violations", std::move(violations)}});
  return write_plain(document);
}

}  // namespace peerd::rest

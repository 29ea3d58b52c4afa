#include "json.h"

#include <google/protobuf/util/json_util.h>

#include <map>
#include <vector>

#include "peerd/base/option_table.h"
#include "json_parts.h"
#include "peerd/base/text.h"
#include "proto/route.pb.h"

namespace peerd::rest {
namespace {

namespace pb = google::protobuf;

constexpr std::string_view kErrorInfo = "type.googleapis.com/google.rpc.ErrorInfo";

/// The message that a path such as "peer.postgres_config" leads to; nullptr when it leads to none.
const pb::Descriptor* descriptor_at(const pb::Descriptor* root, std::string_view path) {
  for (std::string part : split(path, '.')) {
    part = part.substr(0, part.find('['));
    if (part.empty()) continue;
    const auto* field = root->FindFieldByName(part);
    if (!field) field = root->FindFieldByCamelcaseName(part);
    if (!field || field->message_type() == nullptr) return nullptr;
    root = field->message_type();
  }
  return root;
}

std::string hint_of(const pb::Descriptor* message, std::string_view field) {
  if (!message) return {};
  std::vector<std::string_view> names;
  std::vector<std::string> list;
  for (int i = 0; i < message->field_count(); ++i) {
    names.push_back(message->field(i)->name());
    names.push_back(message->field(i)->camelcase_name());
    list.push_back(message->field(i)->name());
  }
  const auto meant = closest(field, names);
  return meant.empty() ? "fields: " + join(list, ", ") : "did you mean " + std::string(meant);
}

/// libprotobuf's words, "(peer.postgres_config) hots: Cannot find field.", taken apart.
[[noreturn]] void refuse(const std::string& message, const pb::Descriptor* root) {
  static constexpr std::string_view kUnknown = ": Cannot find field.";
  const std::string first = message.substr(0, message.find('\n'));
  const auto close = first.starts_with('(') ? first.find(')') : std::string::npos;
  const std::string path = close == std::string::npos ? "" : first.substr(1, close - 1);
  if (first.ends_with(kUnknown)) {
    const std::size_t begin = close == std::string::npos ? 0 : close + 2;
    const std::string name = first.substr(begin, first.size() - kUnknown.size() - begin);
    const std::string whole = path.empty() ? name : path + "." + name;
    refuse_field(whole, "unknown field \"" + whole + "\"", hint_of(descriptor_at(root, path), name));
  }
  if (!path.empty() && first.find("oneof field") != std::string::npos) {
    refuse_field(path, "\"" + path + "\" has more than one config", "send the one that belongs to its type");
  }
  if (!path.empty()) {
    const auto type = first.rfind(" for type ");
    const std::string wanted = type == std::string::npos ? "" : to_lower(first.substr(first.find_last_of("./_ ") + 1));
    refuse_field(path, "field \"" + path + "\" has a value of the wrong type",
                 wanted.empty() ? "" : "it takes " + wanted);
  }
  throw Error(ErrorCode::syntax,
              "the body is not JSON of the expected form: " + to_lower(first.substr(0, first.find('.'))),
              "send one JSON object");
}

pb::util::JsonPrintOptions every_field() {
  pb::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  return options;
}

std::string print(const pb::Message& message, const pb::util::JsonPrintOptions& options = every_field()) {
  std::string text;
  if (!pb::util::MessageToJsonString(message, &text, options).ok()) {
    throw Error(ErrorCode::internal, "the reply cannot be written as JSON");
  }
  return text;
}

using Metadata = std::map<std::string, std::string>;

void add_info(peerdb_route::ErrorReply& reply, std::string_view reason, const Metadata& metadata) {
  auto* info = reply.add_details();
  info->set_at_type(std::string(kErrorInfo));
  info->set_reason(std::string(reason));
  info->set_domain("peerd");
  for (const auto& [name, value] : metadata) {
    if (!value.empty()) (*info->mutable_metadata())[name] = value;
  }
}

peerdb_route::ErrorReply error_reply(int code, std::string_view message) {
  peerdb_route::ErrorReply reply;
  reply.set_code(code);
  reply.set_message(std::string(message));
  return reply;
}

Metadata metadata_of(const ErrorText& text) {
  return {{"hint", text.hint},   {"detail", text.detail}, {"field", text.field},
          {"table", text.table}, {"origin", text.origin}, {"sqlstate", std::string(facts(text.code).sqlstate)}};
}

/// The problem's own hint, and the statement that cures it on a line of its own.
std::string cure_of(const Problem& problem) {
  const bool both = !problem.text.hint.empty() && !problem.cure_sql.empty();
  return problem.text.hint + (both ? "\n" : "") + problem.cure_sql;
}

}  // namespace

void refuse_field(std::string field, std::string message, std::string hint) {
  throw Error(ErrorText{.code = ErrorCode::invalid_option,
                        .message = std::move(message),
                        .hint = std::move(hint),
                        .field = std::move(field)});
}

void read_json(std::string_view body, pb::Message& message) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return;
  const auto status = pb::util::JsonStringToMessage(pb::StringPiece(body.data(), body.size()), &message);
  if (!status.ok()) refuse(std::string(status.message().data(), status.message().size()), message.GetDescriptor());
}

std::string write_json(const pb::Message& message) { return with_nulls(message, print(message)); }

std::string write_json_as_declared(const pb::Message& message) {
  pb::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  return print(message, options);
}

ErrorCodeFacts answer_facts(const ErrorText& text) {
  ErrorCodeFacts known = facts(text.code);
  if (text.code == ErrorCode::not_found && !(text.table.empty() && text.origin.empty())) {
    known.http_status = facts(ErrorCode::source_unfit).http_status;
    known.grpc = facts(ErrorCode::source_unfit).grpc;
  }
  return known;
}

std::string error_json(const ErrorText& text) {
  auto reply = error_reply(answer_facts(text).grpc, text.message);
  add_info(reply, reason_of(text), metadata_of(text));
  return with_violations(print(reply), {{text, {}}});
}

std::string error_json(const ErrorText& text, const Problems& problems) {
  auto reply = error_reply(answer_facts(text).grpc, text.message);
  for (const Problem& problem : problems) {
    const bool first = &problem == &problems.front();
    Metadata metadata = metadata_of(first ? text : problem.text);
    metadata["message"] = problem.text.message;
    metadata[first ? "own_hint" : "hint"] = cure_of(problem);
    add_info(reply, reason_of(problem.text), metadata);
  }
  return with_violations(print(reply), problems);
}

std::string error_json(const ErrorText& text, std::string_view sqlstate, std::size_t position) {
  auto reply = error_reply(3, text.message);
  Metadata metadata = metadata_of(text);
  metadata["sqlstate"] = sqlstate;
  if (position > 0) metadata["position"] = std::to_string(position);
  add_info(reply, reason_of(text), metadata);
  return print(reply);
}

std::string error_json(int grpc_code, std::string_view reason, std::string_view message, std::string_view hint) {
  auto reply = error_reply(grpc_code, message);
  add_info(reply, reason, {{"hint", std::string(hint)}});
  return print(reply);
}

}  // namespace peerd::rest

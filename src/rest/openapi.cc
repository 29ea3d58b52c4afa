// The API as OpenAPI 3.0, made from the table of routes: what a route takes and answers in full is docs/rest.md's.
#include <nlohmann/json.hpp>

#include "peerd/base/text.h"
#include "peerd/base/version.h"
#include "plain_json.h"
#include "routes.h"

namespace peerd::rest {
namespace {

using Json = nlohmann::ordered_json;

/// "get_mirrors_name_history": unique, as method and path are.
std::string operation_id(const Route& route) {
  std::string id = to_lower(route.method) + "_" + std::string(route.path);
  std::erase_if(id, [](char c) { return c == '{' || c == '}'; });
  for (char& c : id) {
    if (c == '/' || c == '-' || c == '.') c = '_';
  }
  return id;
}

Json content_of(std::string_view type) {
  const Json schema = type == "application/json" ? Json::object() : Json{{"type", "string"}};
  return {{std::string(type), {{"schema", schema}}}};
}

Json operation_of(const Route& route) {
  const bool streams = route.answer == stream_events;
  Json operation{{"operationId", operation_id(route)}, {"summary", route.doc}};
  if (const auto brace = route.path.find('{'); brace != std::string_view::npos) {
    const std::string name(route.path.substr(brace + 1, route.path.find('}') - brace - 1));
    operation["parameters"] = Json::array(
        {Json{{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}}});
  }
  if (route.method == "POST") operation["requestBody"] = {{"content", content_of("application/json")}};
  operation["responses"] = {
      {"200", {{"description", "done"}, {"content", content_of(streams ? "text/event-stream" : "application/json")}}},
      {"default", {{"$ref", "#/components/responses/Error"}}}};
  return operation;
}

/// google.rpc.Status, as every refusal is.
Json components() {
  const Json text{{"type", "string"}};
  const Json detail{{"type", "object"}, {"properties", {{"@type", text}, {"reason", text}}}, {"additionalProperties", true}};
  const Json status{{"type", "object"},
                    {"required", Json::array({"code", "message", "details"})},
                    {"properties", {{"code", {{"type", "integer"}}},
                                    {"message", text},
                                    {"details", {{"type", "array"}, {"items", detail}}}}}};
  const Json refused{{"description", "refused: docs/rest.md tells which status means what"},
                     {"content", {{"application/json", {{"schema", {{"$ref", "#/components/schemas/Error"}}}}}}}};
  return {{"schemas", {{"Error", status}}},
          {"responses", {{"Error", refused}}},
          {"securitySchemes",
           {{"password", {{"type", "http"}, {"scheme", "basic"}, {"description", "an empty user name"}}},
            {"session", {{"type", "apiKey"}, {"in", "cookie"}, {"name", "peerd_session"}}}}}};
}

}  // namespace

std::string openapi(Call&) {
  Json paths = Json::object();
  for (const Route& route : routes()) paths["/" + std::string(route.path)][to_lower(route.method)] = operation_of(route);
  return write_plain({{"openapi", "3.0.3"},
                      {"info", {{"title", "peerd"}, {"version", kVersion}}},
                      {"servers", Json::array({Json{{"url", "/api/v1"}}})},
                      {"security", Json::array({Json{{"password", Json::array()}}, Json{{"session", Json::array()}}, Json::object()})},
                      {"paths", std::move(paths)},
                      {"components", components()}});
}

}  // namespace peerd::rest

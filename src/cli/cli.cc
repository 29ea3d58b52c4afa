#include "peerd/cli/cli.h"

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "document.h"
#include "peerd/base/encoding.h"
#include "peerd/base/error.h"

namespace peerd::cli {
namespace {

using Json = nlohmann::ordered_json;
using Print = std::function<void(std::string_view)>;

constexpr std::chrono::minutes kPatience{2};  // Longer than any request of the API lasts.
constexpr int kWouldChange = 2;

std::string read_file(const std::string& path) {
  std::ostringstream text;
  if (path == "-") {
    text << std::cin.rdbuf();
    return text.str();
  }
  std::ifstream file(path);
  text << file.rdbuf();
  if (!file) throw Error(ErrorCode::invalid_option, "cannot read the file " + path, "peerd plan FILE");
  return text.str();
}

/// The server's refusal as it worded it.
Error refusal(int status, const Json& answer) {
  ErrorText text{.code = ErrorCode::peer_error};
  text.message = answer.value("message", "peerd answers " + std::to_string(status));
  if (const auto details = answer.find("details"); details != answer.end() && !details->empty()) {
    const Json metadata = details->front().value("metadata", Json::object());
    text.detail = metadata.value("detail", "");
    text.hint = metadata.value("hint", "");
    text.field = metadata.value("field", "");
  }
  if (status == 401 || status == 403) text.hint = "PEERD_PASSWORD is the password of the peerd that is asked";
  return Error(text);
}

class Client {
 public:
  explicit Client(const Server& server) : http_(server.endpoint) {
    if (!server.password.empty()) headers_["authorization"] = "Basic " + base64_encode(":" + server.password);
  }
  Json ask(std::string_view method, const std::string& path, const std::string& body = {}) {
    const auto answer = http_.request(method, "/api/v1/" + path, headers_, body, Wait::at_most(kPatience));
    const Json json = Json::parse(answer.body, nullptr, false);
    if (json.is_discarded()) {
      throw Error(ErrorCode::peer_error, "the server answers " + std::to_string(answer.status) + ", and no JSON",
                  "is it peerd?");
    }
    if (answer.status >= 300) throw refusal(answer.status, json);
    return json;
  }
  Json post(const std::string& path, const Json& body) { return ask("POST", path, body.dump()); }

 private:
  net::HttpClient http_;
  std::map<std::string, std::string> headers_{{"content-type", "application/json"}};
};

std::string words(const Json& change) {
  const std::string action = change.at("action"), differs = change.at("differs");
  std::string line = action + " " + change.at("kind").get<std::string>() + " " + change.at("name").get<std::string>();
  if (action == "impossible")
    line = "cannot update mirror " + change.at("name").get<std::string>();
  if (!differs.empty()) line += ": " + differs;
  if (const std::string hint = change.at("hint"); !hint.empty()) line += " (" + hint + ")";
  return line;
}

/// What of `list` the change is about; nullptr: nothing.
const Json* find(const Json& list, const Json& change, const Json::json_pointer& name) {
  for (const Json& one : list)
    if (one.at(name) == change.at("name")) return &one;
  return nullptr;
}

const Json& declared(const Json& list, const Json& change, const Json::json_pointer& name) {
  if (const Json* one = find(list, change, name)) return *one;
  throw Error(ErrorCode::internal, "the server plans what was not declared");
}

void apply(Client& client, const Json& document, const Json& change) {
  const std::string kind = change.at("kind"), action = change.at("action"), name = change.at("name");
  if (kind == "peer" && action == "drop") {
    client.post("peers/drop", {{"peer_name", name}});
  } else if (kind == "peer") {
    const Json& peer = declared(document.at("peers"), change, Json::json_pointer("/peer/name"));
    const bool update = action == "update";
    client.post("peers/create", {{"peer", peer.at("peer")}, {"keep", peer.at("keep")}, {"allow_update", update}});
  } else if (action == "drop") {
    client.post("mirrors/state_change", {{"flow_job_name", name}, {"requested_flow_state", "STATUS_TERMINATING"}});
  } else {
    const Json::json_pointer by_name("/flow_job_name");
    const bool update = action == "update";
    if (const Json* query = find(document.at("query_mirrors"), change, by_name)) {
      client.post("flows/qrep/create", {{"qrep_config", *query}, {"allow_update", update}});
    } else {
      client.post("flows/cdc/create", {{"connection_configs", declared(document.at("mirrors"), change, by_name)}, {"allow_update", update}});
    }
  }
}

std::string counted(std::size_t steps, const std::string& what) {
  return std::to_string(steps) + (steps == 1 ? " change " : " changes ") + what;
}

int plan_or_apply(const Command& command, Client& client, const Print& print) {
  Json document = read_document(read_file(command.file));
  document["prune"] = command.prune;
  Json steps = Json::array(), impossible = Json::array();
  const Json plan = client.post("plan", document);
  for (const Json& change : plan.at("changes")) {
    if (change.at("action") == "none") continue;
    (change.at("action") == "impossible" ? impossible : steps).push_back(change);
  }
  const bool applies = command.verb == Command::Verb::apply;
  for (const Json& change : impossible) print(words(change));
  if (applies && !impossible.empty())
    throw Error(ErrorCode::wrong_state,
                "nothing was done: " + counted(impossible.size(), "cannot be made to what is there"));
  for (const Json& change : steps) {
    if (applies) apply(client, document, change);
    print(words(change));
  }
  const std::size_t all = steps.size() + impossible.size();
  print(all == 0 ? "nothing to change: all is as declared" : counted(all, applies ? "made" : "to make"));
  return applies || all == 0 ? 0 : kWouldChange;
}

}  // namespace

int run(const Command& command, const Server& server, const Print& print) {
  Client client(server);
  if (command.verb != Command::Verb::export_) return plan_or_apply(command, client, print);
  std::string document = write_document(client.ask("GET", "declaration"));
  document.pop_back();  // Its last line break, which comes with print.
  print(document);
  return 0;
}

}  // namespace peerd::cli

#include <nlohmann/json.hpp>

#include "json.h"
#include "plain_json.h"
#include "proto/route.pb.h"
#include "routes.h"

namespace peerd::rest {

std::string run_query(Call& call) {
  using Json = nlohmann::ordered_json;
  peerdb_route::QueryRequest body;
  read_json(call.body, body);
  if (!call.deps.query) throw Error(ErrorCode::not_supported, "this server answers no queries");
  const ViewQueryRows found = call.deps.query(body.sql(), call.wait);
  Json columns = Json::array(), rows = Json::array();
  for (const auto& column : found.columns) columns.push_back({{"name", column.name}, {"type", column.type}});
  for (const auto& row : found.rows) {
    Json cells = Json::array();
    for (const auto& cell : row) cells.push_back(cell ? Json(*cell) : Json());
    rows.push_back(std::move(cells));
  }
  return write_plain({{"columns", std::move(columns)}, {"rows", std::move(rows)}, {"truncated", found.truncated}});
}

}  // namespace peerd::rest

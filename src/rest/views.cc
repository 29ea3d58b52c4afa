#include <algorithm>
#include <nlohmann/json.hpp>

#include "plain_json.h"
#include "routes.h"
#include "view_json.h"

namespace peerd::rest {
namespace {

using Json = nlohmann::ordered_json;
using Row = std::vector<View::Cell>;

constexpr std::int64_t kDefaultRows = 1000, kMostRows = 10'000;

std::string_view type_word(View::Column::Type type) {
  using enum View::Column::Type;
  switch (type) {
    case integer:
      return "integer";
    case real:
      return "real";
    case boolean:
      return "boolean";
    case timestamp:
      return "timestamp";
    case text:
      break;
  }
  return "text";
}

const View& view_named(std::string_view name, const std::vector<View>& all) {
  std::vector<std::string_view> names;
  for (const View& view : all) {
    if (view.name == name) return view;
    names.push_back(view.name);
  }
  const auto meant = closest(name, names);
  throw Error(ErrorText{.code = ErrorCode::not_found,
                        .message = "there is no view \"" + std::string(name) + "\"",
                        .hint = meant.empty() ? "GET views lists them" : "did you mean " + std::string(meant),
                        .field = "view"});
}

/// A column's place and the value that its cells must have.
struct Filter {
  std::size_t column;
  View::Cell value;
};

/// As cells have it: a view writes booleans as t and f.
std::string cell_text(View::Column::Type type, const std::string& value) {
  if (type == View::Column::Type::boolean && (value == "true" || value == "false")) return value.substr(0, 1);
  return value;
}

std::vector<Filter> filters_of(const Query& query, const View& view) {
  std::vector<Filter> filters;
  for (const auto& [name, value] : query) {
    if (name == "limit") continue;
    const auto column = std::find_if(view.columns.begin(), view.columns.end(),
                                     [&name = name](const View::Column& column) { return column.name == name; });
    if (column == view.columns.end()) {
      std::vector<std::string_view> names{"limit"};
      for (const View::Column& known : view.columns) names.push_back(known.name);
      const auto meant = closest(name, names);
      throw Error(ErrorText{.code = ErrorCode::invalid_option,
                            .message = "the view \"" + view.name + "\" has no column \"" + name + "\"",
                            .hint = meant.empty() ? "GET views lists the columns" : "did you mean " + std::string(meant),
                            .field = name});
    }
    filters.push_back({static_cast<std::size_t>(column - view.columns.begin()), cell_text(column->type, value)});
  }
  return filters;
}

}  // namespace

std::string list_views(Call& call) {
  Json list = Json::array();
  for (const View& view : views(call.deps.peers, call.deps.mirrors, call.deps.catalog)) {
    Json columns = Json::array();
    for (const View::Column& column : view.columns)
      columns.push_back({{"name", column.name}, {"type", type_word(column.type)}});
    list.push_back({{"name", view.name}, {"doc", view.doc}, {"columns", std::move(columns)}});
  }
  return write_plain({{"views", std::move(list)}});
}

std::string view_rows(Call& call) {
  const std::string only(call.optional("mirror"));
  const std::vector<View> all = views(call.deps.peers, call.deps.mirrors, call.deps.catalog, only);
  const View& view = view_named(call.parameter, all);
  const auto limit = static_cast<std::size_t>(call.integer("limit", kDefaultRows, 1, kMostRows));
  const std::vector<Filter> filters = filters_of(call.query, view);
  std::vector<Row> rows = view.rows();
  std::erase_if(rows, [&](const Row& row) {
    return std::any_of(filters.begin(), filters.end(),
                       [&](const Filter& filter) { return row[filter.column] != filter.value; });
  });
  const std::size_t left_out = rows.size() - std::min(rows.size(), limit);
  return "{\"rows\":" + rows_json(view, std::span(rows).subspan(left_out)) + "}";
}

}  // namespace peerd::rest

#include "view_json.h"

#include <nlohmann/json.hpp>

namespace peerd::rest {
namespace {

/// "2026-01-31 11:00:00.123+00", as every view has it, in ISO 8601.
std::string iso_time(std::string_view text) {
  std::string out(text.substr(0, text.find('+')));
  if (const auto blank = out.find(' '); blank != std::string::npos) out[blank] = 'T';
  return out + "Z";
}

void append_cell(std::string& out, View::Column::Type type, const View::Cell& cell) {
  using enum View::Column::Type;
  if (!cell) {
    out += "null";
    return;
  }
  switch (type) {
    case integer:
    case real:
      out += *cell;  // A view writes digits and a point: that is JSON's form as well.
      return;
    case boolean:
      out += *cell == "t" ? "true" : "false";
      return;
    case timestamp:
      out += json_text(iso_time(*cell));
      return;
    case text:
      out += json_text(*cell);
      return;
  }
}

void append_row(std::string& out, const View& view, const std::vector<View::Cell>& row) {
  out += '{';
  for (std::size_t i = 0; i < view.columns.size(); ++i) {
    if (i > 0) out += ',';
    out += json_text(view.columns[i].name);
    out += ':';
    append_cell(out, view.columns[i].type, row[i]);
  }
  out += '}';
}

}  // namespace

std::string json_text(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string row_json(const View& view, const std::vector<View::Cell>& row) {
  std::string out;
  append_row(out, view, row);
  return out;
}

std::string rows_json(const View& view, std::span<const std::vector<View::Cell>> rows) {
  std::string out = "[";
  for (const auto& row : rows) {
    if (out.size() > 1) out += ',';
    append_row(out, view, row);
  }
  return out + "]";
}

}  // namespace peerd::rest

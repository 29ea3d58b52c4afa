#include "kafka/encode.h"

#include <chrono>

#include "kafka/json.h"
#include "kafka/row_encoder.h"
#include "peerd/base/error.h"

namespace peerd::kafka {
namespace {

[[noreturn]] void refuse(const TableSchema& schema, const std::string& column, const char* wrong) {
  ErrorText text{.code = ErrorCode::bad_value,
                 .message = "column " + column + " of " + schema.qualified() + " holds " + wrong};
  text.detail = key_words(schema);
  // Text has to be UTF-8 in every format.
  text.hint = std::string("change it at the source, exclude the column, ") + (wrong == kNoUtf8 ? "" : "use another format of the mirror, ") +
              "or set on_bad_row = 'dead_letter'";
  text.table = schema.qualified();
  throw Error(std::move(text));
}

}  // namespace

std::string key_words(const TableSchema& schema) {
  std::string words;
  for (const std::uint16_t part : schema.key)
    words += (words.empty() ? "the row's key is (" : ", ") + schema.columns[part].name;
  return words.empty() ? words : words + ")";
}

std::string_view to_string(Kind kind) {
  constexpr std::string_view kWords[] = {"insert", "update", "delete", "read", "truncate", "horizon", "tombstone", "message"};
  return kWords[static_cast<std::size_t>(kind)];
}

std::int64_t unix_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

std::string json_name(std::string_view name) {
  std::string out;
  if (append_json(name, out)) return out;
  throw Error(ErrorCode::bad_value, "a table or a column has a name that is no UTF-8", "rename it at the source");
}

void append_prefix(std::string_view prefix, std::string& out) {
  if (!append_json(prefix, out))
    throw Error(ErrorCode::bad_value, "a logical message has a prefix that is no UTF-8",
                "name the prefixes that are wanted in logical_messages");
}

void logical_key(std::string_view prefix, std::string& out) {
  out += "{\"prefix\":";
  append_prefix(prefix, out);
  out.push_back('}');
}

RowEncoder::RowEncoder(const TableSchema& schema) : schema_(schema) {
  for (std::size_t c = 0; c < schema_.columns.size(); ++c) {
    std::string name;
    if (!append_json(schema_.columns[c].name, name)) {
      ErrorText text{.code = ErrorCode::bad_value, .message = "column " + std::to_string(c + 1) + " of " + schema_.qualified() + " has a name that is no UTF-8"};
      text.hint = "rename the column at the source";
      text.table = schema_.qualified();
      throw Error(std::move(text));
    }
    names_.push_back(name + ":");
  }
}

void RowEncoder::unavailable(std::size_t, std::string&) const {
  throw Error(ErrorCode::internal, "a value that is not known was to be written");
}

void RowEncoder::member(std::size_t column, const CellView& value, bool& first, std::string& out) const {
  if (!first) out.push_back(',');
  first = false;
  out += names_[column];
  switch (value.kind) {
    case CellView::Kind::null: out += "null"; return;
    case CellView::Kind::unchanged: return unavailable(column, out);
    case CellView::Kind::text:
      if (const char* wrong = cell(column, value.bytes, out)) refuse(schema_, schema_.columns[column].name, wrong);
  }
}

void RowEncoder::key_of_row(std::span<const CellView> row, std::string& out) const {
  if (schema_.keyless()) return;
  bool first = true;
  out.push_back('{');
  for (const std::uint16_t column : schema_.key) member(column, row[column], first, out);
  out.push_back('}');
}

void RowEncoder::unchanged_names(const Message& message, std::string& out) const {
  out.push_back('[');
  bool first = true;
  for (std::size_t c = 0; c < message.filled.size(); ++c) {
    if (message.filled[c] == 0) continue;
    if (!first) out.push_back(',');
    first = false;
    out.append(names_[c], 0, names_[c].size() - 1);
  }
  out.push_back(']');
}

std::unique_ptr<Encoder> make_encoder(const TableSchema& schema, Format format, const Names& names) {
  return format == Format::debezium ? make_debezium_encoder(schema, names) : make_plain_encoder(schema, format);
}

}  // namespace peerd::kafka

#include "kafka/encode.h"

#include <charconv>

#include "peerd/base/error.h"
#include "peerd/postgres/types.h"

namespace peerd::kafka {
namespace {

using namespace postgres;

template <class T>
void append_number(T value, std::string& out) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void append_two(unsigned value, std::string& out) {
  out.push_back(static_cast<char>('0' + value / 10));
  out.push_back(static_cast<char>('0' + value % 10));
}

/// "2026-11-25T11:00:00.123456Z", quoted. Howard Hinnant's days-to-civil.
void append_time(std::int64_t us, std::string& out) {
  constexpr std::int64_t kDay = 86'400'000'000;
  std::int64_t days = us / kDay, rest = us % kDay;
  if (rest < 0) rest += kDay, --days;
  const std::int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
  const auto doe = static_cast<unsigned>(z - era * 146097);
  const unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const unsigned mp = (5 * doy + 2) / 153, day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9;
  const auto year = static_cast<unsigned>(static_cast<std::int64_t>(yoe) + era * 400 + (month <= 2 ? 1 : 0));
  out.push_back('"');
  append_two(year / 100 % 100, out), append_two(year % 100, out);
  out.push_back('-'), append_two(month, out), out.push_back('-'), append_two(day, out), out.push_back('T');
  const auto seconds = static_cast<unsigned>(rest / 1'000'000), micros = static_cast<unsigned>(rest % 1'000'000);
  append_two(seconds / 3600, out), out.push_back(':'), append_two(seconds / 60 % 60, out), out.push_back(':');
  append_two(seconds % 60, out), out.push_back('.');
  append_two(micros / 10000, out), append_two(micros / 100 % 100, out), append_two(micros % 100, out);
  out += "Z\"";
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

[[noreturn]] void malformed() { throw Error(ErrorCode::bad_value, "a value is not of its column's type"); }

/// bytea_output = hex: "\x00ff".
void append_base64(std::string_view hex, std::string& out) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (!hex.starts_with("\\x") || hex.size() % 2 != 0) malformed();
  hex.remove_prefix(2);
  unsigned bits = 0, held = 0;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = hex_digit(hex[i]), low = hex_digit(hex[i + 1]);
    if (high < 0 || low < 0) malformed();
    bits = bits << 8 | static_cast<unsigned>(high << 4 | low);
    for (held += 8; held >= 6; held -= 6) out.push_back(kLetters[bits >> (held - 6) & 63]);
  }
  if (held == 0) return;
  out.push_back(kLetters[bits << (6 - held) & 63]);
  out.append(held == 2 ? "==" : "=");
}

}  // namespace

void append_json(std::string_view text, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out.push_back('"');
  std::size_t from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text.substr(from, i - from));
    from = i + 1;
    out.push_back('\\');
    if (c == '"' || c == '\\') out.push_back(static_cast<char>(c));
    else if (c == '\n') out.push_back('n');
    else if (c == '\r') out.push_back('r');
    else if (c == '\t') out.push_back('t');
    else out += "u00", out.push_back(kHex[c >> 4]), out.push_back(kHex[c & 15]);
  }
  out.append(text.substr(from));
  out.push_back('"');
}

std::string_view to_string(Kind kind) {
  constexpr std::string_view kWords[] = {"insert", "update", "delete", "read", "truncate", "horizon", "tombstone"};
  return kWords[static_cast<std::size_t>(kind)];
}

Encoder::Form Encoder::form_of(std::uint32_t oid) {
  switch (oid) {
    case kBoolOid: return Form::boolean;
    case kInt2Oid: case kInt4Oid: case kInt8Oid: case kOidOid: case kFloat4Oid: case kFloat8Oid: return Form::number;
    case kNumericOid: return Form::numeric;
    case kByteaOid: return Form::bytea;
    default: return element_type(oid) != 0 ? Form::array : Form::text;
  }
}

Encoder::Encoder(const TableSchema& schema, Format format) : schema_(schema), format_(format) {
  append_json(schema.qualified(), source_);
  for (const Column& column : schema.columns) {
    append_json(column.name, names_.emplace_back());
    names_.back().push_back(':');
    forms_.push_back(form_of(column.type_oid));
    const std::uint32_t element = element_type(column.type_oid);
    elements_.push_back(element == 0 ? Form::text : form_of(element));
  }
}

std::string Encoder::reserved_column() const {
  if (format_ != Format::flat) return {};
  for (const Column& column : schema_.columns)
    if (column.name.starts_with("_peerdb_")) return column.name;
  return {};
}

void Encoder::value_of(Form form, Form element, std::string_view text, std::string& out) {
  switch (form) {
    case Form::boolean:
      if (text != "t" && text != "f") malformed();
      out += text == "t" ? "true" : "false";
      return;
    case Form::number:
      if (text.empty()) malformed();
      // NaN, Infinity, -Infinity are no JSON numbers.
      if (text.back() < '0' || text.back() > '9') return append_json(text, out);
      out += text;
      return;
    case Form::bytea:
      out.push_back('"');
      append_base64(text, out);
      out.push_back('"');
      return;
    case Form::array: return array(element, text, out);
    case Form::numeric:
    case Form::text: return append_json(text, out);
  }
}

/// Postgres's array_out: {1,NULL,"a \"b\""}, nested, perhaps with bounds before an "=".
void Encoder::array(Form element, std::string_view text, std::string& out) {
  if (text.starts_with('[')) text.remove_prefix(std::min(text.find('=') + 1, text.size()));
  static thread_local std::string value;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '{') { out.push_back('['); continue; }
    if (c == '}') { out.push_back(']'); continue; }
    if (c == ',') { out.push_back(','); continue; }
    value.clear();
    if (c != '"') {
      const std::size_t end = std::min(text.find_first_of(",}", i), text.size());
      const std::string_view plain = text.substr(i, end - i);
      if (plain == "NULL") out += "null";
      else if (plain.find('\\') == std::string_view::npos) value_of(element, Form::text, plain, out);
      else malformed();
      i = end - 1;
      continue;
    }
    for (++i; i < text.size() && text[i] != '"'; ++i) {
      if (text[i] == '\\') ++i;
      if (i < text.size()) value.push_back(text[i]);
    }
    value_of(element, Form::text, value, out);
  }
}

void Encoder::member(std::size_t column, const CellView& cell, bool& first, std::string& out) const {
  if (!first) out.push_back(',');
  first = false;
  out += names_[column];
  if (cell.kind == CellView::Kind::null) {
    out += "null";
  } else {
    value_of(forms_[column], elements_[column], cell.bytes, out);
  }
}

void Encoder::key(std::span<const CellView> cells, std::string& out) const {
  bool first = true;
  out.push_back('{');
  for (std::size_t i = 0; i < cells.size(); ++i) member(schema_.key[i], cells[i], first, out);
  out.push_back('}');
}

void Encoder::key_of_row(std::span<const CellView> row, std::string& out) const {
  bool first = true;
  out.push_back('{');
  for (const std::uint16_t column : schema_.key) member(column, row[column], first, out);
  out.push_back('}');
}

void Encoder::members(const Message& message, bool& first, std::string& out) const {
  if (message.kind == Kind::remove) {
    for (const std::uint16_t column : schema_.key) member(column, message.row[column], first, out);
    return;
  }
  for (std::size_t c = 0; c < message.row.size(); ++c)
    if (message.row[c].kind != CellView::Kind::unchanged) member(c, message.row[c], first, out);
}

void Encoder::unchanged_names(const Message& message, std::string& out) const {
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

void Encoder::envelope(const Message& message, std::string_view prefix, std::string& out) const {
  const auto name = [&](std::string_view word) {
    out += ",\"";
    out += prefix;
    out += word;
    out += "\":";
  };
  name("checkpoint");
  append_number(message.checkpoint, out);
  name("commit_time");
  message.commit_time_us == 0 ? void(out += "null") : append_time(message.commit_time_us, out);
  name("transaction_id");
  append_number(message.xid, out);
  name("source");
  out += source_;
  if (!message.filled.empty()) {
    name("unchanged_columns");
    unchanged_names(message, out);
  }
}

void Encoder::value(const Message& message, std::string& out) const {
  bool first = true;
  if (format_ == Format::flat) {
    out.push_back('{');
    members(message, first, out);
    out += first ? "\"_peerdb_kind\":\"" : ",\"_peerdb_kind\":\"";
    out += to_string(message.kind);
    out.push_back('"');
    envelope(message, "_peerdb_", out);
    out.push_back('}');
    return;
  }
  out += "{\"kind\":\"";
  out += to_string(message.kind);
  out.push_back('"');
  if (message.kind == Kind::update) out += ",\"old\":{}";
  if (!message.row.empty()) {
    out += message.kind == Kind::remove ? ",\"old\":{" : ",\"new\":{";
    members(message, first, out);
    out.push_back('}');
  }
  envelope(message, "", out);
  out.push_back('}');
}

}  // namespace peerd::kafka

#include <array>
#include <charconv>
#include <cmath>

#include "peerd/base/text.h"
#include "proc_names.h"
#include "statement_error.h"
#include "times.h"
#include "types.h"

// Input and output functions. No message repeats a value.
namespace peerd::sql {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n\f\v");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n\f\v") - first + 1);
}

[[noreturn]] void bad_syntax(std::uint32_t type) {
  throw StatementError("22P02", "invalid input syntax for type " + full_name(type));
}

/// Any beginning of true, false, yes and no that is not ambiguous, on, off, 1, 0.
bool read_bool(std::string_view written) {
  const std::string text = to_lower(trimmed(written));
  if (text.empty()) bad_syntax(oid::kBool);
  for (const std::string_view word : {"true", "yes", "on", "1"}) {
    if (word.starts_with(text) && (word != "on" || text == "on")) return true;
  }
  for (const std::string_view word : {"false", "no", "off", "0"}) {
    if (word.starts_with(text) && (word != "off" || text.size() > 1)) return false;
  }
  bad_syntax(oid::kBool);
}

std::int64_t read_integer(std::uint32_t type, std::string_view written) {
  std::string_view text = trimmed(written);
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  std::int64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec == std::errc::invalid_argument || result.ptr != text.data() + text.size()) bad_syntax(type);
  if (result.ec != std::errc()) {
    throw StatementError("22003", "value is out of range for type " + full_name(type));
  }
  const bool narrow = type == oid::kInt2 || type == oid::kInt4 || type == oid::kOid;
  try {
    return narrow ? in_range(value, type) : value;
  } catch (const StatementError&) {
    throw StatementError("22003", "value is out of range for type " + full_name(type));
  }
}

double read_real(std::string_view written) {
  std::string_view text = trimmed(written);
  const std::string lower = to_lower(text);
  if (lower == "nan") return std::nan("");
  if (lower == "infinity" || lower == "inf" || lower == "+infinity") return HUGE_VAL;
  if (lower == "-infinity" || lower == "-inf") return -HUGE_VAL;
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  if (text.empty() || text.find_first_not_of("0123456789.eE+-") != std::string_view::npos) bad_syntax(oid::kFloat8);
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec == std::errc::invalid_argument || result.ptr != text.data() + text.size()) bad_syntax(oid::kFloat8);
  if (result.ec != std::errc()) throw StatementError("22003", "value is out of range for type double precision");
  return value;
}

/// {a,"b c",NULL}, of one dimension.
Value read_array(std::uint32_t type, std::string_view written) {
  const auto bad = [] { return StatementError("22P02", "malformed array literal"); };
  std::string_view text = trimmed(written);
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') throw bad();
  text = text.substr(1, text.size() - 2);
  auto values = std::make_shared<Row>();
  const std::uint32_t element = element_of(type);
  if (trimmed(text).empty()) return std::shared_ptr<const Row>(std::move(values));
  for (std::size_t i = 0; i <= text.size(); ++i) {
    while (i < text.size() && text[i] == ' ') ++i;
    std::string item;
    const bool quoted = i < text.size() && text[i] == '"';
    if (quoted) {
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\' && ++i == text.size()) throw bad();
        item += text[i];
      }
      if (i++ >= text.size()) throw bad();
      while (i < text.size() && text[i] == ' ') ++i;
      if (i < text.size() && text[i] != ',') throw bad();
    } else {
      for (; i < text.size() && text[i] != ','; ++i) {
        if (text[i] == '{' || text[i] == '}')
          throw not_supported("arrays of more than one dimension are not supported");
        if (text[i] == '"' || text[i] == '\\') throw bad();
        item += text[i];
      }
      item = trimmed(item);
      if (item.empty()) throw bad();
    }
    const bool null = !quoted && to_lower(item) == "null";
    values->push_back(null ? Value() : read_value(element, item));
  }
  return std::shared_ptr<const Row>(std::move(values));
}

std::string write_real(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  // The shortest that reads back, with an exponent where Postgres writes one.
  std::array<char, 400> buffer;
  const double size = std::fabs(value);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e15);
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                    plain ? std::chars_format::fixed : std::chars_format::scientific);
  return {buffer.data(), result.ptr};
}

std::string write_array(std::uint32_t type, const Row& values) {
  std::string text = "{";
  for (const auto& value : values) {
    if (text.size() > 1) text += ',';
    if (value.null()) {
      text += "NULL";
      continue;
    }
    const std::string item = write_value(element_of(type), value);
    if (!item.empty() && item.find_first_of("{}\",\\ \t\n\r\v\f") == std::string::npos && to_lower(item) != "null") {
      text += item;
      continue;
    }
    text += '"';
    for (const char c : item) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  return text + "}";
}

}  // namespace

Value read_value(std::uint32_t type, std::string_view text) {
  switch (type) {
    case oid::kBool:
      return read_bool(text);
    case oid::kInt2:
    case oid::kInt4:
    case oid::kInt8:
    case oid::kOid:
      return read_integer(type, text);
    case oid::kFloat8:
      return read_real(text);
    case oid::kNumeric:
      return parse_decimal(trimmed(text));
    case oid::kDate:
      return read_date(text);
    case oid::kTimestamp:
      return read_timestamp(text, false);
    case oid::kTimestamptz:
      return read_timestamp(text, true);
    case oid::kInterval:
      return read_interval(text);
    default:
      if (element_of(type) != 0) return read_array(type, text);
      return std::string(text);
  }
}

std::string write_value(std::uint32_t type, const Value& value) {
  switch (type) {
    case oid::kBool:
      return value.truth() ? "t" : "f";
    case oid::kFloat8:
      return write_real(value.real());
    case oid::kNumeric:
      return format_decimal(value.decimal());
    case oid::kDate:
      return write_date(value.integer());
    case oid::kTimestamp:
      return write_timestamp(value.integer(), false);
    case oid::kTimestamptz:
      return write_timestamp(value.integer(), true);
    case oid::kInterval:
      return write_interval(value.interval());
    case oid::kRegtype:
      return value.integer() == 0 ? "-" : full_name(static_cast<std::uint32_t>(value.integer()));
    case oid::kRegproc:
      return proc_name(value.integer());
    default:
      if (is_integer(type) || type == oid::kRegclass) return std::to_string(value.integer());
      if (element_of(type) != 0) return write_array(type, value.array());
      return value.text();
  }
}

}  // namespace peerd::sql

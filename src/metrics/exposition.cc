#include "exposition.h"

#include <array>
#include <charconv>
#include <cmath>

#include "peerd/base/encoding.h"

namespace peerd {
namespace {

/// Shortest text that reads back as this value; whole numbers without an exponent.
std::string number_text(double value) {
  if (!std::isfinite(value)) return std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  std::array<char, 40> text{};
  const bool whole = std::trunc(value) == value && std::abs(value) < 1e18;
  const auto end = whole ? std::to_chars(text.data(), text.data() + text.size(), static_cast<long long>(value))
                         : std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), end.ptr};
}

}  // namespace

std::string escape_label(std::string_view value) {
  std::string escaped;
  for (std::size_t at = 0; at < value.size();) {
    const std::size_t length = utf8_length(value, at);
    if (length == 0) {
      escaped += "\xEF\xBF\xBD";
      ++at;
      continue;
    }
    const char c = value[at];
    if (c == '\\' || c == '"') escaped += '\\';
    if (c == '\n') escaped += "\\n";
    else escaped.append(value, at, length);
    at += length;
  }
  return escaped;
}

void Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_.append("# HELP ").append(name).append(" ").append(help).append("\n");
  text_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void Exposition::sample(std::string_view suffix, Labels labels, double value) {
  text_.append(name_).append(suffix);
  char separator = '{';
  for (const auto& [name, text] : labels) {
    text_.append(1, separator).append(name).append("=\"").append(escape_label(text)).append("\"");
    separator = ',';
  }
  if (separator == ',') text_.append("}");
  text_.append(" ").append(number_text(value)).append("\n");
}

}  // namespace peerd

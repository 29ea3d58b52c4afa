#include "peerd/postgres/array_literal.h"

namespace peerd::postgres {

std::string array_literal(std::span<const std::string_view> values) {
  std::string text = "{";
  for (const std::string_view value : values) {
    text += text.size() == 1 ? "\"" : ",\"";
    for (const char c : value) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  return text + "}";
}

}  // namespace peerd::postgres

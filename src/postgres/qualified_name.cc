#include "peerd/base/text.h"
#include "peerd/postgres/connection.h"

namespace peerd::postgres {
namespace {

[[noreturn]] void refuse(std::string_view text) {
  throw Error(ErrorCode::invalid_option, "\"" + std::string(text) + "\" is not the name of a table",
              "write schema.table; put a part that holds a dot or a quote in double quotes");
}

/// Takes one part, quoted or not, off the front of `rest`. Nothing is folded: names are as the catalog has them.
std::string take_part(std::string_view& rest, std::string_view whole) {
  std::string part;
  if (!rest.starts_with('"')) {
    const std::size_t end = std::min(rest.find('.'), rest.size());
    part = rest.substr(0, end);
    rest.remove_prefix(end);
    if (part.find('"') != std::string::npos) refuse(whole);
  } else {
    rest.remove_prefix(1);
    for (;;) {
      if (rest.empty()) refuse(whole);
      const char c = rest.front();
      rest.remove_prefix(1);
      if (c == '"') {
        if (!rest.starts_with('"')) break;
        rest.remove_prefix(1);
      }
      part += c;
    }
  }
  if (part.empty()) refuse(whole);
  return part;
}

}  // namespace

std::string QualifiedName::quoted() const { return quote_identifier(schema) + "." + quote_identifier(name); }

QualifiedName parse_qualified(std::string_view text) {
  std::string_view rest = text;
  std::string first = take_part(rest, text);
  if (rest.empty()) return {"public", std::move(first)};
  if (rest.front() != '.') refuse(text);
  rest.remove_prefix(1);
  std::string second = take_part(rest, text);
  if (!rest.empty()) refuse(text);
  return {std::move(first), std::move(second)};
}

}  // namespace peerd::postgres

#include "references.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "peerd/base/error.h"

namespace peerd::cli {
namespace {

[[noreturn]] void refuse(const std::string& field, std::string message, std::string hint) {
  throw Error(ErrorText{.code = ErrorCode::invalid_option,
                        .message = field + ": " + message,
                        .hint = std::move(hint),
                        .field = field});
}

std::string variable(const std::string& name, const std::string& field) {
  const char* value = std::getenv(name.c_str());
  if (!value) refuse(field, "the environment has no variable " + name, "export " + name + "=…");
  return value;
}

std::string content(const std::string& path, const std::string& field) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) refuse(field, "cannot read the file " + path, "name a file that this user may read");
  std::string value = text.str();
  if (value.ends_with('\n')) value.pop_back();
  if (value.ends_with('\r')) value.pop_back();
  return value;
}

}  // namespace

std::string filled_in(std::string_view text, const std::string& field) {
  std::string value;
  while (!text.empty()) {
    const std::size_t at = text.find("${");
    if (at == std::string_view::npos) return value.append(text);
    if (at > 0 && text[at - 1] == '$') {
      value.append(text.substr(0, at - 1)).append("${");
      text.remove_prefix(at + 2);
      continue;
    }
    value.append(text.substr(0, at));
    const std::size_t end = text.find('}', at);
    const std::string_view inner = text.substr(at + 2, end == std::string_view::npos ? 0 : end - at - 2);
    if (inner.starts_with("env:")) value += variable(std::string(inner.substr(4)), field);
    else if (inner.starts_with("file:")) value += content(std::string(inner.substr(5)), field);
    else refuse(field, "\"${\" begins no reference", "${env:NAME}, ${file:PATH}, or $${ for the two characters");
    text.remove_prefix(end + 1);
  }
  return value;
}

}  // namespace peerd::cli

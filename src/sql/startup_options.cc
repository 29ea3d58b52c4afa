#include "startup_options.h"

#include <algorithm>

#include "peerd/base/text.h"
#include "statement_error.h"

namespace peerd::sql {
namespace {

std::vector<std::string> words_of(std::string_view options) {
  std::vector<std::string> words;
  bool inside = false;
  for (std::size_t i = 0; i < options.size(); ++i) {
    const bool blank = std::string_view(" \t\r\n\f\v").find(options[i]) != std::string_view::npos;
    if (blank) {
      inside = false;
      continue;
    }
    if (!inside) words.emplace_back();
    inside = true;
    if (options[i] == '\\' && i + 1 < options.size()) ++i;
    words.back() += options[i];
  }
  return words;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> read_startup_options(std::string_view options) {
  std::vector<std::pair<std::string, std::string>> settings;
  const auto words = words_of(options);
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string written;
    if (words[i].starts_with("--")) {
      written = words[i].substr(2);
    } else if (words[i] == "-c" && i + 1 < words.size()) {
      written = words[++i];
    } else if (words[i].starts_with("-c") && words[i].size() > 2) {
      written = words[i].substr(2);
    } else {
      throw StatementError("42601", "invalid command-line argument for server process: " + words[i],
                           "peerd takes -c name=value and --name=value");
    }
    const auto equals = written.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw StatementError("42601", "-c " + written.substr(0, equals) + " requires a value");
    }
    std::string name = to_lower(written.substr(0, equals));
    std::replace(name.begin(), name.end(), '-', '_');
    settings.emplace_back(std::move(name), written.substr(equals + 1));
  }
  return settings;
}

}  // namespace peerd::sql

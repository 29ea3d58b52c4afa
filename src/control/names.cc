#include "names.h"

#include <algorithm>

#include "peerd/base/option_table.h"
#include "peerd/base/text.h"

namespace peerd {

namespace {

constexpr std::size_t kLongest = 63;  // As Postgres's own names.

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_inner(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-'; }

}  // namespace

Problems check_name(std::string_view what, std::string_view name) {
  const bool well = !name.empty() && name.size() <= kLongest && is_letter(name.front()) &&
                    std::all_of(name.begin(), name.end(), is_inner);
  if (well) return {};
  Problem problem;
  problem.text.code = ErrorCode::invalid_option;
  problem.text.field = "name";
  problem.text.message = "\"" + std::string(name) + "\" cannot be the name of a " + std::string(what);
  problem.text.hint = "begin with a letter or _, go on with letters, digits, _ or -, at most 63 in all";
  return {problem};
}

Error no_such(std::string_view what, std::string_view name, const std::vector<std::string>& there) {
  const std::vector<std::string_view> names(there.begin(), there.end());
  std::string_view meant = closest(name, names);
  // Names are compared exactly, so another case is the likeliest slip.
  for (const std::string_view candidate : names)
    if (to_lower(candidate) == to_lower(name)) meant = candidate;
  std::string hint = "there is no " + std::string(what) + " yet";
  if (!there.empty()) hint = "SELECT name FROM " + std::string(what) + "s lists them";
  if (!meant.empty()) hint = "did you mean \"" + std::string(meant) + "\"?";
  return Error(ErrorCode::not_found, std::string(what) + " \"" + std::string(name) + "\" does not exist",
               std::move(hint));
}

}  // namespace peerd

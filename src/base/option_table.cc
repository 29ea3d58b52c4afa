#include "peerd/base/option_table.h"

#include <algorithm>
#include <charconv>

#include "peerd/base/text.h"

namespace peerd {
namespace {

bool is_prefix(const Option& option) { return option.name.ends_with('.'); }

const Option* find(const OptionTable& table, std::string_view name) {
  const auto at = std::ranges::find_if(table.options, [&](const Option& option) {
    if (!is_prefix(option)) return option.name == name;
    return name.size() > option.name.size() && name.starts_with(option.name);
  });
  return at == table.options.end() ? nullptr : &*at;
}

/// The option that `name` spells, by itself or as an alias.
const Option* resolve(const OptionTable& table, std::string_view name) {
  const Option* option = find(table, name);
  return option && !option->alias_of.empty() ? find(table, option->alias_of) : option;
}

const Option& known(const OptionTable& table, std::string_view name) {
  if (const Option* option = resolve(table, name)) return *option;
  throw Error(ErrorCode::internal, std::string(table.what) + " has no option \"" + std::string(name) + "\"");
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

std::optional<bool> parse_boolean(std::string_view text) {
  const std::string word = to_lower(text);
  if (word == "true" || word == "on" || word == "yes" || word == "t") return true;
  if (word == "false" || word == "off" || word == "no" || word == "f") return false;
  return std::nullopt;
}

Problem problem(std::string_view field, std::string message, std::string hint) {
  Problem made;
  made.text.code = ErrorCode::invalid_option;
  made.text.message = std::move(message);
  made.text.hint = std::move(hint);
  made.text.field = field;
  return made;
}

std::string_view shape(const RawOption& raw) {
  switch (raw.kind) {
    case RawOption::Kind::number: return "a number";
    case RawOption::Kind::boolean: return "a boolean";
    case RawOption::Kind::text: break;
  }
  return raw.text.empty() ? "an empty text" : "a text";
}

Problem unknown_option(const OptionTable& table, std::string_view name) {
  std::vector<std::string_view> names;
  std::vector<std::string> listed;
  for (const Option& option : table.options) {
    names.push_back(option.name);
    if (option.alias_of.empty()) listed.push_back(std::string(option.name) + (is_prefix(option) ? "…" : ""));
  }
  const std::string_view meant = closest(name, names);
  std::string hint = "options are: " + join(listed, ", ");
  if (!meant.empty()) hint = "did you mean \"" + std::string(meant) + "\"?";
  return problem(name, std::string(table.what) + " has no option \"" + std::string(name) + "\"", hint);
}

/// The message names the shape and never the value: it may be a secret that landed in the wrong place.
Problem wrong_type(std::string_view name, std::string_view wants, const RawOption& raw, std::string cure) {
  std::string message = "option \"" + std::string(name) + "\" takes " + std::string(wants) + ", not ";
  return problem(name, message.append(shape(raw)), std::move(cure));
}

struct Checked {
  std::string value;
  std::optional<Problem> problem;
};

Checked check_integer(std::string_view name, const Option& option, const RawOption& raw) {
  const std::string shown(name);
  const auto value = raw.kind == RawOption::Kind::boolean ? std::nullopt : parse_integer(raw.text);
  if (!value) {
    const bool number = raw.kind == RawOption::Kind::number;
    const std::string digits = "write digits only, as in " + shown + " = 10";
    return {"", wrong_type(name, "an integer", raw, number ? "write a whole number within 64 bits" : digits)};
  }
  const bool any = option.least == 0 && option.most == 0;
  if (any || (*value >= option.least && *value <= option.most)) return {std::to_string(*value), std::nullopt};
  return {"", problem(name, "option \"" + shown + "\" is out of range",
                      "use a value from " + std::to_string(option.least) + " to " + std::to_string(option.most))};
}

Checked check_value(std::string_view name, const Option& option, const RawOption& raw) {
  const std::string shown(name);
  switch (option.type) {
    case OptionType::integer: return check_integer(name, option, raw);
    case OptionType::boolean: {
      const auto value = raw.kind == RawOption::Kind::number ? std::nullopt : parse_boolean(raw.text);
      if (value) return {*value ? "true" : "false", std::nullopt};
      return {"", wrong_type(name, "a boolean", raw, "write " + shown + " = true or " + shown + " = false")};
    }
    case OptionType::text: break;
  }
  if (raw.kind != RawOption::Kind::text) return {"", wrong_type(name, "a text", raw, "put the value in quotes")};
  if (raw.text.find('\0') != std::string::npos)
    return {"", problem(name, "option \"" + shown + "\" holds a zero byte", "remove the zero byte")};
  if (option.required == Required::yes && raw.text.empty())
    return {"", problem(name, "option \"" + shown + "\" is empty", "set " + shown + ": " + std::string(option.doc))};
  return {raw.text, std::nullopt};
}

/// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours cost one each.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

Problems check_options(const OptionTable& table, const RawOptions& raw, Options& options) {
  Problems problems;
  std::map<std::string_view, std::string_view> spelt;  // option -> the name under which it was written
  for (const auto& [name, value] : raw) {
    const Option* const option = resolve(table, name);
    if (!option) {
      problems.push_back(unknown_option(table, name));
      continue;
    }
    const std::string_view called = is_prefix(*option) ? std::string_view(name) : option->name;
    const auto [earlier, first] = spelt.emplace(called, name);
    Checked checked = check_value(name, *option, value);
    if (checked.problem) {
      problems.push_back(std::move(*checked.problem));
    } else if (!first) {
      const std::string both = "options \"" + std::string(earlier->second) + "\" and \"" + name + "\" are the same";
      problems.push_back(problem(name, both, "give one of them"));
    } else {
      options.insert_or_assign(std::string(called), std::move(checked.value));
    }
  }
  for (const Option& option : table.options) {
    if (option.required == Required::no || !option.alias_of.empty() || spelt.contains(option.name)) continue;
    const std::string name(option.name);
    problems.push_back(problem(name, std::string(table.what) + " needs option \"" + name + "\"",
                               "set " + name + ": " + std::string(option.doc)));
  }
  return problems;
}

Options parse_options(const OptionTable& table, const RawOptions& raw) {
  Options options;
  throw_if_any(check_options(table, raw, options));
  return options;
}

std::string option_text(const OptionTable& table, const Options& options, std::string_view name) {
  const Option& option = known(table, name);
  const auto at = options.find(option.name);
  return at == options.end() ? std::string(option.default_text) : at->second;
}

std::int64_t option_integer(const OptionTable& table, const Options& options, std::string_view name) {
  const std::string text = option_text(table, options, name);
  if (text.empty()) return 0;
  if (const auto value = parse_integer(text)) return *value;
  throw Error(ErrorCode::internal, "option \"" + std::string(name) + "\" is stored as something else than an integer");
}

bool option_boolean(const OptionTable& table, const Options& options, std::string_view name) {
  const std::string text = option_text(table, options, name);
  if (text.empty()) return false;
  if (const auto value = parse_boolean(text)) return *value;
  throw Error(ErrorCode::internal, "option \"" + std::string(name) + "\" is stored as something else than a boolean");
}

const Option* find_option(const OptionTable& table, std::string_view name) { return resolve(table, name); }

Options redacted(const OptionTable& table, const Options& options) {
  Options shown = options;
  for (auto& [name, value] : shown) {
    const Option* const option = resolve(table, name);
    // A name that the table does not know may be a secret of another version.
    if (!option || option->secret == Secret::yes) value = "********";
  }
  return shown;
}

std::string_view closest(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string wanted = to_lower(word);
  std::string_view best;
  std::size_t least = wanted.size() + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t longer = std::max(wanted.size(), candidate.size());
    const std::size_t distance = edit_distance(wanted, to_lower(candidate));
    // A third of the letters may be wrong: more is another word.
    if (distance > (longer + 2) / 3 || distance >= longer || distance >= least) continue;
    least = distance;
    best = candidate;
  }
  return best;
}

}  // namespace peerd

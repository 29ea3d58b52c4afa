#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/base/error.h"

namespace peerd {

enum class OptionType { text, integer, boolean };
enum class Required { no, yes };
enum class Secret { no, yes };

/// One option that an operator may set. The only place where its name, type and default stand.
struct Option {
  std::string_view name;          ///< One that ends with a dot stands for every name that begins with it.
  OptionType type;
  std::string_view default_text;  ///< "" = none.
  Required required;
  Secret secret;
  std::string_view doc;           ///< One line.
  std::int64_t least = 0, most = 0;    ///< Of an integer; both 0 = any.
  std::string_view alias_of{};         ///< Another spelling of that option.
};

/// All options of one kind of thing. Parsing, suggestions, redaction and docs read it; no second list of names exists.
struct OptionTable {
  std::string_view what;  ///< "POSTGRES peer", as messages name it.
  std::span<const Option> options;
};

/// A value as the operator wrote it. SQL and JSON keep what kind of literal it was, so that type errors can be told.
struct RawOption {
  enum class Kind { text, number, boolean };
  Kind kind = Kind::text;
  std::string text;
};
using RawOptions = std::map<std::string, RawOption, std::less<>>;
/// Checked values in canonical text ("true", "5432"), aliases resolved, defaults not filled in.
using Options = std::map<std::string, std::string, std::less<>>;

/// Checks names (with "did you mean"), types ('5432' and 5432 are both integers, 'true' and true both booleans),
/// ranges and required ones. Every problem at once; `options` holds what was right.
Problems check_options(const OptionTable& table, const RawOptions& raw, Options& options);
/// check_options(), throwing Error(invalid_option) with the field named.
Options parse_options(const OptionTable& table, const RawOptions& raw);

/// The value, or the table's default. REQUIRES: `name` is in the table.
std::string option_text(const OptionTable& table, const Options& options, std::string_view name);
std::int64_t option_integer(const OptionTable& table, const Options& options, std::string_view name);
bool option_boolean(const OptionTable& table, const Options& options, std::string_view name);

/// The option that `name` is, by its name, an alias or a prefix; nullptr for none.
const Option* find_option(const OptionTable& table, std::string_view name);
/// Secrets replaced by "********".
Options redacted(const OptionTable& table, const Options& options);

/// The candidate closest to `word` by edit distance, when it is close enough to be meant; else "".
std::string_view closest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace peerd

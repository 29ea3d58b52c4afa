#include "peerd/specs/mirror_spec.h"

#include <array>

#include "peerd/base/text.h"

namespace peerd {
namespace {

constexpr std::array<std::string_view, 9> kStateWords{"SETUP",       "SNAPSHOT",   "RUNNING",   "PAUSING", "PAUSED",
                                                      "TERMINATING", "TERMINATED", "COMPLETED", "FAILED"};
static_assert(kStateWords.size() == static_cast<std::size_t>(MirrorState::failed) + 1);

/// What stands between commas, without the blanks around it.
std::vector<std::string> words_of(const std::string& list) {
  std::vector<std::string> words;
  for (const std::string& part : split(list, ',')) {
    const std::size_t first = part.find_first_not_of(' ');
    if (first != std::string::npos) words.push_back(part.substr(first, part.find_last_not_of(' ') - first + 1));
  }
  return words;
}

}  // namespace

std::string MirrorSpec::text(std::string_view option) const { return option_text(option_table(), options, option); }

std::int64_t MirrorSpec::integer(std::string_view option) const {
  return option_integer(option_table(), options, option);
}

bool MirrorSpec::boolean(std::string_view option) const { return option_boolean(option_table(), options, option); }

std::vector<std::string> MirrorSpec::message_prefixes() const {
  const auto given = options.find("logical_messages");
  return given == options.end() ? std::vector<std::string>() : words_of(given->second);
}

std::optional<QueryMode> parse_query_mode(std::string_view word) {
  if (word == "append") return QueryMode::append;
  if (word == "upsert") return QueryMode::upsert;
  if (word == "overwrite") return QueryMode::overwrite;
  return std::nullopt;
}

std::optional<QueryMode> MirrorSpec::query_mode() const {
  return of_query() ? parse_query_mode(text("mode")) : std::nullopt;
}

std::vector<std::string> MirrorSpec::unique_keys() const {
  return of_query() ? words_of(text("unique_key_columns")) : std::vector<std::string>();
}

std::string_view to_string(MirrorState state) { return kStateWords.at(static_cast<std::size_t>(state)); }

std::optional<MirrorState> parse_mirror_state(std::string_view word) {
  for (std::size_t i = 0; i < kStateWords.size(); ++i)
    if (kStateWords[i] == word) return static_cast<MirrorState>(i);
  return std::nullopt;
}

}  // namespace peerd

#include "peerd/specs/mirror_spec.h"

#include <array>

#include "peerd/base/text.h"

namespace peerd {
namespace {

constexpr std::array<std::string_view, 9> kStateWords{"SETUP",       "SNAPSHOT",   "RUNNING",   "PAUSING", "PAUSED",
                                                      "TERMINATING", "TERMINATED", "COMPLETED", "FAILED"};
static_assert(kStateWords.size() == static_cast<std::size_t>(MirrorState::failed) + 1);

}  // namespace

std::string MirrorSpec::text(std::string_view option) const { return option_text(mirror_options(), options, option); }

std::int64_t MirrorSpec::integer(std::string_view option) const {
  return option_integer(mirror_options(), options, option);
}

bool MirrorSpec::boolean(std::string_view option) const { return option_boolean(mirror_options(), options, option); }

std::vector<std::string> MirrorSpec::message_prefixes() const {
  std::vector<std::string> prefixes;
  const auto given = options.find("logical_messages");
  if (given == options.end()) return prefixes;
  for (const std::string& part : split(given->second, ',')) {
    const std::size_t first = part.find_first_not_of(' ');
    if (first != std::string::npos) prefixes.push_back(part.substr(first, part.find_last_not_of(' ') - first + 1));
  }
  return prefixes;
}

std::string_view to_string(MirrorState state) { return kStateWords.at(static_cast<std::size_t>(state)); }

std::optional<MirrorState> parse_mirror_state(std::string_view word) {
  for (std::size_t i = 0; i < kStateWords.size(); ++i)
    if (kStateWords[i] == word) return static_cast<MirrorState>(i);
  return std::nullopt;
}

}  // namespace peerd

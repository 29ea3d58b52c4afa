#include "peerd/specs/mirror_spec.h"

#include <array>

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

std::string_view to_string(MirrorState state) { return kStateWords.at(static_cast<std::size_t>(state)); }

std::optional<MirrorState> parse_mirror_state(std::string_view word) {
  for (std::size_t i = 0; i < kStateWords.size(); ++i)
    if (kStateWords[i] == word) return static_cast<MirrorState>(i);
  return std::nullopt;
}

}  // namespace peerd

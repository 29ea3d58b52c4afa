#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "peerd/specs/mirror_spec.h"

namespace peerd {

/// What can happen to a mirror: the first five are asked by operators, the others come from its own thread.
enum class Step : std::uint8_t { pause, resume, drop, change, resync, set_up, copied, retabled, completed, stopped, failed, dropped };
std::string_view to_string(Step step);

/// One row of the state machine. The whole machine is this table; a pair that it does not hold is refused.
struct Transition {
  enum class Outcome : std::uint8_t {
    moves,    ///< To `to`, or to the mirror's stored phase where `to` is empty.
    already,  ///< Nothing to do: a success that changes nothing.
    refused
  };
  MirrorState from;
  Step step;
  Outcome outcome;
  std::optional<MirrorState> to;
  std::string_view sentence;  ///< For the operator and the log, lower case, no full stop.
};

std::span<const Transition> state_table();
/// The row for the pair; one with Outcome::refused where the table has none.
Transition transition(MirrorState from, Step step);

}  // namespace peerd

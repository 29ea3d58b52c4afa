#include "state_table.h"

#include <array>

namespace peerd {
namespace {

using enum MirrorState;
using Outcome = Transition::Outcome;

constexpr Transition kTable[] = {
    {setup, Step::pause, Outcome::moves, pausing, "pause was asked for during set-up"},
    {snapshot, Step::pause, Outcome::moves, pausing, "pause was asked for during the snapshot"},
    {running, Step::pause, Outcome::moves, pausing, "pause was asked for"},
    {pausing, Step::pause, Outcome::already, pausing, "the mirror is pausing already"},
    {paused, Step::pause, Outcome::already, paused, "the mirror is paused already"},
    {failed, Step::pause, Outcome::refused, failed, "the mirror has failed and does nothing that could be paused"},
    {terminating, Step::pause, Outcome::refused, terminating, "the mirror is being dropped"},

    {paused, Step::resume, Outcome::moves, std::nullopt, "resume was asked for"},
    {failed, Step::resume, Outcome::moves, std::nullopt, "resume was asked for after a failure"},
    {setup, Step::resume, Outcome::already, setup, "the mirror is being set up already"},
    {snapshot, Step::resume, Outcome::already, snapshot, "the mirror is copying already"},
    {running, Step::resume, Outcome::already, running, "the mirror is running already"},
    {pausing, Step::resume, Outcome::refused, pausing, "the mirror is still pausing: wait until it is PAUSED"},
    {completed, Step::resume, Outcome::refused, completed, "the mirror has completed: nothing is left to do"},
    {terminating, Step::resume, Outcome::refused, terminating, "the mirror is being dropped"},

    {setup, Step::drop, Outcome::moves, terminating, "drop was asked for during set-up"},
    {snapshot, Step::drop, Outcome::moves, terminating, "drop was asked for during the snapshot"},
    {running, Step::drop, Outcome::moves, terminating, "drop was asked for"},
    {pausing, Step::drop, Outcome::moves, terminating, "drop was asked for while pausing"},
    {paused, Step::drop, Outcome::moves, terminating, "drop was asked for while paused"},
    {failed, Step::drop, Outcome::moves, terminating, "drop was asked for after a failure"},
    {completed, Step::drop, Outcome::moves, terminating, "drop was asked for after completion"},
    {terminating, Step::drop, Outcome::already, terminating, "the mirror is being dropped already"},

    {setup, Step::change, Outcome::refused, setup, "the mirror is still being set up: wait until it copies"},
    {snapshot, Step::change, Outcome::already, snapshot, "the change is taken up at once"},
    {running, Step::change, Outcome::already, running, "the change is taken up at once"},
    {pausing, Step::change, Outcome::already, pausing, "the change is taken up at the next RESUME"},
    {paused, Step::change, Outcome::already, paused, "the change is taken up at the next RESUME"},
    {failed, Step::change, Outcome::already, failed, "the change is taken up at the next RESUME"},
    {completed, Step::change, Outcome::refused, completed, "the mirror has completed: nothing is left to do"},
    {terminating, Step::change, Outcome::refused, terminating, "the mirror is being dropped"},

    {setup, Step::resync, Outcome::refused, setup, "the mirror is still being set up: nothing of it is copied yet"},
    {snapshot, Step::resync, Outcome::already, snapshot, "the copy anew begins at once"},
    {running, Step::resync, Outcome::moves, snapshot, "a copy anew was asked for"},
    {pausing, Step::resync, Outcome::already, pausing, "the copy anew begins with the next RESUME"},
    {paused, Step::resync, Outcome::already, paused, "the copy anew begins with the next RESUME"},
    {failed, Step::resync, Outcome::moves, snapshot, "a copy anew was asked for after a failure"},
    {completed, Step::resync, Outcome::refused, completed, "the mirror has completed: it follows its source no more"},
    {terminating, Step::resync, Outcome::refused, terminating, "the mirror is being dropped"},

    {running, Step::retabled, Outcome::moves, snapshot, "the mirror has other tables than before, or tables to copy anew"},
    {setup, Step::set_up, Outcome::moves, snapshot, "slot, publication and target tables are there"},
    {snapshot, Step::copied, Outcome::moves, running, "every table is copied"},
    {snapshot, Step::completed, Outcome::moves, completed, "the query's rows are copied, and no more was asked for"},
    {running, Step::completed, Outcome::moves, completed, "the query's rows are copied, and no more was asked for"},
    {pausing, Step::stopped, Outcome::moves, paused, "everything in flight has stopped"},
    {setup, Step::failed, Outcome::moves, failed, "set-up needs an operator"},
    {snapshot, Step::failed, Outcome::moves, failed, "the snapshot needs an operator"},
    {running, Step::failed, Outcome::moves, failed, "the stream needs an operator"},
    {paused, Step::failed, Outcome::moves, failed, "what the mirror would go on from is lost"},
    {terminating, Step::dropped, Outcome::moves, terminated, "slot, publication and bookkeeping are gone"},
};

}  // namespace

std::span<const Transition> state_table() { return kTable; }

Transition transition(MirrorState from, Step step) {
  for (const Transition& row : kTable)
    if (row.from == from && row.step == step) return row;
  return {from, step, Outcome::refused, from, "the mirror's state does not allow it"};
}

std::string_view to_string(Step step) {
  static constexpr std::array<std::string_view, 12> kWords = {"pause",  "resume", "drop",     "change",  "resync", "set_up",
                                                              "copied", "retabled", "completed", "stopped", "failed", "dropped"};
  return kWords[static_cast<std::size_t>(step)];
}

}  // namespace peerd

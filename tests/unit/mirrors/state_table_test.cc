#include "state_table.h"

#include <gtest/gtest.h>

#include <map>

namespace peerd {
namespace {

using enum MirrorState;
constexpr MirrorState kStates[] = {setup, snapshot, running, pausing, paused, terminating, terminated, completed, failed};
constexpr Step kSteps[] = {Step::pause,  Step::resume,   Step::drop,      Step::change,  Step::resync, Step::set_up,
                           Step::copied, Step::retabled, Step::completed, Step::stopped, Step::failed, Step::dropped};

// The whole machine, written down a second time as a picture: rows are states, columns are kSteps.
// m = moves, = = already, - = refused.
const std::map<MirrorState, std::string> kPicture = {
    {setup, "m=m--m----m-"},      {snapshot, "m=m==-m-m-m-"},   {running, "m=m=m--mm-m-"},
    {pausing, "=-m==----m--"},    {paused, "=mm==-----m-"},     {terminating, "--=--------m"},
    {terminated, "------------"}, {completed, "--m---------"}, {failed, "-mm=m-------"}};

TEST(StateTable, AnswersEveryPairAsThePictureShows) {
  for (const MirrorState state : kStates)
    for (std::size_t i = 0; i < std::size(kSteps); ++i) {
      const Transition row = transition(state, kSteps[i]);
      const char seen = row.outcome == Transition::Outcome::moves ? 'm' : row.outcome == Transition::Outcome::already ? '=' : '-';
      EXPECT_EQ(seen, kPicture.at(state)[i]) << to_string(state) << " " << to_string(kSteps[i]);
      EXPECT_FALSE(row.sentence.empty());
    }
}

TEST(StateTable, HoldsEachPairOnce) {
  std::map<std::pair<MirrorState, Step>, int> seen;
  for (const Transition& row : state_table()) EXPECT_EQ(++seen[std::make_pair(row.from, row.step)], 1);
}

TEST(StateTable, ResumeGoesToTheStoredPhase) {
  EXPECT_FALSE(transition(paused, Step::resume).to.has_value());
  EXPECT_FALSE(transition(failed, Step::resume).to.has_value());
}

TEST(StateTable, EveryLiveStateCanBeDropped) {
  for (const MirrorState state : {setup, snapshot, running, pausing, paused, failed, completed})
    EXPECT_EQ(transition(state, Step::drop).to, terminating);
}

}  // namespace
}  // namespace peerd

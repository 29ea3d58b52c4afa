#pragma once

#include <map>
#include <memory>
#include <thread>

#include "mirror.h"

namespace peerd {

/// Asks every mirror's source for its slot every 10 s, also of paused and failed mirrors (design.md section 1, rule 7), and
/// puts what it sees on the board. One thread, connections of its own; a dead source costs 5 s a round.
class SlotWatch {
 public:
  explicit SlotWatch(MirrorWorld& world);
  void ask_stop() { thread_.request_stop(); }

 private:
  void run(const std::stop_token& stop);
  void look(const MirrorRecord& record, const std::stop_token& stop);
  /// Once each time it arises: what an operator must change at the source though the mirror goes on.
  void tell_concern(const MirrorRecord& record, const SlotStatus& slot);

  MirrorWorld& world_;
  std::map<MirrorId, std::unique_ptr<Source>> sources_;  ///< The thread's alone, and so is
  std::map<MirrorId, std::string> concerns_;             ///< what was told last.
  std::jthread thread_;
};

}  // namespace peerd

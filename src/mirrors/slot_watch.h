#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "mirror.h"

namespace peerd {

/// Asks every mirror's source for its slot every 10 s, also of paused and failed mirrors (rules.md 38), and
/// puts what it sees on the board; a mirror that copies or is paused fails when its slot is lost, a streaming one finds out
/// itself. One thread, one connection per source peer; a dead source costs 5 s a round.
class SlotWatch {
 public:
  explicit SlotWatch(MirrorWorld& world);
  void ask_stop() { thread_.request_stop(); }

 private:
  struct Asked {
    PeerSpec peer;
    std::unique_ptr<Source> source;  ///< Of whichever mirror was first.
  };
  void run(const std::stop_token& stop);
  void round(const std::stop_token& stop);
  void look(const MirrorRecord& record, const std::stop_token& stop);
  Source* source_of(const MirrorRecord& record);
  /// Says in its step when the source holds back what the mirror waits for.
  void tell_held(const MirrorRecord& record, const SlotStatus& slot);
  /// Once each time it arises: what an operator must change at the source though the mirror goes on.
  void tell_concern(const MirrorRecord& record, const SlotStatus& slot);

  MirrorWorld& world_;
  std::map<std::string, Asked> sources_;      ///< By peer, as what follows: the thread's alone.
  std::set<std::string> dead_;                ///< In this round.
  std::map<MirrorId, std::string> concerns_;  ///< What was told last.
  struct Held {
    std::string words;  ///< As its step says; "": it is not held.
    unsigned looks = 0;
  };
  std::map<MirrorId, Held> held_;  ///< The thread's alone.
  std::jthread thread_;
};

}  // namespace peerd

#pragma once

#include <map>
#include <thread>

#include "peerd/control/control.h"

namespace peerd {

/// Looks every few seconds which tables the patterns of running mirrors name that they do not map, and does with them
/// what the option new_tables says: adds them, all that came at once by one change, or shows them
/// (MirrorStatus::new_tables) and tells of them once in mirror_logs. What cannot be added is shown and told with its
/// cure, and tried again when it has changed, or after a while. A source that does not answer is passed over: its
/// mirror says so. One thread.
class NewTables {
 public:
  NewTables(Catalog& catalog, const Connectors& connectors, MirrorControl& mirrors, Supervisor& supervisor)
      : catalog_(catalog), connectors_(connectors), mirrors_(mirrors), supervisor_(supervisor) {}
  void start();
  void stop();  ///< What is asked of a server is given up.
  void round(const std::stop_token& stop);

 private:
  struct Seen {
    std::string mark, told;  ///< Of the source's table; what was said of it.
    NewTable shown;
    bool added = false;
    Clock::Instant again{};  ///< When it is tried again though its mark is the same.
  };
  struct Memory {
    std::string uuid;
    bool recalls = true;  ///< What an earlier process has told stands in the log.
    std::map<std::string, Seen> tables;  ///< By source, as the mapping has it.
  };
  void look(const MirrorRecord& record, const std::stop_token& stop);
  void ask(const MirrorRecord& record, Memory& memory, const std::vector<TableMapping>& found);
  void add(const MirrorRecord& record, Memory& memory, const std::vector<TableMapping>& found,
           const std::stop_token& stop);
  void tell(const MirrorRecord& record, const Memory& memory, const std::string& message, const std::string& hint);
  void show(const MirrorRecord& record, const Memory& memory);

  Catalog& catalog_;
  const Connectors& connectors_;
  MirrorControl& mirrors_;
  Supervisor& supervisor_;
  std::map<MirrorId, Memory> memory_;
  std::jthread thread_;
};

}  // namespace peerd

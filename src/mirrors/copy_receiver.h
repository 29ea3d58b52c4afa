#pragma once

#include <exception>
#include <functional>
#include <set>
#include <thread>

#include "phase.h"

namespace peerd {

/// Receives a mirror's changes into its spool while tables are copied, so that the source need not keep the WAL of all that time.
/// A thread of its own, between start() and stop(). What it cannot receive waits at the source, as without it, and it tries again;
/// but when the slot cannot be followed any more the copy is in vain, and `fail` is called, on that thread.
///
/// What lies in the spool of a table counts when the table has the start that it had at the receiving. So a table begins anew only
/// after stop(): all that was received before was then committed before its new start, and is in what will be read of it.
class CopyReceiver {
 public:
  CopyReceiver(const PhaseContext& copy, std::function<void(std::exception_ptr)> fail) : copy_(copy), fail_(std::move(fail)) {}
  ~CopyReceiver() { stop(); }
  /// For the tables as the catalog has them now. Harmless when it has begun.
  void start();
  /// On return nothing more is received. Harmless when it has not begun.
  void stop();

 private:
  void run(const std::stop_token& stop);
  void receive(const std::stop_token& stop);
  void say(const std::string& words);

  const PhaseContext& copy_;
  const std::function<void(std::exception_ptr)> fail_;
  std::set<std::string> told_;  ///< Failures, each once. The thread's, or nobody's.
  std::jthread thread_;
};

}  // namespace peerd

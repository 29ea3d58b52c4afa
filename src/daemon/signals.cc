#include "signals.h"

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "peerd/base/log.h"

namespace peerd::daemon {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

sigset_t awaited_signals() {
  sigset_t set = stop_signals();
  sigaddset(&set, SIGHUP);
  return set;
}

// The names of all threads but this one and main's.
std::string other_threads() {
  std::string names;
  std::error_code ignored;
  const std::string self = std::to_string(gettid()), main = std::to_string(getpid());
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", ignored)) {
    const std::string id = task.path().filename();
    std::string name;
    std::ifstream comm(task.path() / "comm");
    if (id == self || id == main || !std::getline(comm, name)) continue;
    names += (names.empty() ? "" : ", ") + name;
  }
  return names.empty() ? "main" : names;
}

}  // namespace

void block_signals() {
  const sigset_t set = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

int wait_for_signal() {
  const sigset_t set = awaited_signals();
  int number = 0;
  while (sigwait(&set, &number) != 0) {
  }
  return number;
}

StopGuard::StopGuard() : thread_([this](const std::stop_token& done) { run(done); }) {}

void StopGuard::run(const std::stop_token& done) {
  pthread_setname_np(pthread_self(), "stop-guard");
  const sigset_t set = stop_signals();
  while (!done.stop_requested()) {
    const timespec slice{0, 50'000'000};
    if (sigtimedwait(&set, nullptr, &slice) > 0) {
      log(LogLevel::warning, "second signal: leaving at once");
      _exit(kNotClean);
    }
    if (std::chrono::steady_clock::now() - began_ >= kPatience) {
      log(LogLevel::warning, "still busy 9 s after the signal, leaving anyway: " + other_threads());
      _exit(kNotClean);
    }
  }
}

}  // namespace peerd::daemon

#include "child.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "peerd/base/error.h"

namespace peerd::ssh {
namespace {

// A shell waits beside the program for the end of its input, which comes when peerd lets go or is gone. Only the program has the
// error pipe, whose end so tells that it has ended.
constexpr char kKeeper[] = R"("$@" </dev/null & child=$!
exec 2>/dev/null
cat >/dev/null
kill "$child"
wait "$child")";

struct Pipe {
  Pipe() {
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw Error(ErrorCode::internal, "no pipe can be made: too many files are open");
  }
  ~Pipe() {
    for (const int end : ends)
      if (end >= 0) close(end);
  }
  int take(std::size_t end) { return std::exchange(ends[end], -1); }
  std::array<int, 2> ends{-1, -1};
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

/// Signals as a program finds them that a shell starts: peerd's threads have some of them blocked.
struct Attributes {
  Attributes() {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&value);
    posix_spawnattr_setsigmask(&value, &none);
    posix_spawnattr_setsigdefault(&value, &all);
    posix_spawnattr_setpgroup(&value, 0);
    posix_spawnattr_setflags(&value, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~Attributes() { posix_spawnattr_destroy(&value); }
  posix_spawnattr_t value;
};

}  // namespace

Child::Child(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  Pipe input, errors;
  std::vector<std::string> words{"sh", "-c", kKeeper, "sh"}, settings = environment;
  words.insert(words.end(), arguments.begin(), arguments.end());
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input.ends[0], STDIN_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, errors.ends[1], STDERR_FILENO);
  Attributes attributes;
  const int failure = posix_spawn(&keeper_, "/bin/sh", &actions, &attributes.value, pointers(words).data(), pointers(settings).data());
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) throw Error(ErrorCode::internal, "no process can be made for " + arguments.at(0));
  holds_ = input.take(1);
  says_ = errors.take(0);
  fcntl(says_, F_SETFL, O_NONBLOCK);
}

Child::~Child() {
  close(holds_);
  close(says_);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (waitpid(keeper_, nullptr, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > until) {
      kill(-keeper_, SIGKILL);
      waitpid(keeper_, nullptr, 0);
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

bool Child::runs() {
  constexpr std::size_t kKept = 2048;
  std::array<char, 512> piece{};
  while (!ended_) {
    const ssize_t got = read(says_, piece.data(), piece.size());
    if (got > 0) {
      said_.append(piece.data(), static_cast<std::size_t>(got));
      if (said_.size() > kKept) said_.erase(0, said_.size() - kKept);
    } else if (got == 0) {
      ended_ = true;
    } else if (errno != EINTR) {
      return true;
    }
  }
  return false;
}

}  // namespace peerd::ssh

#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "dialogue.h"
#include "login.h"
#include "peerd/base/mutex.h"
#include "peerd/net/server.h"
#include "peerd/sql/sql_server.h"

namespace peerd::sql {

class Session;

/// What all connections of one port share. Thread-safe.
class Shared {
 public:
  explicit Shared(SqlDeps deps);
  SqlDeps& deps() { return deps_; }
  const ScramVerifier* verifier() const { return verifier_ ? &*verifier_ : nullptr; }
  Login::CancelKey enter(const std::weak_ptr<Session>& session);  ///< Makes its number and secret.
  void leave(std::uint32_t process);
  void cancel(const Login::CancelKey& key);  ///< Nothing when the key is wrong.

 private:
  struct Entry {
    std::string secret;
    std::weak_ptr<Session> session;
  };
  SqlDeps deps_;
  std::optional<ScramVerifier> verifier_;
  Mutex mutex_;
  std::uint32_t last_process_ PEERD_GUARDED_BY(mutex_) = 0;
  std::map<std::uint32_t, Entry> entries_ PEERD_GUARDED_BY(mutex_);
};

/// One connection. Log in happens on the io thread; from then on whole messages queue up and one operator's task at a
/// time works them off, while reading pauses: the queue holds at most what one read brought.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<Shared> shared, std::shared_ptr<net::Connection> connection);
  std::size_t on_bytes(std::string_view bytes);  ///< Io thread.
  void on_closed();                              ///< Io thread.
  void cancel() { stop_.cancel(); }

 private:
  enum class Go { on, wait };
  Go log_in(std::string_view& bytes);
  bool begin_dialogue(Output& out);
  void take_messages(std::string_view& bytes);
  void start_work();
  void work();  ///< On an operator's thread.
  std::optional<Frame> next_frame();
  void end(std::string_view sqlstate, std::string message);

  const std::shared_ptr<Shared> shared_;
  const std::shared_ptr<net::Connection> connection_;
  StatementStop stop_;
  Login login_;
  std::optional<Dialogue> dialogue_;  ///< Made on the io thread, then used by the one task that works.
  std::uint32_t process_ = 0;
  bool ended_ = false;  ///< Io thread's: what still comes is thrown away.

  Mutex mutex_;
  std::deque<Frame> queue_ PEERD_GUARDED_BY(mutex_);
  bool busy_ PEERD_GUARDED_BY(mutex_) = false;
};

}  // namespace peerd::sql

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "peerd/base/mutex.h"
#include "peerd/postgres/connection.h"

namespace peerd {

/// Connections to one source that all of its mirrors share for their short asks, so that an idle mirror holds its walsender
/// alone. Lent for one ask at a time; most asks take milliseconds, so a few serve hundreds of mirrors. One that was not
/// asked for a while is closed when the next is given back, and all are with the last owner: each is a Source, and while
/// there is one, its slot is asked about every ten seconds. Thread-safe.
class SharedConnections {
 public:
  using Question = std::function<void(postgres::Connection&)>;
  static constexpr std::size_t kFew = 3;

  explicit SharedConnections(postgres::ConnectOptions options, Clock::Instant::duration keep = std::chrono::seconds(20))
      : options_(std::move(options)), keep_(keep) {}
  const postgres::ConnectOptions& options() const { return options_; }

  /// Puts the question over a connection of its own for so long, called `application_name`, its settings as open() leaves
  /// them. While a few are lent it waits `patience` for one of them and then opens another. A question that throws costs
  /// its connection: who knows what it was in the midst of. A question asks none itself.
  void ask(const std::string& application_name, std::chrono::milliseconds patience, const Wait& wait, const Question& question);
  /// What is open now is lent no more: another server may stand behind the address since.
  void outdate();

 private:
  struct Open {
    std::unique_ptr<postgres::Connection> connection;
    std::uint64_t generation = 0;
    Clock::Instant since{};  ///< Idle.
  };
  Open borrow(std::chrono::milliseconds patience, const Wait& wait);
  void make_ready(Open& lent, const std::string& application_name, const Wait& wait);
  void give_back(Open lent);

  const postgres::ConnectOptions options_;  ///< Its application_name is not used.
  const Clock::Instant::duration keep_;

  Mutex mutex_;
  Condition freed_;
  std::size_t lent_ PEERD_GUARDED_BY(mutex_) = 0;
  std::uint64_t generation_ PEERD_GUARDED_BY(mutex_) = 0;
  std::vector<Open> idle_ PEERD_GUARDED_BY(mutex_);  ///< The one that is idle longest is first, and used last.
};

/// Finds who shares with whom: sources whose connect options are equal to the last, so that a peer that was altered never gets
/// a connection of before. Thread-safe; keeps nothing open itself.
class SharedBySource {
 public:
  std::shared_ptr<SharedConnections> of(const postgres::ConnectOptions& options);

 private:
  Mutex mutex_;
  std::vector<std::weak_ptr<SharedConnections>> known_ PEERD_GUARDED_BY(mutex_);
};

}  // namespace peerd

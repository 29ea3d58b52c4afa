#include "postgres/shared_connections.h"

#include <algorithm>

namespace peerd {
namespace {

using namespace std::chrono_literals;

/// For a sign of a connection that was idle: one that is gone without a word must not use up the whole wait.
constexpr auto kSign = 2s;

}  // namespace

void SharedConnections::ask(const std::string& application_name, std::chrono::milliseconds patience, const Wait& wait,
                            const Question& question) {
  Open lent = borrow(patience, wait);
  try {
    make_ready(lent, application_name, wait);
    question(*lent.connection);
  } catch (...) {
    lent.connection.reset();
    give_back(std::move(lent));
    throw;
  }
  give_back(std::move(lent));
}

void SharedConnections::outdate() {
  std::vector<Open> closed;  // Not under the lock.
  Lock lock(mutex_);
  ++generation_;
  closed.swap(idle_);
}

SharedConnections::Open SharedConnections::borrow(std::chrono::milliseconds patience, const Wait& wait) {
  std::unique_lock<Mutex> lock(mutex_);
  freed_.wait_until(lock, wait.stop, wait.shorter(patience).until, [this] { return !idle_.empty() || lent_ < kFew; });
  if (wait.stop.stop_requested()) throw Stopped{};
  ++lent_;
  if (idle_.empty()) return {};
  Open lent = std::move(idle_.back());
  idle_.pop_back();
  return lent;
}

void SharedConnections::make_ready(Open& lent, const std::string& application_name, const Wait& wait) {
  try {
    if (lent.connection) return lent.connection->renew(application_name, wait.shorter(kSign));
  } catch (const Error&) {
    lent.connection.reset();
    outdate();  // The others are most likely gone, too.
  }
  {
    Lock lock(mutex_);
    lent.generation = generation_;  // Before it opens: what is outdated meanwhile may be this one.
  }
  postgres::ConnectOptions options = options_;
  options.application_name = application_name;
  lent.connection = postgres::Connection::open(options, wait);
}

void SharedConnections::give_back(Open lent) {
  std::vector<Open> closed;  // Not under the lock.
  const auto now = std::chrono::steady_clock::now();
  {
    Lock lock(mutex_);
    --lent_;
    if (lent.connection && !lent.connection->broken() && lent.generation == generation_) {
      lent.since = now;
      idle_.push_back(std::move(lent));
    }
    const auto fresh = std::ranges::find_if(idle_, [&](const Open& open) { return now - open.since < keep_; });
    std::move(idle_.begin(), fresh, std::back_inserter(closed));
    idle_.erase(idle_.begin(), fresh);
  }
  freed_.notify_all();
}

std::shared_ptr<SharedConnections> SharedBySource::of(const postgres::ConnectOptions& options) {
  Lock lock(mutex_);
  std::erase_if(known_, [](const auto& known) { return known.expired(); });
  for (const auto& known : known_) {
    if (auto shared = known.lock(); shared && shared->options() == options) return shared;
  }
  auto made = std::make_shared<SharedConnections>(options);
  known_.push_back(made);
  return made;
}

}  // namespace peerd

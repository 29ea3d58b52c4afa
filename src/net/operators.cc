#include <pthread.h>

#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "peerd/base/mutex.h"
#include "peerd/net/server.h"

namespace peerd::net {

struct Operators::State {
  const std::size_t most;
  Mutex mutex;
  Condition changed;
  std::deque<std::function<void()>> waiting PEERD_GUARDED_BY(mutex);
  unsigned busy PEERD_GUARDED_BY(mutex) = 0;
  bool stopping PEERD_GUARDED_BY(mutex) = false;
  std::vector<std::jthread> threads;

  explicit State(std::size_t most) : most(most) {}

  void run() {
    Lock lock(mutex);
    for (;;) {
      changed.wait(mutex, [this] { return stopping || !waiting.empty(); });
      if (stopping) return;
      {
        auto task = std::move(waiting.front());
        waiting.pop_front();
        ++busy;
        mutex.unlock();
        task();
        task = nullptr;  // What it holds is let go before it counts as finished.
        mutex.lock();
      }
      --busy;
      changed.notify_all();
    }
  }
};

Operators::Operators(unsigned threads, std::size_t queue) : state_(std::make_shared<State>(queue)) {
  for (unsigned i = 0; i < threads; ++i) {
    state_->threads.emplace_back([state = state_.get()] {
      pthread_setname_np(pthread_self(), "operator");
      state->run();
    });
  }
}

Operators::~Operators() {
  {
    Lock lock(state_->mutex);
    state_->stopping = true;
  }
  state_->changed.notify_all();
  state_->threads.clear();  // Joins.
}

bool Operators::post(std::function<void()> task) {
  {
    Lock lock(state_->mutex);
    if (state_->stopping || state_->waiting.size() >= state_->most) return false;
    state_->waiting.push_back(std::move(task));
  }
  state_->changed.notify_one();
  return true;
}

Operators::Usage Operators::usage() const {
  Lock lock(state_->mutex);
  return {state_->threads.size(), state_->busy, state_->waiting.size(), state_->most};
}

bool Operators::stop(const Wait& wait) {
  std::deque<std::function<void()>> dropped;  // Destroyed without the lock.
  Lock lock(state_->mutex);
  state_->stopping = true;
  dropped.swap(state_->waiting);
  state_->changed.notify_all();
  return state_->changed.wait_until(state_->mutex, wait.stop, wait.until, [this] { return state_->busy == 0; });
}

}  // namespace peerd::net

#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include "peerd/base/clock.h"
#include "peerd/base/mutex.h"

namespace peerd {

/// Reader and writer, and who works beside them, as threads; the first failure of either is what join() throws.
class StreamThreads {
 public:
  using Run = std::function<void(const std::stop_token&)>;
  /// `others` end with the reader.
  void start(Run reader, Run writer, std::vector<Run> others = {}) {
    running_ = begun_ = 2 + others.size();
    for (Run& run : others) threads_.emplace_back([this, run = std::move(run)] { guard(run, reader_stop_); });
    threads_.emplace_back([this, run = std::move(reader)] { guard(run, reader_stop_); });
    threads_.emplace_back([this, run = std::move(writer)] { guard(run, writer_stop_); });
  }
  /// Waits for a stop, a failure, or one that ends by itself. On a stop the writer has `grace` for what it holds; then it is
  /// cancelled.
  void join(const std::stop_token& stop, std::chrono::milliseconds grace) {
    {
      std::unique_lock<Mutex> lock(mutex_);
      ended_.wait(lock, stop, [&] { return running_ < begun_; });
    }
    reader_stop_.request_stop();
    finish_ = true;
    {
      std::unique_lock<Mutex> lock(mutex_);
      ended_.wait_for(lock, grace, [&] { return running_ == 0; });
    }
    writer_stop_.request_stop();
    threads_.clear();
  }
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }
  const std::atomic<bool>& finish() const { return finish_; }
  ~StreamThreads() {
    reader_stop_.request_stop();
    writer_stop_.request_stop();
  }

 private:
  void guard(const std::function<void(const std::stop_token&)>& run, std::stop_source& stop) {
    try {
      run(stop.get_token());
    } catch (const Stopped&) {
    } catch (...) {
      Lock lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
    Lock lock(mutex_);
    --running_;
    ended_.notify_all();
  }
  std::stop_source reader_stop_, writer_stop_;
  std::atomic<bool> finish_{false};
  Mutex mutex_;
  Condition ended_;
  std::size_t running_ = 0, begun_ = 0;
  std::exception_ptr failure_;
  std::vector<std::jthread> threads_;
};

}  // namespace peerd

#pragma once

#include <condition_variable>
#include <mutex>

// clang's thread-safety annotations; empty for g++.
#if defined(__clang__)
#define PEERD_TSA(x) __attribute__((x))
#else
#define PEERD_TSA(x)
#endif
#define PEERD_GUARDED_BY(m) PEERD_TSA(guarded_by(m))
#define PEERD_REQUIRES(m) PEERD_TSA(requires_capability(m))

namespace peerd {

/// std::mutex that clang can check. One per class; members grouped "constant after construction" / "guarded by mutex_".
class PEERD_TSA(capability("mutex")) Mutex {
 public:
  void lock() PEERD_TSA(acquire_capability()) { mutex_.lock(); }
  void unlock() PEERD_TSA(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class PEERD_TSA(scoped_lockable) Lock {
 public:
  explicit Lock(Mutex& mutex) PEERD_TSA(acquire_capability(mutex)) : mutex_(mutex) { mutex_.lock(); }
  ~Lock() PEERD_TSA(release_capability()) { mutex_.unlock(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  Mutex& mutex_;
};

/// Waits on a peerd::Mutex held by the caller; waits take a stop token where they can last.
using Condition = std::condition_variable_any;

}  // namespace peerd

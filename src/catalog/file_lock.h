#pragma once

#include <string>

namespace peerd {

/// Holds `<path>.lock` for this process, by flock(2): the system gives it up with the process, however that ends. The
/// file stays.
class FileLock {
 public:
  /// Throws Error(wrong_state) naming the file and the process that holds it.
  explicit FileLock(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace peerd

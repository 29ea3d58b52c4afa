#include "file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "peerd/base/error.h"

namespace peerd {

namespace {

std::string holder(int descriptor) {
  std::array<char, 32> text{};
  const ssize_t size = pread(descriptor, text.data(), text.size() - 1, 0);
  return size > 0 ? " (pid " + std::string(text.data(), static_cast<std::size_t>(size)) + ")" : std::string();
}

}  // namespace

FileLock::FileLock(const std::string& path) {
  const std::string name = path + ".lock";
  descriptor_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor_ < 0) {
    throw Error(ErrorCode::no_privilege, "cannot open " + name + ": " + std::strerror(errno),
                "check that the directory of PEERD_CATALOG exists and is writable");
  }
  if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    const std::string who = holder(descriptor_);
    ::close(descriptor_);
    if (error != EWOULDBLOCK) throw Error(ErrorCode::internal, "cannot lock " + name + ": " + std::strerror(error));
    throw Error(ErrorCode::wrong_state, "the catalog " + path + " is in use by another peerd" + who,
                "stop that process, or give this one another file in PEERD_CATALOG");
  }
  const std::string pid = std::to_string(getpid());
  if (ftruncate(descriptor_, 0) != 0 || pwrite(descriptor_, pid.data(), pid.size(), 0) < 0) {
    // Only the other process's message gets shorter.
  }
}

FileLock::~FileLock() { ::close(descriptor_); }

}  // namespace peerd

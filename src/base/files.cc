#include "peerd/base/files.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peerd/base/error.h"

namespace peerd {

bool is_there(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

MemoryFile::MemoryFile(std::string_view text, unsigned mode) {
  if (text.empty()) return;
  file_ = memfd_create("peerd", MFD_CLOEXEC);
  if (file_ < 0 || fchmod(file_, mode) != 0 || write(file_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    throw Error(ErrorCode::internal, "a text cannot be held in memory as a file");
  path_ = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(file_);
}

MemoryFile::~MemoryFile() {
  if (file_ >= 0) close(file_);
}

}  // namespace peerd

#pragma once

#include <string>
#include <string_view>

namespace peerd {

bool is_there(const std::string& path);  ///< A file or a directory of that name, whatever its rights.

/// A text under a path that another program of the same user can open, and that is nowhere on disk. Gone with it.
class MemoryFile {
 public:
  /// "": there is none, and no path. `mode`: 0600, or 0700 for a script. Throws internal.
  explicit MemoryFile(std::string_view text, unsigned mode = 0600);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  int file_ = -1;
  std::string path_;
};

}  // namespace peerd

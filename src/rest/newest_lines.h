#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "peerd/catalog/catalog.h"

namespace peerd::rest {

struct LogLine {
  std::string mirror;
  LogRecord log;
};

/// The newest lines of several logs, oldest first. No more than `most` are held however many there are: what a page does not
/// show is counted alone.
class NewestLines {
 public:
  explicit NewestLines(std::size_t most) : most_(most) {}
  void add(std::vector<LogLine> log);  ///< One mirror's.
  const std::vector<LogLine>& lines() const { return lines_; }
  std::size_t total() const { return total_; }

 private:
  const std::size_t most_;
  std::vector<LogLine> lines_;
  std::size_t total_ = 0;
};

}  // namespace peerd::rest

#include "newest_lines.h"

#include <algorithm>
#include <iterator>

namespace peerd::rest {

void NewestLines::add(std::vector<LogLine> log) {
  const auto time = [](const LogLine& line) { return line.log.at_us; };
  total_ += log.size();
  std::ranges::stable_sort(log, {}, time);
  const auto held = static_cast<std::ptrdiff_t>(lines_.size());
  std::ranges::move(log, std::back_inserter(lines_));
  std::ranges::inplace_merge(lines_, lines_.begin() + held, {}, time);
  if (lines_.size() > most_) lines_.erase(lines_.begin(), lines_.end() - static_cast<std::ptrdiff_t>(most_));
}

}  // namespace peerd::rest

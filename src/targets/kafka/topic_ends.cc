#include "kafka/topic_ends.h"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace peerd::kafka {
namespace {

std::string differs(std::size_t partition, std::int64_t known, std::int64_t found) {
  return "partition " + std::to_string(partition) + " was written up to offset " + std::to_string(known) + " and ends at " + std::to_string(found);
}

}  // namespace

void TopicEnds::delivered(std::int32_t partition, std::int64_t offset) {
  if (partition < 0 || offset < 0) return;
  const auto at = static_cast<std::size_t>(partition);
  if (at >= ends_.size()) ends_.resize(at + 1, 0);
  if (offset < ends_[at]) {
    if (went_back_.empty()) went_back_ = differs(at, ends_[at], offset);
    return;
  }
  ends_[at] = offset + 1;
  changed_ = true;
}

void TopicEnds::raise(const std::vector<std::int64_t>& ends) {
  if (ends.size() > ends_.size()) ends_.resize(ends.size(), 0);
  for (std::size_t p = 0; p < ends.size(); ++p) {
    changed_ = changed_ || ends[p] > ends_[p];
    ends_[p] = std::max(ends_[p], ends[p]);
  }
}

void TopicEnds::key_over(std::size_t partitions) {
  if (keyed_ != 0 || partitions == 0) return;
  keyed_ = partitions;
  changed_ = true;
}

std::string TopicEnds::contradiction(const std::vector<std::int64_t>& found, std::uint64_t rows) const {
  for (std::size_t p = 0; p < ends_.size(); ++p) {
    const std::int64_t now = p < found.size() ? found[p] : 0;
    if (now < ends_[p]) return differs(p, ends_[p], now);
  }
  const auto all = static_cast<std::uint64_t>(std::accumulate(found.begin(), found.end(), std::int64_t{0}));
  if (all >= rows) return {};
  return std::to_string(rows) + " rows were copied into it, and all of its partitions together end at " + std::to_string(all);
}

std::string TopicEnds::text() const {
  std::string out = std::to_string(ends_.size()) + (keyed_ == 0 ? "" : ":" + std::to_string(keyed_)) + " ";
  for (const std::int64_t end : ends_) out += (out.back() == ' ' ? "" : ",") + std::to_string(end);
  return out;
}

TopicEnds TopicEnds::read(std::string_view text) {
  TopicEnds out;
  const std::string_view head = text.substr(0, text.find(' '));
  if (const std::size_t colon = head.find(':'); colon != std::string_view::npos)
    std::from_chars(head.data() + colon + 1, head.data() + head.size(), out.keyed_);
  text.remove_prefix(std::min(text.find(' ') + 1, text.size()));
  for (const char *at = text.data(), *const end = at + text.size(); at < end;) {
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(at, end, number);
    if (error != std::errc{}) break;
    out.ends_.push_back(number);
    at = stop + 1;
  }
  return out;
}

}  // namespace peerd::kafka

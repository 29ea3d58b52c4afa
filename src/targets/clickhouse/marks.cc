#include "clickhouse/marks.h"

#include <algorithm>
#include <vector>

#include "peerd/base/text.h"

namespace peerd::clickhouse {
namespace {

constexpr std::string_view kBetween = "; ";

std::vector<std::string> marks_in(std::string_view comment) {
  std::vector<std::string> marks;
  while (!comment.empty()) {
    const std::size_t end = std::min(comment.find(kBetween), comment.size());
    marks.emplace_back(comment.substr(0, end));
    comment.remove_prefix(std::min(end + kBetween.size(), comment.size()));
  }
  return marks;
}

std::string_view kind_of(std::string_view mark) { return mark.substr(0, mark.find(' ', mark.find(' ') + 1)); }

}  // namespace

std::string with_mark(std::string_view comment, std::string_view mark) {
  std::vector<std::string> marks = marks_in(comment);
  std::erase_if(marks, [&](const std::string& other) { return kind_of(other) == kind_of(mark); });
  marks.emplace_back(mark);
  return join(marks, kBetween);
}

std::string mark_of_kind(std::string_view comment, std::string_view kind) {
  for (std::string& mark : marks_in(comment))
    if (kind_of(mark) == kind) return std::move(mark);
  return "";
}

}  // namespace peerd::clickhouse

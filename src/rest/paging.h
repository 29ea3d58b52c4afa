#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace peerd::rest {

/// A part of a list that is ordered by its ids, as PeerDB's clients ask for it: rows with an id below `before`, or else above
/// `after`. 0 and -1 stand for "not asked for".
struct Page {
  std::int64_t before = 0, after = 0;
  std::size_t limit = 0;  ///< 0 = all.
  bool ascending = false;
};
/// An id of a request's field as a Page takes it. Throws Error(invalid_option) below -1.
std::int64_t page_id(std::string_view field, std::int64_t id);
/// Which rows the page holds, as [begin, end) of `ids`, which rise: the `limit` nearest to the id that was named, or the newest
/// ones (the oldest ones when `ascending`).
struct Cut {
  std::size_t begin = 0, end = 0;
  std::int32_t page = 0;  ///< Counted from 1 in the order of the reply; 0 without a limit.
};
Cut cut_page(const std::vector<std::int64_t>& ids, const Page& page);

}  // namespace peerd::rest

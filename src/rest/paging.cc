#include "paging.h"

#include <algorithm>
#include <string>

#include "json.h"

namespace peerd::rest {

std::int64_t page_id(std::string_view field, std::int64_t id) {
  if (id >= -1) return id;
  refuse_field(std::string(field), std::string(field) + " must be -1 or more, not " + std::to_string(id),
               "0 and -1 mean that it is not asked for");
}

Cut cut_page(const std::vector<std::int64_t>& ids, const Page& page) {
  const bool before = page.before > 0, after = !before && page.after > 0;
  Cut cut{0, ids.size(), 0};
  if (before) cut.end = static_cast<std::size_t>(std::lower_bound(ids.begin(), ids.end(), page.before) - ids.begin());
  if (after) cut.begin = static_cast<std::size_t>(std::upper_bound(ids.begin(), ids.end(), page.after) - ids.begin());
  if (page.limit == 0) return cut;
  const std::size_t taken = std::min(page.limit, cut.end - cut.begin);
  const bool from_below = after || (!before && page.ascending);
  if (from_below) cut.end = cut.begin + taken;
  if (!from_below) cut.begin = cut.end - taken;
  const std::size_t ahead = page.ascending ? cut.begin : ids.size() - cut.end;
  cut.page = static_cast<std::int32_t>(ahead / page.limit) + 1;
  return cut;
}

}  // namespace peerd::rest

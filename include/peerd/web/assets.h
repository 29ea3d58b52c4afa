#pragma once

#include <span>
#include <string_view>

namespace peerd::web {

/// One file of the page, as it lies in the binary.
struct Asset {
  std::string_view name;  ///< "index.html", "lib/preact.js".
  std::string_view type;  ///< Its content type.
  std::string_view bytes, gzip;
  std::string_view etag;  ///< As the header has it: weak, since both forms share it. Another content has another one.
};

/// All files below src/web/page, and those that src/web/libraries.txt pins, sorted by name.
std::span<const Asset> assets();
/// nullptr when there is none of that name.
const Asset* find_asset(std::string_view name);

}  // namespace peerd::web

#include "peerd/web/assets.h"

#include <algorithm>

namespace peerd::web {

const Asset* find_asset(std::string_view name) {
  const auto all = assets();
  const auto found = std::ranges::lower_bound(all, name, {}, &Asset::name);
  return found != all.end() && found->name == name ? &*found : nullptr;
}

}  // namespace peerd::web

#include "shadow.h"

#include "peerd/base/text.h"

namespace peerd {
namespace {

constexpr std::string_view kPrefix = "_peerd_resync_";
constexpr std::size_t kMost = 63;  ///< Of Postgres (NAMEDATALEN - 1); ClickHouse takes more.

}  // namespace

std::string shadow_name(std::string_view table) {
  const std::string whole = std::string(kPrefix) + std::string(table);
  if (whole.size() <= kMost) return whole;
  const std::string end = "_" + fnv1a(table);  // Of two long names that begin alike.
  std::size_t cut = kMost - end.size();
  while ((static_cast<unsigned char>(whole[cut]) & 0xC0) == 0x80) --cut;  // Not within a letter of UTF-8.
  return whole.substr(0, cut) + end;
}

bool is_shadow_name(std::string_view table) { return table.starts_with(kPrefix); }

}  // namespace peerd

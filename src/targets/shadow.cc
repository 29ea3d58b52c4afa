#include "shadow.h"

#include <cstdint>
#include <cstdio>

namespace peerd {
namespace {

constexpr std::string_view kPrefix = "_peerd_resync_";
constexpr std::size_t kMost = 63;  ///< Of Postgres (NAMEDATALEN - 1); ClickHouse takes more.

/// FNV-1a: of two long names that begin alike.
std::string digest(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ull;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  char out[17];
  std::snprintf(out, sizeof out, "%016llx", static_cast<unsigned long long>(hash));
  return out;
}

}  // namespace

std::string shadow_name(std::string_view table) {
  const std::string whole = std::string(kPrefix) + std::string(table);
  if (whole.size() <= kMost) return whole;
  const std::string end = "_" + digest(table);
  std::size_t cut = kMost - end.size();
  while ((static_cast<unsigned char>(whole[cut]) & 0xC0) == 0x80) --cut;  // Not within a letter of UTF-8.
  return whole.substr(0, cut) + end;
}

bool is_shadow_name(std::string_view table) { return table.starts_with(kPrefix); }

}  // namespace peerd

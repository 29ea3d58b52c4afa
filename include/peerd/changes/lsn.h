#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace peerd {

/// A position in the source's WAL, in bytes (Postgres docs 9.27 "pg_lsn"). 0 = none.
struct Lsn {
  std::uint64_t value = 0;
  auto operator<=>(const Lsn&) const = default;
};
/// "16/B374D848".
std::string to_string(Lsn lsn);
std::optional<Lsn> parse_lsn(std::string_view text);

/// Orders all versions of one row (rules.md 1): commit position first, then the change's own.
struct RowVersion {
  Lsn commit, change;
  auto operator<=>(const RowVersion&) const = default;
};

}  // namespace peerd

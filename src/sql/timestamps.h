#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace peerd::sql {

/// Microseconds since 2000-01-01 UTC, Postgres's own count, of "2026-01-31 12:00:00.5+01", "2026-01-31T11:00:00Z" or
/// "2026-01-31"; without a zone it is UTC. nullopt for anything else.
std::optional<std::int64_t> parse_timestamp(std::string_view text);

/// As peerd's views show one: "2026-01-31 11:00:00.500+00".
std::string format_timestamp(std::int64_t microseconds_since_2000);

}  // namespace peerd::sql

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace peerd {

/// Of ASCII letters, whatever the locale is.
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);
/// A text that is one decimal integer and nothing else.
std::optional<std::int64_t> read_integer(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
/// "name" -> "\"name\"", as Postgres quotes identifiers.
std::string quote_identifier(std::string_view name);
/// 'it''s', as standard SQL with standard_conforming_strings writes it.
std::string quote_literal(std::string_view text);
/// FNV-1a of 64 bits, in 16 hexadecimal digits: the same for ever, for names that are stored.
std::string fnv1a(std::string_view text);
/// A random (version 4) UUID in its usual 36 characters, from the system's secure source.
std::string make_uuid();
/// "2026-01-31T12:00:00.123Z".
std::string format_utc(long long microseconds_since_1970);

}  // namespace peerd

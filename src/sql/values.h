#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace peerd::sql {

/// Postgres's type numbers, as far as results and parameters use them.
namespace oid {
inline constexpr std::uint32_t kUnknown = 0, kBool = 16, kBytea = 17, kName = 19, kInt8 = 20, kInt2 = 21, kInt4 = 23,
                               kText = 25, kOid = 26, kJson = 114, kFloat4 = 700, kFloat8 = 701, kUnknownText = 705,
                               kBpchar = 1042, kVarchar = 1043, kDate = 1082, kTimestamp = 1114, kTimestamptz = 1184,
                               kNumeric = 1700, kUuid = 2950, kInterval = 1186, kVoid = 2278, kRegclass = 2205,
                               kRegtype = 2206, kRegproc = 24;
}

/// pg_type.typlen: bytes of a value, -1 when they vary.
std::int16_t type_length(std::uint32_t type);
std::string_view type_name(std::uint32_t type);
bool is_known_type(std::uint32_t type);  ///< type_name() has its name.
bool is_integer(std::uint32_t type);

/// The value of $n in text form, whatever form it came in. No text = NULL.
struct Parameter {
  std::uint32_t type = oid::kUnknown;
  std::optional<std::string> text;
};

/// A binary parameter in text form. Throws StatementError: 22P03 for a wrong length, 0A000 for other types.
std::string decode_binary(std::uint32_t type, std::string_view bytes);
/// A cell in binary form. Throws StatementError (0A000) for types it does not know, 22P02 when the text is no such
/// value.
std::string encode_binary(std::uint32_t type, std::string_view text);
}  // namespace peerd::sql

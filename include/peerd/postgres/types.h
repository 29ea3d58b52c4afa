#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace peerd::postgres {

// OIDs of builtin types (src/include/catalog/pg_type.dat): fixed in every version of Postgres.
inline constexpr std::uint32_t kBoolOid = 16, kByteaOid = 17, kCharOid = 18, kNameOid = 19, kInt8Oid = 20,
                               kInt2Oid = 21, kInt4Oid = 23, kTextOid = 25, kOidOid = 26, kJsonOid = 114,
                               kFloat4Oid = 700, kFloat8Oid = 701, kBpcharOid = 1042, kVarcharOid = 1043,
                               kDateOid = 1082, kTimeOid = 1083, kTimestampOid = 1114, kTimestamptzOid = 1184,
                               kIntervalOid = 1186, kTimetzOid = 1266, kNumericOid = 1700, kUuidOid = 2950,
                               kJsonbOid = 3802;
inline constexpr std::uint32_t kBoolArrayOid = 1000, kByteaArrayOid = 1001, kCharArrayOid = 1002, kNameArrayOid = 1003,
                               kInt2ArrayOid = 1005, kInt4ArrayOid = 1007, kTextArrayOid = 1009, kBpcharArrayOid = 1014,
                               kVarcharArrayOid = 1015, kInt8ArrayOid = 1016, kFloat4ArrayOid = 1021,
                               kFloat8ArrayOid = 1022, kOidArrayOid = 1028, kTimestampArrayOid = 1115,
                               kDateArrayOid = 1182, kTimeArrayOid = 1183, kTimestamptzArrayOid = 1185,
                               kIntervalArrayOid = 1187, kJsonArrayOid = 199, kNumericArrayOid = 1231,
                               kTimetzArrayOid = 1270, kUuidArrayOid = 2951, kJsonbArrayOid = 3807;

/// Seconds from 1970-01-01 to 2000-01-01, where Postgres's binary timestamps begin; and the same in days for dates.
inline constexpr std::int64_t kEpochSeconds = 946684800;
inline constexpr std::int32_t kEpochDays = 10957;

struct BuiltinType {
  std::uint32_t oid, array_oid;
  std::string_view name;  ///< As format_type() writes it without a modifier.
  int fixed_size;         ///< Of the binary form in bytes; -1 = varies.
};

/// The types whose binary form is the same in all versions and settings of Postgres: binary COPY of them is trusted.
/// An array of one of them is trusted too. Not interval: which is infinite depends on the version.
std::span<const BuiltinType> builtin_types();
/// nullptr for an unknown one; arrays are not in the table.
const BuiltinType* builtin_type(std::uint32_t oid);
/// int4[] -> int4; 0 for what is not an array of a builtin type.
std::uint32_t element_type(std::uint32_t array_oid);
/// Every value of `from` is a value of `to`, and different values stay different: of integers, numeric and floats.
bool widens(std::uint32_t from, std::uint32_t to);
bool binary_trusted(std::uint32_t oid);

}  // namespace peerd::postgres

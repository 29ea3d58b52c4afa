#include "peerd/postgres/types.h"

namespace peerd::postgres {
namespace {

constexpr BuiltinType kTypes[] = {
    {kBoolOid, kBoolArrayOid, "boolean", 1},
    {kByteaOid, kByteaArrayOid, "bytea", -1},
    {kCharOid, kCharArrayOid, "\"char\"", 1},
    {kNameOid, kNameArrayOid, "name", -1},
    {kInt8Oid, kInt8ArrayOid, "bigint", 8},
    {kInt2Oid, kInt2ArrayOid, "smallint", 2},
    {kInt4Oid, kInt4ArrayOid, "integer", 4},
    {kTextOid, kTextArrayOid, "text", -1},
    {kOidOid, kOidArrayOid, "oid", 4},
    {kJsonOid, kJsonArrayOid, "json", -1},
    {kFloat4Oid, kFloat4ArrayOid, "real", 4},
    {kFloat8Oid, kFloat8ArrayOid, "double precision", 8},
    {kBpcharOid, kBpcharArrayOid, "character", -1},
    {kVarcharOid, kVarcharArrayOid, "character varying", -1},
    {kDateOid, kDateArrayOid, "date", 4},
    {kTimeOid, kTimeArrayOid, "time without time zone", 8},
    {kTimestampOid, kTimestampArrayOid, "timestamp without time zone", 8},
    {kTimestamptzOid, kTimestamptzArrayOid, "timestamp with time zone", 8},
    {kIntervalOid, kIntervalArrayOid, "interval", 16},
    {kTimetzOid, kTimetzArrayOid, "time with time zone", 12},
    {kNumericOid, kNumericArrayOid, "numeric", -1},
    {kUuidOid, kUuidArrayOid, "uuid", 16},
    {kJsonbOid, kJsonbArrayOid, "jsonb", -1},
};

}  // namespace

std::span<const BuiltinType> builtin_types() { return kTypes; }

const BuiltinType* builtin_type(std::uint32_t oid) {
  for (const BuiltinType& type : kTypes) {
    if (type.oid == oid) return &type;
  }
  return nullptr;
}

std::uint32_t element_type(std::uint32_t array_oid) {
  for (const BuiltinType& type : kTypes) {
    if (type.array_oid == array_oid) return type.oid;
  }
  return 0;
}

bool binary_trusted(std::uint32_t oid) {
  // What is an infinite interval since version 17 is one of 178 million years before, in the same bytes.
  if (oid == kIntervalOid || oid == kIntervalArrayOid) return false;
  return builtin_type(oid) != nullptr || element_type(oid) != 0;
}

bool widens(std::uint32_t from, std::uint32_t to) {
  switch (from) {
    case kInt2Oid:
      return to == kInt4Oid || to == kInt8Oid || to == kNumericOid;
    case kInt4Oid:
      return to == kInt8Oid || to == kNumericOid;
    case kInt8Oid:
      return to == kNumericOid;
    case kFloat4Oid:
      return to == kFloat8Oid;
    default:
      return false;
  }
}

}  // namespace peerd::postgres

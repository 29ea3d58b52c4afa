#include "peerd/postgres/type_change.h"

#include <algorithm>

#include "peerd/postgres/types.h"

namespace peerd::postgres {
namespace {

constexpr std::uint32_t kVarbitOid = 1562;
constexpr std::int32_t kNone = -1;  ///< No modifier.

struct Digits {
  int precision, scale;
};
/// numeric(p,s), where s may be negative or above p since Postgres 15.
Digits digits_of(std::int32_t modifier) {
  return {((modifier - 4) >> 16) & 0xffff, (((modifier - 4) & 0x7ff) ^ 1024) - 1024};
}

int fraction_of(std::int32_t modifier) { return modifier == kNone ? 6 : modifier; }

struct Span {
  int fields, fraction;  ///< As an interval's modifier has them: all fields, and all digits, are the highest numbers.
};
Span span_of(std::int32_t modifier) {
  return modifier == kNone ? Span{0x7fff, 0xffff} : Span{(modifier >> 16) & 0x7fff, modifier & 0xffff};
}

/// The digits of the largest value; 0: not an integer type.
int digits_of_integer(std::uint32_t oid) { return oid == kInt2Oid ? 5 : oid == kInt4Oid ? 10 : oid == kInt8Oid ? 19 : 0; }

/// Of a number, as many digits and a sign.
bool holds_integer(int digits, TypeId to) {
  if (const int wider = digits_of_integer(to.oid); wider > 0) return digits <= wider;
  if (to.oid == kNumericOid) {
    const Digits room = digits_of(to.modifier);
    return to.modifier == kNone || (room.scale == 0 && room.precision >= digits);
  }
  return to.oid == kVarcharOid && to.modifier - 4 > digits;
}

/// Of these ALTER … TYPE text makes the text that they have, or writes the table anew.
bool becomes_text(std::uint32_t oid) {
  constexpr std::uint32_t kThese[] = {kInt2Oid, kInt4Oid, kInt8Oid, kNumericOid, kFloat4Oid, kFloat8Oid, kBoolOid, kUuidOid,
                                      kDateOid, kTimeOid, kTimetzOid, kTimestampOid, kTimestamptzOid, kIntervalOid,
                                      kJsonOid, kJsonbOid, kTextOid, kVarcharOid, kBpcharOid, kNameOid};
  return std::ranges::find(kThese, oid) != std::end(kThese);
}

}  // namespace

bool allows_more(TypeId from, TypeId to) {
  if (from.oid != to.oid) return false;
  if (from.modifier == to.modifier || to.modifier == kNone) return true;
  const std::uint32_t element = element_type(from.oid);
  switch (element != 0 ? element : from.oid) {
    case kVarcharOid:
    case kVarbitOid:
      return from.modifier != kNone && from.modifier <= to.modifier;
    case kNumericOid: {
      const Digits less = digits_of(from.modifier), more = digits_of(to.modifier);
      return from.modifier != kNone && less.scale == more.scale && less.precision <= more.precision;
    }
    case kTimeOid:
    case kTimetzOid:
    case kTimestampOid:
    case kTimestamptzOid:
      return fraction_of(from.modifier) <= fraction_of(to.modifier);
    case kIntervalOid:
      return span_of(from.modifier).fields == span_of(to.modifier).fields &&
             span_of(from.modifier).fraction <= span_of(to.modifier).fraction;
    default:
      return false;
  }
}

bool is_any_text(TypeId type) { return type.oid == kTextOid || (type.oid == kVarcharOid && type.modifier == kNone); }

bool takes_text_of(TypeId from, TypeId to) {
  if (from.oid == to.oid) return allows_more(from, to);
  const std::uint32_t before = element_type(from.oid), after = element_type(to.oid);
  if ((before != 0) != (after != 0)) return false;
  // An array is written by the texts of its elements.
  if (before != 0) return takes_text_of({before, from.modifier}, {after, to.modifier});
  if (const int digits = digits_of_integer(from.oid); digits > 0 && holds_integer(digits, to)) return true;
  return is_any_text(to) && becomes_text(from.oid);
}

}  // namespace peerd::postgres

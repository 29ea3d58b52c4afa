#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace peerd::sql {

__extension__ using Int128 = __int128;

/// Postgres's numeric, up to 38 digits: digits / 10^scale.
struct Decimal {
  Int128 digits = 0;
  int scale = 0;
};

struct Interval {
  std::int32_t months = 0, days = 0;
  std::int64_t microseconds = 0;
};

struct Value;
using Row = std::vector<Value>;

/// One value; its type is known to the expression that made it. Dates are days, timestamps microseconds since 2000.
struct Value : std::variant<std::monostate, bool, std::int64_t, double, Decimal, std::string, Interval,
                            std::shared_ptr<const Row>> {
  using variant::variant;
  bool null() const { return index() == 0; }
  bool truth() const { return std::get<bool>(*this); }
  std::int64_t integer() const { return std::get<std::int64_t>(*this); }
  double real() const { return std::get<double>(*this); }
  const Decimal& decimal() const { return std::get<Decimal>(*this); }
  const std::string& text() const { return std::get<std::string>(*this); }
  const Interval& interval() const { return std::get<Interval>(*this); }
  const Row& array() const { return *std::get<std::shared_ptr<const Row>>(*this); }
};

/// As Postgres orders values of one type: -1, 0, 1. Texts by bytes, NaN above all numbers. REQUIRES: both are of one
/// type, neither is NULL.
int compare(const Value& a, const Value& b);
/// The same with NULL as a value above all others and equal to itself: for GROUP BY, DISTINCT and set operations.
int compare_with_nulls(const Value& a, const Value& b);
struct RowLess {
  bool operator()(const Row& a, const Row& b) const;
};
/// Bytes that it takes in memory, roughly.
std::size_t size_of(const Row& row);

/// Throw StatementError: 0A000 beyond 38 digits, 22012 for division by zero.
Decimal add(const Decimal& a, const Decimal& b);
Decimal subtract(const Decimal& a, const Decimal& b);
Decimal multiply(const Decimal& a, const Decimal& b);
Decimal divide(const Decimal& a, const Decimal& b);
Decimal modulo(const Decimal& a, const Decimal& b);
int compare(const Decimal& a, const Decimal& b);
/// Rounded half away from zero, or cut off, to `scale` digits behind the point (negative: before it).
enum class Rounding { nearest, down };
Decimal rescale(const Decimal& a, int scale, Rounding rounding = Rounding::nearest);
std::string format_decimal(const Decimal& a);
/// 22P02 for what is no number, 0A000 beyond 38 digits and for NaN and infinities.
Decimal parse_decimal(std::string_view text);

/// Months as 30 days, days as 24 hours: what orders intervals.
Int128 span_of(const Interval& interval);

}  // namespace peerd::sql

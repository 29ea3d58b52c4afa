#include "value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "statement_error.h"

namespace peerd::sql {
namespace {

constexpr int kMostDigits = 38;
constexpr std::int64_t kDay = 86'400'000'000;

Int128 power_of_ten(int exponent) {
  if (exponent > kMostDigits) throw not_supported("a numeric of more than 38 digits is not supported");
  Int128 power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

[[noreturn]] void too_long() { throw not_supported("a numeric of more than 38 digits is not supported"); }

Int128 checked(Int128 value) {
  static const Int128 kMost = power_of_ten(kMostDigits);
  if (value >= kMost || value <= -kMost) too_long();
  return value;
}

Int128 times(Int128 a, Int128 b) {
  Int128 product = 0;
  if (__builtin_mul_overflow(a, b, &product)) too_long();
  return checked(product);
}

/// Both with the larger scale.
void align(Decimal& a, Decimal& b) {
  Decimal& less = a.scale < b.scale ? a : b;
  const int scale = std::max(a.scale, b.scale);
  less.digits = times(less.digits, power_of_ten(scale - less.scale));
  less.scale = scale;
}

template <typename T>
int three_way(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

int compare_reals(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) == std::isnan(b) ? 0 : std::isnan(a) ? 1 : -1;
  return three_way(a, b);
}

int compare_rows(const Row& a, const Row& b) {
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (const int order = compare_with_nulls(a[i], b[i])) return order;
  }
  return three_way(a.size(), b.size());
}

/// Weight and first digit in base 10,000: on these the scale of a quotient depends (numeric.c, select_div_scale).
std::pair<int, int> leading(const Decimal& a) {
  Int128 digits = a.digits < 0 ? -a.digits : a.digits;
  if (digits == 0) return {0, 0};
  int scale = a.scale;
  for (; scale % 4 != 0; ++scale) digits = times(digits, 10);
  int weight = -scale / 4;
  for (; digits >= 10'000; ++weight) digits /= 10'000;
  return {weight, static_cast<int>(digits)};
}

}  // namespace

int compare(const Decimal& a, const Decimal& b) {
  if (a.scale == b.scale) return three_way(a.digits, b.digits);
  Decimal x = a, y = b;
  align(x, y);
  return three_way(x.digits, y.digits);
}

Int128 span_of(const Interval& interval) {
  return Int128{interval.months} * 30 * kDay + Int128{interval.days} * kDay + interval.microseconds;
}

int compare(const Value& a, const Value& b) {
  switch (a.index()) {
    case 1:
      return three_way(a.truth(), b.truth());
    case 2:
      return three_way(a.integer(), b.integer());
    case 3:
      return compare_reals(a.real(), b.real());
    case 4:
      return compare(a.decimal(), b.decimal());
    case 5:
      return three_way(a.text(), b.text());
    case 6:
      return three_way(span_of(a.interval()), span_of(b.interval()));
    default:
      return compare_rows(a.array(), b.array());
  }
}

int compare_with_nulls(const Value& a, const Value& b) {
  if (a.null() || b.null()) return a.null() == b.null() ? 0 : a.null() ? 1 : -1;
  return compare(a, b);
}

bool RowLess::operator()(const Row& a, const Row& b) const { return compare_rows(a, b) < 0; }

std::size_t size_of(const Row& row) {
  std::size_t bytes = sizeof(Row) + row.size() * sizeof(Value);
  for (const auto& value : row) {
    if (const auto* text = std::get_if<std::string>(&value)) bytes += text->capacity();
    if (const auto* array = std::get_if<std::shared_ptr<const Row>>(&value)) bytes += size_of(**array);
  }
  return bytes;
}

Decimal add(const Decimal& a, const Decimal& b) {
  Decimal x = a, y = b;
  align(x, y);
  return {checked(x.digits + y.digits), x.scale};
}

Decimal subtract(const Decimal& a, const Decimal& b) { return add(a, {-b.digits, b.scale}); }

Decimal multiply(const Decimal& a, const Decimal& b) { return {times(a.digits, b.digits), a.scale + b.scale}; }

Decimal divide(const Decimal& a, const Decimal& b) {
  if (b.digits == 0) throw StatementError("22012", "division by zero");
  const auto [weight_a, first_a] = leading(a);
  const auto [weight_b, first_b] = leading(b);
  int weight = weight_a - weight_b;
  if (first_a <= first_b) --weight;
  const int scale = std::max({16 - weight * 4, a.scale, b.scale, 0});
  // One digit more than is kept, so that it is rounded once.
  const int shift = scale + 1 + b.scale - a.scale;
  const Int128 upper = shift >= 0 ? times(a.digits, power_of_ten(shift)) : a.digits / power_of_ten(-shift);
  return rescale({upper / b.digits, scale + 1}, scale);
}

Decimal modulo(const Decimal& a, const Decimal& b) {
  if (b.digits == 0) throw StatementError("22012", "division by zero");
  Decimal x = a, y = b;
  align(x, y);
  return {x.digits % y.digits, x.scale};
}

Decimal rescale(const Decimal& a, int scale, Rounding rounding) {
  if (scale >= a.scale) return {times(a.digits, power_of_ten(scale - a.scale)), scale};
  if (a.scale - scale > kMostDigits) return {0, std::max(scale, 0)};
  const Int128 unit = power_of_ten(a.scale - scale);
  Int128 digits = a.digits / unit;
  const Int128 rest = a.digits % unit;
  if (rounding == Rounding::nearest && (rest < 0 ? -rest : rest) >= unit - (rest < 0 ? -rest : rest)) {
    digits += a.digits < 0 ? -1 : 1;
  }
  return scale >= 0 ? Decimal{checked(digits), scale} : Decimal{times(digits, power_of_ten(-scale)), 0};
}

std::string format_decimal(const Decimal& a) {
  Int128 digits = a.digits < 0 ? -a.digits : a.digits;
  std::string text;
  for (; digits > 0; digits /= 10) text += static_cast<char>('0' + static_cast<int>(digits % 10));
  while (static_cast<int>(text.size()) <= a.scale) text += '0';
  std::reverse(text.begin(), text.end());
  if (a.scale > 0) text.insert(text.size() - static_cast<std::size_t>(a.scale), ".");
  return a.digits < 0 ? "-" + text : text;
}

Decimal parse_decimal(std::string_view text) {
  const auto bad = [] { return StatementError("22P02", "invalid input syntax for type numeric"); };
  bool negative = false;
  if (text.starts_with('-') || text.starts_with('+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  Decimal value;
  int exponent = 0;
  bool point = false, any = false;
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    if (text[i] == '.' && !point) {
      point = true;
    } else if (text[i] >= '0' && text[i] <= '9') {
      any = true;
      value.digits = checked(times(value.digits, 10) + (text[i] - '0'));
      if (point) ++value.scale;
    } else {
      break;
    }
  }
  if (!any) {
    if (text == "NaN" || text == "nan" || text == "Infinity" || text == "inf")
      throw not_supported("a numeric that is no finite number is not supported");
    throw bad();
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    const char* first = text.data() + i + 1;
    if (i + 1 < text.size() && *first == '+') ++first;
    const auto result = std::from_chars(first, text.data() + text.size(), exponent);
    if (result.ec != std::errc()) throw bad();
    i = static_cast<std::size_t>(result.ptr - text.data());
  }
  if (i != text.size()) throw bad();
  if (exponent > kMostDigits || exponent < -1000) too_long();
  value.scale -= exponent;
  if (value.scale < 0) value = {times(value.digits, power_of_ten(-value.scale)), 0};
  if (value.scale > kMostDigits) too_long();
  if (negative) value.digits = -value.digits;
  return value;
}

}  // namespace peerd::sql

#include "functions.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "patterns.h"
#include "peerd/base/encoding.h"
#include "peerd/base/text.h"
#include "statement_error.h"
#include "times.h"

namespace peerd::sql {
namespace {

using oid::kBool;
using oid::kDate;
using oid::kFloat8;
using oid::kInt2;
using oid::kInt4;
using oid::kInt8;
using oid::kInterval;
using oid::kNumeric;
using oid::kOid;
using oid::kText;
using oid::kTimestamp;
using oid::kTimestamptz;

double finite(double value) {
  if (std::isinf(value)) throw StatementError("22003", "value out of range: overflow");
  return value;
}

Decimal rounded_up(const Decimal& value, bool up) {
  Decimal down = rescale(value, 0, Rounding::down);
  const int order = compare(value, down);
  if (up && order > 0) ++down.digits;
  if (!up && order < 0) --down.digits;
  return down;
}

Value real(double value) { return value; }
Value whole(std::int64_t value) { return value; }

std::int64_t absolute(std::int64_t value, std::uint32_t type) {
  if (value == INT64_MIN) throw StatementError("22003", "bigint out of range");
  return in_range(value < 0 ? -value : value, type);
}

std::vector<Function> number_functions() {
  return {
      {"abs", {kInt2}, kInt2, [](Context&, const Row& a) -> Value { return absolute(a[0].integer(), kInt2); }},
      {"abs", {kInt4}, kInt4, [](Context&, const Row& a) -> Value { return absolute(a[0].integer(), kInt4); }},
      {"abs", {kInt8}, kInt8, [](Context&, const Row& a) -> Value { return absolute(a[0].integer(), kInt8); }},
      {"abs",
       {kNumeric},
       kNumeric,
       [](Context&, const Row& a) -> Value {
         return Decimal{a[0].decimal().digits < 0 ? -a[0].decimal().digits : a[0].decimal().digits,
                        a[0].decimal().scale};
       }},
      {"abs", {kFloat8}, kFloat8, [](Context&, const Row& a) { return real(std::fabs(a[0].real())); }},
      {"ceil", {kNumeric}, kNumeric, [](Context&, const Row& a) -> Value { return rounded_up(a[0].decimal(), true); }},
      {"ceil", {kFloat8}, kFloat8, [](Context&, const Row& a) { return real(std::ceil(a[0].real())); }},
      {"ceiling",
       {kNumeric},
       kNumeric,
       [](Context&, const Row& a) -> Value { return rounded_up(a[0].decimal(), true); }},
      {"ceiling", {kFloat8}, kFloat8, [](Context&, const Row& a) { return real(std::ceil(a[0].real())); }},
      {"floor",
       {kNumeric},
       kNumeric,
       [](Context&, const Row& a) -> Value { return rounded_up(a[0].decimal(), false); }},
      {"floor", {kFloat8}, kFloat8, [](Context&, const Row& a) { return real(std::floor(a[0].real())); }},
      {"round", {kNumeric}, kNumeric, [](Context&, const Row& a) -> Value { return rescale(a[0].decimal(), 0); }},
      {"round", {kFloat8}, kFloat8, [](Context&, const Row& a) { return real(std::nearbyint(a[0].real())); }},
      {"round",
       {kNumeric, kInt4},
       kNumeric,
       [](Context&, const Row& a) -> Value {
         return rescale(a[0].decimal(), static_cast<int>(std::clamp<std::int64_t>(a[1].integer(), -38, 38)));
       }},
      {"trunc",
       {kNumeric},
       kNumeric,
       [](Context&, const Row& a) -> Value { return rescale(a[0].decimal(), 0, Rounding::down); }},
      {"trunc", {kFloat8}, kFloat8, [](Context&, const Row& a) { return real(std::trunc(a[0].real())); }},
      {"trunc",
       {kNumeric, kInt4},
       kNumeric,
       [](Context&, const Row& a) -> Value {
         return rescale(a[0].decimal(), static_cast<int>(std::clamp<std::int64_t>(a[1].integer(), -38, 38)),
                        Rounding::down);
       }},
      {"sign",
       {kNumeric},
       kNumeric,
       [](Context&, const Row& a) -> Value {
         return Decimal{a[0].decimal().digits < 0 ? -1 : a[0].decimal().digits > 0 ? 1 : 0, 0};
       }},
      {"sign",
       {kFloat8},
       kFloat8,
       [](Context&, const Row& a) {
         return real(a[0].real() < 0 ? -1 : a[0].real() > 0 ? 1 : a[0].real());
       }},
      {"sqrt",
       {kFloat8},
       kFloat8,
       [](Context&, const Row& a) {
         if (a[0].real() < 0) throw StatementError("2201F", "cannot take square root of a negative number");
         return real(std::sqrt(a[0].real()));
       }},
      {"power",
       {kFloat8, kFloat8},
       kFloat8,
       [](Context&, const Row& a) { return real(finite(std::pow(a[0].real(), a[1].real()))); }},
      {"mod",
       {kInt4, kInt4},
       kInt4,
       [](Context&, const Row& a) -> Value {
         if (a[1].integer() == 0) throw StatementError("22012", "division by zero");
         return a[0].integer() % a[1].integer();
       }},
      {"mod",
       {kInt8, kInt8},
       kInt8,
       [](Context&, const Row& a) -> Value {
         if (a[1].integer() == 0) throw StatementError("22012", "division by zero");
         return a[1].integer() == -1 ? 0 : a[0].integer() % a[1].integer();
       }},
      {"mod",
       {kNumeric, kNumeric},
       kNumeric,
       [](Context&, const Row& a) -> Value { return modulo(a[0].decimal(), a[1].decimal()); }},
  };
}

Decimal part_of_time(const Row& a, const char* type) { return extract(lower_case(a[0].text()), a[1].integer(), type); }
Decimal part_of_date(const Row& a) { return extract(lower_case(a[0].text()), a[1].integer() * 86'400'000'000, "date"); }

std::vector<Function> time_functions() {
  return {
      {"date_trunc",
       {kText, kTimestamptz},
       kTimestamptz,
       [](Context&, const Row& a) -> Value { return truncate(lower_case(a[0].text()), a[1].integer()); }},
      {"date_trunc",
       {kText, kTimestamp},
       kTimestamp,
       [](Context&, const Row& a) -> Value { return truncate(lower_case(a[0].text()), a[1].integer()); }},
      {"date_trunc",
       {kText, kInterval},
       kInterval,
       [](Context&, const Row& a) -> Value { return truncate(lower_case(a[0].text()), a[1].interval()); }},
      {"extract",
       {kText, kTimestamptz},
       kNumeric,
       [](Context&, const Row& a) -> Value { return part_of_time(a, "timestamp with time zone"); }},
      {"extract",
       {kText, kTimestamp},
       kNumeric,
       [](Context&, const Row& a) -> Value { return part_of_time(a, "timestamp without time zone"); }},
      {"extract", {kText, kDate}, kNumeric, [](Context&, const Row& a) -> Value { return part_of_date(a); }},
      {"extract",
       {kText, kInterval},
       kNumeric,
       [](Context&, const Row& a) -> Value { return extract(lower_case(a[0].text()), a[1].interval()); }},
      {"date_part",
       {kText, kTimestamptz},
       kFloat8,
       [](Context&, const Row& a) { return real(to_double(part_of_time(a, "timestamp with time zone"))); }},
      {"date_part",
       {kText, kTimestamp},
       kFloat8,
       [](Context&, const Row& a) { return real(to_double(part_of_time(a, "timestamp without time zone"))); }},
      {"date_part",
       {kText, kInterval},
       kFloat8,
       [](Context&, const Row& a) { return real(to_double(extract(lower_case(a[0].text()), a[1].interval()))); }},
      {"age",
       {kTimestamptz, kTimestamptz},
       kInterval,
       [](Context&, const Row& a) -> Value { return age(a[0].integer(), a[1].integer()); }},
      {"age",
       {kTimestamp, kTimestamp},
       kInterval,
       [](Context&, const Row& a) -> Value { return age(a[0].integer(), a[1].integer()); }},
      {"age",
       {kTimestamptz},
       kInterval,
       [](Context& c, const Row& a) -> Value { return age(truncate("day", c.now), a[0].integer()); }},
      {"age",
       {kTimestamp},
       kInterval,
       [](Context& c, const Row& a) -> Value { return age(truncate("day", c.now), a[0].integer()); }},
      {"to_char",
       {kTimestamptz, kText},
       kText,
       [](Context&, const Row& a) -> Value {
         return a[1].text().empty() ? Value() : Value(to_char(a[0].integer(), a[1].text(), true));
       }},
      {"to_char",
       {kTimestamp, kText},
       kText,
       [](Context&, const Row& a) -> Value {
         return a[1].text().empty() ? Value() : Value(to_char(a[0].integer(), a[1].text(), false));
       }},
      {"to_timestamp",
       {kFloat8},
       kTimestamptz,
       [](Context&, const Row& a) -> Value {
         if (!(std::fabs(a[0].real()) < 1e12)) throw StatementError("22008", "timestamp out of range");
         return add(read_timestamp("1970-01-01", true), {0, 0, std::llround(a[0].real() * 1e6)}, 1);
       }},
      {"timezone",
       {kText, kTimestamptz},
       kTimestamp,
       [](Context&, const Row& a) -> Value {
         const std::string zone = lower_case(a[0].text());
         if (zone != "utc" && zone != "gmt" && zone != "z" && zone != "etc/utc")
           throw not_supported("peerd knows no time zone but UTC");
         return a[1];
       }},
      {"timezone",
       {kText, kTimestamp},
       kTimestamptz,
       [](Context&, const Row& a) -> Value {
         const std::string zone = lower_case(a[0].text());
         if (zone != "utc" && zone != "gmt" && zone != "z" && zone != "etc/utc")
           throw not_supported("peerd knows no time zone but UTC");
         return a[1];
       }},
      {"justify_hours",
       {kInterval},
       kInterval,
       [](Context&, const Row& a) -> Value {
         Interval interval = a[0].interval();
         interval.days += static_cast<std::int32_t>(interval.microseconds / 86'400'000'000);
         interval.microseconds %= 86'400'000'000;
         if (interval.days > 0 && interval.microseconds < 0) {
           interval.microseconds += 86'400'000'000;
           --interval.days;
         } else if (interval.days < 0 && interval.microseconds > 0) {
           interval.microseconds -= 86'400'000'000;
           ++interval.days;
         }
         return interval;
       }},
      {"now", {}, kTimestamptz, [](Context& c, const Row&) { return whole(c.now); }},
      {"current_timestamp", {}, kTimestamptz, [](Context& c, const Row&) { return whole(c.now); }},
      {"transaction_timestamp", {}, kTimestamptz, [](Context& c, const Row&) { return whole(c.now); }},
      {"statement_timestamp", {}, kTimestamptz, [](Context& c, const Row&) { return whole(c.now); }},
      {"clock_timestamp", {}, kTimestamptz, [](Context&, const Row&) { return whole(now_microseconds()); }},
      {"localtimestamp", {}, kTimestamp, [](Context& c, const Row&) { return whole(c.now); }},
      {"current_date",
       {},
       kDate,
       [](Context& c, const Row&) { return whole(truncate("day", c.now) / 86'400'000'000); }},
  };
}

}  // namespace

const std::vector<Function>& functions() {
  static const std::vector<Function> kAll = [] {
    std::vector<Function> all;
    for (auto part : {text_functions(), number_functions(), time_functions(), catalog_functions()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return kAll;
}

}  // namespace peerd::sql

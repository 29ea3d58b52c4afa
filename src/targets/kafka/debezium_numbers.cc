#include "kafka/debezium_numbers.h"

#include <bit>
#include <vector>

#include "kafka/json.h"
#include "kafka/row_encoder.h"

namespace peerd::kafka::debezium {
namespace {

constexpr const char* kNoDecimal = "NaN or an infinity, which Debezium's decimals cannot hold";

/// A decimal's text taken apart: [-]whole[.fraction], only digits.
struct Digits {
  bool negative = false;
  std::string_view whole, fraction;
};

const char* take_digits(std::string_view text, Digits& digits) {
  if (text == "NaN" || text == "Infinity" || text == "-Infinity") return kNoDecimal;
  digits.negative = calendar::take(text, '-');
  const std::size_t point = std::min(text.find('.'), text.size());
  digits.whole = text.substr(0, point);
  digits.fraction = text.substr(std::min(point + 1, text.size()));
  for (const std::string_view part : {digits.whole, digits.fraction})
    if (part.find_first_not_of("0123456789") != std::string_view::npos) return kNotOfItsType;
  return digits.whole.empty() && digits.fraction.empty() ? kNotOfItsType : nullptr;
}

/// The digits of a floating-point number, without zeros at either end: 0.digits times ten to the power of `exponent`.
struct Floating {
  static constexpr std::size_t kMost = 40;  // More than Postgres writes.
  char room[kMost];
  std::size_t count = 0;
  int exponent = 0;
  bool negative = false;
  std::string_view digits() const { return {room, count}; }
};

bool take_floating(std::string_view text, Floating& out) {
  out.negative = calendar::take(text, '-');
  const std::size_t end = std::min(text.find('e'), text.size());
  Digits digits;
  if (take_digits(text.substr(0, end), digits) != nullptr || digits.negative) return false;
  if (end < text.size()) {
    std::string_view power = text.substr(end + 1);
    calendar::take(power, '+');
    const auto [stop, error] = std::from_chars(power.data(), power.data() + power.size(), out.exponent);
    if (error != std::errc{} || stop != power.data() + power.size()) return false;
  }
  out.exponent += static_cast<int>(digits.whole.size());
  for (const std::string_view part : {digits.whole, digits.fraction}) {
    for (const char c : part) {
      if (out.count == 0 && c == '0') {
        --out.exponent;
        continue;
      }
      if (out.count == Floating::kMost) return false;
      out.room[out.count++] = c;
    }
  }
  while (out.count > 0 && out.room[out.count - 1] == '0') --out.count;
  if (out.count == 0) out.exponent = 1;
  return true;
}

/// An integer of any size: limbs of 64 bits, lowest first. One for each thread, whose memory is kept.
class Integer {
 public:
  static Integer& cleared() {
    static thread_local Integer one;
    one.limbs_.clear();
    one.pending_ = 0;
    one.factor_ = 1;
    return one;
  }
  void digits(std::string_view text) {
    for (const char c : text) {
      pending_ = pending_ * 10 + static_cast<std::uint64_t>(c - '0');
      factor_ *= 10;
      if (factor_ == kFactor) flush();
    }
  }
  void zeros(int count) {
    for (; count > 0; --count) digits("0");
  }
  /// As BigInteger.toByteArray() has it, in quotes and base64.
  void append(bool negative, std::string& out) {
    flush();
    limbs_.push_back(0);  // Room for the sign.
    if (negative) negate();
    std::size_t bytes = limbs_.size() * 8;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(limbs_[i / 8] >> (i % 8 * 8)); };
    const unsigned char sign = byte(bytes - 1) & 0x80 ? 0xff : 0;
    while (bytes > 1 && byte(bytes - 1) == sign && (byte(bytes - 2) & 0x80) == (sign & 0x80)) --bytes;
    out.push_back('"');
    Base64 base64(out);
    while (bytes > 0) base64.put(byte(--bytes));
    base64.end();
    out.push_back('"');
  }

 private:
  static constexpr std::uint64_t kFactor = 1'000'000'000'000'000'000;
  void flush() {
    unsigned __int128 carry = pending_;
    for (std::uint64_t& limb : limbs_) {
      carry += static_cast<unsigned __int128>(limb) * factor_;
      limb = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
    if (carry != 0) limbs_.push_back(static_cast<std::uint64_t>(carry));
    pending_ = 0;
    factor_ = 1;
  }
  void negate() {
    bool carry = true;
    for (std::uint64_t& limb : limbs_) {
      limb = ~limb + (carry ? 1 : 0);
      carry = carry && limb == 0;
    }
  }
  std::vector<std::uint64_t> limbs_;
  std::uint64_t pending_ = 0, factor_ = 1;
};

/// "2026-01-31 12:00:00.5+00 BC" as days and µs of the day in UTC.
bool take_timestamp(std::string_view text, std::int64_t& days, std::int64_t& us) {
  calendar::Date date;
  std::int64_t zone = 0;
  const bool bc = calendar::take_era(text);
  if (!calendar::take_date(text, date) || !calendar::take(text, ' ') || !calendar::take_clock(text, us) ||
      !calendar::take_zone(text, zone))
    return false;
  if (bc) date.year = 1 - date.year;
  days = calendar::days_of(date);
  us -= zone * 1'000'000;
  for (; us < 0; us += calendar::kDayMicroseconds) --days;
  for (; us >= calendar::kDayMicroseconds; us -= calendar::kDayMicroseconds) ++days;
  return true;
}

}  // namespace

const char* append_decimal(std::string_view text, int scale, std::string& out) {
  Digits digits;
  if (const char* wrong = take_digits(text, digits)) return wrong;
  Integer& number = Integer::cleared();
  if (scale >= 0) {
    if (digits.fraction.size() > static_cast<std::size_t>(scale)) return kNotOfItsType;
    number.digits(digits.whole);
    number.digits(digits.fraction);
    number.zeros(scale - static_cast<int>(digits.fraction.size()));
  } else {
    // numeric(5,-2): 12300 is 123 hundreds.
    const std::size_t kept = digits.whole.size() - std::min(digits.whole.size(), static_cast<std::size_t>(-scale));
    if (!digits.fraction.empty() || digits.whole.find_first_not_of('0', kept) != std::string_view::npos) return kNotOfItsType;
    number.digits(digits.whole.substr(0, kept));
  }
  number.append(digits.negative, out);
  return nullptr;
}

const char* append_any_decimal(std::string_view text, std::string& out) {
  Digits digits;
  if (const char* wrong = take_digits(text, digits)) return wrong;
  while (digits.fraction.ends_with('0')) digits.fraction.remove_suffix(1);
  Integer& number = Integer::cleared();
  number.digits(digits.whole);
  number.digits(digits.fraction);
  out += "{\"scale\":";
  append_number(digits.fraction.size(), out);
  out += ",\"value\":";
  number.append(digits.negative, out);
  out.push_back('}');
  return nullptr;
}

const char* append_money(std::string_view text, std::string& out) {
  // lc_monetary decides what it looks like. What could be read in two ways is not guessed at.
  constexpr const char* kForeign = "money in a form other than 1,234.56 (lc_monetary at the source)";
  const bool negative = text.starts_with('-') || text.starts_with('(');
  const std::size_t first = text.find_first_of("0123456789."), last = text.find_last_of("0123456789");
  if (first == std::string_view::npos || last == std::string_view::npos || last < first) return kForeign;
  text = text.substr(first, last - first + 1);
  const std::size_t point = text.find('.');
  if (point == std::string_view::npos || text.size() - point != 3) return kForeign;
  Integer& number = Integer::cleared();
  std::string_view whole = text.substr(0, point);
  while (!whole.empty()) {
    const std::size_t comma = std::min(whole.find(','), whole.size());
    const std::string_view group = whole.substr(0, comma);
    if (group.empty() || group.find_first_not_of("0123456789") != std::string_view::npos) return kForeign;
    if (whole.size() != comma && comma + 1 == whole.size()) return kForeign;
    number.digits(group);
    whole.remove_prefix(std::min(comma + 1, whole.size()));
    if (!whole.empty() && whole.find(',') == std::string_view::npos && whole.size() != 3) return kForeign;
  }
  if (text.substr(point + 1).find_first_not_of("0123456789") != std::string_view::npos) return kForeign;
  number.digits(text.substr(point + 1));
  number.append(negative, out);
  return nullptr;
}

const char* append_bits(std::string_view text, std::string& out) {
  if (text.find_first_not_of("01") != std::string_view::npos) return kNotOfItsType;
  text.remove_prefix(std::min(text.find('1'), text.size()));
  out.push_back('"');
  Base64 base64(out);
  while (!text.empty()) {
    unsigned char byte = 0;
    const std::size_t from = text.size() - std::min<std::size_t>(text.size(), 8);
    for (const char bit : text.substr(from)) byte = static_cast<unsigned char>(byte << 1 | (bit == '1' ? 1 : 0));
    base64.put(byte);
    text = text.substr(0, from);
  }
  base64.end();
  out.push_back('"');
  return nullptr;
}

const char* append_floating(std::string_view text, std::string& out) {
  if (text == "NaN" || text == "Infinity" || text == "-Infinity") return append_json(text, out) ? nullptr : kNoUtf8;
  Floating number;
  if (!take_floating(text, number)) return kNotOfItsType;
  // Double.toString(): plain from 0.001 to 10,000,000, else one digit before the point and a power.
  constexpr int kLeast = -2, kMost = 7;
  const std::string_view digits = number.digits();
  const bool plain = number.exponent >= kLeast && number.exponent <= kMost;
  const int before = plain ? number.exponent : 1;
  if (number.negative) out.push_back('-');
  if (before <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-before), '0');
    out += digits;
  } else {
    const std::size_t whole = std::min(digits.size(), static_cast<std::size_t>(before));
    out += digits.substr(0, whole);
    out.append(static_cast<std::size_t>(before) - whole, '0');
    out.push_back('.');
    whole < digits.size() ? void(out += digits.substr(whole)) : out.push_back('0');
  }
  if (plain) return nullptr;
  out.push_back('E');
  const int power = number.exponent - 1;
  if (power < 0) out.push_back('-');
  append_number(power < 0 ? -power : power, out);
  return nullptr;
}

const char* append_point(std::string_view text, std::string& out) {
  const std::size_t comma = text.find(',');
  if (comma == std::string_view::npos || !text.starts_with('(') || !text.ends_with(')')) return kNotOfItsType;
  const std::string_view parts[] = {text.substr(1, comma - 1), text.substr(comma + 1, text.size() - comma - 2)};
  double values[2];
  for (int i = 0; i < 2; ++i) {
    out += i == 0 ? "{\"x\":" : ",\"y\":";
    const auto [end, error] = std::from_chars(parts[i].data(), parts[i].data() + parts[i].size(), values[i]);
    if (error != std::errc{} || end != parts[i].data() + parts[i].size()) return kNotOfItsType;
    if (const char* wrong = append_floating(parts[i], out)) return wrong;
  }
  out += ",\"wkb\":\"";
  Base64 base64(out);  // Well-known binary: little endian, 1 = point.
  for (const unsigned char byte : {1, 1, 0, 0, 0}) base64.put(byte);
  for (const double value : values) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    for (int i = 0; i < 8; ++i) base64.put(static_cast<unsigned char>(bits >> (8 * i)));
  }
  base64.end();
  out += "\",\"srid\":null}";
  return nullptr;
}

const char* append_days(std::string_view text, std::string& out) {
  // Debezium's way through the JDBC driver ends at these two days of the year -5877611, which Postgres cannot hold.
  if (text == "infinity") return out += "-2147472692", nullptr;
  if (text == "-infinity") return out += "-2147472691", nullptr;
  const bool bc = calendar::take_era(text);
  calendar::Date date;
  if (!calendar::take_date(text, date) || !text.empty()) return kNotOfItsType;
  if (bc) date.year = 1 - date.year;
  append_number(calendar::days_of(date), out);
  return nullptr;
}

const char* append_time_of_day(std::string_view text, int precision, std::string& out) {
  std::int64_t us = 0;
  if (!calendar::take_clock(text, us) || !text.empty()) return kNotOfItsType;
  if (precision <= 3 && us % 1000 != 0) return kNotOfItsType;
  append_number(precision <= 3 ? us / 1000 : us, out);
  return nullptr;
}

const char* append_timestamp(std::string_view text, int precision, std::string& out) {
  // Documented by Debezium: the JDBC driver's numbers for the infinities.
  constexpr std::int64_t kInfinity = 9223372036825200000, kMinusInfinity = -9223372036832400000;
  const std::int64_t unit = precision <= 3 ? 1000 : 1, per_day = calendar::kDayMicroseconds / unit;
  if (text == "infinity") return append_number(kInfinity / unit, out), nullptr;
  if (text == "-infinity") return append_number(kMinusInfinity / unit, out), nullptr;
  std::int64_t days = 0, us = 0, value = 0;
  if (!take_timestamp(text, days, us) || us % unit != 0) return kNotOfItsType;
  if (__builtin_mul_overflow(days, per_day, &value) || __builtin_add_overflow(value, us / unit, &value))
    return "a timestamp beyond the year 294247, more microseconds than 64 bits hold";
  if (value == kInfinity / unit || value == kMinusInfinity / unit)
    return "the timestamp that stands for infinity in Debezium's messages";
  append_number(value, out);
  return nullptr;
}

const char* append_timestamptz(std::string_view text, int precision, std::string& out) {
  if (text == "infinity" || text == "-infinity") return append_json(text, out) ? nullptr : kNoUtf8;
  std::int64_t days = 0, us = 0;
  if (!take_timestamp(text, days, us)) return kNotOfItsType;
  out.push_back('"');
  append_date(days, out);
  out.push_back('T');
  append_clock(us, precision, out);
  out += "Z\"";
  return nullptr;
}

const char* append_timetz(std::string_view text, std::string& out) {
  std::int64_t us = 0, zone = 0;
  if (!calendar::take_clock(text, us) || !calendar::take_zone(text, zone)) return kNotOfItsType;
  if (us >= calendar::kDayMicroseconds && zone != 0) return "24:00 in a time zone other than UTC, which Debezium cannot hold";
  us -= zone * 1'000'000;
  while (us < 0) us += calendar::kDayMicroseconds;
  while (us > calendar::kDayMicroseconds || (us == calendar::kDayMicroseconds && zone != 0)) us -= calendar::kDayMicroseconds;
  out.push_back('"');
  append_clock(us, -1, out);
  out += "Z\"";
  return nullptr;
}

const char* append_interval(std::string_view text, std::string& out) {
  constexpr const char* kTooLong = "an interval of more microseconds than 64 bits hold";
  constexpr std::int64_t kMonth = 2'629'800'000'000;  // 365.25 / 12 days, exactly.
  if (text == "infinity" || text == "-infinity") return kTooLong;
  __int128 total = 0;
  bool any = false;
  while (!text.empty()) {
    const bool negative = calendar::take(text, '-');
    if (!negative) calendar::take(text, '+');
    std::int64_t number = 0, clock = 0;
    if (!calendar::take_number(text, number, 1)) return kNotOfItsType;
    __int128 part = number;
    if (text.starts_with(':')) {
      // Hours have as many digits as they need: the rest is a clock.
      std::int64_t minutes = 0, seconds = 0;
      if (!calendar::take(text, ':') || !calendar::take_number(text, minutes, 2) || !calendar::take(text, ':') ||
          !calendar::take_number(text, seconds, 2) || !calendar::take_fraction(text, clock) || !text.empty())
        return kNotOfItsType;
      part = (part * 3600 + minutes * 60 + seconds) * 1'000'000 + clock;
    } else if (calendar::take(text, ' ')) {
      const std::string_view unit = text.substr(0, text.find(' '));
      text.remove_prefix(std::min(unit.size() + 1, text.size()));
      if (unit == "year" || unit == "years") part *= 12 * kMonth;
      else if (unit == "mon" || unit == "mons") part *= kMonth;
      else if (unit == "day" || unit == "days") part *= calendar::kDayMicroseconds;
      else return kNotOfItsType;
    } else {
      return kNotOfItsType;
    }
    total += negative ? -part : part;
    any = true;
  }
  if (!any) return kNotOfItsType;
  if (total > INT64_MAX || total < INT64_MIN) return kTooLong;
  append_number(static_cast<std::int64_t>(total), out);
  return nullptr;
}

}  // namespace peerd::kafka::debezium

#include "cells.h"

#include <cstdio>

#include "peerd/base/text.h"

namespace peerd {

View::Cell cell(const std::string& text) { return cell(std::string_view(text)); }
View::Cell cell(std::string_view text) { return text.empty() ? std::nullopt : View::Cell(text); }
View::Cell cell(std::uint64_t count) { return std::to_string(count); }
View::Cell cell(std::int64_t count) { return std::to_string(count); }
View::Cell cell(Lsn lsn) { return lsn.value == 0 ? std::nullopt : View::Cell(to_string(lsn)); }
View::Cell truth(bool value) { return value ? "t" : "f"; }

namespace {

View::Cell thousandths(std::int64_t count) {
  char text[32];
  std::snprintf(text, sizeof text, "%lld.%03lld", static_cast<long long>(count / 1000), static_cast<long long>(count % 1000));
  return text;
}

}  // namespace

View::Cell seconds(std::chrono::milliseconds duration) { return thousandths(duration.count()); }
View::Cell milliseconds(std::chrono::nanoseconds duration) {
  return thousandths(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

View::Cell timestamp(std::int64_t unix_us) {
  if (unix_us == 0) return std::nullopt;
  std::string text = format_utc(unix_us);  // 2026-01-31T12:00:00.123Z
  text[10] = ' ';
  text.pop_back();
  return text + "+00";
}

}  // namespace peerd

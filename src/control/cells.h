#pragma once

#include <cstdint>
#include <string>

#include "peerd/changes/lsn.h"
#include "peerd/control/control.h"

namespace peerd {

// A value as a view's cell, in Postgres's text form. What is absent is NULL: an empty text, position 0, time 0.
View::Cell cell(const std::string& text);
View::Cell cell(std::string_view text);
View::Cell cell(std::uint64_t count);
View::Cell cell(std::int64_t count);
View::Cell cell(Lsn lsn);
View::Cell truth(bool value);
View::Cell seconds(std::chrono::milliseconds duration);
View::Cell milliseconds(std::chrono::nanoseconds duration);  ///< With three decimals.
View::Cell timestamp(std::int64_t unix_us);

}  // namespace peerd

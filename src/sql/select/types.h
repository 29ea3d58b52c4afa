#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "value.h"
#include "values.h"

namespace peerd::sql {

enum class Category { unknown, boolean, number, text, time, interval, array, nothing };
Category category(std::uint32_t type);

/// The number of an object that is written by its name: regclass, regtype, regproc.
bool is_object_number(std::uint32_t type);

/// "timestamp with time zone": what Postgres's messages and pg_typeof() call it. "oid 12" for what is not known here.
std::string full_name(std::uint32_t type);
/// "timestamptz": pg_type.typname.
std::string short_name(std::uint32_t type);
/// The type of a written name ("int", "double precision"), 0 when there is none such here.
std::uint32_t type_of_name(std::string_view name);
std::uint32_t array_of(std::uint32_t element);  ///< 0 when there is no array of it.
std::uint32_t element_of(std::uint32_t array);  ///< 0 when it is no array.

/// Whether a value may become the other type without being asked to.
bool converts(std::uint32_t from, std::uint32_t to);
/// The type that both sides of an operator, or branches of CASE, take; 0 when there is none.
std::uint32_t common_type(std::uint32_t a, std::uint32_t b);

/// What an explicit cast does; `modifier` is varchar's length or numeric's precision * 1000 + scale, -1 when there is
/// none.
using Convert = Value (*)(const Value&);
/// nullptr when there is no such cast (42846).
Convert find_cast(std::uint32_t from, std::uint32_t to);

/// The value that a text of this type means, as the type's input function reads it. 22P02, 22003, 22007 or 22008 for
/// what is none.
Value read_value(std::uint32_t type, std::string_view text);
/// The text that the type's output function gives.
std::string write_value(std::uint32_t type, const Value& value);

double to_double(const Decimal& value);
Decimal to_decimal(double value);
std::int64_t to_integer(const Decimal& value, std::uint32_t type);  ///< Rounded; 22003 when out of range.
std::int64_t to_integer(double value, std::uint32_t type);
std::int64_t in_range(std::int64_t value, std::uint32_t type);  ///< 22003 when it is not.

}  // namespace peerd::sql

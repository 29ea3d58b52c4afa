#pragma once

#include <span>
#include <string>
#include <string_view>

namespace peerd::postgres {

/// {"a","b\"c"}: texts as one array, for a parameter (Postgres docs 8.15.2, Array Value Input). Pure.
std::string array_literal(std::span<const std::string_view> values);

}  // namespace peerd::postgres

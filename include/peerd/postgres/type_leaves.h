#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "peerd/changes/table.h"
#include "peerd/postgres/connection.h"

namespace peerd::postgres {

/// What each of the database's own types (a domain, a composite, a range, an array of them) comes down to. Built-in types,
/// and those that are no more than themselves (an enum, an extension's), are left out. Names as format_type() writes them.
/// One query; `types` are OIDs of that server.
std::vector<TypeMakeUp> read_type_make_up(Connection& connection, std::span<const std::uint32_t> types, const Wait& wait);

/// Why text that one type wrote could be read by the other as another value, or be refused; "" where it is the same in both.
/// Of two types of one name.
std::string unlike(const TypeMakeUp& source, const TypeMakeUp& target);

}  // namespace peerd::postgres

#pragma once

#include <span>
#include <string_view>

namespace peerd::sql {

/// A relation of Postgres's system catalogs.
struct SystemShape {
  std::string_view schema, name;
  std::string_view columns;  ///< "oid:oid relname:name": all of them, in order, with types that there are here.
};

/// Those that clients ask for, as Postgres 14 has them. The constant lives as long as the program.
std::span<const SystemShape> system_shapes();

}  // namespace peerd::sql

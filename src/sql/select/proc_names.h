#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace peerd::sql {

/// A function of Postgres by its number in pg_proc.
struct Proc {
  std::int64_t number;
  std::string_view name;
};

/// The input, output, receive and send functions of the types that results have, as pg_type names them: what drivers
/// tell arrays by.
std::span<const Proc> type_procs();

std::string proc_name(std::int64_t number);           ///< As regproc writes it: - for 0, digits for an unknown one.
std::int64_t proc_number(std::string_view name);      ///< 0 when it is none of them.

}  // namespace peerd::sql

#pragma once

#include <span>
#include <string>
#include <vector>

#include "bound.h"

namespace peerd::sql {

/// A function of fixed types; NULL for a NULL argument.
struct Function {
  std::string_view name;
  std::vector<std::uint32_t> arguments;
  std::uint32_t result;
  Value (*run)(Context& context, const Row& arguments);
};

std::vector<Function> text_functions();
std::vector<Function> catalog_functions();
/// All of them. Postgres has more: what is not here does not exist here either (42883).
const std::vector<Function>& functions();

}  // namespace peerd::sql

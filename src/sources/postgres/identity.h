#pragma once

#include <optional>

#include "postgres/standing.h"

namespace peerd {

/// Why rows of a table cannot be told apart by what the WAL will carry of them.
struct BrokenIdentity {
  std::string what;      ///< Follows the table's name.
  std::string cure_sql;  ///< "" when there is none that is sure.
  std::string hint;
};
/// What publishing updates and deletes of it breaks at the source, where they then fail, or at the targets: no identity at
/// all, one that Postgres of this version (150004) does not take, and with FULL a key that two rows may share. Pure.
std::optional<BrokenIdentity> broken_identity(const TableStanding& table, int server_version);

}  // namespace peerd

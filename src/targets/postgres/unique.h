#pragma once

#include <optional>
#include <string>
#include <vector>

#include "peerd/base/error.h"
#include "peerd/changes/table.h"
#include "postgres/client.h"

// What keeps rows apart at the target, against what keeps them apart at the source. Pure.
namespace peerd::pgtarget {

/// A rule as the statements evaluate it: on a row that stands, and on one that comes.
struct Clash {
  std::string name;
  std::vector<UniqueRule::Part> parts;
  std::string condition;
  bool nulls_clash = false, deferrable = false;
};

/// What a rule of the target means for the mirror.
struct Judgement {
  std::string stricter;          ///< Why rows that the source holds could clash; "" when they cannot for long.
  std::optional<Clash> clash{};  ///< None when rows of different keys never clash.
  /// A row of which only the key is known may stand beside any other.
  bool bears_tombstones = true;
};
/// Rows clash in passing: with rows of another moment (rules.md 25), with those that leave in the same batch (26), and
/// with marked ones (27). Only where the source keeps them apart as well it is in passing.
Judgement judge(const Site& site, const MirrorTable& table, const UniqueRule& at_target);

/// The first rule of the target that the source lacks, as a problem with its cure.
std::optional<Problem> stricter_than_source(const Site& site, const MirrorTable& table, const std::string& target,
                                            const std::vector<UniqueRule>& at_target);

bool is_clash(const Error& error);
/// A clash that nothing resolves: names what refused the rows. `error` is the server's.
[[noreturn]] void throw_clash(const Error& error, const std::string& target);

}  // namespace peerd::pgtarget

#pragma once

#include <string>

#include "peerd/base/error.h"
#include "peerd/changes/table.h"

// What targets say of a table that is not as the mirror needs it. `table` is the source's, "s.t".
namespace peerd {

Problem unfit(ErrorCode code, const std::string& table, std::string message, std::string hint, std::string cure = {});
/// The same, of the code target_unfit.
Problem unfit(const MirrorTable& table, std::string message, std::string hint, std::string cure = {});

/// Of a table that is not what the mirror has written to any more: what to do about it. The message is the caller's.
ErrorText lost_table(const std::string& table);

/// Names of the columns of `from` that `to` has not: by their numbers, where both know them.
std::vector<std::string> lost_columns(const TableSchema& from, const TableSchema& to);
/// A column that came at the source has the name of one that was dropped there, and that `where` keeps. `cure`: the
/// statement that removes it there.
ErrorText kept_column(const MirrorTable& table, const std::string& name, const std::string& where,
                      const std::string& cure);

/// A column that the source gained stands at the target already, with values of the operator's. `cure`: statements that let its name go.
ErrorText own_values(const MirrorTable& table, const std::string& name, const std::string& where, const std::string& cure);

/// A key that tells an object of the source by its name (regclass and its like): where the target keeps it as text, rows would
/// stand under the old name once the object is renamed, and no change would find them. The WAL tells nothing of that.
/// Of a table without a key any column does.
Problems named_key(const MirrorTable& table);

}  // namespace peerd

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

}  // namespace peerd

#pragma once

#include <string>

#include "peerd/changes/table.h"

// What operators run when changes are missing. Who tells them fills in the mirror's name (src/mirrors/mirror.cc).
namespace peerd {

inline std::string copy_anew(const TableSchema& schema) {
  return "RESYNC TABLE " + schema.qualified() + " OF the mirror copies the table anew";
}
inline constexpr const char* kCopyAllAnew = "RESYNC MIRROR copies the tables anew";

}  // namespace peerd

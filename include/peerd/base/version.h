#pragma once

namespace peerd {

/// peerd's own version, as CMakeLists.txt's project() has it.
inline constexpr char kVersion[] = "0.1.0";

}  // namespace peerd

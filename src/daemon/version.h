#pragma once

namespace peerd {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace peerd

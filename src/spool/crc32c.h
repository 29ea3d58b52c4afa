#pragma once

#include <cstdint>
#include <string_view>

namespace peerd {

/// CRC-32C (Castagnoli) of `bytes`, going on from `before`: crc32c("123456789") == 0xe3069283.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

}  // namespace peerd

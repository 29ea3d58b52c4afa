#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace peerd::sql {

// Arrays of one dimension in the form of array_send and array_recv (Postgres: arrayfuncs.c): dimensions, whether there are
// NULLs, the element's type, then length and lower bound of each dimension, and the elements, each behind its length.

/// `text` as array_out writes it.
std::string encode_array(std::uint32_t type, std::string_view text);
/// As array_out would write it. 22P03 for what is no such array, 0A000 for several dimensions and for other elements than the
/// type has.
std::string decode_array(std::uint32_t type, std::string_view bytes);

}  // namespace peerd::sql

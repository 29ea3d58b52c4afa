#pragma once

#include <atomic>
#include <cstddef>

namespace peerd {

/// How often this test binary has called operator new: counted by the one of its files that replaces that.
extern std::atomic<std::size_t> allocations;

}  // namespace peerd

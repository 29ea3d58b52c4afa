#pragma once

// Replaces operator new of a test binary by one that counts into peerd::allocations. Included by exactly one of its files.
// The counter is atomic, as other threads allocate as well; nothing is inlined, or g++ takes the pair of new and free() for
// a mistake.

#include <cstdlib>
#include <new>

#include "support/allocations.h"

std::atomic<std::size_t> peerd::allocations = 0;

namespace peerd {
[[gnu::noinline]] inline void* allocate_counted(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] inline void release_counted(void* memory) { std::free(memory); }
}  // namespace peerd

[[gnu::noinline]] void* operator new(std::size_t size) {
  if (void* const memory = peerd::allocate_counted(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new[](std::size_t size) {
  if (void* const memory = peerd::allocate_counted(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return peerd::allocate_counted(size); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { peerd::release_counted(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { peerd::release_counted(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { peerd::release_counted(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { peerd::release_counted(memory); }

#include <cstring>
#include <memory>

#include "peerd/changes/batch.h"

namespace peerd {

std::byte* Arena::grow(std::size_t bytes) {
  if (bytes > kBlockBytes) {
    large_.push_back(std::make_unique_for_overwrite<std::byte[]>(bytes));
    large_bytes_ += bytes;
    return large_.back().get();
  }
  if (blocks_begun_ == blocks_.size()) blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(kBlockBytes));
  next_ = blocks_[blocks_begun_++].get();
  end_ = next_ + kBlockBytes;
  std::byte* const taken = next_;
  next_ += bytes;
  return taken;
}

std::byte* Arena::allocate(std::size_t bytes) {
  const std::size_t unaligned = reinterpret_cast<std::uintptr_t>(next_) % alignof(CellView);
  const std::size_t padding = unaligned == 0 ? 0 : alignof(CellView) - unaligned;
  if (bytes + padding > static_cast<std::size_t>(end_ - next_)) return grow(bytes);
  std::byte* const taken = next_ + padding;
  next_ = taken + bytes;
  return taken;
}

std::string_view Arena::copy(std::string_view text) {
  if (text.empty()) return {};
  // Bytes need no alignment: values lie side by side.
  std::byte* to = next_;
  if (text.size() <= static_cast<std::size_t>(end_ - next_)) {
    next_ += text.size();
  } else {
    to = grow(text.size());
  }
  std::memcpy(to, text.data(), text.size());
  return {reinterpret_cast<const char*>(to), text.size()};
}

std::span<CellView> Arena::cells(std::size_t count) {
  auto* const first = reinterpret_cast<CellView*>(allocate(count * sizeof(CellView)));
  std::uninitialized_default_construct_n(first, count);
  return {first, count};
}

void Arena::reset() noexcept {
  large_.clear();
  large_bytes_ = 0;
  blocks_begun_ = 0;
  next_ = end_ = nullptr;
}

}  // namespace peerd

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace peerd::clickhouse {

/// A growing run of bytes that never fills what it grows by, unlike a vector. Keeps its memory when cleared.
class Bytes {
 public:
  char* extend(std::size_t count) {
    if (count > capacity_ - size_) grow(count);
    char* at = data_.get() + size_;
    size_ += count;
    return at;
  }
  void append(std::string_view bytes) {
    if (!bytes.empty()) std::memcpy(extend(bytes.size()), bytes.data(), bytes.size());
  }
  void append(char byte) { *extend(1) = byte; }
  template <class T>
  void append_raw(const T& value) {
    std::memcpy(extend(sizeof value), &value, sizeof value);
  }
  /// LEB128, as ClickHouse writes lengths.
  void append_varint(std::uint64_t value) {
    char* at = extend(10);
    std::size_t count = 0;
    for (; value >= 0x80; value >>= 7) at[count++] = static_cast<char>(value | 0x80);
    at[count++] = static_cast<char>(value);
    size_ -= 10 - count;
  }
  void append_string(std::string_view bytes) {
    append_varint(bytes.size());
    append(bytes);
  }
  void append_zeros(std::size_t count) { std::memset(extend(count), 0, count); }

  void clear() noexcept { size_ = 0; }
  void cut(std::size_t size) noexcept { size_ = size; }
  /// Gives memory back that one unusually large row took.
  void clear_and_shrink(std::size_t most) {
    size_ = 0;
    if (capacity_ <= most) return;
    data_.reset();
    capacity_ = 0;
  }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  const char* data() const noexcept { return data_.get(); }
  char* data() noexcept { return data_.get(); }
  std::string_view view() const noexcept { return {data_.get(), size_}; }

 private:
  void grow(std::size_t count) {
    const std::size_t wanted = std::max({size_ + count, capacity_ * 2, std::size_t{256}});
    auto bigger = std::make_unique_for_overwrite<char[]>(wanted);
    if (size_ != 0) std::memcpy(bigger.get(), data_.get(), size_);
    data_ = std::move(bigger);
    capacity_ = wanted;
  }

  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace peerd::clickhouse

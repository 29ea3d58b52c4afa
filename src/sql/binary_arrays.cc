#include "binary_arrays.h"

#include "select/types.h"
#include "statement_error.h"
#include "values.h"

namespace peerd::sql {
namespace {

void put(std::string& out, std::uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 0xFF);
}

/// Takes numbers and bytes from the front.
class Taker {
 public:
  explicit Taker(std::string_view bytes) : bytes_(bytes) {}
  std::uint32_t number() {
    std::uint32_t value = 0;
    for (const char byte : bytes(4)) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
  }
  std::string_view bytes(std::size_t size) {
    if (size > bytes_.size()) throw StatementError("22P03", "incorrect binary data format for an array");
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  bool done() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

}  // namespace

std::string encode_array(std::uint32_t type, std::string_view text) {
  constexpr std::uint32_t kNull = 0xFFFFFFFF;
  const std::uint32_t element = element_of(type);
  const Value value = read_value(type, text);
  const Row& elements = value.array();
  std::string out;
  bool nulls = false;
  for (const Value& one : elements) nulls = nulls || one.null();
  put(out, elements.empty() ? 0 : 1);
  put(out, nulls ? 1 : 0);
  put(out, element);
  if (elements.empty()) return out;
  put(out, static_cast<std::uint32_t>(elements.size()));
  put(out, 1);
  for (const Value& one : elements) {
    if (one.null()) {
      put(out, kNull);
      continue;
    }
    const std::string bytes = encode_binary(element, write_value(element, one));
    put(out, static_cast<std::uint32_t>(bytes.size()));
    out += bytes;
  }
  return out;
}

std::string decode_array(std::uint32_t type, std::string_view bytes) {
  const std::uint32_t element = element_of(type);
  Taker taker(bytes);
  const std::uint32_t dimensions = taker.number();
  taker.number();  // Whether there are NULLs is seen.
  if (taker.number() != element) throw not_supported("an array of other elements than its type has is not supported");
  if (dimensions > 1) throw not_supported("arrays of several dimensions are not supported");
  auto row = std::make_shared<Row>();
  if (dimensions == 1) {
    const std::uint32_t count = taker.number();
    taker.number();  // The lower bound does not show in what peerd does with an array.
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto size = static_cast<std::int32_t>(taker.number());
      if (size < 0) {
        row->emplace_back();
      } else {
        row->push_back(read_value(element, decode_binary(element, taker.bytes(static_cast<std::size_t>(size)))));
      }
    }
  }
  if (!taker.done()) throw StatementError("22P03", "incorrect binary data format for an array");
  return write_value(type, Value(std::shared_ptr<const Row>(std::move(row))));
}

}  // namespace peerd::sql

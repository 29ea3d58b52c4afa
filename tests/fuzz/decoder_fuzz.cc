// Bytes as a walsender would send them: a frame, or a pgoutput message, which may lie within a streamed transaction.
#include <cstddef>
#include <cstdint>

#include "peerd/base/error.h"
#include "postgres/pgoutput_decoder.h"
#include "postgres/relation_shape.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerd;
  static pgoutput::Decoder decoder;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] % 3 == 0) {
      pgoutput::decode_frame(bytes);
      return 0;
    }
    const pgoutput::Message& message = decoder.decode(bytes, data[0] % 3 == 1);
    if (message.kind == pgoutput::MessageKind::relation) keep(message);
  } catch (const Error& error) {
    if (error.text.code != ErrorCode::peer_error) __builtin_trap();
  }
  return 0;
}

#include "postgres/pgoutput_decoder.h"

#include <bit>
#include <cstring>
#include <string>

#include "peerd/base/error.h"

namespace peerd::pgoutput {
namespace {

[[noreturn]] void malformed(const char* what) {
  throw Error(ErrorCode::peer_error, std::string("malformed replication message: ") + what,
              "is there a proxy between peerd and the source?");
}

template <typename Number>
Number swapped(const char* from) {
  Number value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (sizeof value == 8) return std::endian::native == std::endian::little ? __builtin_bswap64(value) : value;
  if constexpr (sizeof value == 4) return std::endian::native == std::endian::little ? __builtin_bswap32(value) : value;
  if constexpr (sizeof value == 2) return std::endian::native == std::endian::little ? __builtin_bswap16(value) : value;
  return value;
}

void put_u64(char* to, std::uint64_t value) {
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
  std::memcpy(to, &value, sizeof value);
}

}  // namespace

/// Takes fields off the front; every one is checked against what is left.
class Decoder::Reader {
 public:
  explicit Reader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  std::uint8_t u8() { return number<std::uint8_t>(); }
  std::uint16_t u16() { return number<std::uint16_t>(); }
  std::uint32_t u32() { return number<std::uint32_t>(); }
  std::uint64_t u64() { return number<std::uint64_t>(); }
  Lsn lsn() { return Lsn{u64()}; }
  std::int64_t time() { return static_cast<std::int64_t>(u64()); }

  std::string_view take(std::size_t count) {
    if (count > left()) malformed("it ends early");
    const std::string_view bytes(at_, count);
    at_ += count;
    return bytes;
  }
  std::string_view text() {
    const void* zero = std::memchr(at_, 0, left());
    if (zero == nullptr) malformed("a name has no end");
    const std::string_view bytes(at_, static_cast<const char*>(zero) - at_);
    at_ += bytes.size() + 1;
    return bytes;
  }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  const char* position() const { return at_; }

 private:
  template <typename Number>
  Number number() {
    if (left() < sizeof(Number)) malformed("it ends early");
    const Number value = swapped<Number>(at_);
    at_ += sizeof(Number);
    return value;
  }
  const char* at_;
  const char* end_;
};

void Decoder::tuple(Reader& in, std::vector<Cell>& cells, Tuple& into) {
  const std::size_t count = in.u16();
  if (count > in.left()) malformed("more columns than bytes");
  cells.resize(count);
  const char* const begin = in.position();
  for (Cell& cell : cells) {
    switch (in.u8()) {
      case 'n':
        cell = {Cell::Kind::null, {}};
        break;
      case 'u':
        cell = {Cell::Kind::unchanged, {}};
        break;
      case 't': {
        const std::size_t size = in.u32();
        cell = {Cell::Kind::text, in.take(size)};
        break;
      }
      case 'b': {
        const std::size_t size = in.u32();
        cell = {Cell::Kind::binary, in.take(size)};
        break;
      }
      default:
        malformed("unknown kind of value");
    }
  }
  into.bytes = {begin, static_cast<std::size_t>(in.position() - begin)};
  into.cells = cells;
}

void Decoder::relation(Reader& in) {
  message_.relation = in.u32();
  message_.space = in.text();
  message_.name = in.text();
  message_.identity = static_cast<char>(in.u8());
  const std::size_t count = in.u16();
  if (count > in.left()) malformed("more columns than bytes");
  columns_.clear();
  columns_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    RelationColumn column;
    column.in_key = (in.u8() & 1) != 0;
    column.name = in.text();
    column.type_oid = in.u32();
    column.type_modifier = static_cast<std::int32_t>(in.u32());
    columns_.push_back(column);
  }
  message_.columns = columns_;
}

void Decoder::change(Reader& in) {
  message_.relation = in.u32();
  message_.old_kind = OldTuple::none;
  char part = static_cast<char>(in.u8());
  if (message_.kind != MessageKind::insert && (part == 'K' || part == 'O')) {
    message_.old_kind = part == 'K' ? OldTuple::key : OldTuple::full;
    tuple(in, old_cells_, message_.old_row);
    if (message_.kind == MessageKind::remove) return;
    part = static_cast<char>(in.u8());
  }
  if (message_.kind == MessageKind::remove || part != 'N') malformed("unknown part of a row");
  tuple(in, new_cells_, message_.new_row);
}

void Decoder::truncate(Reader& in) {
  const std::size_t count = in.u32();
  message_.flags = in.u8();
  if (count > in.left() / 4) malformed("more tables than bytes");
  relations_.resize(count);
  for (std::uint32_t& relation : relations_) relation = in.u32();
  message_.relations = relations_;
}

void Decoder::two_phase(Reader& in) {
  if (message_.kind != MessageKind::begin_prepare) message_.flags = in.u8();
  message_.commit = in.lsn();
  message_.end = in.lsn();
  message_.time_us = in.time();
  if (message_.kind == MessageKind::rollback_prepared) message_.time_us = in.time();
  message_.xid = in.u32();
  message_.name = in.text();
}

const Message& Decoder::decode(std::string_view bytes, bool streamed) {
  Reader in(bytes);
  const char letter = static_cast<char>(in.u8());
  message_.old_kind = OldTuple::none;
  const auto is = [&](MessageKind kind) {
    message_.kind = kind;
    if (streamed) message_.xid = in.u32();
  };
  switch (letter) {
    case 'I':
      is(MessageKind::insert);
      change(in);
      break;
    case 'U':
      is(MessageKind::update);
      change(in);
      break;
    case 'D':
      is(MessageKind::remove);
      change(in);
      break;
    case 'T':
      is(MessageKind::truncate);
      truncate(in);
      break;
    case 'R':
      is(MessageKind::relation);
      relation(in);
      break;
    case 'Y':
      is(MessageKind::type);
      message_.relation = in.u32();
      message_.space = in.text();
      message_.name = in.text();
      break;
    case 'M':
      is(MessageKind::message);
      message_.flags = in.u8();
      message_.commit = in.lsn();
      message_.name = in.text();
      message_.content = in.take(in.u32());
      break;
    default:
      transaction(letter, in);
  }
  if (in.left() != 0) malformed("it has bytes too many");
  return message_;
}

void Decoder::transaction(char letter, Reader& in) {
  switch (letter) {
    case 'B':
      message_.kind = MessageKind::begin;
      message_.commit = in.lsn();
      message_.time_us = in.time();
      message_.xid = in.u32();
      return;
    case 'C':
      message_.kind = MessageKind::commit;
      message_.flags = in.u8();
      message_.commit = in.lsn();
      message_.end = in.lsn();
      message_.time_us = in.time();
      return;
    case 'O':
      message_.kind = MessageKind::origin;
      message_.commit = in.lsn();
      message_.name = in.text();
      return;
    case 'S':
      message_.kind = MessageKind::stream_start;
      message_.xid = in.u32();
      message_.flags = in.u8();
      return;
    case 'E':
      message_.kind = MessageKind::stream_stop;
      return;
    case 'c':
      message_.kind = MessageKind::stream_commit;
      message_.xid = in.u32();
      message_.flags = in.u8();
      message_.commit = in.lsn();
      message_.end = in.lsn();
      message_.time_us = in.time();
      return;
    case 'A':
      message_.kind = MessageKind::stream_abort;
      message_.xid = in.u32();
      message_.sub_xid = in.u32();
      if (in.left() == 0) return;  // Version 4 with streaming=parallel says when, too.
      message_.commit = in.lsn();
      message_.time_us = in.time();
      return;
    case 'b':
      message_.kind = MessageKind::begin_prepare;
      return two_phase(in);
    case 'P':
      message_.kind = MessageKind::prepare;
      return two_phase(in);
    case 'K':
      message_.kind = MessageKind::commit_prepared;
      return two_phase(in);
    case 'r':
      message_.kind = MessageKind::rollback_prepared;
      return two_phase(in);
    case 'p':
      message_.kind = MessageKind::stream_prepare;
      return two_phase(in);
    default:
      malformed("unknown type");
  }
}

Frame decode_frame(std::string_view bytes) {
  if (bytes.empty()) malformed("it is empty");
  if (bytes[0] == 'w') {
    if (bytes.size() < 25) malformed("it ends early");
    return {Frame::Kind::data, Lsn{swapped<std::uint64_t>(bytes.data() + 1)},
            Lsn{swapped<std::uint64_t>(bytes.data() + 9)}, false, bytes.substr(25)};
  }
  if (bytes[0] == 'k') {
    if (bytes.size() != 18) malformed("a keepalive has 18 bytes");
    return {Frame::Kind::keepalive, {}, Lsn{swapped<std::uint64_t>(bytes.data() + 1)}, bytes[17] != 0, {}};
  }
  malformed("unknown type");
}

StatusUpdate status_update(Lsn received, Lsn flushed, std::int64_t now_us_since_2000, bool reply_wanted) {
  StatusUpdate update{};
  update.bytes[0] = 'r';
  put_u64(update.bytes + 1, received.value);
  put_u64(update.bytes + 9, flushed.value);
  put_u64(update.bytes + 17, flushed.value);
  put_u64(update.bytes + 25, static_cast<std::uint64_t>(now_us_since_2000));
  update.bytes[33] = reply_wanted ? 1 : 0;
  return update;
}

}  // namespace peerd::pgoutput

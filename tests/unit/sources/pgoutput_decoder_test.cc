#include "postgres/pgoutput_decoder.h"

#include <gtest/gtest.h>

#include "peerd/base/error.h"
#include "support/count_allocations.h"

namespace peerd::pgoutput {
namespace {

/// Writes messages as the docs have them.
class Bytes {
 public:
  explicit Bytes(char type) { bytes_ += type; }
  Bytes& u8(std::uint64_t v) { return put(v, 1); }
  Bytes& u16(std::uint64_t v) { return put(v, 2); }
  Bytes& u32(std::uint64_t v) { return put(v, 4); }
  Bytes& u64(std::uint64_t v) { return put(v, 8); }
  Bytes& text(std::string_view v) {
    bytes_ += v;
    bytes_ += '\0';
    return *this;
  }
  Bytes& value(char kind, std::string_view v) {
    u8(static_cast<unsigned char>(kind)).u32(v.size());
    bytes_ += v;
    return *this;
  }
  Bytes& letter(char c) { return u8(static_cast<unsigned char>(c)); }
  const std::string& done() const { return bytes_; }

 private:
  Bytes& put(std::uint64_t v, int size) {
    for (int i = size - 1; i >= 0; --i) bytes_ += static_cast<char>(v >> (8 * i));
    return *this;
  }
  std::string bytes_;
};

std::vector<std::string> every_message() {
  return {
      Bytes('B').u64(0x10).u64(77).u32(5).done(),
      Bytes('C').u8(0).u64(0x10).u64(0x20).u64(77).done(),
      Bytes('O').u64(0x10).text("origin").done(),
      Bytes('R')
          .u32(16384)
          .text("public")
          .text("t")
          .letter('d')
          .u16(2)
          .u8(1)
          .text("id")
          .u32(23)
          .u32(0xffffffff)
          .u8(0)
          .text("a")
          .u32(1043)
          .u32(14)
          .done(),
      Bytes('Y').u32(20000).text("public").text("mood").done(),
      Bytes('I').u32(16384).letter('N').u16(3).value('t', "1").letter('n').value('b', "xy").done(),
      Bytes('U').u32(16384).letter('N').u16(2).value('t', "1").letter('u').done(),
      Bytes('U')
          .u32(16384)
          .letter('K')
          .u16(2)
          .value('t', "0")
          .letter('n')
          .letter('N')
          .u16(2)
          .value('t', "1")
          .letter('u')
          .done(),
      Bytes('U').u32(16384).letter('O').u16(1).value('t', "0").letter('N').u16(1).value('t', "1").done(),
      Bytes('D').u32(16384).letter('K').u16(2).value('t', "1").letter('n').done(),
      Bytes('D').u32(16384).letter('O').u16(1).value('t', "").done(),
      Bytes('T').u32(2).u8(3).u32(1).u32(2).done(),
      Bytes('M').u8(1).u64(0x10).text("prefix").u32(2).letter('h').letter('i').done(),
      Bytes('S').u32(5).u8(1).done(),
      Bytes('E').done(),
      Bytes('c').u32(5).u8(0).u64(0x10).u64(0x20).u64(77).done(),
      Bytes('A').u32(5).u32(6).done(),
      Bytes('b').u64(0x10).u64(0x20).u64(77).u32(5).text("gid").done(),
      Bytes('P').u8(0).u64(0x10).u64(0x20).u64(77).u32(5).text("gid").done(),
      Bytes('K').u8(0).u64(0x10).u64(0x20).u64(77).u32(5).text("gid").done(),
      Bytes('r').u8(0).u64(0x10).u64(0x20).u64(77).u64(78).u32(5).text("gid").done(),
      Bytes('p').u8(0).u64(0x10).u64(0x20).u64(77).u32(5).text("gid").done(),
  };
}

TEST(PgoutputDecoder, ALogicalMessageHasItsPrefixItsBytesAndWhereItEnds) {
  Decoder decoder;
  const std::string bytes = Bytes('M').u8(1).u64(0x10).text("out").u32(3).letter('h').u8(0).u8(255).done();
  const Message& message = decoder.decode(bytes);
  EXPECT_EQ(message.kind, MessageKind::message);
  EXPECT_EQ(message.flags, 1);
  EXPECT_EQ(message.commit, Lsn{0x10});
  EXPECT_EQ(message.name, "out");
  EXPECT_EQ(message.content, (std::string_view("h\0\xff", 3)));
  EXPECT_EQ(decoder.decode(Bytes('M').u8(0).u64(0x20).text("").u32(0).done()).content, "");
  EXPECT_THROW(decoder.decode(Bytes('M').u8(0).u64(0x20).text("").u32(5).letter('h').done()), Error);
}

TEST(PgoutputDecoder, EveryMessageIsKnown) {
  Decoder decoder;
  const std::vector<MessageKind> kinds = {MessageKind::begin,
                                          MessageKind::commit,
                                          MessageKind::origin,
                                          MessageKind::relation,
                                          MessageKind::type,
                                          MessageKind::insert,
                                          MessageKind::update,
                                          MessageKind::update,
                                          MessageKind::update,
                                          MessageKind::remove,
                                          MessageKind::remove,
                                          MessageKind::truncate,
                                          MessageKind::message,
                                          MessageKind::stream_start,
                                          MessageKind::stream_stop,
                                          MessageKind::stream_commit,
                                          MessageKind::stream_abort,
                                          MessageKind::begin_prepare,
                                          MessageKind::prepare,
                                          MessageKind::commit_prepared,
                                          MessageKind::rollback_prepared,
                                          MessageKind::stream_prepare};
  const auto messages = every_message();
  ASSERT_EQ(messages.size(), kinds.size());
  for (std::size_t i = 0; i < kinds.size(); ++i) EXPECT_EQ(decoder.decode(messages[i]).kind, kinds[i]) << i;
}

TEST(PgoutputDecoder, AMessageCutAtAnyByteIsAnError) {
  Decoder decoder;
  for (const std::string& message : every_message()) {
    for (std::size_t size = 0; size < message.size(); ++size) {
      // A copy of that size: the sanitizers see a byte read beyond it.
      const std::vector<char> cut(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_THROW(decoder.decode({cut.data(), cut.size()}), Error) << message[0] << " cut at " << size;
    }
    EXPECT_THROW(decoder.decode(message + '\0'), Error) << message[0];
  }
}

TEST(PgoutputDecoder, AnyByteMayBeWrongWithoutACrash) {
  Decoder decoder;
  for (const std::string& message : every_message()) {
    for (std::size_t at = 0; at < message.size(); ++at) {
      for (const int flip : {1, 0x80, 0xff}) {
        std::string wrong = message;
        wrong[at] = static_cast<char>(wrong[at] ^ flip);
        for (const bool streamed : {false, true}) {
          try {
            decoder.decode(wrong, streamed);
          } catch (const Error& error) {
            EXPECT_EQ(error.text.code, ErrorCode::peer_error);
          }
        }
      }
    }
  }
}

TEST(PgoutputDecoder, FieldsAreWhatWasSent) {
  Decoder decoder;
  const auto messages = every_message();
  const Message& begin = decoder.decode(messages[0]);
  EXPECT_EQ(begin.commit, Lsn{0x10});
  EXPECT_EQ(begin.time_us, 77);
  EXPECT_EQ(begin.xid, 5u);
  EXPECT_EQ(decoder.decode(messages[1]).end, Lsn{0x20});
  const Message& relation = decoder.decode(messages[3]);
  EXPECT_EQ(relation.space, "public");
  EXPECT_EQ(relation.identity, 'd');
  ASSERT_EQ(relation.columns.size(), 2u);
  EXPECT_TRUE(relation.columns[0].in_key);
  EXPECT_EQ(relation.columns[0].type_modifier, -1);
  EXPECT_EQ(relation.columns[1].name, "a");
  EXPECT_EQ(relation.columns[1].type_oid, 1043u);
  const Message& insert = decoder.decode(messages[5]);
  EXPECT_EQ(insert.relation, 16384u);
  ASSERT_EQ(insert.new_row.cells.size(), 3u);
  EXPECT_EQ(insert.new_row.cells[0].bytes, "1");
  EXPECT_EQ(insert.new_row.cells[1].kind, Cell::Kind::null);
  EXPECT_EQ(insert.new_row.cells[2].kind, Cell::Kind::binary);
  const Message& update = decoder.decode(messages[7]);
  EXPECT_EQ(update.old_kind, OldTuple::key);
  EXPECT_EQ(update.old_row.cells[0].bytes, "0");
  EXPECT_EQ(update.new_row.cells[1].kind, Cell::Kind::unchanged);
  EXPECT_EQ(decoder.decode(messages[6]).old_kind, OldTuple::none);
  EXPECT_EQ(decoder.decode(messages[10]).old_kind, OldTuple::full);
  const Message& truncate = decoder.decode(messages[11]);
  EXPECT_EQ(truncate.relations.size(), 2u);
  EXPECT_EQ(truncate.flags, 3);
}

TEST(PgoutputDecoder, StreamedMessagesCarryTheirXid) {
  Decoder decoder;
  const std::string insert = Bytes('I').u32(99).u32(16384).letter('N').u16(1).value('t', "1").done();
  const Message& message = decoder.decode(insert, true);
  EXPECT_EQ(message.xid, 99u);
  EXPECT_EQ(message.relation, 16384u);
  const std::string abort = Bytes('A').u32(5).u32(6).u64(0x30).u64(1).done();
  EXPECT_EQ(decoder.decode(abort, true).commit, Lsn{0x30});
}

TEST(PgoutputDecoder, DecodingRowsAllocatesNothing) {
  Decoder decoder;
  const std::string insert = every_message()[5], update = every_message()[7];
  decoder.decode(insert);
  decoder.decode(update);
  const std::size_t before = allocations;
  for (int i = 0; i < 1000; ++i) {
    decoder.decode(insert);
    decoder.decode(update);
  }
  EXPECT_EQ(allocations, before);
}

TEST(ReplicationFrames, DataAndKeepaliveAreTakenApart) {
  const std::string data = Bytes('w').u64(1).u64(2).u64(3).text("x").done();
  const Frame frame = decode_frame(data);
  EXPECT_EQ(frame.kind, Frame::Kind::data);
  EXPECT_EQ(frame.start, Lsn{1});
  EXPECT_EQ(frame.end, Lsn{2});
  EXPECT_EQ(frame.payload, std::string_view("x\0", 2));
  const std::string keepalive = Bytes('k').u64(9).u64(3).u8(1).done();
  EXPECT_TRUE(decode_frame(keepalive).reply_wanted);
  EXPECT_EQ(decode_frame(keepalive).end, Lsn{9});
  for (std::size_t size = 0; size < keepalive.size(); ++size)
    EXPECT_THROW(decode_frame(keepalive.substr(0, size)), Error);
  for (std::size_t size = 0; size < 25; ++size) EXPECT_THROW(decode_frame(data.substr(0, size)), Error);
  EXPECT_THROW(decode_frame("x"), Error);
}

TEST(ReplicationFrames, AStatusUpdateIsAsTheProtocolHasIt) {
  const StatusUpdate update = status_update(Lsn{0x0102030405060708}, Lsn{0x1112131415161718}, 5);
  EXPECT_EQ(
      update.view(),
      std::string_view(
          Bytes('r').u64(0x0102030405060708).u64(0x1112131415161718).u64(0x1112131415161718).u64(5).u8(0).done()));
}

}  // namespace
}  // namespace peerd::pgoutput

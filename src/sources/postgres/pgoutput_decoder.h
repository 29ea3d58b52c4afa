#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "peerd/changes/lsn.h"

// The logical replication messages of Postgres's pgoutput, protocol versions 1 to 4 (Postgres docs 55.9), and the two
// messages that frame them (55.4). Pure: bytes in, views of these bytes out.
namespace peerd::pgoutput {

enum class MessageKind : std::uint8_t {
  begin,
  commit,
  origin,
  relation,
  type,
  insert,
  update,
  remove,
  truncate,
  message,
  stream_start,
  stream_stop,
  stream_commit,
  stream_abort,  // version 2
  begin_prepare,
  prepare,
  commit_prepared,
  rollback_prepared,
  stream_prepare  // version 3
};

struct Cell {
  enum class Kind : std::uint8_t { null, unchanged, text, binary };
  Kind kind = Kind::null;
  std::string_view bytes;
};

/// One row as sent. `bytes` spans all of its cells, so that one copy keeps them all.
struct Tuple {
  std::string_view bytes;
  std::span<const Cell> cells;
};

struct RelationColumn {
  bool in_key = false;  ///< Part of the replica identity; set for every column when that is FULL.
  std::string_view name;
  std::uint32_t type_oid = 0;
  std::int32_t type_modifier = -1;
};

/// What the old row's cells are: none, the replica identity's columns (others null), or all of them (identity FULL).
enum class OldTuple : std::uint8_t { none, key, full };

/// One message; only the fields of its kind are set. Views borrow from the bytes and from the decoder, until the next
/// decode().
struct Message {
  MessageKind kind = MessageKind::begin;
  std::uint32_t xid = 0;         ///< begin, the stream and prepare messages; others when they are streamed.
  std::uint32_t sub_xid = 0;     ///< stream_abort.
  Lsn commit;                    ///< begin: final_lsn; commit: commit_lsn; likewise prepare, commit_prepared. message: its end.
  Lsn end;                       ///< commit, stream_commit and the prepare messages.
  std::int64_t time_us = 0;      ///< Microseconds since 2000-01-01.
  std::uint32_t relation = 0;    ///< OID: relation, insert, update, remove.
  char identity = 0;             ///< relation: 'd', 'n', 'f' or 'i'.
  std::string_view space, name;  ///< relation and type; origin, message and prepare use `name` alone (gid, prefix).
  std::span<const RelationColumn> columns;
  OldTuple old_kind = OldTuple::none;
  Tuple old_row, new_row;
  std::uint8_t flags = 0;  ///< truncate: 1 = CASCADE, 2 = RESTART IDENTITY; stream_start: 1 = first segment; message: 1 = transactional.
  std::span<const std::uint32_t> relations;  ///< truncate.
  std::string_view content;                  ///< message.
};

/// Decodes one message at a time. Keeps its memory: allocates nothing per row once warm.
class Decoder {
 public:
  /// `streamed`: the message lies between stream_start and stream_stop, where an xid precedes the rest.
  /// Throws Error(peer_error) when it is malformed, whatever the bytes are.
  const Message& decode(std::string_view bytes, bool streamed = false);

 private:
  class Reader;
  void relation(Reader& in);
  void change(Reader& in);
  void truncate(Reader& in);
  void two_phase(Reader& in);
  void transaction(char letter, Reader& in);  ///< The messages about a transaction as a whole.
  void tuple(Reader& in, std::vector<Cell>& cells, Tuple& into);

  Message message_;
  std::vector<Cell> old_cells_, new_cells_;
  std::vector<RelationColumn> columns_;
  std::vector<std::uint32_t> relations_;
};

/// A CopyData message of a replication connection.
struct Frame {
  enum class Kind : std::uint8_t { data, keepalive };
  Kind kind;
  Lsn start, end;             ///< data: of the payload, and the server's end of WAL; keepalive: `end` alone.
  bool reply_wanted = false;  ///< keepalive.
  std::string_view payload;   ///< data.
};
/// Throws Error(peer_error).
Frame decode_frame(std::string_view bytes);

/// A standby status update: 34 bytes to send.
struct StatusUpdate {
  char bytes[34];
  std::string_view view() const { return {bytes, sizeof bytes}; }
};
StatusUpdate status_update(Lsn received, Lsn flushed, std::int64_t now_us_since_2000, bool reply_wanted = false);

}  // namespace peerd::pgoutput

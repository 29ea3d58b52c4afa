#pragma once

#include <memory>
#include <string>

#include "peerd/sources/chunk_reader.h"
#include "postgres/slot.h"

namespace peerd {

/// The COPY statement of a chunk. Pure. Its comment names table and chunk for whoever reads the source's log. `part`: the
/// quoted name of the chunk's partition, when it is of one.
std::string copy_statement(const MirrorTable& table, const Chunk& chunk, const CopyPlan& plan, const std::string& part = {});

/// Takes header and trailer off a COPY, whatever messages they come in. Pure.
class CopyFrame {
 public:
  explicit CopyFrame(CopyForm form) : form_(form), header_left_(form == CopyForm::binary) {}
  /// The rows in one CopyData message.
  std::string_view rows(std::string_view message);

 private:
  CopyForm form_;
  bool header_left_;
};

class PostgresChunkReader final : public ChunkReader {
 public:
  PostgresChunkReader(Connect connect, std::vector<MappedTable> tables);
  Opened open(const MirrorTable& table, const Chunk& chunk, const CopyPlan& plan, const Wait& wait) override;
  std::span<const std::byte> read(const Wait& wait) override;

 private:
  enum class Found { as_planned, moved, gone };  ///< gone: its partition is none any more, and took its rows away.
  Found find(const MirrorTable& table, const Chunk& chunk, std::string& part, const Wait& wait);
  Found find_part(const MirrorTable& table, const Chunk& chunk, std::string& part, const Wait& wait);
  bool as_planned(const MirrorTable& table, const Chunk& chunk, const Wait& wait);
  std::string_view next_message(const Wait& wait);
  void explain(const Error& error, const Wait& wait);  ///< Throws what says more, where something does.
  void close(const Wait& wait);

  Connect connect_;
  std::vector<MappedTable> tables_;
  std::unique_ptr<postgres::Connection> connection_;
  TableSchema schema_;  ///< Of the chunk that is read.
  CopyFrame frame_{CopyForm::text};
  std::string piece_;
  bool reading_ = false;
};

}  // namespace peerd

#pragma once

#include <memory>
#include <string>

#include "postgres/copy_out_reader.h"

namespace peerd {

/// The COPY statement of a chunk. Pure. Its comment names table and chunk for whoever reads the source's log. `part`: the
/// quoted name of the chunk's partition, when it is of one.
std::string copy_statement(const MirrorTable& table, const Chunk& chunk, const CopyPlan& plan, const std::string& part = {});

class PostgresChunkReader final : public CopyOutReader {
 public:
  PostgresChunkReader(Connect connect, std::vector<MappedTable> tables);
  Opened open(const MirrorTable& table, const Chunk& chunk, const CopyPlan& plan, const Wait& wait) override;

 private:
  enum class Found { as_planned, moved, gone };  ///< gone: its partition is none any more, and took its rows away.
  Found find(const MirrorTable& table, const Chunk& chunk, std::string& part, const Wait& wait);
  Found find_part(const MirrorTable& table, const Chunk& chunk, std::string& part, const Wait& wait);
  bool as_planned(postgres::Connection& connection, const MirrorTable& table, const Chunk& chunk,
                  const Wait& wait) const;
  Found find_whole(const MirrorTable& table, const Chunk& chunk, const Wait& wait);
  void explain(const Error& error, const Wait& wait) override;

  std::vector<MappedTable> tables_;
  TableSchema schema_;  ///< Of the chunk that is read.
};

}  // namespace peerd

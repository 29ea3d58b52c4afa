#pragma once

#include <vector>

#include "peerd/changes/chunk.h"
#include "peerd/postgres/connection.h"

namespace peerd {

/// What a table measures.
struct TableSize {
  std::uint64_t blocks = 0;
  double rows_per_block = 0;  ///< Estimated; 0 = unknown.
};

/// Even ctid ranges of about `rows_per_chunk` rows (0 = one chunk), at most `most` of them; the last one open-ended.
/// Pure.
std::vector<Chunk> cut(const MirrorTable& table, std::uint32_t file_node, const TableSize& size,
                       std::uint64_t rows_per_chunk, std::uint64_t most);

/// Measures the table, or each of its partitions, and cuts it. Throws not_found when it is gone.
std::vector<Chunk> plan_chunks(postgres::Connection& connection, const MirrorTable& table, std::uint64_t rows_per_chunk,
                               const Wait& wait);

/// The same by ranges of the key, its bounds taken from a sample. One chunk when the key has a type whose order is not
/// the server's own.
std::vector<Chunk> plan_key_ranges(postgres::Connection& connection, const MirrorTable& table,
                                   std::uint64_t rows_per_chunk, const Wait& wait);

}  // namespace peerd

#pragma once

#include "postgres/applier.h"

namespace peerd::pgtarget {

inline constexpr int kMergesAfterClash = 16;
inline constexpr std::size_t kMostKept = 2'000;  ///< Temporary tables and prepared statements of a session.

/// Of a table in a batch: what goes directly waits in memory.
inline constexpr std::size_t kMostDirectBytes = 16 << 10;

inline std::size_t bytes_of(std::span<const CellView> row) {
  std::size_t bytes = 0;
  for (const CellView& cell : row) bytes += cell.bytes.size();
  return bytes;
}
/// A handful of such rows may go directly.
inline bool is_short(std::span<const CellView> row) { return bytes_of(row) <= kMostDirectBytes / 8; }

/// What all tables of one merge() share.
struct Applier::Pass {
  const Batch& batch;
  const ApplyContext& context;
  bool may_retry;
};

/// What is staged of one table.
struct Applier::Work {
  struct Group {  ///< Rows that miss the same columns.
    std::uint64_t updated = 0, carried = 0;
    std::vector<std::uint32_t> asked;  ///< Outcomes whose missing values the source is asked for.
  };
  std::uint64_t removed = 0, moved_away = 0, placed = 0;
  bool copies_new = false;
  std::vector<std::uint32_t> fresh;  ///< Outcomes that go by COPY into the table itself.
  std::vector<Group> groups;

  Group& group(int number) {
    if (groups.size() <= static_cast<std::size_t>(number)) groups.resize(static_cast<std::size_t>(number) + 1);
    return groups[static_cast<std::size_t>(number)];
  }
};

}  // namespace peerd::pgtarget

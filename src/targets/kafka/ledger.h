#pragma once

#include <map>
#include <optional>
#include <string>

#include "kafka/client.h"
#include "peerd/changes/chunk.h"

namespace peerd::kafka {

/// What the mirror's compacted topic says: written in the same transactions as the messages (rules.md 29).
struct Ledger {
  std::uint64_t epoch = 0;  ///< Of the newest lease that has opened the mirror.
  std::optional<Lsn> position;
  Lsn horizon;                               ///< The last one that was announced.
  std::map<std::string, CopyCounts> chunks;  ///< Finished ones, by chunk_key().
  std::map<std::string, std::string> ends;   ///< TopicEnds::text() by topic, as of some time ago.
};

/// Of all chunks of a table that are finished, from whatever start.
std::uint64_t rows_copied(const Ledger& ledger, TableId table);

inline constexpr std::string_view kPositionKey = "position", kLeaseKey = "lease", kEndKeys = "end/";
std::string ledger_topic(const std::string& uuid);  ///< "_peerd_<uuid>"
std::string chunk_keys(TableId table);  ///< What the keys of a table's chunks begin with.
std::string chunk_key(const Chunk& chunk);
std::string position_value(Lsn position, Lsn horizon);
std::string chunk_value(CopyCounts counts);

/// Reads the topic to its end with read_committed. REQUIRES: the topic is there; nobody's transaction is open in it.
Ledger read_ledger(const PeerSpec& peer, const std::string& uuid, const Wait& wait);
/// The newest lease, one whose transaction is still open too: who writes it has taken over, or is about to.
std::uint64_t read_newest_lease(const PeerSpec& peer, const std::string& uuid, const Wait& wait);

}  // namespace peerd::kafka

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "mappings.h"
#include "peerd/postgres/connection.h"
#include "peerd/specs/mirror_spec.h"
#include "peerd/specs/peer_spec.h"

namespace peerd::pgtarget {

inline constexpr int kOldestVersion = 120000;

/// One mirror at one target server: what all its connections and statements need. Immutable.
struct Site {
  postgres::ConnectOptions options;
  std::string mirror, uuid;  ///< The mirror's name, for people, and its incarnation.
  std::uint64_t epoch = 0;
  std::string soft_delete, synced_at;  ///< Column names; "" = none.
  std::size_t direct_rows = 32;  ///< Of a table that has more in a batch, rows go by way of a temporary table.
  Mappings mappings{};
  bool drops = false;  ///< A column that is dropped at the source is dropped here.
  std::optional<QueryMode> query{};  ///< Of a mirror of a query.
  bool copies = true;  ///< Rows that stood before the mirror did are copied.
  /// The table as this server has it. All that stands between a Target's calls and its statements knows no other.
  MirrorTable here(const MirrorTable& table) const { return mappings.renamed(table); }
};
Site make_site(const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease);

/// A connection with the session settings that the mirror's statements count on: commits are durable unless one asks otherwise (rules.md 24), and
/// the joins of staged rows with a target table go by the table's index, however large or small the batch.
/// Triggers, rules and foreign keys of the target do not fire in it where the role may say so: is_replica() tells.
std::unique_ptr<postgres::Connection> connect(const Site& site, const Wait& wait);
bool is_replica(postgres::Connection& connection, const Wait& wait);

/// What `look` answers, all of it of one moment: whatever others commit meanwhile, the mirror itself among them, is seen as a whole
/// or not at all. It may write nothing. REQUIRES: no transaction is open. When it throws, the transaction stays.
template <typename Look>
auto at_one_moment(postgres::Connection& connection, const Wait& wait, Look look) {
  connection.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", wait);
  auto seen = look();
  connection.run("COMMIT", wait);
  return seen;
}

/// "host:port/database", for messages.
std::string place(const postgres::ConnectOptions& options);

}  // namespace peerd::pgtarget

#pragma once

#include <map>
#include <string>

#include "peerd/base/mutex.h"
#include "peerd/changes/table.h"
#include "peerd/postgres/connection.h"

namespace peerd::pgtarget {

/// The tables that were compared with their notes, by name as the mapping has it. Thread-safe: chunk writers ask, too.
class Verified {
 public:
  void know(const std::string& target, const std::string& oid);

  /// COMMIT, unless a name means another table now than when it was compared: one that is renamed away and made again
  /// takes rows as if nothing had happened. What the transaction wrote to is locked, so that the answer holds until its
  /// end; nothing was confirmed that lies elsewhere, and putting the table back loses nothing. One round trip.
  void commit(postgres::Connection& connection, const std::string& target, const Wait& wait) const;
  void commit_all(postgres::Connection& connection, const Wait& wait) const;

 private:
  void run(postgres::Connection& connection, const std::string& checks, const Wait& wait) const;

  mutable Mutex mutex_;
  std::map<std::string, std::string> checks_ PEERD_GUARDED_BY(mutex_);  ///< Statements that fail.
};

}  // namespace peerd::pgtarget

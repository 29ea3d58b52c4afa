#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "peerd/base/error.h"
#include "peerd/base/mutex.h"
#include "peerd/changes/table.h"
#include "peerd/postgres/connection.h"
#include "peerd/postgres/pipeline.h"
#include "postgres/client.h"

namespace peerd::pgtarget {

/// The tables that were compared with their notes, by name as the mapping has it. Thread-safe: chunk writers ask, too.
class Verified {
 public:
  /// `sum`: its column_sum() as of before it was compared; without one its columns are looked at anew before the next commit.
  void know(const MirrorTable& table, const std::string& oid, std::optional<std::int64_t> sum = {});
  /// The same table in another shape.
  void reshaped(const MirrorTable& table);

  /// COMMIT of what was written to `tables`; none means all of them. One round trip, and no commit
  /// - where a name means another table now than when it was compared: one that is renamed away and made again takes
  ///   rows as if nothing had happened;
  /// - where a column or a partition of it is gone, or another one than was noted (parts.h), or it is UNLOGGED now;
  /// - where a column has got a type, a collation or a default by which a start would refuse it: a value may have been
  ///   rounded, cut, or left to that default;
  /// - where a trigger, a foreign key or a rule that check_firing() would refuse has come since: it may have fired.
  /// What the transaction wrote to is locked, so that the answer holds until its end; nothing was confirmed, and
  /// putting the table in order loses nothing.
  enum class Commit { flushed, visible };  ///< visible: its WAL is flushed some time later (rules.md 24).
  void commit(postgres::Connection& connection, const Site& site, std::span<const MirrorTable> tables, Commit how,
              const Wait& wait) const;
  /// The same checks, for an exchange that ends with COMMIT: where one says no, it is not run.
  void send_checks(postgres::Pipeline& pipeline, std::span<const MirrorTable> tables) const;
  /// What the checks need. REQUIRES: the bookkeeping stands.
  static void prepare(postgres::Connection& connection, const Wait& wait);
  /// After `error` of a statement on `tables`: what has come to fire may be what failed, or a column of which the statement
  /// makes no sense any more, and is then told as a start tells it. Rolls back.
  void refuse_firing(postgres::Connection& connection, const Site& site, std::span<const MirrorTable> tables,
                     const Error& error, const Wait& wait) const;

 private:
  struct Known {  ///< Immutable.
    MirrorTable table;
    postgres::QualifiedName name;
    std::string oid;
  };
  struct Checked {  ///< The parameters of the checks.
    std::string names, oids;  ///< Arrays.
    std::string sum;
  };
  Checked checked(const std::vector<std::shared_ptr<const Known>>& tables) const;
  std::int64_t sum_of(const std::vector<std::shared_ptr<const Known>>& tables) const;
  std::vector<std::shared_ptr<const Known>> known(std::span<const MirrorTable> tables) const;
  static Problems firing(postgres::Connection& connection, const Site& site,
                         const std::vector<std::shared_ptr<const Known>>& tables, const Wait& wait);

  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<const Known>> known_ PEERD_GUARDED_BY(mutex_);
  /// By OID: how their columns stood when they were found fit.
  mutable std::map<std::string, std::int64_t> sums_ PEERD_GUARDED_BY(mutex_);
};

}  // namespace peerd::pgtarget

#pragma once

#include <cstdint>
#include <string>

#include "peerd/changes/lsn.h"

namespace peerd {

// Words, types, one direction: a Target makes Durable, a Spool makes Spooled, only a ProgressStore makes Stored out of
// either, and ChangeStream::confirm takes nothing but Stored. All are cumulative.

struct Applied { Lsn lsn; };  ///< Readers of the target see it.
struct Durable { Lsn lsn; };  ///< It survives a crash of the target.

/// It lies fsynced in the mirror's own spool, to be applied before anything newer. Always the end of a whole transaction.
class Spooled {
 public:
  Lsn lsn() const noexcept { return lsn_; }

 private:
  friend class Spool;
  explicit Spooled(Lsn lsn) : lsn_(lsn) {}
  Lsn lsn_;
};

/// The catalog has stored one of these: safe to confirm upstream.
class Stored {
 public:
  Lsn lsn() const noexcept { return lsn_; }

 private:
  friend class ProgressStore;
  explicit Stored(Lsn lsn) : lsn_(lsn) {}
  Lsn lsn_;
};

/// Of a table whose changes are left out until it is copied anew (on_table_error = 'park').
struct ParkedTable {
  Lsn from;                   ///< What was committed after it may be missing at the target.
  std::int64_t since_us = 0;  ///< Unix time.
  std::string reason, hint;
  bool operator==(const ParkedTable&) const = default;
};

}  // namespace peerd

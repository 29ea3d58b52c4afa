#pragma once

#include "peerd/changes/lsn.h"

namespace peerd {

// Three words, three types, one direction: a Target makes Durable, only a ProgressStore makes Stored
// out of it, and ChangeStream::confirm takes nothing but Stored. All are cumulative.

struct Applied { Lsn lsn; };  ///< Readers of the target see it.
struct Durable { Lsn lsn; };  ///< It survives a crash of the target.

/// The checkpoint that says so is stored: safe to confirm upstream.
class Stored {
 public:
  Lsn lsn() const noexcept { return lsn_; }

 private:
  friend class ProgressStore;
  explicit Stored(Lsn lsn) : lsn_(lsn) {}
  Lsn lsn_;
};

}  // namespace peerd

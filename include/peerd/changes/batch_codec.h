#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "peerd/changes/batch.h"

namespace peerd {

/// What still counts of a batch that was kept.
struct Counting {
  /// A target's position: changes and messages of transactions that committed before it stand there already.
  Lsn after{};
  /// The mirror's table whose changes these are, as it is known now (its MirrorTable::unique is taken over); nullptr when it
  /// left the mirror, or was copied anew since: its changes count no more. Empty: all tables count, as they were kept.
  std::function<const MirrorTable*(const MirrorTable&)> table{};
};

/// A batch as bytes, with a version. Pure; allocates nothing per row.
class BatchCodec {
 public:
  static void encode(const Batch& batch, std::string& out);  ///< Appends.
  /// The batch as it was, without what does not count. `continues`: the batch that was given out before this one ended with
  /// an open tail. Reuses `spent`. Throws Error(internal) on bytes that encode() did not write, or of another version.
  static std::unique_ptr<Batch> decode(std::string_view bytes, const Counting& counting, bool continues,
                                       std::unique_ptr<Batch> spent = nullptr);

 private:
  class Decoder;
};

}  // namespace peerd

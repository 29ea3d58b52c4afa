#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/specs/mirror_spec.h"
#include "peerd/specs/peer_spec.h"

namespace peerd {

/// A peer as the catalog has it.
struct PeerRecord {
  std::int64_t id = 0;
  PeerSpec spec;
};

/// What operators declared. Thread-safe, as ProgressStore is; both are one object. Secrets are
/// sealed inside. Names compare exactly. Stored as the specs' own versioned JSON, never as proto.
/// Every call is one transaction, on disk when it returns.
class DefinitionStore {
 public:
  enum class Put { created, unchanged, replaced };  ///< unchanged: the same spec was there.
  virtual ~DefinitionStore() = default;
  /// Throws already_exists naming the differing options (never their values when secret), unless `replace`; wrong_state
  /// when a replacement is of another kind and mirrors use it.
  virtual Put put_peer(const PeerSpec& peer, Replace replace) = 0;
  virtual std::optional<PeerSpec> peer(std::string_view name) = 0;
  virtual std::vector<PeerSpec> peers() = 0;          ///< By name.
  virtual std::vector<PeerRecord> peer_records() = 0;  ///< peers() with their ids.
  virtual void drop_peer(std::string_view name) = 0;  ///< Throws wrong_state naming the mirrors that use it; not_found.
  /// New ones in state SETUP with a fresh uuid. Throws already_exists naming what differs; not_found for a peer that is not
  /// there; wrong_state while one of that name is being dropped.
  virtual Put put_mirror(const MirrorSpec& mirror) = 0;
  virtual std::optional<MirrorRecord> mirror(std::string_view name) = 0;
  virtual std::optional<MirrorRecord> mirror(MirrorId id) = 0;
  virtual std::vector<MirrorRecord> mirrors() = 0;  ///< By name.
  /// One step of the state table; throws wrong_state when the stored state is not `from`. `receives`: MirrorRecord::receives
  /// from now on; else it stays what it is.
  virtual void move(MirrorId id, MirrorState from, MirrorState to, std::string_view reason,
                    std::optional<bool> receives = std::nullopt) = 0;
  /// Other tables or options than so far; name, source and target stay. Throws wrong_state of one that is being dropped.
  virtual void change_mirror(MirrorId id, const MirrorSpec& spec) = 0;
  /// Takes those of these source tables that came later, by a pattern, out of it, whatever else was changed meanwhile.
  /// True: one was.
  virtual bool unmap(MirrorId id, const std::vector<std::string>& sources) = 0;
  virtual void set_resume_to(MirrorId id, MirrorState phase) = 0;
  virtual void delete_mirror(MirrorId id) = 0;  ///< After DROP has cleaned up: definition, progress and log.
  /// The epoch rises with every lease granted. nullopt while another owner's lease runs. The embedded catalog gives up all
  /// leases when it is opened: its lock file says that their owners are dead.
  virtual std::optional<Lease> lease(MirrorId id, std::string_view owner, std::chrono::seconds duration) = 0;
};

}  // namespace peerd

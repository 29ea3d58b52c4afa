#include "drop_phase.h"

#include "peerd/base/log.h"
#include "source_place.h"

namespace peerd {
namespace {

std::string quoted(const std::string& name) { return "\"" + name + "\""; }

/// A forced drop answers within a statement's minute, whatever hangs.
Wait patience(bool forced, const std::stop_token& stop) {
  return forced ? Wait::at_most(std::chrono::seconds(15), stop) : brief(stop);
}

void drop_at_source(MirrorWorld& world, const MirrorRecord& record, const Lease& lease, const MirrorProgress& progress, const Wait& wait) {
  const auto peer = world.catalog.peer(record.spec.source);
  if (!peer) return;
  const auto source = world.connectors.of(peer->kind).source(*peer, record.spec, lease);
  if (progress.identity) {
    const SourceIdentity now = source->identity(wait);
    if (!progress.identity->same_place(now)) {
      const std::string left = source->belongings(progress.slot_intended).words;
      throw Error(ErrorText{.code = ErrorCode::wrong_state,
                            .message = "peer " + quoted(peer->name) + " leads to " + words_of(now) + ", and " + left + " of mirror " +
                                       quoted(record.spec.name) + " stand in " + words_of(*progress.identity),
                            .hint = "point the peer back with CREATE OR REPLACE PEER " + peer->name + ", then DROP MIRROR " +
                                    record.spec.name + "; DROP MIRROR " + record.spec.name + " FORCE leaves them there",
                            .retry = Retry::later});
    }
  }
  source->drop(progress.slot_intended, wait);
}

/// Where the target is, without what stands there: that may be gone by now.
TargetIdentity place_of(TargetIdentity identity) {
  std::erase_if(identity.facts, [](const auto& fact) { return fact.second == "there" || fact.second == "gone"; });
  return identity;
}

void forget_at_target(MirrorWorld& world, const MirrorRecord& record, const Lease& lease, const MirrorProgress& progress, const Wait& wait) {
  const auto peer = world.catalog.peer(record.spec.target);
  if (!peer) return;
  const auto target = world.connectors.of(peer->kind).target(*peer, record.spec, lease);
  if (progress.target) {
    ErrorText about;
    about.hint = "what the mirror noted of itself stands where the peer led to: point it back with CREATE OR REPLACE PEER " + peer->name +
                 ", then DROP MIRROR " + record.spec.name + "; DROP MIRROR " + record.spec.name + " FORCE leaves it there";
    require_same(place_of(*progress.target), target->identity(wait), "the target of peer " + quoted(peer->name), std::move(about));
  }
  target->forget(wait);
}

/// What of the source cannot be removed, where it stands, and the statement that does it by hand.
std::string left_at_source(MirrorWorld& world, const MirrorRecord& record, const Lease& lease, const MirrorProgress& progress) {
  Source::Belongings left;
  if (const auto peer = world.catalog.peer(record.spec.source))
    left = world.connectors.of(peer->kind).source(*peer, record.spec, lease)->belongings(progress.slot_intended);
  std::string text = "at the source, peer " + quoted(record.spec.source);
  if (progress.identity) text += " (" + words_of(*progress.identity) + ")";
  text += ": " + left.words;
  if (!left.cure.empty()) text += "; where it still stands, remove it there with: " + left.cure;
  return text;
}

/// Runs one half; without force its error is the drop's.
template <typename Half, typename Left>
void attempt(bool forced, std::vector<std::string>& all, Half half, Left left) {
  try {
    half();
  } catch (const Error& error) {
    if (!forced || error.text.code == ErrorCode::fenced) throw;
    all.push_back(left() + " (" + error.text.message + ")");
  }
}

}  // namespace

std::vector<std::string> drop_mirror(MirrorWorld& world, const MirrorRecord& record, const Lease& lease, bool forced,
                                     const std::stop_token& stop) {
  const MirrorProgress progress = world.catalog.progress(record.id);
  std::vector<std::string> left;
  if (!record.spec.of_query())  // Of a query nothing stands at the source.
    attempt(
      forced, left, [&] { drop_at_source(world, record, lease, progress, patience(forced, stop)); },
      [&] { return left_at_source(world, record, lease, progress); });
  attempt(
      forced, left, [&] { forget_at_target(world, record, lease, progress, patience(forced, stop)); },
      [&] { return "at the target, peer " + quoted(record.spec.target) + ": what the mirror noted of itself, under " + record.uuid; });
  return left;
}

}  // namespace peerd

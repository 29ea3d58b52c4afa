#include "peer_move.h"

#include "peerd/base/text.h"

namespace peerd {

namespace {

std::string words_of(const SourceIdentity& identity) {
  return "database \"" + identity.database + "\" of the server with system identifier " +
         std::to_string(identity.system_identifier);
}

/// Only what the role may not do: the rest of a mirror's checks is about mirrors that are yet to be made.
void keep_missing_rights(Problems found, Problems& problems) {
  for (Problem& problem : found)
    if (problem.text.code == ErrorCode::no_privilege) problems.push_back(std::move(problem));
}

[[noreturn]] void refuse(const PeerSpec& peer, const std::string& mirror, const std::string& why) {
  throw Error(ErrorText{.code = ErrorCode::wrong_state,
                        .message = "peer \"" + peer.name + "\" cannot be replaced while mirror \"" + mirror + "\" uses it: " + why,
                        .hint = "name the other server as another peer, or drop the mirror first: DROP MIRROR " + mirror});
}

/// A server that cannot be asked is refused as well: nobody would know what the mirror follows from then on.
template <typename Ask>
auto asked(const std::string& mirror, Ask ask) {
  try {
    return ask();
  } catch (const Error& error) {
    ErrorText text = error.text;
    text.message = "whether mirror \"" + mirror + "\" can go on with this peer cannot be asked: " + text.message;
    throw Error(std::move(text));
  }
}

template <typename AnySource>
void check_asked(AnySource&& source, const PeerSpec& peer, const MirrorRecord& mirror, const SourceIdentity& noted, const Wait& wait) {
  const SourceIdentity now = asked(mirror.spec.name, [&] { return source.identity(wait); });
  if (!noted.same_place(now))
    refuse(peer, mirror.spec.name, "it follows " + words_of(noted) + ", and this is " + words_of(now));
  Problems problems;
  keep_missing_rights(asked(mirror.spec.name, [&] { return source.preflight(wait); }), problems);
  throw_if_any(problems);
}

void check_source(const PeerSpec& peer, const MirrorRecord& mirror, Catalog& catalog, const Connectors& connectors,
                  const Wait& wait) {
  const std::optional<SourceIdentity> noted = catalog.progress(mirror.id).identity;
  if (!noted) return;
  const Lease lease{mirror.id, 0, mirror.uuid};
  if (mirror.spec.of_query()) return check_asked(*connectors.of(peer.kind).query_source(peer, mirror.spec, lease), peer, mirror, *noted, wait);
  check_asked(*connectors.of(peer.kind).source(peer, mirror.spec, lease), peer, mirror, *noted, wait);
}

void check_target(const PeerSpec& peer, const MirrorRecord& mirror, Catalog& catalog, const Connectors& connectors,
                  const Wait& wait) {
  const MirrorProgress progress = catalog.progress(mirror.id);
  if (!progress.target) return;
  const auto target = connectors.of(peer.kind).target(peer, mirror.spec, Lease{mirror.id, 0, mirror.uuid});
  const TargetIdentity now = asked(mirror.spec.name, [&] { return target->identity(wait); });
  try {
    require_same(*progress.target, now, "the target of peer \"" + peer.name + "\"", {});
  } catch (const Error& error) {
    refuse(peer, mirror.spec.name, error.text.message + (error.text.detail.empty() ? "" : ": " + error.text.detail));
  }
  Problems problems;
  keep_missing_rights(asked(mirror.spec.name, [&] { return target->preflight(progress.tables, wait); }), problems);
  throw_if_any(problems);
}

}  // namespace

void check_replacement(const PeerSpec& replacement, Catalog& catalog, const Connectors& connectors, const Wait& wait) {
  const std::optional<PeerSpec> before = catalog.peer(replacement.name);
  // Another kind is the catalog's to refuse, and what does not differ leads nowhere else.
  if (!before || before->kind != replacement.kind || *before == replacement) return;
  for (const MirrorRecord& mirror : catalog.mirrors()) {
    if (mirror.spec.source == replacement.name) check_source(replacement, mirror, catalog, connectors, wait);
    if (mirror.spec.target == replacement.name) check_target(replacement, mirror, catalog, connectors, wait);
  }
}

}  // namespace peerd

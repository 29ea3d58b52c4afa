#include "source_place.h"

#include "peerd/base/text.h"
#include "promotion.h"

namespace peerd {

std::string words_of(const SourceIdentity& identity) {
  const std::string server = "the server with system identifier " + std::to_string(identity.system_identifier);
  return identity.database.empty() ? server : "database " + quote_identifier(identity.database) + " of " + server;
}

SourceIdentity check_identity(PhaseContext& context, const MirrorProgress& progress, const std::stop_token& stop) {
  SourceIdentity identity = context.source.identity(brief(stop));
  if (was_promoted(progress, identity)) follow_promoted(context, progress, identity, stop);
  else require_noted(context, progress, identity);
  return identity;
}

SourceIdentity check_place(PhaseContext& context, const MirrorProgress& progress, const std::stop_token& stop) {
  SourceIdentity identity = context.source.identity(brief(stop));
  MirrorProgress anywhen = progress;
  if (anywhen.identity) anywhen.identity->timeline = identity.timeline;
  require_noted(context, anywhen, identity);
  return identity;
}

void require_noted(const MirrorContext& context, const MirrorProgress& progress, const SourceIdentity& identity) {
  if (!progress.identity) return;
  const SourceIdentity& noted = *progress.identity;
  if (noted.same_place(identity) && noted.timeline == identity.timeline) return;
  const bool earlier = noted.same_place(identity) && identity.timeline < noted.timeline;
  ErrorText text{.code = ErrorCode::position_lost,
                 .message = earlier ? "the source is an earlier primary than the one this mirror follows: it was failed over, and leads back"
                                    : "the source is another server or database, or on another timeline, than the one this mirror follows",
                 .detail = "it was " + words_of(noted) + " on timeline " + std::to_string(noted.timeline) + " and is " +
                           words_of(identity) + " on timeline " + std::to_string(identity.timeline)};
  text.hint = "point peer \"" + context.record.spec.source + "\" back with CREATE OR REPLACE PEER and RESUME MIRROR";
  text.hint += earlier && !context.record.spec.of_query() ? "; where this server is meant after all, RESYNC MIRROR copies the tables anew"
                                                          : ", or drop the mirror and create it again";
  throw Error(std::move(text));
}

}  // namespace peerd

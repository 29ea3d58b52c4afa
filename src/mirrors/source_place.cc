#include "source_place.h"

#include "peerd/base/text.h"

namespace peerd {

std::string words_of(const SourceIdentity& identity) {
  const std::string server = "the server with system identifier " + std::to_string(identity.system_identifier);
  return identity.database.empty() ? server : "database " + quote_identifier(identity.database) + " of " + server;
}

SourceIdentity check_identity(PhaseContext& context, const MirrorProgress& progress, const std::stop_token& stop) {
  SourceIdentity identity = context.source.identity(brief(stop));
  require_noted(context, progress, identity);
  return identity;
}

void require_noted(const MirrorContext& context, const MirrorProgress& progress, const SourceIdentity& identity) {
  if (!progress.identity) return;
  const SourceIdentity& noted = *progress.identity;
  if (noted.same_place(identity) && noted.timeline == identity.timeline) return;
  throw Error(ErrorText{.code = ErrorCode::position_lost,
                        .message = "the source is another server or database, or on another timeline, than the one this mirror follows",
                        .detail = "it was " + words_of(noted) + " on timeline " + std::to_string(noted.timeline) + " and is " +
                                  words_of(identity) + " on timeline " + std::to_string(identity.timeline),
                        .hint = "point peer \"" + context.record.spec.source +
                                "\" back with CREATE OR REPLACE PEER and RESUME MIRROR, or drop the mirror and create it again",
                        .field = {}, .table = {}, .origin = {}, .retry = {}});
}

}  // namespace peerd

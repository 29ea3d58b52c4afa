#pragma once

#include <functional>

#include "phase.h"

// Mirrors of queries (docs/adr/0016): SETUP makes the target table, SNAPSHOT is the first round, RUNNING the others.
namespace peerd {

/// The target table, in the shape that the query has now. Every step is stored before the next and harmless when repeated.
void set_up_query(QueryContext& context, const std::stop_token& stop);

/// Rounds: what is new at the source, in ranges, until `stop`; `once`: one round. Returns on a stop of its own wait, after the
/// one round, and when the mirror asks for no more (initial_copy_only). `working` is called after each range, from any worker:
/// failures before it are over.
void copy_query(QueryContext& context, bool once, const std::stop_token& stop, const std::function<void()>& working);

}  // namespace peerd

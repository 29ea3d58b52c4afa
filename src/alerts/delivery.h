#pragma once

#include <set>
#include <string>

#include "alert_plan.h"
#include "notice.h"
#include "peerd/base/clock.h"

namespace peerd {

/// Gives the message to the configuration's receiver, and returns once it was taken. Throws Error when it was not: of several
/// Slack channels each is tried but those in `taken`, and the error names the first that did not take it. unreachable and timeout:
/// nobody there would take another message, either; else this one was refused. Throws Stopped.
void deliver(const AlertPlan& plan, const AlertNotice& notice, std::set<std::string>& taken, const Wait& wait);

}  // namespace peerd

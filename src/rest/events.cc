#include "auth.h"
#include "json.h"
#include "mirror_events.h"
#include "refusals.h"
#include "routes.h"

namespace peerd::rest {

std::string stream_events(Call& call) {
  const auto access = who_asks(call);
  if (!access) return call.reply.body;
  std::function<bool()> allowed = [] { return true; };
  if (access->login == Login::cookie) {
    allowed = [&sessions = call.sessions, token = std::string(session_token(call.request))] {
      return sessions.find(token).has_value();
    };
  }
  const auto joined = call.events.join(std::move(allowed));
  if (!joined.listener) {
    call.reply = reply_with(503, error_json(8, "TOO_MANY_LISTENERS", "too many listen to the events already",
                                            "poll the mirrors instead, or come again later"));
    call.reply.headers["retry-after"] = "5";
    return call.reply.body;
  }
  call.reply.headers = {
      {"content-type", "text/event-stream"}, {"cache-control", "no-cache"}, {"x-accel-buffering", "no"}};
  call.reply.events = joined.listener;
  return joined.beginning;
}

}  // namespace peerd::rest

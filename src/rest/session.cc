// The endpoints of logging in and out.
#include <nlohmann/json.hpp>

#include "auth.h"
#include "json.h"
#include "peerd/base/version.h"
#include "refusals.h"
#include "routes.h"
#include "view_json.h"

namespace peerd::rest {
namespace {

/// Nothing of the body is repeated in an error: it may well be the password.
std::string password_in(std::string_view body) {
  const auto document = nlohmann::json::parse(body, nullptr, false);
  const auto field = document.is_object() ? document.find("password") : document.end();
  if (field == document.end() || !field->is_string()) {
    refuse_field("password", "the body has no password", "send {\"password\": \"…\"}");
  }
  return field->get<std::string>();
}

}  // namespace

std::string open_session(Call& call) {
  Role role = Role::admin;
  if (!call.deps.password.empty()) {
    // Asked again: many may have been let in by their heads before the first was wrong.
    if (!call.deps.attempts.may_try(call.request.remote)) {
      call.reply = refuse_too_many_attempts();
      return call.reply.body;
    }
    const auto opened = role_of(password_in(call.body), call.deps);
    if (!opened) {
      note_wrong_password(call.deps, call.request);
      call.reply = refuse_wrong_password();
      return call.reply.body;
    }
    role = *opened;
    call.reply.headers["set-cookie"] = session_cookie(call.sessions.open(role), call.deps.tls);
  }
  return "{\"role\":" + json_text(to_string(role)) + "}";
}

std::string show_session(Call& call) {
  const auto access = who_asks(call);
  if (!access) return call.reply.body;
  return "{\"role\":" + json_text(to_string(access->role)) + ",\"login\":" + json_text(to_string(access->login)) +
         ",\"version\":" + json_text(kVersion) + "}";
}

std::string close_session(Call& call) {
  call.sessions.close(session_token(call.request));
  call.reply.headers["set-cookie"] = session_cookie("", call.deps.tls);
  return "{}";
}

}  // namespace peerd::rest

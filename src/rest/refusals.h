#pragma once

#include <optional>
#include <string>

#include "auth.h"
#include "peerd/net/server.h"
#include "peerd/rest/rest_server.h"
#include "routes.h"
#include "sessions.h"

namespace peerd::rest {

/// An answer in JSON, which no cache keeps.
net::HttpReply reply_with(int status, std::string body);

/// Who may not ask, and why. Told by the head alone, so that nobody without the password can make us hold a body of more
/// than 4 KiB.
std::optional<net::HttpReply> refusal(RestDeps& deps, Sessions& sessions, const net::HttpRequest& request);

net::HttpReply refuse_missing_password(const net::HttpRequest& request);
net::HttpReply refuse_wrong_password();
/// Who was let in by the head and asks; nullopt, with the refusal in call.reply, when its session has ended since.
std::optional<Access> who_asks(Call& call);
net::HttpReply refuse_too_many_attempts();
/// For the attempt limit and the log.
void note_wrong_password(RestDeps& deps, const net::HttpRequest& request);

}  // namespace peerd::rest

#pragma once

#include <map>
#include <string>
#include <vector>

#include "peerd/base/clock.h"

namespace peerd {

/// One request by libcurl on its own connection: no redirects, no proxy's password, certificates checked against the system's
/// roots or `root_ca` (PEM). Each throws Error: unreachable, timeout, bad_password, peer_error, and Stopped; messages hold
/// neither the address's path nor any secret.

struct WebAnswer {
  int status = 0;
  std::string body;  ///< Its first 64 KiB.
};
WebAnswer post_json(const std::string& url, const std::map<std::string, std::string>& headers, const std::string& body,
                    const std::string& root_ca, const Wait& wait);

struct MailServer {
  std::string host;
  int port = 0;
  std::string security;  ///< "starttls" (asked for, or refused), "tls", "none".
  std::string user, password, root_ca;
};
void send_mail(const MailServer& server, const std::string& from, const std::vector<std::string>& to, const std::string& text, const Wait& wait);

}  // namespace peerd

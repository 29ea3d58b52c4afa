#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "peerd/control/control.h"
#include "peerd/control/view_query.h"
#include "peerd/net/attempt_limit.h"
#include "peerd/net/server.h"

namespace peerd {

class Alerts;

/// Something without which peerd does not do its work, and what is wrong with it.
struct NotReady {
  std::string what, why;
};

/// What peerd tells of itself to those who watch it. All of it from memory: nothing here may wait for a server, the catalog or
/// an operator.
struct Probes {
  std::function<std::vector<MirrorStatus>()> mirrors{};
  std::function<std::string()> metrics{};               ///< Prometheus's text.
  std::function<std::vector<NotReady>()> not_ready{};  ///< Empty: it is ready.
  bool open_metrics = false;                            ///< /metrics asks for no password.
};

/// A setting of the process, as it may be shown.
struct ShownSetting {
  std::string variable;              ///< "PEERD_SQL_PORT".
  std::optional<std::string> value;  ///< None: it has its default. A secret is masked.
  std::string default_text, doc;
  OptionType type = OptionType::text;
};

/// What the HTTP port works with; all of it outlives the server. An empty password leaves the API open.
struct RestDeps {
  PeerControl& peers;
  MirrorControl& mirrors;
  Catalog& catalog;
  std::string password;
  net::AttemptLimit& attempts;
  std::vector<std::string> allowed_hosts{};  ///< Beside IP addresses and localhost; asked for when there is no password.
  std::string read_password{};  ///< Whoever gives it sees all and changes nothing; "" = there is none.
  bool tls = false;             ///< The port speaks HTTPS: its cookies are for that alone.
  ViewQuery query{};            ///< What answers POST query; without one it is refused.
  Probes probes{};
  Alerts* alerts = nullptr;     ///< None: what is asked of alerts is refused.
  std::vector<ShownSetting> settings{};
  std::int64_t serving_since_us = 0;  ///< Unix time: changes are counted from then on.
};

/// Answers /api/v1/..., the same under /v1/..., /healthz, /readyz, /metrics, and with the page at / and below /page/. Never throws; docs/rest.md lists the endpoints.
net::HttpHandler make_rest_handler(RestDeps deps);

}  // namespace peerd

#include "probes.h"

#include <nlohmann/json.hpp>

#include "json.h"
#include "plain_json.h"
#include "proto/route.pb.h"
#include "refusals.h"

namespace peerd::rest {
namespace {

constexpr std::string_view kHealth = "/healthz", kReady = "/readyz", kMetrics = "/metrics";

net::HttpReply health(const Probes& probes) {
  peerdb_route::HealthzResponse reply;
  reply.set_status("ok");  // It serves; a mirror that fails is an operator's matter, not a reason to restart peerd.
  std::uint32_t failing = 0;
  const auto mirrors = probes.mirrors();
  for (const auto& mirror : mirrors) {
    if (mirror.failing || mirror.state == MirrorState::failed) ++failing;
  }
  reply.set_mirrors(static_cast<std::uint32_t>(mirrors.size()));
  reply.set_failing(failing);
  return reply_with(200, write_json(reply));
}

net::HttpReply readiness(const Probes& probes) {
  const auto missing = probes.not_ready();
  nlohmann::ordered_json body{{"status", missing.empty() ? "ready" : "not ready"}, {"not_ready", nlohmann::ordered_json::array()}};
  for (const auto& [what, why] : missing) body["not_ready"].push_back({{"what", what}, {"why", why}});
  return reply_with(missing.empty() ? 200 : 503, write_plain(body));
}

net::HttpReply metrics(const Probes& probes) {
  auto reply = reply_with(200, probes.metrics());
  reply.headers["content-type"] = "text/plain; version=0.0.4; charset=utf-8";
  return reply;
}

}  // namespace

bool is_probe(const net::HttpRequest& request) {
  return request.path == kHealth || request.path == kReady || request.path == kMetrics;
}

bool is_open_probe(const net::HttpRequest& request, const Probes& probes) {
  return is_probe(request) && (request.path != kMetrics || probes.open_metrics);
}

net::HttpReply probe_reply(const net::HttpRequest& request, const Probes& probes) {
  if (request.method != "GET" && request.method != "HEAD") {
    auto reply = reply_with(405, error_json(12, "WRONG_METHOD", "use GET", ""));
    reply.headers["allow"] = "GET, HEAD";
    return reply;
  }
  if (request.path == kHealth) return health(probes);
  return request.path == kReady ? readiness(probes) : metrics(probes);
}

}  // namespace peerd::rest

#include "peerd/rest/rest_server.h"

#include "json.h"
#include "page.h"
#include "peerd/base/log.h"
#include "peerd/base/problems_error.h"
#include "peerd/base/text.h"
#include "probes.h"
#include "refusals.h"
#include "routes.h"

namespace peerd {
namespace rest {
namespace {

constexpr std::chrono::seconds kLongest{60};

View mirrors_view(RestDeps& deps) {
  for (View& view : views(deps.peers, deps.mirrors, deps.catalog)) {
    if (view.name == "mirrors") return std::move(view);
  }
  throw Error(ErrorCode::internal, "there is no view of mirrors");
}

/// What all requests share.
struct Site {
  explicit Site(RestDeps given) : deps(std::move(given)), events(mirrors_view(deps)) {}
  RestDeps deps;
  Sessions sessions;
  MirrorEvents events;  ///< Its thread uses the rest.
};

net::HttpReply unknown_path(std::string_view path) {
  std::vector<std::string_view> paths;
  for (const auto& route : routes()) paths.push_back(route.path);
  const auto meant = closest(path, paths);
  return reply_with(
      404, error_json(5, "UNKNOWN_PATH", "there is no such path",
                      meant.empty() ? "docs/rest.md lists the paths" : "did you mean /api/v1/" + std::string(meant)));
}

net::HttpReply route(Site& site, const net::HttpRequest& request, const std::stop_token& stop) {
  if (is_probe(request)) return probe_reply(request, site.deps.probes);
  if (is_page(request)) return page_reply(request);
  const auto path = versioned(request.path);
  const Query query = read_query(request.query);
  std::vector<std::string> methods;
  for (const auto& candidate : routes()) {
    const auto parameter = path ? match(candidate.path, *path) : std::nullopt;
    if (!parameter) continue;
    if (candidate.method == request.method) {
      net::HttpReply reply = reply_with(200, "");
      Call call{site.deps, *parameter, request.body, query, Wait::at_most(kLongest, stop), site.sessions, site.events,
                request,   reply};
      reply.body = candidate.answer(call);
      return reply;
    }
    methods.emplace_back(candidate.method);
  }
  if (methods.empty()) return unknown_path(path.value_or(request.path));
  auto reply = reply_with(405, error_json(12, "WRONG_METHOD", "this path takes " + join(methods, " or "), ""));
  reply.headers["allow"] = join(methods, ", ");
  return reply;
}

}  // namespace
}  // namespace rest

net::HttpHandler make_rest_handler(RestDeps given) {
  const auto site = std::make_shared<rest::Site>(std::move(given));
  net::HttpHandler handler;
  handler.admit = [site](const net::HttpRequest& head) {
    return net::HttpAdmission{.refusal = rest::refusal(site->deps, site->sessions, head),
                              .quick = rest::is_probe(head) || rest::is_page(head)};
  };
  handler.handle = [site](const net::HttpRequest& request, std::stop_token stop) {
    try {
      return rest::route(*site, request, stop);
    } catch (const Stopped&) {
      return rest::reply_with(503, rest::error_json(14, "STOPPING", "peerd stops, or the client is gone", ""));
    } catch (const ProblemsError& error) {
      return rest::reply_with(rest::answer_facts(error.text).http_status, rest::error_json(error.text, error.problems));
    } catch (const ViewQueryRefused& error) {
      return rest::reply_with(400, rest::error_json(error.text, error.sqlstate, error.position));
    } catch (...) {
      const ErrorText text = current_error();
      if (text.code == ErrorCode::internal)
        log(LogLevel::error, "a request failed: " + text.message, {.hint = text.hint});
      return rest::reply_with(rest::answer_facts(text).http_status, rest::error_json(text));
    }
  };
  return handler;
}

}  // namespace peerd

#include "page.h"

#include "json.h"
#include "peerd/base/text.h"
#include "peerd/web/assets.h"

namespace peerd::rest {
namespace {

constexpr std::string_view kFolder = "/page/";
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

/// Whether a header's list of names, each perhaps with ";q=…", has `name` and does not forbid it.
bool accepts(const net::HttpRequest& request, std::string_view name) {
  const auto header = request.headers.find("accept-encoding");
  if (header == request.headers.end()) return false;
  for (const std::string& item : split(to_lower(header->second), ',')) {
    const auto begin = item.find_first_not_of(' ');
    if (begin == std::string::npos || item.substr(begin, item.find_first_of("; ", begin) - begin) != name) continue;
    const auto quality = item.find("q=0");
    return quality == std::string::npos || item.find_first_not_of("0. ", quality + 3) != std::string::npos;
  }
  return false;
}

bool has_already(const net::HttpRequest& request, std::string_view etag) {
  const auto header = request.headers.find("if-none-match");
  if (header == request.headers.end()) return false;
  return header->second == "*" || header->second.find(etag.substr(etag.find('"'))) != std::string::npos;
}

net::HttpReply refuse(int status, int code, std::string_view reason, std::string_view message) {
  return {.status = status,
          .headers = {{"content-type", "application/json"}},
          .body = error_json(code, reason, message, "the page begins at /")};
}

}  // namespace

bool is_page(const net::HttpRequest& request) { return request.path == "/" || request.path.starts_with(kFolder); }

net::HttpReply page_reply(const net::HttpRequest& request) {
  if (request.method != "GET" && request.method != "HEAD") {
    auto reply = refuse(405, 12, "WRONG_METHOD", "this path takes GET");
    reply.headers["allow"] = "GET, HEAD";
    return reply;
  }
  const web::Asset* file =
      web::find_asset(request.path == "/" ? "index.html" : std::string_view(request.path).substr(kFolder.size()));
  if (file == nullptr) return refuse(404, 5, "UNKNOWN_PATH", "the page has no such file");
  net::HttpReply reply{.headers = {{"content-type", std::string(file->type)},
                                   {"etag", std::string(file->etag)},
                                   {"cache-control", "no-cache"},
                                   {"vary", "accept-encoding"},
                                   {"content-security-policy", kPolicy},
                                   {"x-content-type-options", "nosniff"},
                                   {"referrer-policy", "no-referrer"}}};
  if (has_already(request, file->etag)) {
    reply.status = 304;
    return reply;
  }
  const bool packed = accepts(request, "gzip");
  if (packed) reply.headers["content-encoding"] = "gzip";
  reply.body = packed ? file->gzip : file->bytes;
  return reply;
}

}  // namespace peerd::rest

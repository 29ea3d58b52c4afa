#include "clickhouse/client.h"

#include "clickhouse/errors.h"
#include "peerd/targets/clickhouse_target.h"

namespace peerd::clickhouse {
namespace {

/// TSV's escapes.
std::string unescaped(std::string_view cell) {
  std::string out;
  for (std::size_t i = 0; i < cell.size(); ++i) {
    if (cell[i] != '\\' || i + 1 == cell.size()) {
      out += cell[i];
      continue;
    }
    switch (cell[++i]) {
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case '0':
        out += '\0';
        break;
      default:
        out += cell[i];
    }
  }
  return out;
}

Client::Rows parse_rows(std::string_view body) {
  Client::Rows rows;
  while (!body.empty()) {
    const std::string_view line = body.substr(0, body.find('\n'));
    body.remove_prefix(std::min(line.size() + 1, body.size()));
    std::vector<std::string> row;
    for (std::size_t from = 0;;) {
      const std::size_t tab = line.find('\t', from);
      row.push_back(unescaped(line.substr(from, tab - from)));
      if (tab == std::string_view::npos) break;
      from = tab + 1;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

/// What is most likely wrong when nobody answers in HTTP there.
void add_hint(Error& error, const net::HttpEndpoint& endpoint) {
  const std::uint16_t port = endpoint.port;
  if (port == 9000 || port == 9440) {
    error.text.hint = "port " + std::to_string(port) +
                      " is ClickHouse's native-protocol port by default: give its HTTP port, 8123, or 8443 with TLS";
    error.text.field = "port";
  } else if (endpoint.tls.enabled && port == 8123) {
    error.text.hint = "8123 is ClickHouse's port without TLS: set disable_tls = true, or give port 8443";
  } else if (!endpoint.tls.enabled && port == 8443) {
    error.text.hint = "8443 is ClickHouse's TLS port: leave disable_tls out, or give port 8123";
  }
}

}  // namespace

Access access_of(const PeerSpec& peer) {
  const auto text = [&](std::string_view name) { return option_text(clickhouse_options(), peer.options, name); };
  Access access;
  access.endpoint.host = text("host");
  access.endpoint.tls.enabled = !option_boolean(clickhouse_options(), peer.options, "disable_tls");
  access.endpoint.port = access.endpoint.tls.enabled ? 8443 : 8123;
  if (peer.options.contains("port"))
    access.endpoint.port = static_cast<std::uint16_t>(option_integer(clickhouse_options(), peer.options, "port"));
  access.endpoint.tls.root_ca = text("root_ca");
  access.endpoint.tls.certificate = text("certificate");
  access.endpoint.tls.private_key = text("private_key");
  access.endpoint.tls.server_name = text("tls_host");
  access.user = text("user");
  access.password = text("password");
  access.database = text("database");
  return access;
}

Client::Client(Access access) : access_(std::move(access)), http_(access_.endpoint) {}

std::string Client::name() const {
  return "ClickHouse at " + access_.endpoint.host + ":" + std::to_string(access_.endpoint.port);
}

std::string Client::target(const Settings& settings) const {
  std::string out = "/?database=" + net::url_encode(access_.database);
  for (const auto& [name, value] : settings) out += "&" + net::url_encode(name) + "=" + net::url_encode(value);
  return out;
}

std::map<std::string, std::string> Client::headers() const {
  return {{"X-ClickHouse-User", access_.user}, {"X-ClickHouse-Key", access_.password}, {"User-Agent", "peerd"}};
}

void Client::check(const net::HttpResponse& response) const {
  if (failed(response))
    throw Error(
        error_text(response, "the server at " + access_.endpoint.host + ":" + std::to_string(access_.endpoint.port)));
}

Client::Rows Client::query(std::string_view sql, const Wait& wait, const Settings& settings) {
  try {
    // The whole answer is made before its status is sent, so that a failure is a status.
    Settings all{{"wait_end_of_query", "1"}};
    all.insert(settings.begin(), settings.end());
    const net::HttpResponse response = http_.request("POST", target(all), headers(), sql, wait);
    check(response);
    return parse_rows(response.body);
  } catch (Error& error) {
    if (error.text.code == ErrorCode::unreachable) add_hint(error, access_.endpoint);
    throw;
  }
}

void Client::stream(const Settings& settings, const std::string& content_type, std::string_view body,
                    const std::function<void(std::string_view)>& piece, const Wait& wait) {
  auto all = headers();
  if (!content_type.empty()) all["Content-Type"] = content_type;
  check(http_.download("POST", target(settings), all, body, piece, wait));
}

std::unique_ptr<net::HttpClient::Upload> Client::upload(const Settings& settings, const std::string& encoding,
                                                        const Wait& wait) {
  auto all = headers();
  if (!encoding.empty()) all["Content-Encoding"] = encoding;
  return http_.upload("POST", target(settings), all, wait);
}

void Client::finish_upload(net::HttpClient::Upload& upload, const Wait& wait) { check(upload.finish(wait)); }

std::string only_cell(const Client::Rows& rows) { return rows.empty() || rows[0].empty() ? "" : rows[0][0]; }

}  // namespace peerd::clickhouse

#include "clickhouse/client.h"

#include "clickhouse/column_type.h"
#include "clickhouse/errors.h"
#include "clickhouse/session_settings.h"
#include "clickhouse/tsv_rows.h"
#include "peerd/targets/clickhouse_target.h"

namespace peerd::clickhouse {
namespace {

bool pins(Purpose purpose, const SessionSetting& setting) {
  return purpose == Purpose::mirror || setting.pinned == Pinned::everywhere;
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

Client::Client(Access access, Purpose purpose)
    : access_(std::move(access)), purpose_(purpose), http_(access_.endpoint) {}

std::string Client::name() const {
  return "ClickHouse at " + access_.endpoint.host + ":" + std::to_string(access_.endpoint.port);
}

std::string Client::target(const Settings& settings, Purpose purpose) const {
  // The whole answer is made before its status is sent, so that a failure is a status and not a short answer.
  Settings all{{"default_format", std::string(TsvRows::kFormat)}, {"wait_end_of_query", "1"}};
  for (const SessionSetting& setting : session_settings()) {
    if (pins(purpose, setting) && (!setting.asked || (known_ && known_->contains(setting.name))))
      all.emplace(setting.name, setting.value);
  }
  for (const auto& [name, value] : settings) all[name] = value;
  std::string out = "/?database=" + net::url_encode(access_.database);
  for (const auto& [name, value] : all) out += "&" + net::url_encode(name) + "=" + net::url_encode(value);
  return out;
}

void Client::learn(const Wait& wait) {
  if (known_) return;
  std::string names;
  for (const SessionSetting& setting : session_settings()) {
    if (setting.asked) names += (names.empty() ? "" : ", ") + quote_text(setting.name);
  }
  const std::string sql = "SELECT name, value FROM system.settings WHERE name IN ('readonly', " + names + ")";
  Rows rows;
  try {
    rows = ask(sql, wait, {}, Purpose::mirror);
  } catch (const Error& error) {
    // A user who may only read may not say even what a SELECT of peerd's own is best asked with.
    if (error.text.origin != "CH 164" || purpose_ == Purpose::mirror) throw;
    rows = ask(sql, wait, {}, Purpose::reading);
  }
  known_.emplace();
  for (const auto& row : rows) {
    if (row.at(0) == "readonly") read_only_ = row.at(1) != "0";
    known_->insert(row.at(0));
  }
}

bool Client::read_only(const Wait& wait) {
  learn(wait);
  return read_only_;
}

std::map<std::string, std::string> Client::headers() const {
  return {{"X-ClickHouse-User", access_.user}, {"X-ClickHouse-Key", access_.password}, {"User-Agent", "peerd"}};
}

void Client::check(const net::HttpResponse& response) {
  if (!failed(response)) return;
  const ErrorText text =
      error_text(response, "the server at " + access_.endpoint.host + ":" + std::to_string(access_.endpoint.port));
  if (text.origin == "CH 115") known_.reset();  // Another version behind the same address: it is asked what it knows.
  throw Error(text);
}

Client::Rows Client::ask(std::string_view sql, const Wait& wait, const Settings& settings, Purpose purpose) {
  const net::HttpResponse response = http_.request("POST", target(settings, purpose), headers(), sql, wait);
  check(response);
  Rows rows;
  TsvRows cut([](TsvRows::Cells) {}, [&](TsvRows::Cells cells, const std::vector<bool>&) { rows.emplace_back(cells.begin(), cells.end()); });
  cut.put(response.body);
  cut.finish();
  return rows;
}

Client::Rows Client::query(std::string_view sql, const Wait& wait, const Settings& settings) {
  try {
    learn(wait);
    return ask(sql, wait, settings, purpose_);
  } catch (Error& error) {
    if (error.text.code == ErrorCode::unreachable) add_hint(error, access_.endpoint);
    throw;
  }
}

std::string Client::stream(const Settings& settings, const std::string& content_type, std::string_view body,
                    const std::function<void(std::string_view)>& piece, const Wait& wait) {
  learn(wait);
  auto all = headers();
  if (!content_type.empty()) all["Content-Type"] = content_type;
  const net::HttpResponse response = http_.download("POST", target(settings, purpose_), all, body, piece, wait);
  check(response);
  const auto format = response.headers.find("x-clickhouse-format");
  return format == response.headers.end() ? "" : format->second;
}

std::unique_ptr<net::HttpClient::Upload> Client::upload(const Settings& settings, const std::string& encoding,
                                                        const Wait& wait) {
  learn(wait);
  auto all = headers();
  if (!encoding.empty()) all["Content-Encoding"] = encoding;
  return http_.upload("POST", target(settings, purpose_), all, wait);
}

void Client::finish_upload(net::HttpClient::Upload& upload, const Wait& wait) { check(upload.finish(wait)); }

std::string only_cell(const Client::Rows& rows) { return rows.empty() || rows[0].empty() ? "" : rows[0][0]; }

}  // namespace peerd::clickhouse

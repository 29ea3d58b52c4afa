#include "alert_plan.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "peerd/base/error.h"
#include "peerd/base/option_table.h"
#include "peerd/base/text.h"

namespace peerd {
namespace {

using nlohmann::json;

enum class Shape : std::uint8_t { text, texts, addresses, url, host, count, threshold, pem, security };
struct Field {
  std::string_view name;
  Shape shape;
  bool required = false, secret = false;
};

constexpr std::array kThresholds{
    Field{"slot_lag_mb_alert_threshold", Shape::threshold},      Field{"lag_mb_alert_threshold", Shape::threshold},
    Field{"lag_seconds_alert_threshold", Shape::threshold},      Field{"retrying_seconds_alert_threshold", Shape::threshold},
    Field{"stalled_seconds_alert_threshold", Shape::threshold},  Field{"open_connections_alert_threshold", Shape::threshold},
    Field{"wal_budget_percent_alert_threshold", Shape::threshold},
};
constexpr std::array kSlack{
    Field{"auth_token", Shape::text, true, true}, Field{"channel_ids", Shape::texts, true}, Field{"members", Shape::texts},
    Field{"api_url", Shape::url},                 Field{"root_ca", Shape::pem},
};
// An address is often all that a receiver asks for, so it is a secret, too.
constexpr std::array kWebhook{
    Field{"url", Shape::url, true, true}, Field{"secret", Shape::text, false, true}, Field{"root_ca", Shape::pem},
};
constexpr std::array kPagerDuty{
    Field{"routing_key", Shape::text, true, true}, Field{"api_url", Shape::url}, Field{"root_ca", Shape::pem},
};
constexpr std::array kEmail{
    Field{"email_addresses", Shape::addresses, true}, Field{"from", Shape::addresses, true},
    Field{"smtp_host", Shape::host, true},            Field{"smtp_port", Shape::count},
    Field{"smtp_security", Shape::security},          Field{"smtp_user", Shape::text},
    Field{"smtp_password", Shape::text, false, true}, Field{"root_ca", Shape::pem},
};

struct Service {
  std::string_view name;
  std::span<const Field> fields;
};
constexpr std::array kServices{Service{"slack", kSlack}, Service{"webhook", kWebhook}, Service{"pagerduty", kPagerDuty},
                               Service{"email", kEmail}};

[[noreturn]] void refuse(std::string_view field, std::string message, std::string hint = {}) {
  const std::string path = field.empty() ? "config.service_config" : "config.service_config." + std::string(field);
  throw Error(ErrorText{.code = ErrorCode::invalid_option, .message = path + " " + std::move(message), .hint = std::move(hint), .field = path});
}

const Service* find_service(std::string_view type) {
  const auto* found = std::find_if(kServices.begin(), kServices.end(), [&](const Service& service) { return service.name == type; });
  return found == kServices.end() ? nullptr : found;
}

const Service& service_of(std::string_view type) {
  if (const Service* found = find_service(type)) return *found;
  std::vector<std::string_view> names;
  for (const Service& service : kServices) names.push_back(service.name);
  const std::string_view meant = closest(type, names);
  throw Error(ErrorText{.code = ErrorCode::invalid_option,
                        .message = "config.service_type must be slack, webhook, pagerduty or email",
                        .hint = meant.empty() ? "" : "did you mean " + std::string(meant),
                        .field = "config.service_type"});
}

const Field* find(std::span<const Field> fields, std::string_view name) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

const Field& field_of(const Service& service, std::string_view name) {
  const Field* field = find(service.fields, name);
  if (field == nullptr) field = find(kThresholds, name);
  if (field != nullptr) return *field;
  std::vector<std::string_view> known;
  for (const Field& each : service.fields) known.push_back(each.name);
  for (const Field& each : kThresholds) known.push_back(each.name);
  const std::string_view meant = closest(name, known);
  refuse(name, "is not a field of " + std::string(service.name), meant.empty() ? "" : "did you mean " + std::string(meant));
}

bool is_list(const Field& field) { return field.shape == Shape::texts || (field.shape == Shape::addresses && field.name != "from"); }

/// Of an SQL literal. What fits no field stays what it is, and is refused as such.
json value_of(const Field& field, const RawOption& raw) {
  if (raw.kind == RawOption::Kind::boolean) return raw.text == "true";
  if (field.shape == Shape::count || field.shape == Shape::threshold) {
    const auto number = read_integer(raw.text);
    return number ? json(*number) : json(raw.text);
  }
  if (!is_list(field)) return raw.text;
  json list = json::array();
  for (const std::string& each : split(raw.text, ',')) {
    const std::size_t begin = std::min(each.find_first_not_of(' '), each.size());
    list.push_back(each.substr(begin, each.find_last_not_of(' ') + 1 - begin));
  }
  return list;
}

json parse(const std::string& text) {
  json parsed = json::parse(text, nullptr, false);
  if (!parsed.is_object()) refuse("", "must be a text that holds a JSON object", R"(for example "{\"channel_ids\":[\"C1\"]}")");
  return parsed;
}

std::string text_of(const json& settings, const char* name) {
  const auto found = settings.find(name);
  return found != settings.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// Null says that there is none.
void drop_nulls(const Service& service, json& settings) {
  for (const Field& field : service.fields)
    if (field.secret && settings.contains(field.name) && settings[std::string(field.name)].is_null()) settings.erase(std::string(field.name));
}

/// Scheme, host and port, however they are written.
std::string origin_of(const std::string& url) {
  const std::size_t host = url.find("//");
  if (host == std::string::npos) return to_lower(url);
  std::string origin = to_lower(url.substr(0, url.find_first_of("/?#", host + 2)));
  for (const std::string usual : {"https://:443", "http://:80"}) {
    const std::size_t scheme = usual.find("//") + 2;
    const std::string port = usual.substr(scheme);
    if (origin.starts_with(usual.substr(0, scheme)) && origin.ends_with(port)) origin.resize(origin.size() - port.size());
  }
  return origin;
}

/// The server that a configuration's messages go to, with its secrets. What is absent has its default.
std::string server_of(std::string_view service, const json& settings) {
  if (service == "webhook") return origin_of(text_of(settings, "url"));
  if (service != "email") return origin_of(text_of(settings, "api_url"));
  std::string security = text_of(settings, "smtp_security");
  if (security.empty()) security = "starttls";
  const auto port = settings.find("smtp_port");
  const std::string number = port != settings.end() ? port->dump() : security == "tls" ? "465" : "587";
  return security + "://" + to_lower(text_of(settings, "smtp_host")) + ":" + number;
}

/// What would end a header of a message or of a request.
bool is_plain(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; });
}

bool is_address(std::string_view text) {
  const auto at = text.find('@');
  return at != std::string_view::npos && at > 0 && at + 1 < text.size() && text.size() <= 254 && is_plain(text) &&
         text.find_first_of(" <>,;\"\\()") == std::string_view::npos && text.find('@', at + 1) == std::string_view::npos;
}

bool is_host(std::string_view text) {
  constexpr std::string_view kMarks = ".-:";
  const auto fits = [&](unsigned char c) { return std::isalnum(c) || kMarks.find(static_cast<char>(c)) != std::string_view::npos; };
  return text.size() <= 253 && std::all_of(text.begin(), text.end(), fits);
}

void check_url(const Field& field, const std::string& url) {
  const std::string lower = to_lower(url.substr(0, 8));
  const bool known = lower.starts_with("https://") || lower.starts_with("http://");
  const auto host = url.find("//");
  if (!known || url.size() > 2048 || !is_plain(url) || url.find(' ') != std::string::npos || url.size() <= host + 2)
    refuse(field.name, "must be an address that begins with https:// or http://");
  if (url.substr(host + 2, url.find_first_of("/?#", host + 2) - host - 2).find('@') != std::string::npos)
    refuse(field.name, "must not hold a user and password");
}

void check_text(const Field& field, const json& value) {
  if (!value.is_string()) refuse(field.name, "must be a text");
  const std::string& text = value.get_ref<const std::string&>();
  if (field.required && text.empty()) refuse(field.name, "is missing");
  if (text.empty()) return;
  if (field.shape == Shape::pem) {
    if (text.find("-----BEGIN CERTIFICATE-----") == std::string::npos) refuse(field.name, "must be a certificate in PEM form");
    return;
  }
  if (text.size() > 4096 || !is_plain(text)) refuse(field.name, "must be at most 4096 characters of one line");
  if (field.shape == Shape::url) check_url(field, text);
  if (field.shape == Shape::host && !is_host(text)) refuse(field.name, "must be a server's name or IP address");
  if (field.shape == Shape::security && text != "starttls" && text != "tls" && text != "none")
    refuse(field.name, "must be starttls, tls or none");
}

void check_texts(const Field& field, const json& value) {
  const bool one = field.name == "from";  // An address like the others, but one.
  const json list = one ? json::array({value}) : value;
  if (!list.is_array()) refuse(field.name, "must be a list of texts");
  if (field.required && list.empty()) refuse(field.name, "must name at least one");
  if (list.size() > 100) refuse(field.name, "must name at most 100");
  for (const json& each : list) {
    const bool fits = each.is_string() && !each.get_ref<const std::string&>().empty() && is_plain(each.get_ref<const std::string&>());
    if (!fits) refuse(field.name, one ? "must be a text" : "must be a list of texts, none of them empty");
    if (field.shape == Shape::addresses && !is_address(each.get_ref<const std::string&>()))
      refuse(field.name, "must hold addresses such as ops@example.com");
  }
}

void check_number(const Field& field, const json& value) {
  const bool port = field.shape == Shape::count;
  const std::int64_t least = port ? 1 : -1, most = port ? 65535 : 1'000'000'000;
  const bool huge = value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(most);  // As int64 it may be -1.
  const bool fits = value.is_number_integer() && !huge && value.get<std::int64_t>() >= least && value.get<std::int64_t>() <= most;
  if (!fits)
    refuse(field.name, "must be an integer from " + std::to_string(least) + " to " + std::to_string(most),
           port ? "" : "0 is the default, -1 is never");
}

void check(const Field& field, const json& value) {
  switch (field.shape) {
    case Shape::texts:
    case Shape::addresses:
      return check_texts(field, value);
    case Shape::count:
    case Shape::threshold:
      return check_number(field, value);
    default:
      return check_text(field, value);
  }
}

void check_all(const Service& service, const json& settings) {
  for (const auto& [name, value] : settings.items()) {
    check(field_of(service, name), value);
  }
  for (const Field& field : service.fields)
    if (field.required && !settings.contains(field.name)) refuse(field.name, "is missing");
  if (!text_of(settings, "smtp_password").empty() && text_of(settings, "smtp_security") == "none")
    refuse("smtp_security", "must not be none with a password, which would go out in plain");
}

/// 0 and absent: `otherwise`; -1: never.
std::optional<std::uint64_t> threshold(const json& settings, std::string_view name, std::optional<std::uint64_t> otherwise) {
  const std::int64_t given = settings.value(std::string(name), std::int64_t{0});
  if (given < 0) return std::nullopt;
  return given == 0 ? otherwise : std::optional(static_cast<std::uint64_t>(given));
}

AlertThresholds read_thresholds(const json& settings) {
  const auto bytes = [](std::optional<std::uint64_t> mb) { return mb ? std::optional(*mb << 20) : std::nullopt; };
  const auto time = [](std::optional<std::uint64_t> s) {
    return s ? std::optional(std::chrono::seconds(static_cast<std::int64_t>(*s))) : std::nullopt;
  };
  return {.wal_kept_bytes = bytes(threshold(settings, "slot_lag_mb_alert_threshold", 5000)),
          .lag_bytes = bytes(threshold(settings, "lag_mb_alert_threshold", std::nullopt)),
          .budget_percent = threshold(settings, "wal_budget_percent_alert_threshold", 80),
          .lag = time(threshold(settings, "lag_seconds_alert_threshold", 600)),
          .retrying = time(threshold(settings, "retrying_seconds_alert_threshold", 300)),
          .stalled = time(threshold(settings, "stalled_seconds_alert_threshold", 900))};
}

}  // namespace

bool AlertPlan::covers(std::string_view mirror) const {
  return mirrors.empty() || std::find(mirrors.begin(), mirrors.end(), mirror) != mirrors.end();
}

std::string AlertPlan::text(std::string_view field) const { return parse(settings).value(std::string(field), std::string()); }

std::vector<std::string> AlertPlan::texts(std::string_view field) const {
  return parse(settings).value(std::string(field), std::vector<std::string>());
}

int AlertPlan::number(std::string_view field, int otherwise) const {
  return parse(settings).value(std::string(field), otherwise);
}

std::string with_fields(std::string_view service_type, const std::string& service_config, const RawOptions& set,
                        std::span<const std::string> reset) {
  const Service& service = service_of(service_type);
  json settings = parse(service_config);
  for (const auto& [name, raw] : set) settings[name] = value_of(field_of(service, name), raw);
  for (const std::string& name : reset) {
    if (field_of(service, name).secret) settings[name] = nullptr;  // What is absent stays as it is stored.
    else settings.erase(name);
  }
  return settings.dump();
}

AlertPlan read_plan(const AlertConfig& config) {
  const Service& service = service_of(config.service_type);
  json settings = parse(config.service_config);
  drop_nulls(service, settings);
  check_all(service, settings);
  return {.id = config.id, .service_type = config.service_type, .mirrors = config.mirrors,
          .thresholds = read_thresholds(settings), .settings = settings.dump()};
}

AlertConfig without_secrets(AlertConfig config) {
  json settings = parse(config.service_config);
  const Service* service = find_service(config.service_type);
  if (service == nullptr) settings = json::object();  // Of another version: what is secret in it is not known.
  for (const Field& field : service == nullptr ? std::span<const Field>() : service->fields)
    if (field.secret && settings.contains(field.name)) settings[std::string(field.name)] = "";
  config.service_config = settings.dump();
  return config;
}

void check_login(const AlertPlan& plan) {
  if (!plan.text("smtp_password").empty() && plan.text("smtp_user").empty()) refuse("smtp_user", "is missing: smtp_password is not used without it");
}

bool same_receiver(const AlertConfig& one, const AlertConfig& other) {
  if (one.service_type != other.service_type) return false;
  const json first = parse(one.service_config), second = parse(other.service_config);
  const auto same = [&](const char* where) { return first.value(where, json()) == second.value(where, json()); };
  constexpr std::array kWhere{"api_url", "channel_ids", "url", "routing_key", "email_addresses"};
  return std::all_of(kWhere.begin(), kWhere.end(), same);
}

AlertConfig with_secrets_of(AlertConfig config, const AlertConfig& stored) {
  if (config.service_type != stored.service_type) return config;
  json settings = parse(config.service_config);
  const json kept = parse(stored.service_config);
  const auto is_left = [&](const Field& field) {
    const bool given = settings.contains(field.name) && settings[std::string(field.name)] != json("");
    return field.secret && !given && !text_of(kept, std::string(field.name).c_str()).empty();
  };
  if (config.service_type == "webhook" && text_of(settings, "url").empty()) settings["url"] = text_of(kept, "url");  // Its server.
  const bool moves = server_of(config.service_type, settings) != server_of(config.service_type, kept);
  for (const Field& field : service_of(config.service_type).fields) {
    if (!is_left(field)) continue;
    if (moves)
      refuse(field.name, "is missing: what is stored does not follow to another server", field.required ? "give it again" : "give it again, or null for none");
    settings[std::string(field.name)] = kept[std::string(field.name)];
  }
  config.service_config = settings.dump();
  return config;
}

}  // namespace peerd

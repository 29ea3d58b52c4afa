#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace peerd {

/// Where alerts go and when: one configuration of an operator.
struct AlertConfig {
  std::int64_t id = 0;
  std::string service_type;          ///< "slack", "webhook", "email", "pagerduty".
  std::string service_config;        ///< JSON text, secrets in plain.
  std::vector<std::string> mirrors;  ///< Names; none: every mirror.
  bool operator==(const AlertConfig&) const = default;
};

/// Something that is wrong with a mirror, as one configuration was told of it or has to be. There is one for each
/// (config, mirror, cause), and none once its end was told.
struct OpenCause {
  std::int64_t config = 0;
  std::string mirror, cause;        ///< The mirror's name; the rule's word, such as "failed".
  std::string message, hint;        ///< As when it was found.
  std::int64_t since_us = 0;        ///< Unix time.
  std::int64_t told_at_us = 0;      ///< When its message was taken by the receiver; 0: not yet.
  std::int64_t resolved_at_us = 0;  ///< When it ended, which has still to be told; 0: it lasts.
  bool operator==(const OpenCause&) const = default;
};

/// What operators asked to be told, and what they have been told. Thread-safe, as ProgressStore is; each write is one
/// transaction. Configurations are sealed whole, as an address may be as secret as a token.
class AlertStore {
 public:
  virtual ~AlertStore() = default;
  /// A new one, whatever its id says. Returns its id. One that is there with the same contents is that one.
  virtual std::int64_t add_alert(const AlertConfig& config) = 0;
  virtual bool replace_alert(const AlertConfig& config) = 0;  ///< By its id; false: there is none.
  virtual bool drop_alert(std::int64_t id) = 0;               ///< With its open causes; false: there is none.
  virtual std::optional<AlertConfig> alert(std::int64_t id) = 0;
  virtual std::vector<AlertConfig> alerts() = 0;     ///< By id.
  virtual std::vector<OpenCause> open_causes() = 0;  ///< By configuration, oldest first.
  /// Replaces the one of the same configuration, mirror and cause. Ignored when the configuration is gone.
  virtual void put_cause(const OpenCause& cause) = 0;
  virtual void drop_cause(std::int64_t config, std::string_view mirror, std::string_view cause) = 0;
};

class Catalog;
/// What the catalog keeps of alerts: the same object, under the same lock.
AlertStore& alerts_of(Catalog& catalog);

}  // namespace peerd

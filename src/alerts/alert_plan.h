#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/base/option_table.h"
#include "peerd/catalog/alert_store.h"

namespace peerd {

/// From when on something is told. None: never.
struct AlertThresholds {
  std::optional<std::uint64_t> wal_kept_bytes, lag_bytes;
  std::optional<std::uint64_t> budget_percent;  ///< Of a mirror's WAL budget, that its slot keeps.
  std::optional<std::chrono::seconds> lag, retrying, stalled;
};

/// A configuration, read and found sound.
struct AlertPlan {
  std::int64_t id = 0;
  std::string service_type;
  std::vector<std::string> mirrors;  ///< None: every mirror.
  AlertThresholds thresholds;
  std::string settings;     ///< Of the service: a JSON object.

  bool covers(std::string_view mirror) const;
  std::string text(std::string_view field) const;                ///< "" when it is absent.
  std::vector<std::string> texts(std::string_view field) const;  ///< None when it is absent.
  int number(std::string_view field, int otherwise) const;
};

/// `service_config` with fields set, as SQL gives them (a list is a text with commas), and others taken away. Throws invalid_option for
/// a service or field that there is not; what a value must be is read_plan()'s to say.
std::string with_fields(std::string_view service_type, const std::string& service_config, const RawOptions& set,
                        std::span<const std::string> reset);

/// Throws Error(invalid_option) naming the field, as in "config.service_config.channel_ids". No secret is repeated.
AlertPlan read_plan(const AlertConfig& config);
/// The configuration as others may see it: secrets are "".
AlertConfig without_secrets(AlertConfig config);
/// Their messages come to the same people, whatever else differs.
bool same_receiver(const AlertConfig& one, const AlertConfig& other);
/// Throws invalid_option for what would never be used. Apart, as what is stored and was taken once stays in use.
void check_login(const AlertPlan& plan);
/// `config` with the secrets of `stored` where its own are absent or "". Throws invalid_option when they would go to another server
/// than before; null, which clears a secret, is left.
AlertConfig with_secrets_of(AlertConfig config, const AlertConfig& stored);

}  // namespace peerd

#include "kafka/sending.h"

#include "peerd/base/text.h"
#include "peerd/targets/kafka_target.h"

namespace peerd::kafka {

void refuse_meaningless(const MirrorSpec& mirror) {
  const auto refuse = [](const std::string& name, const std::string& why, const std::string& hint) {
    Error error(ErrorCode::invalid_option, "option \"" + name + "\" " + why, hint);
    error.text.field = name;
    throw error;
  };
  for (const std::string name : {"soft_delete_col_name", "synced_at_col_name"}) {
    const auto set = mirror.options.find(name);
    if (set != mirror.options.end() && !set->second.empty()) refuse(name, "means nothing to Kafka", "leave it out: a delete is a message");
  }
  if (mirror.options.contains("skipped_operations") && word_of(mirror, "format", {"peerdb", "flat", "debezium"}) != "debezium")
    refuse("skipped_operations", "is one of the format debezium alone", "leave it out");
}

std::string word_of(const MirrorSpec& mirror, std::string_view name, std::initializer_list<std::string_view> words) {
  const std::string word = option_text(kafka_mirror_options(), mirror.options, name);
  std::vector<std::string> listed;
  for (const std::string_view known : words) {
    if (word == known) return word;
    listed.push_back("'" + std::string(known) + "'");
  }
  Error error(ErrorCode::invalid_option, "option \"" + std::string(name) + "\" has no such value",
              "use one of " + join(listed, ", "));
  error.text.field = name;
  throw error;
}

Sending sending_of(const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease) {
  const OptionTable& table = kafka_mirror_options();
  Sending out{peer, mirror.name, lease.uuid};
  out.exactly_once = word_of(mirror, "delivery", {"exactly_once", "at_least_once"}) == "exactly_once";
  out.dead_letters = word_of(mirror, "on_bad_row", {"stop", "dead_letter"}) == "dead_letter";
  // Debezium sends them unless it is told not to.
  const std::string tombstones = option_text(table, mirror.options, "tombstones");
  out.tombstones = tombstones.empty() ? option_text(table, mirror.options, "format") == "debezium" : tombstones == "true";
  out.transaction_timeout_ms = static_cast<int>(option_integer(table, mirror.options, "transaction_timeout_ms"));
  return out;
}

std::optional<Lsn> reached_by(const Sending& sending, const Ledger& ledger) {
  return sending.exactly_once ? ledger.position : std::nullopt;
}

}  // namespace peerd::kafka

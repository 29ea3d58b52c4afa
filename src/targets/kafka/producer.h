#pragma once

#include <map>
#include <optional>

#include "kafka/encode.h"
#include "kafka/topics.h"

namespace peerd::kafka {

/// How a mirror's messages are sent.
struct Sending {
  PeerSpec peer;
  std::string mirror, uuid;
  bool exactly_once = true, tombstones = false, dead_letters = false;
  int transaction_timeout_ms = 600'000;
  std::size_t batch_bytes = 1'000'000;  ///< The brokers refuse a batch that is larger than what its topic takes.
};

/// Messages in transactions; with at_least_once, begin and commit are a flush. One thread owns it. After a throw only
/// its destruction may follow: what was open is aborted.
class Producer {
 public:
  /// `worker`: -1 of the stream, else of a snapshot worker.
  Producer(const Sending& sending, int worker);
  ~Producer();
  /// Fences whoever had the same transactional id (rules.md 28).
  void init(const Wait& wait);
  /// Asks for the topic's partitions, which the first message to it would otherwise wait a second for.
  void know(const Topic& topic, const Wait& wait);
  bool open() const { return open_; }
  void begin(const Wait& wait);
  void settle(const Wait& wait);  ///< Until the brokers have answered for all that was sent.
  void commit(const Wait& wait);

  struct Headers {
    Kind kind;
    Lsn lsn;
    std::uint32_t xid = 0;
    std::uint64_t ordinal = 0;
    std::optional<std::uint32_t> chunk{};
    std::string_view unchanged{};  ///< JSON array of names, or "".
  };
  /// nullopt as value is a tombstone. `partition` -1: by the key, among Topic::keyed. False: larger than a message may be, nothing was
  /// sent.
  bool send(const Topic& topic, std::int32_t partition, std::string_view key, std::optional<std::string_view> value,
            const Headers* headers, const Wait& wait);
  Client& client() { return client_; }

 private:
  void check_delivery() const;
  [[noreturn]] void refused(rd_kafka_resp_err_t code, const std::string& topic, const std::string& detail) const;
  void check_age() const;
  /// Of a key among so many partitions.
  std::int32_t place_of(std::string_view key, std::size_t partitions) const;

  const Sending sending_;
  const std::string partitioner_;
  Client client_;
  std::map<std::string, std::string> tables_;  ///< By topic.
  bool open_ = false;
  unsigned sent_ = 0;
  Clock::Instant begun_{};
};

}  // namespace peerd::kafka

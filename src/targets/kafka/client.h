#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "peerd/base/clock.h"
#include "peerd/specs/peer_spec.h"

namespace peerd::kafka {

using Properties = std::map<std::string, std::string>;

/// The peer's options as librdkafka's properties. Throws invalid_option with the field.
Properties properties_of(const PeerSpec& peer);
/// librdkafka's name of the option's partitioner; refuses those that tear one key's order.
std::string partitioner_of(const std::string& word);

/// One rd_kafka_t with its callbacks. One thread owns it; librdkafka's own threads call back into it.
class Client {
 public:
  Client(rd_kafka_type_t type, const Properties& properties);
  ~Client();
  Client(const Client&) = delete;
  rd_kafka_t* get() const { return client_; }

  struct DestroyMetadata {
    void operator()(const rd_kafka_metadata_t* metadata) const { rd_kafka_metadata_destroy(metadata); }
  };
  using Metadata = std::unique_ptr<const rd_kafka_metadata_t, DestroyMetadata>;
  /// Of one topic, whose own error is the caller's to read, or, of "", of the brokers.
  Metadata metadata(const std::string& topic, const std::string& doing, const Wait& wait);
  /// Partitions of a topic, 0 when it is absent.
  int partitions(const std::string& topic, const Wait& wait);
  /// Where each of its partitions ends, what is not committed included; empty when it is absent.
  std::vector<std::int64_t> ends(const std::string& topic, const Wait& wait);
  struct NewTopic {
    std::string name;
    int partitions = 0, replication_factor = 0;  ///< 0: the broker's default.
    std::string cleanup_policy;                  ///< "": the broker's default.
    bool only_check = false;  ///< The brokers say whether they would make it, and do not.
  };
  void create_topic(const NewTopic& topic, const Wait& wait);  ///< One that exists is left as it is.
  void delete_topic(const std::string& topic, const Wait& wait);
  std::string cluster(const Wait& wait);  ///< The cluster's id; reaches, logs in.

  /// Brokers that do nothing for so long are told as unreachable: the mirror shows it and tries again.
  static constexpr std::chrono::seconds kStall{20};
  /// Calls `attempt(milliseconds)` until it returns nullptr; a timeout is tried again while `wait` allows it.
  template <class Attempt>
  void retry(const std::string& doing, const Wait& wait, const Attempt& attempt);
  /// Throws what the brokers told in the background: a refused login, or, once `wait` is over, why nobody answers.
  void check_background(const std::string& doing, const Wait& wait);
  const std::string& delivery_topic() const { return delivery_topic_; }  ///< Of the delivery error.
  rd_kafka_resp_err_t delivery_error() const { return static_cast<rd_kafka_resp_err_t>(delivery_error_.load()); }

 private:
  static void on_error(rd_kafka_t*, int code, const char* reason, void* self);
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* self);
  rd_kafka_t* client_ = nullptr;
  std::string delivery_topic_;
  std::atomic<int> last_error_{0}, delivery_error_{0};
};

void check(rd_kafka_error_t* error, const std::string& doing);

template <class Attempt>
void Client::retry(const std::string& doing, const Wait& wait, const Attempt& attempt) {
  constexpr int kSlice = 200;
  const Wait patience = wait.shorter(kStall);
  for (;;) {
    rd_kafka_poll(client_, 0);
    rd_kafka_error_t* error = attempt(kSlice);
    if (error == nullptr) return;
    const bool again = rd_kafka_error_is_retriable(error) || rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (!again) check(error, doing);
    rd_kafka_error_destroy(error);
    wait.check(doing.c_str());
    check_background(doing, patience);
  }
}

}  // namespace peerd::kafka

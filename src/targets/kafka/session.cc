// A KAFKA peer as an operator asks it.
#include "kafka/client.h"
#include "peerd/targets/kafka_target.h"

namespace peerd {
namespace {

using namespace kafka;

class Session final : public PeerSession {
 public:
  explicit Session(const PeerSpec& peer) : peer_(peer) {}
  Problems check(const Wait& wait) override {
    try {
      partitioner_of(option_text(kafka_options(), peer_.options, "partitioner"));
      Client(RD_KAFKA_PRODUCER, properties_of(peer_)).cluster(wait);
      return {};
    } catch (const Error& error) {
      return {{error.text, ""}};
    }
  }
  std::string server_version(const Wait& wait) override {
    return "Kafka cluster " + Client(RD_KAFKA_PRODUCER, properties_of(peer_)).cluster(wait);
  }
  void query(std::string_view, RowSink&, const Wait&) override {
    throw Error(ErrorCode::not_supported, "a KAFKA peer cannot be queried", "read its topics with a Kafka consumer");
  }

 private:
  const PeerSpec peer_;
};

}  // namespace

std::unique_ptr<PeerSession> make_kafka_session(const PeerSpec& peer) { return std::make_unique<Session>(peer); }

}  // namespace peerd

#pragma once

#include <string>

#include "kafka/encode.h"
#include "kafka/producer.h"
#include "kafka/topics.h"

namespace peerd::kafka {

/// Where the messages of one table, or the logical ones, go, and how they are written.
struct Route {
  Topic topic, dead_letters;
  std::unique_ptr<Encoder> encoder;
};

/// Sends rows and logical messages; what cannot be one follows the mirror's on_bad_row. Keeps its buffers from row to row. One thread.
class RowSender {
 public:
  explicit RowSender(const Sending& sending) : dead_letters_(sending.dead_letters), tombstones_(sending.tombstones) {}
  /// A delete is followed by its tombstone where the mirror wants them. Throws bad_value, with the table, where bad rows stop the mirror, or where not even the dead letter can be sent.
  void send(Producer& producer, const Route& route, const Message& message, Producer::Headers headers, const Wait& wait);

  void send_logical(Producer& producer, const Route& route, const Message& message, const Logical& logical,
                    const Producer::Headers& headers, const Wait& wait);

 private:
  template <class Write>
  bool encode(const Write& write, std::string& why);
  bool sent(Producer& producer, const Route& route, const Producer::Headers& headers, const Wait& wait);

  void send_dead_letter(Producer& producer, const Route& route, const std::string& why, const Producer::Headers& headers,
                        const Wait& wait);

  const bool dead_letters_, tombstones_;
  std::string key_, value_, names_;
  bool key_whole_ = false;
};

}  // namespace peerd::kafka

#include "kafka/lost_topic.h"

namespace peerd::kafka {

void throw_no_position(const std::string& ledger) {
  throw Error(ErrorText{.code = ErrorCode::position_lost, .message = "topic " + ledger + " holds no position of this mirror",
                        .detail = "the topic was deleted, or lost its records", .hint = "drop the mirror and create it again"});
}

void forget_topic(Producer& producer, const Topic& at, Ledger& ledger, const std::string& topic, TopicEnds& ends, TableId table,
                  const Wait& wait) {
  ends = TopicEnds{};
  ledger.ends.erase(topic);
  producer.begin(wait);
  producer.send(at, 0, std::string(kEndKeys) + topic, ends.text(), nullptr, wait);
  const std::string chunks = chunk_keys(table);
  for (auto chunk = ledger.chunks.lower_bound(chunks); chunk != ledger.chunks.end() && chunk->first.starts_with(chunks);) {
    producer.send(at, 0, chunk->first, std::nullopt, nullptr, wait);
    chunk = ledger.chunks.erase(chunk);
  }
  producer.commit(wait);
}

void keep_keys(Producer& producer, const Topic& at, Topics& topics, const std::string& topic, TopicEnds& ends, const LogFields& who,
               const Wait& wait) {
  const auto partitions = static_cast<std::size_t>(topics.partitions(topic, wait));
  ends.key_over(partitions);
  topics.key_over(topic, ends.keyed());
  if (ends.take_changed()) {
    producer.begin(wait);
    producer.send(at, 0, std::string(kEndKeys) + topic, ends.text(), nullptr, wait);
    producer.commit(wait);
  }
  if (partitions <= ends.keyed()) return;
  log(LogLevel::warning,
      "topic " + topic + " has " + std::to_string(partitions) + " partitions by now: its keys stay in the first " +
          std::to_string(ends.keyed()) + ", where their messages are",
      who);
}

}  // namespace peerd::kafka

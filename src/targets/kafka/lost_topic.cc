#include "kafka/lost_topic.h"

namespace peerd::kafka {

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

}  // namespace peerd::kafka

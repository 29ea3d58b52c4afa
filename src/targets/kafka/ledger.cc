#include "kafka/ledger.h"

#include <algorithm>
#include <charconv>

#include "kafka/errors.h"

namespace peerd::kafka {
namespace {

[[noreturn]] void unreadable() {
  throw Error(ErrorCode::position_lost, "the mirror's bookkeeping topic holds a record that is not peerd's",
              "drop the mirror and create it again");
}

/// Records are two words with a blank between; a lease is one.
void take(std::string_view key, std::string_view value, Ledger& ledger) {
  if (key == kLeaseKey) {
    std::uint64_t epoch = 0;
    if (std::from_chars(value.data(), value.data() + value.size(), epoch).ec != std::errc()) unreadable();
    ledger.epoch = std::max(ledger.epoch, epoch);
    return;
  }
  const std::size_t blank = value.find(' ');
  if (blank == std::string_view::npos) unreadable();
  if (key == kPositionKey) {
    const auto position = parse_lsn(value.substr(0, blank)), horizon = parse_lsn(value.substr(blank + 1));
    if (!position || !horizon) unreadable();
    ledger.position = *position;
    ledger.horizon = *horizon;
    return;
  }
  if (key.starts_with(kEndKeys)) {
    ledger.ends[std::string(key.substr(kEndKeys.size()))] = value;
    return;
  }
  CopyCounts counts;
  std::from_chars(value.data(), value.data() + blank, counts.rows);
  std::from_chars(value.data() + blank + 1, value.data() + value.size(), counts.bytes);
  ledger.chunks[std::string(key)] = counts;
}

struct Stop {
  void operator()(rd_kafka_topic_t* topic) const {
    rd_kafka_consume_stop(topic, 0);
    rd_kafka_topic_destroy(topic);
  }
};

/// Without a consumer group: nobody's offsets are kept, and no right to a group is needed.
Ledger read_records(const PeerSpec& peer, const std::string& uuid, const char* isolation, const Wait& wait) {
  Properties properties = properties_of(peer);
  properties["enable.partition.eof"] = "true";
  properties["isolation.level"] = isolation;
  properties["fetch.wait.max.ms"] = "10";  // At the end of the topic the broker would wait half a second for more.
  properties["fetch.error.backoff.ms"] = "50";
  Client client(RD_KAFKA_CONSUMER, properties);
  const std::string doing = "reading the mirror's position", name = ledger_topic(uuid);
  // Who still writes moves the end on: what was there at the beginning is what is asked for.
  std::int64_t low = 0, end = 0;
  while (rd_kafka_query_watermark_offsets(client.get(), name.c_str(), 0, &low, &end, 1000) != RD_KAFKA_RESP_ERR_NO_ERROR)
    client.check_background(doing, wait);
  const std::unique_ptr<rd_kafka_topic_t, Stop> topic(rd_kafka_topic_new(client.get(), name.c_str(), nullptr));
  if (rd_kafka_consume_start(topic.get(), 0, RD_KAFKA_OFFSET_BEGINNING) != 0) throw Error(error_text(rd_kafka_last_error(), doing));
  Ledger ledger;
  for (;;) {
    const std::unique_ptr<rd_kafka_message_t, void (*)(rd_kafka_message_t*)> message(rd_kafka_consume(topic.get(), 0, 200),
                                                                                      rd_kafka_message_destroy);
    if (!message) {
      client.check_background(doing, wait);
      continue;
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF || (message->err == 0 && message->offset >= end)) break;
    if (message->err != 0) {
      const auto text = error_text(message->err, doing);
      if (retry_of(text) != Retry::later || wait.expired()) throw Error(text);
      client.check_background(doing, wait);
      continue;
    }
    if (message->key == nullptr) continue;
    const std::string_view key(static_cast<const char*>(message->key), message->key_len);
    if (message->payload == nullptr) {
      ledger.chunks.erase(std::string(key));  // Of a topic that was lost.
      continue;
    }
    take(key, {static_cast<const char*>(message->payload), message->len}, ledger);
  }
  return ledger;
}

}  // namespace

std::uint64_t rows_copied(const Ledger& ledger, TableId table) {
  const std::string chunks = chunk_keys(table);
  std::uint64_t rows = 0;
  for (auto at = ledger.chunks.lower_bound(chunks); at != ledger.chunks.end() && at->first.starts_with(chunks); ++at) rows += at->second.rows;
  return rows;
}

std::string ledger_topic(const std::string& uuid) { return "_peerd_" + uuid; }

std::string chunk_keys(TableId table) { return "chunk/" + std::to_string(table.oid) + "/"; }

std::string chunk_key(const Chunk& chunk) {
  return chunk_keys(chunk.table) + to_string(chunk.start) + "/" + std::to_string(chunk.number);
}

std::string position_value(Lsn position, Lsn horizon) { return to_string(position) + " " + to_string(horizon); }

std::string chunk_value(CopyCounts counts) { return std::to_string(counts.rows) + " " + std::to_string(counts.bytes); }

Ledger read_ledger(const PeerSpec& peer, const std::string& uuid, const Wait& wait) {
  return read_records(peer, uuid, "read_committed", wait);
}

std::uint64_t read_newest_lease(const PeerSpec& peer, const std::string& uuid, const Wait& wait) {
  return read_records(peer, uuid, "read_uncommitted", wait).epoch;
}

}  // namespace peerd::kafka

#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peerd::kafka {

/// How far the mirror has written a topic, by partition. A topic that was deleted and made again under its name ends before
/// that. (Its id would tell, too, but librdkafka knows of ids from 2.3 on.) The thread that polls the producer owns it.
class TopicEnds {
 public:
  void sent() { sent_ = true; }
  /// The brokers have a message at that place. An earlier one than known is not believed: see went_back().
  void delivered(std::int32_t partition, std::int64_t offset);
  /// What the brokers say. REQUIRES: nothing in it contradicts what is known.
  void raise(const std::vector<std::int64_t>& ends);

  /// Keys are spread over so many partitions: as many as the topic had when the mirror first wrote to it. One that is added
  /// later would take keys whose earlier messages lie elsewhere. 0: not known yet.
  std::size_t keyed() const { return keyed_; }
  void key_over(std::size_t partitions);

  /// Written to, and the brokers have not said where.
  bool unknown() const { return sent_ && std::ranges::all_of(ends_, [](std::int64_t end) { return end == 0; }); }
  /// Where the brokers have put a message before what they had already: the topic was made again meanwhile.
  const std::string& went_back() const { return went_back_; }
  /// What shows that the topic is another one than was written to, with both numbers; "": nothing. `found`: its ends now,
  /// empty where it is absent; `rows`: at least so many messages went there.
  std::string contradiction(const std::vector<std::int64_t>& found, std::uint64_t rows) const;
  bool take_changed() { return std::exchange(changed_, false); }

  std::string text() const;  ///< For the ledger: two words.
  static TopicEnds read(std::string_view text);

 private:
  std::vector<std::int64_t> ends_;
  std::size_t keyed_ = 0;
  std::string went_back_;
  bool sent_ = false, changed_ = false;
};

}  // namespace peerd::kafka

#include "kafka/row_sender.h"

#include "kafka/json.h"

namespace peerd::kafka {
namespace {

/// "" of logical messages.
std::string table_of(const Route& route) {
  const TableSchema& schema = route.encoder->schema();
  return schema.name.empty() ? "" : schema.qualified();
}

/// Why, and of which table; never the row.
void dead_letter(std::string_view reason, const Route& route, std::string& out) {
  const auto member = [&out](std::string_view name, std::string_view text) {
    out += name;
    if (!append_json(text, out)) out += "null";
  };
  out.clear();
  member("{\"reason\":", reason);
  member(",\"table\":", table_of(route));
  member(",\"topic\":", route.topic.name);
  out += "}";
}

[[noreturn]] void throw_too_large(const Route& route) {
  ErrorText text{.code = ErrorCode::bad_value};
  text.table = table_of(route);
  text.message = (text.table.empty() ? "a logical message" : "a row of " + text.table) + " makes a message that is too large for topic " + route.topic.name + ", which takes " +
                 std::to_string(route.topic.largest) + " bytes";
  text.hint = "raise max_record_batch_bytes of the peer and max.message.bytes of the topic, or on_bad_row = 'dead_letter'";
  text.detail = key_words(route.encoder->schema());
  text.origin = "MSG_SIZE_TOO_LARGE";
  throw Error(std::move(text));
}

}  // namespace

/// `write` fills key_, tells so, and fills the rest. False: the format cannot hold it, `why` says so; a whole key is kept.
template <class Write>
bool RowSender::encode(const Write& write, std::string& why) {
  key_.clear();
  value_.clear();
  names_.clear();
  key_whole_ = false;
  try {
    write();
    return true;
  } catch (const Error& error) {
    if (!dead_letters_ || error.text.code != ErrorCode::bad_value) throw;
    why = error.text.message;
    if (!key_whole_) key_.clear();
    names_.clear();
    return false;
  }
}

/// False: a dead letter went instead.
bool RowSender::sent(Producer& producer, const Route& route, const Producer::Headers& headers, const Wait& wait) {
  // Without keys all of a table's rows go to one partition: elsewhere the order of a row's changes would be lost.
  if (producer.send(route.topic, key_.empty() ? 0 : -1, key_, value_, &headers, wait)) return true;
  if (!dead_letters_) throw_too_large(route);
  const std::string why = "the message is too large: the topic takes " + std::to_string(route.topic.largest) + " bytes";
  send_dead_letter(producer, route, why, headers, wait);
  return false;
}

void RowSender::send(Producer& producer, const Route& route, const Message& message, Producer::Headers headers,
                     const Wait& wait) {
  std::string why;
  const bool well = encode([&] {
    route.encoder->key_of_row(message.row, key_);
    key_whole_ = true;
    route.encoder->value(message, value_);
    if (!message.filled.empty()) route.encoder->unchanged_names(message, names_);
  }, why);
  headers.unchanged = names_;
  if (!well) return send_dead_letter(producer, route, why, headers, wait);
  if (!sent(producer, route, headers, wait) || message.kind != Kind::remove || !tombstones_ || key_.empty()) return;
  headers.kind = Kind::tombstone;
  producer.send(route.topic, -1, key_, std::nullopt, &headers, wait);
}

void RowSender::send_logical(Producer& producer, const Route& route, const Message& message, const Logical& logical,
                             const Producer::Headers& headers, const Wait& wait) {
  std::string why;
  const bool well = encode([&] {
    logical_key(logical.prefix, key_);
    key_whole_ = true;
    route.encoder->logical(message, logical, value_);
  }, why);
  if (!well) return send_dead_letter(producer, route, why, headers, wait);
  sent(producer, route, headers, wait);
}

void RowSender::send_dead_letter(Producer& producer, const Route& route, const std::string& why,
                                 const Producer::Headers& headers, const Wait& wait) {
  dead_letter(why, route, value_);
  if (producer.send(route.dead_letters, -1, key_, value_, &headers, wait)) return;
  // Not even the key fits: the letter's headers say which change it was.
  if (!producer.send(route.dead_letters, -1, "", value_, &headers, wait)) throw_too_large(route);
}

}  // namespace peerd::kafka

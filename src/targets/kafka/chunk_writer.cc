#include "kafka/chunk_writer.h"

#include "kafka/json.h"
#include "kafka/ledger.h"

namespace peerd::kafka {
namespace {

char unescaped(char c) {
  constexpr std::string_view kFrom = "bfnrtv", kTo = "\b\f\n\r\t\v";
  const std::size_t at = kFrom.find(c);
  return at == std::string_view::npos ? c : kTo[at];
}

class Writer final : public ChunkWriter {
 public:
  Writer(const ChunkSetup& setup, int id, std::function<void(int)> release)
      : setup_(setup), id_(id), release_(std::move(release)) {}
  ~Writer() override {
    producer_.reset();
    release_(id_);
  }

  Begun begin(const MirrorTable& table, const Chunk& chunk, const CopyPlan&, CopyCounts& known, const Wait& wait) override {
    if (setup_.known(chunk, known)) return Begun::known_done;
    if (producer_ && producer_->open()) producer_.reset();  // An abandoned chunk: its transaction is aborted.
    if (!producer_) {
      producer_ = std::make_unique<Producer>(setup_.sending, id_);
      producer_->init(wait);
    }
    encoder_ = setup_.encoder(table.schema);
    topic_ = setup_.topic(table);
    chunk_ = chunk;
    counts_ = {};
    cells_.assign(table.schema.columns.size(), CellView{});
    producer_->begin(wait);
    return Begun::ready;
  }

  void write(std::span<const std::byte> rows, const Wait& wait) override {
    std::string_view text(reinterpret_cast<const char*>(rows.data()), rows.size());
    counts_.bytes += rows.size();
    sent_us_ = unix_us();
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      if (end == std::string_view::npos) malformed();
      row(text.substr(0, end), wait);
      text.remove_prefix(end + 1);
    }
  }

  CopyCounts finish(const Wait& wait) override {
    const std::string key = chunk_key(chunk_), value = chunk_value(counts_);
    producer_->send(ledger_topic(setup_.sending.uuid), 0, key, value, nullptr, wait);
    producer_->commit(wait);
    return counts_;
  }

 private:
  [[noreturn]] static void malformed() {
    throw Error(ErrorCode::internal, "the source's COPY data is no whole rows of the table");
  }

  /// COPY's text form (Postgres docs, COPY, "Text Format"). Cells with escapes are written out into text_.
  void row(std::string_view line, const Wait& wait) {
    text_.clear();
    text_.reserve(line.size());  // What cells borrow from must not move.
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      const std::size_t tab = std::min(line.find('\t'), line.size());
      if (i + 1 < cells_.size() && tab == line.size()) malformed();
      cells_[i] = cell(line.substr(0, tab));
      line.remove_prefix(std::min(tab + 1, line.size()));
    }
    send(wait);
  }

  CellView cell(std::string_view text) {
    if (text == "\\N") return {};
    if (text.find('\\') == std::string_view::npos) return {CellView::Kind::text, text};
    const std::size_t from = text_.size();
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool escape = text[i] == '\\' && i + 1 < text.size();
      text_.push_back(escape ? unescaped(text[++i]) : text[i]);
    }
    return {CellView::Kind::text, std::string_view(text_).substr(from)};
  }

  void send(const Wait& wait) {
    key_.clear();
    value_.clear();
    const Message message{.kind = Kind::read, .row = cells_, .checkpoint = chunk_.start.value, .sent_us = sent_us_};
    Producer::Headers headers{.kind = Kind::read, .lsn = chunk_.start, .ordinal = counts_.rows++, .chunk = chunk_.number};
    encoder_->key_of_row(cells_, key_);
    encoder_->value(message, value_);
    if (producer_->send(topic_, -1, key_, value_, &headers, wait)) return;
    if (!setup_.sending.dead_letters) throw_too_large("a row of " + encoder_->schema().qualified(), topic_, encoder_->schema().qualified());
    value_.clear();
    dead_letter("the message is too large", encoder_->schema().qualified(), topic_, value_);
    if (!producer_->send(setup_.dead_letter_topic(topic_), -1, key_, value_, &headers, wait))
      throw_too_large("a row of " + encoder_->schema().qualified(), topic_, encoder_->schema().qualified());
  }

  const ChunkSetup& setup_;
  const int id_;
  const std::function<void(int)> release_;
  std::unique_ptr<Producer> producer_;
  std::unique_ptr<Encoder> encoder_;
  std::int64_t sent_us_ = 0;
  std::string topic_, key_, value_, text_;
  Chunk chunk_;
  CopyCounts counts_;
  std::vector<CellView> cells_;
};

}  // namespace

std::unique_ptr<ChunkWriter> make_chunk_writer(const ChunkSetup& setup, int id, std::function<void(int)> release) {
  return std::make_unique<Writer>(setup, id, std::move(release));
}

void dead_letter(std::string_view reason, std::string_view table, std::string_view topic, std::string& out) {
  const auto member = [&out](std::string_view name, std::string_view text) {
    out += name;
    if (!append_json(text, out)) throw Error(ErrorCode::internal, "a dead letter's text is no UTF-8");
  };
  member("{\"reason\":", reason);
  member(",\"table\":", table);
  member(",\"topic\":", topic);
  out += "}";
}

void throw_too_large(const std::string& what, const std::string& topic, const std::string& table) {
  ErrorText text{.code = ErrorCode::bad_value,
                 .message = what + " makes a message that is too large for topic " + topic};
  text.hint = "raise max_record_batch_bytes of the peer and max.message.bytes of the topic, or on_bad_row = 'dead_letter'";
  text.table = table;
  text.origin = "MSG_SIZE_TOO_LARGE";
  throw Error(std::move(text));
}

}  // namespace peerd::kafka

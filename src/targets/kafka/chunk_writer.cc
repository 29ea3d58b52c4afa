#include "kafka/chunk_writer.h"

#include "copy_text.h"
#include "kafka/ledger.h"
#include "kafka/row_sender.h"

namespace peerd::kafka {
namespace {

class Writer final : public ChunkWriter {
 public:
  Writer(const ChunkSetup& setup, int id, std::function<void(int)> release)
      : setup_(setup), id_(id), release_(std::move(release)), sender_(setup.sending) {}
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
      setup_.check_lease(wait);
      producer_->know(setup_.ledger, wait);
    }
    route_ = setup_.route(table);
    producer_->know(route_.topic, wait);
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
    while (!text.empty()) row(next_copy_line(text), wait);
  }

  CopyCounts finish(const Wait& wait) override {
    const std::string key = chunk_key(chunk_), value = chunk_value(counts_);
    producer_->send(setup_.ledger, 0, key, value, nullptr, wait);
    producer_->commit(wait);
    return counts_;
  }

 private:
  void row(std::string_view line, const Wait& wait) {
    room_.clear();
    room_.reserve(line.size());
    for (std::size_t i = 0; i < cells_.size(); ++i) cells_[i] = copy_cell(next_copy_cell(line, i + 1 == cells_.size()), room_);
    const Message message{.kind = Kind::read, .row = cells_, .checkpoint = chunk_.start.value, .sent_us = sent_us_};
    sender_.send(*producer_, route_, message,
                 {.kind = Kind::read, .lsn = chunk_.start, .ordinal = counts_.rows++, .chunk = chunk_.number}, wait);
  }

  const ChunkSetup& setup_;
  const int id_;
  const std::function<void(int)> release_;
  std::unique_ptr<Producer> producer_;
  std::int64_t sent_us_ = 0;
  Route route_;
  RowSender sender_;
  std::string room_;  ///< Of the row's cells with escapes.
  Chunk chunk_;
  CopyCounts counts_;
  std::vector<CellView> cells_;
};

}  // namespace

std::unique_ptr<ChunkWriter> make_chunk_writer(const ChunkSetup& setup, int id, std::function<void(int)> release) {
  return std::make_unique<Writer>(setup, id, std::move(release));
}

}  // namespace peerd::kafka

#pragma once

#include <random>
#include <string>

#include "peerd/changes/batch_builder.h"
#include "peerd/changes/table_json.h"

namespace peerd {

/// Batches such as a stream makes: transactions of several tables, open tails, messages, marks, every kind of cell.
class RandomBatches {
 public:
  explicit RandomBatches(unsigned seed, std::uint64_t position = 100, int large = 70'000)
      : random_(seed), large_(large), position_(position) {
    constexpr std::uint32_t tables = 3;
    builder_.keep_old_rows(true);
    for (std::uint32_t t = 1; t <= tables; ++t) {
      MirrorTable table;
      table.schema.id = {t};
      table.schema.schema = "s";
      table.schema.name = "t" + std::to_string(t);
      table.target_name = "there." + std::to_string(t);
      table.start = Lsn{t};
      for (std::uint32_t c = 0; c < t + 1; ++c)
        table.schema.columns.push_back({.name = "c" + std::to_string(c), .type_oid = 25, .type_name = "text", .in_key = c == 0,
                                        .number = static_cast<std::int16_t>(c + 1)});
      table.schema.key = {0};
      tables_.push_back(table);
    }
  }

  std::unique_ptr<Batch> next() {
    for (int left = below(6); left > 0; --left) {
      if (!builder_.in_transaction() && below(4) == 0) {
        position_ += 10;
        builder_.append_message("out", builder_.keep(text()), Lsn{}, Lsn{position_});
        continue;
      }
      if (!builder_.in_transaction()) {
        commit_ = position_ + 50;
        builder_.begin(1'000'000 + below(1000), static_cast<std::uint32_t>(below(9)));
      }
      for (int changes = below(5); changes > 0; --changes) change();
      if (below(5) == 0) builder_.append_message("p", builder_.keep(text()), Lsn{commit_}, Lsn{++position_});
      if (below(3) == 0) continue;  // It goes on, in this batch or the next.
      position_ = std::max(position_ + 1, commit_ + 8);
      builder_.commit(Lsn{position_});
    }
    if (!builder_.in_transaction() && below(4) == 0) builder_.moved(Lsn{position_ += 5});
    return builder_.take();
  }
  const std::vector<MirrorTable>& tables() const { return tables_; }
  int below(int most) { return std::uniform_int_distribution<int>(0, most - 1)(random_); }

 private:
  std::string text() {
    const int size = below(100) == 0 ? large_ : below(12);
    std::string bytes;
    for (int i = 0; i < size; ++i) bytes += static_cast<char>(below(256));
    return bytes;
  }
  std::span<const CellView> row(std::size_t size) {
    const auto cells = builder_.cells(size);
    for (CellView& cell : cells) {
      const int kind = below(4);
      if (kind == 1) cell.kind = CellView::Kind::unchanged;
      if (kind > 1) cell = {CellView::Kind::text, builder_.keep(text())};
    }
    return cells;
  }
  void change() {
    const MirrorTable& table = tables_[static_cast<std::size_t>(below(static_cast<int>(tables_.size())))];
    ChangeView change{};
    change.kind = static_cast<ChangeView::Kind>(below(4));
    change.table = builder_.table(table);
    change.version = {Lsn{commit_}, Lsn{++position_}};
    if (change.kind != ChangeView::Kind::truncate) change.row = row(table.schema.columns.size());
    if (change.kind == ChangeView::Kind::update && below(2) == 0) change.old_key = row(1);
    if (below(3) == 0) change.old_row = row(table.schema.columns.size());
    builder_.append(change);
  }

  std::mt19937 random_;
  int large_;  ///< Bytes of a few values.
  BatchBuilder builder_;
  std::vector<MirrorTable> tables_;
  std::uint64_t position_, commit_ = 0;
};

/// All that a batch tells, to be compared.
inline std::string told_by(const Batch& batch) {
  std::string all = std::to_string(batch.complete_to().value) + " " + std::to_string(batch.oldest_commit_us()) +
                    (batch.open_head() ? " head" : "") + (batch.open_tail() ? " tail" : "") + " ends";
  for (const auto end : batch.commit_ends()) all += " " + std::to_string(end);
  for (const auto& each : batch.transactions())
    all += " [" + std::to_string(each.first) + " " + std::to_string(each.xid) + " " + std::to_string(each.commit_time_us) + "]";
  all += " whole " + std::to_string(batch.whole_messages()) + "\n";
  for (const auto& table : batch.tables()) all += table_json(table) + " from " + std::to_string(table.start.value) + "\n";
  const auto version = [](RowVersion at) { return " " + std::to_string(at.commit.value) + "/" + std::to_string(at.change.value); };
  for (const auto& message : batch.messages()) {
    all += "message before " + std::to_string(message.before) + (message.transactional ? " in" : " out") + version(message.version) + " " +
           std::to_string(message.xid) + " " + std::to_string(message.commit_time_us) + " " + std::string(message.prefix) + ":" +
           std::string(message.content) + "\n";
  }
  const auto cells = [](std::span<const CellView> row) {
    std::string text = " (" + std::to_string(row.size());
    for (const auto& cell : row)
      text += "|" + std::to_string(static_cast<int>(cell.kind)) + std::string(cell.bytes);
    return text + ")";
  };
  for (const auto& change : batch.changes()) {
    all += std::to_string(static_cast<int>(change.kind)) + " " + batch.tables()[change.table].schema.name + version(change.version) +
           cells(change.row) + cells(change.old_key) + cells(change.old_row) + "\n";
  }
  return all;
}

}  // namespace peerd

#include "peerd/changes/batch_codec.h"

#include <cstring>

#include "peerd/base/error.h"
#include "peerd/changes/table_json.h"

// Numbers are LEB128, signed ones and differences zigzag. A cell is 0 (null), 1 (unchanged), or 2 + length and its bytes.
namespace peerd {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint64_t kNull = 0, kUnchanged = 1, kText = 2;
constexpr unsigned kOpenTail = 1, kOpenHead = 2;             // Of the batch.
constexpr unsigned kKindBits = 3, kOldKey = 4, kOldRow = 8;  // Of a change.

std::uint64_t zigzag(std::int64_t value) {
  return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

class Out {
 public:
  explicit Out(std::string& bytes) : bytes_(bytes) {}
  void byte(std::uint8_t value) { bytes_.push_back(static_cast<char>(value)); }
  void number(std::uint64_t value) {
    while (value >= 0x80) {
      byte(static_cast<std::uint8_t>(value | 0x80));
      value >>= 7;
    }
    byte(static_cast<std::uint8_t>(value));
  }
  void integer(std::int64_t value) { number(zigzag(value)); }
  void text(std::string_view value) {
    number(value.size());
    bytes_.append(value);
  }
  void cells(std::span<const CellView> row) {
    number(row.size());
    for (const CellView& cell : row) {
      switch (cell.kind) {
        case CellView::Kind::null: number(kNull); break;
        case CellView::Kind::unchanged: number(kUnchanged); break;
        case CellView::Kind::text:
          number(cell.bytes.size() + kText);
          bytes_.append(cell.bytes);
      }
    }
  }
  /// Positions rise slowly: the difference from the last is short.
  void version(RowVersion version) {
    integer(static_cast<std::int64_t>(version.commit.value - last_.commit.value));
    integer(static_cast<std::int64_t>(version.change.value - last_.change.value));
    last_ = version;
  }

 private:
  std::string& bytes_;
  RowVersion last_;
};

[[noreturn]] void throw_unreadable() { throw Error(ErrorCode::internal, "a batch that was kept cannot be read"); }

class In {
 public:
  explicit In(std::string_view bytes) : bytes_(bytes) {}
  std::uint8_t byte() {
    if (bytes_.empty()) throw_unreadable();
    const auto value = static_cast<std::uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return value;
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t next = byte();
      value |= std::uint64_t{next & 0x7fu} << shift;
      if (next < 0x80) return value;
    }
    throw_unreadable();
  }
  std::int64_t integer() { return unzigzag(number()); }
  /// Of what takes at least a byte each.
  std::size_t count() {
    const std::uint64_t value = number();
    if (value > bytes_.size()) throw_unreadable();
    return static_cast<std::size_t>(value);
  }
  std::uint32_t small() {
    const std::uint64_t value = number();
    if (value > ~0u) throw_unreadable();
    return static_cast<std::uint32_t>(value);
  }
  std::string_view text() { return take(count()); }
  std::string_view take(std::size_t size) {
    if (size > bytes_.size()) throw_unreadable();
    const std::string_view value = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return value;
  }
  RowVersion version() {
    last_.commit.value += static_cast<std::uint64_t>(integer());
    last_.change.value += static_cast<std::uint64_t>(integer());
    return last_;
  }
  bool ended() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
  RowVersion last_;
};

}  // namespace

void BatchCodec::encode(const Batch& batch, std::string& bytes) {
  Out out(bytes);
  out.byte(kVersion);
  out.byte(static_cast<std::uint8_t>((batch.open_tail() ? kOpenTail : 0u) | (batch.open_head() ? kOpenHead : 0u)));
  out.number(batch.complete_to().value);
  out.integer(batch.oldest_commit_us());
  out.number(batch.tables().size());
  for (const MirrorTable& table : batch.tables()) {
    out.number(table.start.value);
    out.text(table_json(table));
  }
  out.number(batch.transactions().size());
  for (const TransactionView& transaction : batch.transactions()) {
    out.number(transaction.first);
    out.number(transaction.xid);
    out.integer(transaction.commit_time_us);
  }
  out.number(batch.commit_ends().size());
  for (const std::uint32_t end : batch.commit_ends()) out.number(end);
  out.number(batch.messages().size());
  out.number(batch.whole_messages());
  for (const MessageView& message : batch.messages()) {
    out.number(message.before);
    out.byte(message.transactional ? 1 : 0);
    out.version(message.version);
    out.number(message.xid);
    out.integer(message.commit_time_us);
    out.text(message.prefix);
    out.text(message.content);
  }
  out.number(batch.size());
  for (const ChangeView& change : batch.changes()) {
    out.byte(static_cast<std::uint8_t>(static_cast<unsigned>(change.kind) | (change.old_key.empty() ? 0u : kOldKey) |
                                       (change.old_row.empty() ? 0u : kOldRow)));
    out.number(change.table);
    out.version(change.version);
    out.cells(change.row);
    if (!change.old_key.empty()) out.cells(change.old_key);
    if (!change.old_row.empty()) out.cells(change.old_row);
  }
}

/// Leaves out what does not count as it goes: `to_` has only what does.
class BatchCodec::Decoder {
 public:
  Decoder(Batch& to, const Counting& counting, bool continues) : to_(to), counting_(counting), continues_(continues) {}

  void run(std::string_view bytes) {
    // Cells borrow from one copy of all.
    std::byte* const kept = to_.arena_.allocate(bytes.size());
    if (!bytes.empty()) std::memcpy(kept, bytes.data(), bytes.size());
    In in({reinterpret_cast<const char*>(kept), bytes.size()});
    if (in.byte() != kVersion)
      throw Error(ErrorCode::not_supported, "a batch was kept in a version that this peerd does not know",
                  "start the newer peerd again");
    const std::uint8_t flags = in.byte();
    to_.complete_to_ = Lsn{in.number()};
    to_.oldest_commit_us_ = in.integer();
    to_.open_head_ = since_end_ = head_ends_ = (flags & kOpenHead) != 0 && continues_;
    read_tables(in);
    read_ends(in);
    const std::size_t messages_at = read_messages(in);
    read_changes(in);
    finish(messages_at);
    to_.open_tail_ = (flags & kOpenTail) != 0 && since_end_;
    if (!in.ended()) throw_unreadable();
  }

 private:
  static constexpr std::uint32_t kGone = ~0u;

  void read_tables(In& in) {
    for (std::size_t left = in.count(); left > 0; --left) {
      const Lsn start{in.number()};
      MirrorTable table = read_table(in.text());
      table.start = start;
      const MirrorTable* const now = counting_.table ? counting_.table(table) : &table;
      place_of_.push_back(now == nullptr ? kGone : static_cast<std::uint32_t>(to_.tables_.size()));
      if (now == nullptr) continue;
      if (counting_.table) take_unstored(table, *now);
      to_.add_table(table);
    }
  }

  void read_ends(In& in) {
    for (std::size_t left = in.count(); left > 0; --left) {
      const std::uint32_t first = in.small(), xid = in.small();
      transactions_.push_back({first, xid, in.integer()});
    }
    for (std::size_t left = in.count(); left > 0; --left) ends_.push_back(in.small());
  }

  std::size_t read_messages(In& in) {
    const std::size_t count = in.count();
    const std::size_t whole = static_cast<std::size_t>(in.number());
    for (std::size_t i = 0; i < count; ++i) {
      MessageView message{};
      message.before = in.small();
      message.transactional = in.byte() != 0;
      message.version = in.version();
      message.xid = in.small();
      message.commit_time_us = in.integer();
      message.prefix = in.text();
      message.content = in.text();
      messages_.push_back(message);
    }
    if (whole > count) throw_unreadable();
    return whole;
  }

  void read_changes(In& in) {
    const std::size_t count = in.count();
    to_.changes_.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      pass(i);
      const std::uint8_t bits = in.byte();
      ChangeView change{};
      change.kind = static_cast<ChangeView::Kind>(bits & kKindBits);
      const std::uint32_t table = in.small();
      if (table >= place_of_.size()) throw_unreadable();
      change.table = place_of_[table];
      change.version = in.version();
      change.row = cells(in);
      if (bits & kOldKey) change.old_key = cells(in);
      if (bits & kOldRow) change.old_row = cells(in);
      if (change.table == kGone || change.version.commit < counting_.after) {
        dropped_ = true;
        continue;
      }
      if (begun_ != nullptr) {
        to_.transactions_.push_back(
            {static_cast<std::uint32_t>(to_.changes_.size()), begun_->xid, begun_->commit_time_us});
        begun_ = nullptr;
      }
      since_end_ = true;
      to_.add(change);
    }
    pass(static_cast<std::uint32_t>(count));
    if (next_end_ != ends_.size()) throw_unreadable();
  }

  std::span<const CellView> cells(In& in) {
    const std::size_t count = in.count();
    const std::span<CellView> row = to_.arena_.cells(count);
    for (CellView& cell : row) {
      const std::uint64_t told = in.number();
      if (told == kUnchanged) cell.kind = CellView::Kind::unchanged;
      if (told >= kText) cell = {CellView::Kind::text, in.take(static_cast<std::size_t>(told - kText))};
    }
    return row;
  }

  /// Transactions that end, messages that come, and a transaction that begins before change `i`.
  void pass(std::uint32_t i) {
    const auto count = static_cast<std::uint32_t>(to_.changes_.size());
    for (; next_end_ < ends_.size() && ends_[next_end_] == i; ++next_end_) {
      const std::uint32_t last = to_.commit_ends_.empty() ? 0 : to_.commit_ends_.back();
      if (head_ends_ || count > last) to_.commit_ends_.push_back(count);
      head_ends_ = since_end_ = false;
    }
    for (; next_message_ < messages_.size() && messages_[next_message_].before <= i; ++next_message_) {
      MessageView& message = messages_[next_message_];
      message.before = count;
    }
    if (next_transaction_ < transactions_.size() && transactions_[next_transaction_].first == i)
      begun_ = &transactions_[next_transaction_++];
  }

  void finish(std::size_t whole) {
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      if (messages_[i].version.commit < counting_.after) {
        dropped_ = true;
        continue;
      }
      to_.messages_.push_back(messages_[i]);
      if (i < whole) to_.whole_messages_ = to_.messages_.size();
      else since_end_ = true;
    }
    if (!dropped_) return;
    to_.oldest_commit_us_ = 0;
    if (!to_.transactions_.empty()) to_.oldest_commit_us_ = to_.transactions_.front().commit_time_us;
    else if (!to_.messages_.empty()) to_.oldest_commit_us_ = to_.messages_.front().commit_time_us;
  }

  Batch& to_;
  const Counting& counting_;
  const bool continues_;
  std::vector<std::uint32_t> place_of_, ends_;
  std::vector<TransactionView> transactions_;
  std::vector<MessageView> messages_;
  const TransactionView* begun_ = nullptr;  ///< It has no change here yet.
  std::size_t next_end_ = 0, next_message_ = 0, next_transaction_ = 0;
  bool head_ends_ = false;  ///< The open head has not ended yet.
  bool since_end_ = false;  ///< Something of the transaction that is open counts.
  bool dropped_ = false;
};

std::unique_ptr<Batch> BatchCodec::decode(std::string_view bytes, const Counting& counting, bool continues,
                                          std::unique_ptr<Batch> spent) {
  if (!spent) spent = std::make_unique<Batch>();
  spent->clear();
  Decoder(*spent, counting, continues).run(bytes);
  return spent;
}

}  // namespace peerd

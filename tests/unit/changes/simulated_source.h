#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "peerd/changes/batch.h"

namespace peerd {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  int below(int end) { return static_cast<int>(engine_() % static_cast<std::uint64_t>(end)); }
  bool percent(int chance) { return below(100) < chance; }

 private:
  std::mt19937_64 engine_;
};

/// A row without its key. `place` is the part of the heap where it lies: what a chunk reads.
struct SimRow {
  std::string plain, toast;
  int place = 0;
};
using SimRows = std::map<int, SimRow>;

struct SimChange {
  ChangeView::Kind kind = ChangeView::Kind::insert;
  int key = 0;
  std::optional<int> old_key;
  std::string plain;
  std::optional<std::string> toast;  ///< Empty: not sent.
  Lsn lsn;
};

struct SimTransaction {
  std::vector<SimChange> changes;
  Lsn commit, end;
};

/// A Postgres of one table with a key, a plain and a TOAST column, whose writers reuse few keys. A transaction is in
/// the WAL when it commits; sometimes it becomes visible only a step later, as while its backend waits for an fsync.
class SimulatedSource {
 public:
  static constexpr int kKeys = 5, kPlaces = 3;

  explicit SimulatedSource(Random& random) : random_(random) {}

  void step() {
    if (pending_) return settle();
    SimRows rows = visible_;
    SimTransaction transaction = write(rows);
    if (transaction.changes.empty()) return;
    wal_.push_back(std::move(transaction));
    states_.emplace_back(wal_.back().end, rows);
    pending_ = std::move(rows);
    if (!random_.percent(30)) settle();
  }

  /// What committed becomes visible.
  void settle() {
    if (pending_) visible_ = std::move(*pending_);
    pending_.reset();
  }
  void settle_through(Lsn commit) {
    if (pending_ && wal_.back().commit <= commit) settle();
  }

  Lsn insert_position() const { return Lsn{position_}; }
  const SimRows& visible() const { return visible_; }
  const std::vector<SimTransaction>& wal() const { return wal_; }

  /// The rows after all transactions that ended at or before `end`.
  SimRows at(Lsn end) const {
    const auto after = std::ranges::upper_bound(states_, end, {}, &std::pair<Lsn, SimRows>::first);
    return after == states_.begin() ? SimRows{} : std::prev(after)->second;
  }

 private:
  SimTransaction write(SimRows& rows) {
    SimTransaction made;
    for (int left = 1 + random_.below(4); left > 0; --left)
      if (auto change = write_one(rows)) made.changes.push_back(std::move(*change));
    if (made.changes.empty()) return made;
    // An insert writes its WAL before it looks whether the key is free: it may lie before the change, and the commit,
    // of the transaction that frees the key (rules.md 1).
    if (made.changes[0].kind == ChangeView::Kind::insert && random_.percent(50))
      made.changes[0].lsn.value -= std::min<std::uint64_t>(made.changes[0].lsn.value - 1, 8u * random_.below(12));
    made.commit = advance();
    made.end = Lsn{position_};
    return made;
  }

  std::optional<SimChange> write_one(SimRows& rows) {
    const int dice = random_.below(100);
    if (dice < 2) {
      rows.clear();
      return SimChange{ChangeView::Kind::truncate, 0, {}, {}, {}, advance()};
    }
    const int key = random_.below(kKeys);
    const auto at = rows.find(key);
    if (at == rows.end()) return dice < 60 ? std::optional(insert(rows, key)) : std::nullopt;
    if (dice < 25) {
      rows.erase(at);
      freed_ = key;
      return SimChange{ChangeView::Kind::remove, key, {}, {}, {}, advance()};
    }
    return update(rows, key, dice < 65);
  }

  SimChange insert(SimRows& rows, int key) {
    const SimRow row{value(), value(), random_.below(kPlaces)};
    rows[key] = row;
    return {ChangeView::Kind::insert, key, {}, row.plain, row.toast, advance()};
  }

  /// Moves, when asked to, to a free key: most often to the one that was freed a moment before.
  SimChange update(SimRows& rows, int key, bool moves) {
    SimRow row = rows[key];
    const int to = random_.percent(60) ? freed_ : random_.below(kKeys);
    moves = moves && !rows.contains(to);
    SimChange change{ChangeView::Kind::update, key, {}, {}, {}, advance()};
    if (random_.percent(70)) row.plain = value();
    change.plain = row.plain;
    if (random_.percent(20)) change.toast = row.toast = value();
    if (random_.percent(50)) row.place = random_.below(kPlaces);
    if (moves) {
      change.old_key = key;
      change.key = to;
      rows.erase(key);
      freed_ = key;
    }
    rows[change.key] = row;
    return change;
  }

  std::string value() { return "v" + std::to_string(++values_); }
  Lsn advance() {
    const Lsn here{position_};
    position_ += 8;
    return here;
  }

  Random& random_;
  SimRows visible_;
  std::optional<SimRows> pending_;  ///< After the last transaction, which is not visible yet.
  std::vector<SimTransaction> wal_;
  std::vector<std::pair<Lsn, SimRows>> states_;
  std::uint64_t position_ = 1000;
  int freed_ = 0, values_ = 0;
};

}  // namespace peerd

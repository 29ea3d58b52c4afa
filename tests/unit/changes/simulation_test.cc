// Random histories of a source, its snapshot in chunks, its stream in batches and the crashes of a mirror, through the
// real BatchBuilder, Collapser and Horizons, into targets that follow rules.md 14-18 and 25-27. The target must be
// right whenever durable has passed the horizon, and at the end.
#include <gtest/gtest.h>

#include <iostream>
#include <memory>

#include "peerd/changes/batch_builder.h"
#include "unit/changes/simulated_source.h"
#include "unit/changes/simulated_targets.h"

namespace peerd {
namespace {

enum class TargetKind { clickhouse, postgres_hard, postgres_soft };

/// What is reused from history to history, as from batch to batch: warm memory.
struct Memory {
  Collapser collapser;
  std::unique_ptr<Batch> batches[2] = {std::make_unique<Batch>(), std::make_unique<Batch>()};
};

/// One mirror from its slot to the end of a history.
class SimulatedMirror {
 public:
  SimulatedMirror(std::uint64_t seed, TargetKind kind, const SimRules& rules, Memory& memory)
      : random_(seed),
        rules_(rules),
        source_(random_),
        context_{random_, source_, horizons_, rules_},
        memory_(memory),
        spent_(std::move(memory.batches[0])),
        builder_(std::move(memory.batches[1])) {
    if (kind == TargetKind::clickhouse) target_ = std::make_unique<ClickHouseLike>(context_);
    else target_ = std::make_unique<PostgresLike>(context_, kind == TargetKind::postgres_soft);
    table_.schema.id = kSimTable;
    table_.schema.columns = {{.name = "k", .in_key = true}, {.name = "plain"}, {.name = "toast"}};
    table_.schema.key = {0};
  }

  ~SimulatedMirror() {
    memory_.batches[0] = std::move(spent_);
    memory_.batches[1] = builder_.take();
  }

  /// What went wrong, or "".
  std::string run() {
    try {
      write_some(4 + random_.below(12));
      snapshot();
      stream();
      finish();
    } catch (const std::runtime_error& clash) {
      wrong_ = clash.what();
    }
    return wrong_;
  }

 private:
  void write_some(int steps) {
    for (; steps > 0; --steps) source_.step();
  }

  void snapshot() {
    table_.start = stored_ = position_ = source_.insert_position();
    if (rules_.wait_until_visible) source_.settle();
    std::vector<int> places{0, 1, 2};
    for (int i = SimulatedSource::kPlaces - 1; i > 0; --i) std::swap(places[i], places[random_.below(i + 1)]);
    // A kill after the rows and before the chunk's record: it is copied again, where the record is not with the rows.
    if (!target_->keeps_position() && random_.percent(30)) places.push_back(places[random_.below(3)]);
    for (const int place : places) {
      write_some(random_.below(4));
      for (const auto& [key, row] : source_.visible())
        if (row.place == place) target_->load(key, row, table_.start);
    }
    write_some(random_.below(3));
    const Lsn last = source_.insert_position();
    table_horizon_ = rules_.horizon_after_last_chunk ? last : table_.start;
    start(table_horizon_);
  }

  /// At each start of the stream; what only memory held is gone.
  void start(Lsn horizon) {
    horizons_ = {};
    horizons_.raise(kSimTable, horizon);
    builder_ = BatchBuilder(builder_.take());
    position_ = stored_;
    change_ = 0;
  }

  void stream() {
    for (int steps = 30 + random_.below(60); steps > 0 && wrong_.empty(); --steps) {
      const int dice = random_.below(100);
      if (dice < 30) source_.step();
      else if (dice < 97) read();
      else crash();
    }
  }

  /// The next change or commit of the stream goes into the batch, which may be closed after it.
  void read() {
    const auto& wal = source_.wal();
    const auto next = std::ranges::upper_bound(wal, position_, {}, &SimTransaction::end);
    if (next == wal.end()) return;
    const std::uint32_t table = builder_.table(table_);
    if (change_ == 0) builder_.begin(1);
    if (change_ < next->changes.size()) {
      append(next->changes[change_++], table, next->commit);
    } else {
      builder_.commit(next->end);
      position_ = next->end;
      change_ = 0;
    }
    if (random_.percent(cut_percent_)) apply();
  }

  void append(const SimChange& change, std::uint32_t table, Lsn commit) {
    ChangeView view{change.kind, table, {commit, change.lsn}, {}, {}};
    if (change.kind != ChangeView::Kind::truncate) {
      const auto row = builder_.cells(3);
      row[0] = text(std::to_string(change.key));
      if (change.kind != ChangeView::Kind::remove) {
        row[1] = text(change.plain);
        row[2] = change.toast ? text(*change.toast) : CellView{CellView::Kind::unchanged, {}};
      }
      view.row = row;
    }
    if (change.old_key) {
      const auto key = builder_.cells(1);
      key[0] = text(std::to_string(*change.old_key));
      view.old_key = key;
    }
    builder_.append(view);
  }
  CellView text(const std::string& value) { return {CellView::Kind::text, builder_.keep(value)}; }

  void apply() {
    auto batch = builder_.take(std::move(spent_));
    apply(*batch);
    spent_ = std::move(batch);
  }

  void apply(const Batch& batch) {
    const auto outcomes = memory_.collapser.collapse(batch);
    if (random_.percent(3)) return crash_within(batch, outcomes);
    target_->apply(batch, outcomes, ~std::size_t{0});
    // Where the checkpoint is not with the rows it may be lost after them.
    if (target_->keeps_position() ? !batch.open_tail() : random_.percent(60)) stored_ = batch.complete_to();
    const bool whole = !batch.open_tail();
    if (whole) horizons_.passed(batch.complete_to());
    if (whole && batch.complete_to() >= horizons_.highest()) compare(batch.complete_to());
  }

  void crash_within(const Batch& batch, std::span<const TableOutcome> outcomes) {
    target_->apply(batch, outcomes, target_->keeps_position() ? 0 : random_.below(4));
    crash();
  }

  void crash() {
    target_->crash();
    write_some(random_.below(3));
    start(rules_.start_raises ? source_.insert_position() : table_horizon_);
  }

  /// The writers rest, the mirror catches up.
  void finish() {
    source_.settle();
    while (wrong_.empty() && (position_ < source_.wal().back().end || !builder_.empty())) {
      if (position_ < source_.wal().back().end) read();
      else apply();
    }
    if (wrong_.empty()) compare(source_.wal().back().end);
  }

  void compare(Lsn at) {
    const SimRows expected = source_.at(at), found = target_->live();
    const auto same = [](const auto& a, const auto& b) {
      return a.first == b.first && a.second.plain == b.second.plain && a.second.toast == b.second.toast;
    };
    if (std::ranges::equal(expected, found, same)) return;
    wrong_ = "at " + to_string(at) + " expected" + shown(expected) + ", found" + shown(found);
  }

  static std::string shown(const SimRows& rows) {
    std::string out;
    for (const auto& [key, row] : rows) out += " " + std::to_string(key) + ":" + row.plain + "," + row.toast;
    return out;
  }

  Random random_;
  SimRules rules_;
  const int cut_percent_ = 3 + random_.below(35);  ///< How short this history's batches are.
  SimulatedSource source_;
  Horizons horizons_;
  SimContext context_;
  std::unique_ptr<SimulatedTarget> target_;
  MirrorTable table_;
  Memory& memory_;
  std::unique_ptr<Batch> spent_;
  BatchBuilder builder_;
  Lsn table_horizon_;    ///< Of the last chunk; stored.
  Lsn stored_;           ///< The checkpoint.
  Lsn position_;         ///< End of the last transaction that was read whole.
  std::size_t change_ = 0;  ///< Of the next transaction.
  std::string wrong_;
};

constexpr std::uint64_t kSeed = 20261122;

constexpr int kHistories = 2000;

/// The number of the first wrong history, from 1, or 0.
int first_wrong(TargetKind kind, const SimRules& rules, std::string& what) {
  Memory memory;
  for (int i = 0; i < kHistories; ++i) {
    what = SimulatedMirror(kSeed + static_cast<std::uint64_t>(i), kind, rules, memory).run();
    if (!what.empty()) return i + 1;
  }
  return 0;
}

class Simulation : public testing::TestWithParam<TargetKind> {};

TEST_P(Simulation, TheTargetIsAlwaysRight) {
  std::cout << kHistories << " histories, seeds from " << kSeed << "\n";
  std::string what;
  const int wrong = first_wrong(GetParam(), {}, what);
  EXPECT_EQ(wrong, 0) << "seed " << kSeed + static_cast<std::uint64_t>(wrong) - 1 << ": " << what;
}

constexpr const char* kTargets[] = {"ClickHouseLike", "PostgresLike", "PostgresLikeWithSoftDeletes"};

INSTANTIATE_TEST_SUITE_P(Targets, Simulation,
                         testing::Values(TargetKind::clickhouse, TargetKind::postgres_hard, TargetKind::postgres_soft),
                         [](const auto& kind) { return kTargets[static_cast<int>(kind.param)]; });

struct RuleOff {
  const char* name;
  bool SimRules::*rule;
  TargetKind kind;
};

class SimulationWithARuleOff : public testing::TestWithParam<RuleOff> {};

TEST_P(SimulationWithARuleOff, FindsAWrongHistory) {
  SimRules rules;
  rules.*GetParam().rule = false;
  rules.missing_is_wrong = false;  // the contents must be
  std::string what;
  const int wrong = first_wrong(GetParam().kind, rules, what);
  EXPECT_GT(wrong, 0) << "the simulation does not notice that this rule is missing";
  std::cout << "history " << wrong << ": " << what << "\n";
}

constexpr TargetKind kClickHouse = TargetKind::clickhouse, kPostgres = TargetKind::postgres_hard;

INSTANTIATE_TEST_SUITE_P(
    Rules, SimulationWithARuleOff,
    testing::Values(RuleOff{"VersionByCommit", &SimRules::version_by_commit, kClickHouse},
                    RuleOff{"WaitUntilVisible", &SimRules::wait_until_visible, kClickHouse},
                    RuleOff{"WaitUntilVisiblePostgres", &SimRules::wait_until_visible, kPostgres},
                    RuleOff{"HorizonAfterLastChunk", &SimRules::horizon_after_last_chunk, kClickHouse},
                    RuleOff{"HorizonAfterLastChunkPostgres", &SimRules::horizon_after_last_chunk, kPostgres},
                    RuleOff{"LookupsRaiseTheHorizon", &SimRules::lookups_raise, kClickHouse},
                    RuleOff{"LookupsRaiseTheHorizonPostgres", &SimRules::lookups_raise, kPostgres},
                    RuleOff{"StartRaisesTheHorizon", &SimRules::start_raises, kClickHouse},
                    RuleOff{"StartRaisesTheHorizonPostgres", &SimRules::start_raises, kPostgres},
                    RuleOff{"SourceBelowTheHorizon", &SimRules::source_below_horizon, kClickHouse},
                    RuleOff{"SourceBelowTheHorizonPostgres", &SimRules::source_below_horizon, kPostgres},
                    RuleOff{"HorizonAskedByFirstCommit", &SimRules::ask_by_first_commit, kClickHouse},
                    RuleOff{"HorizonAskedByFirstCommitPostgres", &SimRules::ask_by_first_commit, kPostgres},
                    RuleOff{"LookupSeesTheBatch", &SimRules::lookup_sees_batch, kClickHouse},
                    RuleOff{"LookupSeesTheBatchPostgres", &SimRules::lookup_sees_batch, kPostgres},
                    RuleOff{"UpsertBelowTheHorizonPostgres", &SimRules::upsert_below_horizon, kPostgres}),
    [](const auto& off) { return off.param.name; });

}  // namespace
}  // namespace peerd

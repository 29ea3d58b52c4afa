#include <random>

#include "postgres_fixture.h"

// Random histories of a source, copied in chunks that each saw another moment, then streamed in batches cut anywhere,
// with crashes: at the end the target holds what the source holds, row by row. Seeds are fixed.
namespace peerd::testing_postgres {
namespace {

struct SimRow {
  std::string v;
  Cell big;  ///< Begins with T: it lies in TOAST, and is not sent while it stays the same.
  int u = 0;
  int block = 0;  ///< Which chunk would read it.
};
using SimTable = std::map<int, SimRow>;

struct SimChange {
  ChangeView::Kind kind;
  Row row, old_key;
};
struct SimCommit {
  std::uint64_t lsn = 0;
  std::vector<SimChange> changes;
  SimTable after;
};

/// One source: applies random transactions and remembers every state.
class Simulation {
 public:
  explicit Simulation(unsigned seed) : random_(seed) {
    history_.push_back({100, {}, {}});
    for (int i = 0; i < 20; ++i) commit();
  }

  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  const std::vector<SimCommit>& history() const { return history_; }
  static Row cells(int id, const SimRow& row) { return {std::to_string(id), row.v, row.big, std::to_string(row.u)}; }

  void commit() {
    SimCommit next{history_.back().lsn + 10, {}, history_.back().after};
    const int changes = 1 + below(below(10) == 0 ? 25 : 4);
    for (int i = 0; i < changes; ++i) change(next);
    history_.push_back(std::move(next));
  }

 private:
  static constexpr int kIds = 14;

  Cell some_big() {
    switch (below(3)) {
      case 0:
        return Cell{};
      case 1:
        return "small" + std::to_string(++count_);
      default:
        return "T" + std::to_string(++count_) + std::string(below(8) == 0 ? 20000 : 20, 'x');
    }
  }
  int free_u(const SimTable& table) {
    for (;;) {
      const int u = below(40);
      if (std::ranges::none_of(table, [&](const auto& entry) { return entry.second.u == u; })) return u;
    }
  }
  void update(SimCommit& to, int id, int new_id, SimRow row) {
    const SimRow old = to.after.at(id);
    row.block = below(3) == 0 ? below(4) : old.block;
    to.after.erase(id);
    to.after[new_id] = row;
    Row sent = cells(new_id, row);
    if (row.big && row.big == old.big && row.big->front() == 'T') sent[2] = kSame;
    to.changes.push_back({ChangeView::Kind::update, sent, id == new_id ? Row{} : Row{std::to_string(id)}});
  }
  void insert(SimCommit& to, int id) {
    const SimRow row{"v" + std::to_string(++count_), some_big(), free_u(to.after), below(4)};
    to.after[id] = row;
    to.changes.push_back({ChangeView::Kind::insert, cells(id, row), {}});
  }
  void remove(SimCommit& to, int id) {
    to.after.erase(id);
    to.changes.push_back({ChangeView::Kind::remove, {std::to_string(id)}, {}});
  }
  void swap_unique(SimCommit& to, int id, int other) {
    SimRow row = to.after.at(id);
    SimRow second = to.after.at(other);
    const int mine = row.u, theirs = second.u;
    row.u = -1 - id;
    update(to, id, id, row);
    second.u = mine;
    update(to, other, other, second);
    row.u = theirs;
    update(to, id, id, row);
  }

  void change(SimCommit& to) {
    if (below(400) == 0) {
      to.after.clear();
      to.changes.push_back({ChangeView::Kind::truncate, {}, {}});
      return;
    }
    const int id = below(kIds), other = below(kIds);
    const auto found = to.after.find(id);
    if (found == to.after.end()) return insert(to, id);
    SimRow row = found->second;
    const bool taken = to.after.contains(other);
    switch (below(8)) {
      case 0:
        return remove(to, id);
      case 1:
      case 2:
        row.v = "v" + std::to_string(++count_);
        return update(to, id, id, row);
      case 3:
        row.big = some_big();
        return update(to, id, id, row);
      case 4:
        row.u = free_u(to.after);
        return update(to, id, id, row);
      case 5:
        if (taken && id != other) swap_unique(to, id, other);
        return;
      default:  // A key change, often onto a key freed a moment before.
        if (taken) {
          if (id == other) return;
          remove(to, other);
        }
        return update(to, id, other, row);
    }
  }

  std::mt19937 random_;
  std::vector<SimCommit> history_;
  int count_ = 0;
};

/// Answers lookups with the source of a moment at or after the batch.
class SimSource final : public RowLookup {
 public:
  explicit SimSource(Simulation& simulation) : simulation_(simulation) {}

  Lsn fetch(const MirrorTable&, std::span<const std::span<const CellView>> keys, std::span<const std::uint16_t> columns,
            Lsn batch_end, const Wait&, RowFound& found) override {
    const auto& history = simulation_.history();
    while (now_ + 1 < history.size() && (history[now_].lsn < batch_end.value || simulation_.below(3) != 0)) ++now_;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const int id = std::stoi(std::string(keys[i][0].bytes));
      const auto row = history[now_].after.find(id);
      if (row == history[now_].after.end()) continue;
      const Row values = Simulation::cells(id, row->second);
      std::vector<CellView> cells;
      for (const std::uint16_t column : columns) {
        cells.push_back(values[column] ? CellView{CellView::Kind::text, *values[column]} : CellView{});
      }
      found(i, cells);
    }
    return Lsn{history[now_].lsn + 1};
  }
  /// What a restarted mirror takes for its horizon.
  Lsn now() const { return Lsn{simulation_.history()[now_].lsn + 1}; }

 private:
  Simulation& simulation_;
  std::size_t now_ = 0;
};

struct Variant {
  const char* name;
  bool soft;
  const char* ddl = "";       ///< What keeps values of u apart; % = the table.
  bool before_copy = false;  ///< It stands, as does the key, before the first chunk comes.
};

class PostgresRandom : public RealPostgres, public testing::WithParamInterface<Variant> {
 protected:
  void run(unsigned seed);
  void adopt();
  void keep_apart();
  void copy(Simulation& simulation, std::size_t start, std::size_t horizon);
  void stream(Simulation& simulation, SimSource& source);
  std::size_t next_commit(const Simulation& simulation, Lsn position);
};

/// As restored from the source's own schema.
void PostgresRandom::adopt() {
  sql("CREATE TABLE " + table_.target_name + " (id bigint PRIMARY KEY, v text, big text, u integer" +
      (soft_ ? ", \"_PEERDB_IS_DELETED\" boolean" : "") + ", \"_PEERDB_SYNCED_AT\" timestamptz)");
  keep_apart();
}

void PostgresRandom::keep_apart() {
  std::string ddl = GetParam().ddl;
  sql(ddl.replace(ddl.find('%'), 1, table_.target_name));
  unique_as_at_target();
}

/// Each chunk reads its blocks at a moment of its own, as text rows: a row may be read twice, or not at all.
void PostgresRandom::copy(Simulation& simulation, std::size_t start, std::size_t horizon) {
  prepare_table(target(), table_, wait());
  const CopyPlan plan{CopyForm::text, std::vector<std::string>(4)};
  const auto writer = target().open_writer(wait());
  for (std::uint32_t block = 0; block < 4; ++block) {
    const std::size_t moment =
        start + static_cast<std::size_t>(simulation.below(static_cast<int>(horizon - start) + 1));
    CopyCounts known;
    writer->begin(table_, Chunk{table_.schema.id, table_.start, block, 0, block, block + 1}, plan, known, wait());
    for (const auto& [id, row] : simulation.history()[moment].after) {
      if (row.block != static_cast<int>(block)) continue;
      const std::string text =
          std::to_string(id) + "\t" + row.v + "\t" + row.big.value_or("\\N") + "\t" + std::to_string(row.u) + "\n";
      writer->write(std::as_bytes(std::span(text)), wait());
    }
    writer->finish(wait());
  }
  target().end_copy(table_, wait());
}

std::size_t PostgresRandom::next_commit(const Simulation& simulation, Lsn position) {
  std::size_t at = 0;
  while (at < simulation.history().size() && simulation.history()[at].lsn < position.value) ++at;
  return at;
}

void PostgresRandom::stream(Simulation& simulation, SimSource& source) {
  const auto& history = simulation.history();
  Writer writer(table_);
  const auto send = [&] { target().apply(*writer.take(), ApplyContext{source, horizons_, wait()}); };
  for (std::size_t at = next_commit(simulation, target().position(wait()).value().lsn); at < history.size();) {
    if (simulation.below(40) == 0) {
      restart();
      writer = Writer(table_);
      const Lsn highest = horizons_.highest();  // The mirror stores it before it stores a checkpoint.
      horizons_ = Horizons();
      horizons_.raise(table_.schema.id, std::max({highest, source.now(), Lsn{history[at].lsn}}));
      at = next_commit(simulation, target().position(wait()).value().lsn);
      continue;
    }
    writer.begin(history[at].lsn);
    for (const SimChange& change : history[at].changes) {
      if (change.kind == ChangeView::Kind::insert) writer.insert(change.row);
      if (change.kind == ChangeView::Kind::update) writer.update(change.row, change.old_key);
      if (change.kind == ChangeView::Kind::remove) writer.remove(change.row);
      if (change.kind == ChangeView::Kind::truncate) writer.truncate();
      if (simulation.below(12) == 0) send();
    }
    writer.commit();
    ++at;
    if (simulation.below(3) == 0) send();
  }
  send();
}

void PostgresRandom::run(unsigned seed) {
  direct_rows_ = seed % 2 == 0 ? pgtarget::Site{}.direct_rows : 0;
  Simulation simulation(seed);
  const std::size_t start = simulation.history().size() - 1;
  for (int i = 0; i < 90; ++i) simulation.commit();
  const std::size_t horizon = start + static_cast<std::size_t>(simulation.below(60));
  table_ = sample_table(schema_ + ".t" + std::to_string(seed), 90000 + seed);
  table_.start = Lsn{simulation.history()[start].lsn + 1};
  const bool unique = *GetParam().ddl != 0;
  if (unique && GetParam().before_copy) adopt();
  copy(simulation, start, horizon);
  if (unique && !GetParam().before_copy) {
    // As an operator would, before the stream: what the chunks saw twice has to go first.
    sql("DELETE FROM " + table_.target_name + " a USING " + table_.target_name + " b WHERE a.u = b.u AND a.id > b.id");
    keep_apart();
  }
  sql("DELETE FROM _peerd.positions WHERE mirror = " + quote_literal(lease_.uuid));
  target().set_position(Durable{table_.start}, wait());
  restart();
  horizons_ = Horizons();
  horizons_.raise(table_.schema.id, Lsn{simulation.history()[horizon].lsn + 1});
  SimSource source(simulation);
  stream(simulation, source);
  Rows wanted;
  for (const auto& [id, row] : simulation.history().back().after) wanted.push_back(Simulation::cells(id, row));
  ASSERT_EQ(live(), wanted) << "seed " << seed;
}

TEST_P(PostgresRandom, HistoriesEndWithTheSourcesRows) {
  soft(GetParam().soft);
  const char* rounds = std::getenv("PEERD_TEST_ROUNDS");
  const unsigned count = rounds == nullptr ? 2 : static_cast<unsigned>(std::atoi(rounds));
  const char* first = std::getenv("PEERD_TEST_SEED");
  const unsigned from = first == nullptr ? 1 : static_cast<unsigned>(std::atoi(first));
  for (unsigned seed = from; seed < from + count && !HasFatalFailure(); ++seed) run(seed);
}

constexpr const char* kIndex = "CREATE UNIQUE INDEX ON % (u)";
constexpr const char* kPartial = "CREATE UNIQUE INDEX ON % (u) WHERE v <> 'v7'";
constexpr const char* kExpression = "CREATE UNIQUE INDEX ON % ((u + 1), (big IS NULL AND v IS NULL))";
constexpr const char* kExclusion = "ALTER TABLE % ADD EXCLUDE USING btree (u WITH =)";
constexpr const char* kDeferrable = "ALTER TABLE % ADD UNIQUE (u) DEFERRABLE";

INSTANTIATE_TEST_SUITE_P(Variants, PostgresRandom,
                         testing::Values(Variant{"Soft", true}, Variant{"Hard", false}, Variant{"SoftUnique", true, kIndex},
                                         Variant{"HardUnique", false, kIndex},
                                         Variant{"SoftUniqueCopied", true, kIndex, true},
                                         Variant{"HardUniqueCopied", false, kIndex, true},
                                         Variant{"SoftPartialCopied", true, kPartial, true},
                                         Variant{"SoftExpressionCopied", true, kExpression, true},
                                         Variant{"HardExclusionCopied", false, kExclusion, true},
                                         Variant{"SoftExclusionCopied", true, kExclusion, true},
                                         Variant{"SoftDeferrableCopied", true, kDeferrable, true}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace peerd::testing_postgres

// preflight → identity → open → create or verify per table → open_writer per snapshot worker → end_copy → apply per batch.
// Rows go straight into the final tables; their version, (commit, change) of the source, decides which one is shown, so
// any of it may happen twice (rules.md 1, 2, 15). Nothing is kept here but the title on each table: the catalog holds
// the position.
#include "peerd/targets/clickhouse_target.h"

#include <algorithm>
#include <atomic>
#include <set>

#include "clickhouse/apply.h"
#include "clickhouse/chunk_writer.h"
#include "clickhouse/drop.h"
#include "clickhouse/layouts.h"
#include "clickhouse/leftovers.h"
#include "clickhouse/mapping_check.h"
#include "clickhouse/nullable.h"
#include "clickhouse/on_unfit.h"
#include "clickhouse/own_values.h"
#include "clickhouse/rename.h"
#include "clickhouse/resync.h"
#include "clickhouse/retype.h"
#include "clickhouse/schema.h"
#include "clickhouse/server_check.h"
#include "clickhouse/table_note.h"
#include "peerd/base/log.h"
#include "peerd/base/text.h"
#include "peerd/changes/renaming.h"
#include "shadow.h"
#include "unfit.h"

namespace peerd {
namespace {

using namespace clickhouse;

constexpr std::chrono::seconds kPartsEvery{10};

class ClickHouseTarget final : public Target {
 public:
  ClickHouseTarget(const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease)
      : access_(access_of(peer)),
        layouts_(mirror, title(lease.uuid)),
        mirror_name_(mirror.name),
        of_query_(mirror.of_query()),
        title_(layouts_.title()),
        fsync_(option_boolean(clickhouse_options(), peer.options, "fsync_after_insert") ? Fsync::yes : Fsync::no),
        least_interval_(option_integer(clickhouse_options(), peer.options, "min_flush_interval_ms")),
        names_(lease),
        client_(access_),
        applier_(access_, names_, layouts_),
        interval_ms_(least_interval_.count()) {}

  Problems preflight(std::span<const MirrorTable> tables, const Wait& wait) override;
  void open(const Wait& wait) override;
  TargetIdentity identity(const Wait& wait) override { return read_identity(client_, wait); }
  TargetIdentity create(const MirrorTable& table, const Wait& wait) override;
  TargetIdentity recognize(const MirrorTable& table, const Wait& wait) override;
  CopyPlan verify(const MirrorTable& table, const TargetIdentity& noted, const Wait& wait) override;
  void alter(const MirrorTable& from, const MirrorTable& to, const Wait& wait) override;
  void take_back_names(const MirrorTable& from, const MirrorTable& to, const Wait& wait) override;
  std::vector<std::int16_t> dropped(const MirrorTable& table, const Wait& wait) override {
    return dropped_numbers(read_table(client_, table.target_name, wait), table.schema.id);
  }
  void restart_copy(const MirrorTable& table, const std::optional<TargetIdentity>& noted, const Wait& wait) override;
  std::string shadow_of(const MirrorTable& table) const override { return shadow_name(table.target_name); }
  Problems check_resync(const MirrorTable& table, const std::optional<TargetIdentity>& noted, const Wait& wait) override {
    if (Problems problems = check_keyless(table); !problems.empty()) return problems;
    return clickhouse::check_resync(work(), table, noted, wait);
  }
  TargetIdentity create_shadow(const MirrorTable& table, const std::optional<TargetIdentity>& noted, const Wait& wait) override;
  TargetIdentity swap(const MirrorTable& table, const TargetIdentity& shadow, const Wait& wait) override;
  std::unique_ptr<ChunkWriter> open_writer(const Wait&) override {
    return make_chunk_writer(access_, names_, layouts_);
  }
  void end_copy(const MirrorTable&, const Wait&) override {}  // Versions make duplicates harmless (rules.md 11).
  ApplyResult apply(const Batch& batch, const ApplyContext& context) override;
  std::optional<Durable> position(const Wait&) override { return std::nullopt; }
  std::optional<Lsn> reached(std::span<const MirrorTable> tables, const Wait& wait) override;
  void set_position(Durable, const Wait&) override {}
  void release(const MirrorTable& table, const Wait& wait) override;
  void forget(const Wait& wait) override;
  std::chrono::milliseconds flush_interval() const noexcept override {
    return std::chrono::milliseconds(interval_ms_.load());
  }

 private:
  TableLayout layout_of(const MirrorTable& table) const { return layouts_.of(table); }
  ResyncWork work() { return {client_, names_, layouts_, fsync_}; }
  Problems check_one(const MirrorTable& table, const Wait& wait);
  Problems check_keyless(const MirrorTable& table) const;
  void widen(const MirrorTable& table, const ExistingTable& existing, const Wait& wait);
  void refuse_kept(const MirrorTable& from, const MirrorTable& to, const ExistingTable& existing) const;
  MirrorTable without_lost(const MirrorTable& from, const MirrorTable& to, ExistingTable& existing, const Wait& wait);
  MirrorTable renamed(const MirrorTable& from, const MirrorTable& to, ExistingTable& existing, const Wait& wait);
  void retype(const MirrorTable& from, const MirrorTable& to, ExistingTable& existing, const Wait& wait);
  void refuse_nulls(const MirrorTable& from, const MirrorTable& to) const;
  void learn_types(const MirrorTable& table, const ExistingTable& existing);
  void measure_parts(const Wait& wait);

  const Access access_;
  Layouts layouts_;
  const std::string mirror_name_;
  const bool of_query_;
  const std::string title_;
  const Fsync fsync_;
  const std::chrono::milliseconds least_interval_;
  StatementNames names_;
  Client client_;
  BatchApplier applier_;
  Clock::Instant parts_measured_{};
  std::atomic<std::int64_t> interval_ms_;
};

Problems ClickHouseTarget::preflight(std::span<const MirrorTable> tables, const Wait& wait) {
  Problems problems = check_server(client_, wait);
  if (!problems.empty()) return problems;
  std::set<std::string_view> seen;
  for (const MirrorTable& table : tables) {
    if (!seen.insert(table.target_name).second) {
      Error twice(ErrorCode::invalid_option, "two tables are mapped to the target table \"" + table.target_name + "\"",
                  "give each a target of its own");
      twice.text.table = table.schema.qualified();
      problems.push_back({twice.text, ""});
    }
    Problems found = check_one(table, wait);
    problems.insert(problems.end(), found.begin(), found.end());
  }
  return problems;
}

/// By the versions of their rows, tombstones among them. TRUNCATE leaves none: the horizon is raised before it (StreamWriter).
std::optional<Lsn> ClickHouseTarget::reached(std::span<const MirrorTable> tables, const Wait& wait) {
  Lsn reached;
  for (const MirrorTable& table : tables) {
    const auto found = client_.query("SELECT toUInt64(bitShiftRight(max(" + quote_name(kVersionColumn) + "), 64)) FROM " +
                                         quote_name(table.target_name), wait);
    const std::uint64_t commit = found.empty() ? 0 : std::stoull(found[0].at(0));
    if (commit > 0) reached = std::max(reached, Lsn{commit + 1});
  }
  return reached;
}

/// A row's versions are told from equal rows by the key alone.
Problems ClickHouseTarget::check_keyless(const MirrorTable& table) const {
  if (!table.schema.keyless() || of_query_) return {};
  const std::string name = quote_identifier(table.schema.schema) + "." + quote_identifier(table.schema.name);
  return {unfit(table,
                "table " + table.schema.qualified() + " has no key, and ClickHouse cannot hold rows that are told apart by nothing but their "
                "values: equal rows would merge into one",
                "give it a primary key; or a unique index on NOT NULL columns and ALTER TABLE " + name +
                    " REPLICA IDENTITY USING INDEX; Postgres and Kafka targets take the table as it is",
                "ALTER TABLE " + name + " ADD PRIMARY KEY (...)")};
}

Problems ClickHouseTarget::check_one(const MirrorTable& table, const Wait& wait) {
  if (Problems keyless = check_keyless(table); !keyless.empty()) return keyless;
  const Mapped* mapped = layouts_.mapped(table);
  Problems problems = mapped == nullptr ? Problems() : check_named(*mapped, table.schema);
  std::ranges::move(check_asked(layouts_, table), std::back_inserter(problems));
  std::ranges::move(named_key(table), std::back_inserter(problems));
  if (!problems.empty()) return problems;
  problems = check_unfit(layout_of(table), table.schema);
  const ExistingTable existing = read_table(client_, table.target_name, wait);
  const Problems found = unfitness(existing, layout_of(table), table.target_name, title_);
  problems.insert(problems.end(), found.begin(), found.end());
  if (auto found = existing.exists ? std::nullopt : too_long(layout_of(table), client_.access().database, table.target_name))
    problems.push_back(std::move(*found));
  if (problems.empty() && !existing.exists && mapped != nullptr)
    problems = check_makeable(client_, *mapped, layout_of(table), wait);
  return problems;
}

void ClickHouseTarget::open(const Wait& wait) {
  kill_leftovers(client_, names_, wait);
  measure_parts(wait);
}

TargetIdentity ClickHouseTarget::create(const MirrorTable& table, const Wait& wait) {
  throw_if_any(check_keyless(table));
  layouts_.forget_types(table.schema.id);
  const TableLayout layout = layout_of(table);
  ExistingTable existing = read_table(client_, table.target_name, wait);
  const bool absent = !existing.exists;
  if (absent) {
    throw_if_any(name_clashes(layout));
    client_.execute(create_statement(layout, table.target_name, title_, fsync_), wait);
    existing = read_table(client_, table.target_name, wait);  // Somebody else's may have come between.
  }
  throw_if_any(unfitness(existing, layout, table.target_name, title_));
  widen(table, existing, wait);
  return note_of(client_, existing, layout, table.target_name, absent && existing.comment == title_, wait);
}

TargetIdentity ClickHouseTarget::recognize(const MirrorTable& table, const Wait& wait) {
  const ExistingTable existing = read_table(client_, table.target_name, wait);
  const TableLayout layout = layout_of(table);
  require_whole(existing, layout, table.target_name, title_);
  return note_of(client_, existing, layout, table.target_name, false, wait);
}

CopyPlan ClickHouseTarget::verify(const MirrorTable& table, const TargetIdentity& noted, const Wait& wait) {
  const ExistingTable existing = read_table(client_, table.target_name, wait);
  learn_types(table, existing);
  const TableLayout layout = layout_of(table);
  require_whole(existing, layout, table.target_name, title_);
  Standing standing = require_noted(client_, existing, layout, table.target_name, noted, wait);
  throw_if_any(unfitness(existing, layout, table.target_name, title_));
  layouts_.loosen(table.schema.id, nullable_columns(existing, layout));
  layouts_.know(table.schema.id, std::move(standing));
  return copy_plan(layout);
}

/// The name is held by the values of another column, which was dropped at the source.
void ClickHouseTarget::refuse_kept(const MirrorTable& from, const MirrorTable& to,
                                   const ExistingTable& existing) const {
  const Mapped* const mapped = layouts_.mapped(to);
  const auto name_there = [&](const std::string& source) {
    if (mapped == nullptr) return source;
    const auto found = std::ranges::find(mapped->mapping.columns, source, &ColumnSetting::source);
    return found == mapped->mapping.columns.end() || found->target.empty() ? source : found->target;
  };
  const TableLayout layout = layout_of(to);
  for (const std::string& gained : peerd::lost_columns(to.schema, from.schema)) {
    const auto place = std::ranges::find(layout.sources, gained) - layout.sources.begin();
    const std::string name = layout.names[static_cast<std::size_t>(place)], table = quote_name(to.target_name);
    const auto is_it = [&](const CatalogNotes::Excluded& column) { return name_there(column.name) == name; };
    const bool kept = std::ranges::any_of(from.notes.excluded, is_it);
    // A nullable array's is kept with the column that tells which are NULL.
    const std::string nulls = null_note(name);
    if (!kept || !(existing.columns.contains(name) || existing.columns.contains(nulls))) continue;
    const auto standing = existing.columns.find(name);
    const auto column = std::ranges::find(to.schema.columns, gained, &Column::name);
    if (standing != existing.columns.end() && standing->second.comment == added_by_mirror(*column)) continue;  // In an attempt of before.
    std::string cure = "ALTER TABLE " + table + " DROP COLUMN IF EXISTS " + quote_name(name);
    if (existing.columns.contains(nulls)) cure += ", DROP COLUMN IF EXISTS " + quote_name(nulls);
    throw Error(kept_column(to, gained, "table " + table, cure));
  }
}

/// The table as it was, without what the source has dropped.
MirrorTable ClickHouseTarget::without_lost(const MirrorTable& from, const MirrorTable& to, ExistingTable& existing, const Wait& wait) {
  MirrorTable left = from;
  const TableLayout layout = layout_of(from);
  Dropped dropped{from, {}, {}, mirror_name_};
  for (const Column& column : droppings(from.schema, to.schema)) {
    const auto own = std::ranges::find(from.schema.columns, column.number, &Column::number);
    dropped.names.push_back(layout.names[static_cast<std::size_t>(own - from.schema.columns.begin())]);
    dropped.numbers.push_back(column.number);
  }
  if (dropped.names.empty()) return left;
  clickhouse::drop_columns(client_, names_, dropped, existing, wait);
  peerd::drop_columns(left.schema, left.notes, dropped.numbers);
  existing = read_table(client_, to.target_name, wait);
  return left;
}

/// The table as it was, its columns called as they are to be.
MirrorTable ClickHouseTarget::renamed(const MirrorTable& from, const MirrorTable& to, ExistingTable& existing, const Wait& wait) {
  MirrorTable table = from;
  for (Column& column : table.schema.columns) {
    const auto now = std::ranges::find(to.schema.columns, column.number, &Column::number);
    if (column.number != 0 && now != to.schema.columns.end()) column.name = now->name, column.mapped = now->mapped;
  }
  const TableLayout before = layout_of(from), after = layout_of(table);
  if (before.names == after.names) return table;
  rename_columns(client_, {from, table, before, after}, existing, wait);
  existing = read_table(client_, to.target_name, wait);
  layouts_.forget_loose(table.schema.id);
  layouts_.loosen(table.schema.id, nullable_columns(existing, layout_of(table)));
  return table;
}

void ClickHouseTarget::take_back_names(const MirrorTable& from, const MirrorTable& to, const Wait& wait) {
  const TableLayout before = layout_of(from), after = layout_of(to);
  clickhouse::take_back_names(client_, {from, to, before, after}, wait);
}

void ClickHouseTarget::alter(const MirrorTable& before, const MirrorTable& to, const Wait& wait) {
  layouts_.mappings().require_apart(to);
  require_standing(client_, before, layouts_, wait);
  ExistingTable existing = read_table(client_, to.target_name, wait);
  require_whole(existing, layout_of(before), to.target_name, title_);
  const MirrorTable left = layouts_.drops() ? without_lost(before, to, existing, wait) : before;
  const MirrorTable from = renamed(left, to, existing, wait);
  refuse_kept(from, to, existing);
  refuse_nulls(from, to);
  retype(from, to, existing, wait);
  throw_if_any(unfitness(existing, layout_of(to), to.target_name, title_));
  refuse_own_values(client_, from, to, layout_of(to), existing, wait);
  widen(to, existing, wait);
  stand_anew(client_, to, layouts_, wait);
}

void ClickHouseTarget::refuse_nulls(const MirrorTable& from, const MirrorTable& to) const {
  const TableLayout layout = layout_of(to);
  for (std::size_t i = 0; i < to.schema.columns.size(); ++i) {
    const Column& now = to.schema.columns[i];
    const auto before = std::ranges::find(from.schema.columns, now.number, &Column::number);
    if (before == from.schema.columns.end() || before->nullable || !now.nullable || !layout.types[i].never_null) continue;
    refuse_null(layout, i);
  }
}

void ClickHouseTarget::retype(const MirrorTable& from, const MirrorTable& to, ExistingTable& existing, const Wait& wait) {
  const std::vector<Column> columns = retypings(from.schema, to.schema);
  if (columns.empty()) return;
  const TableLayout before = layout_of(from);
  layouts_.retype(to.schema.id, columns);
  const TableLayout after = layout_of(to);
  if (retype_columns(client_, {from, to, before, after}, existing, wait)) existing = read_table(client_, to.target_name, wait);
}

/// An alter() may have been the last that was done before a crash: what came before it comes again, into columns of later types.
void ClickHouseTarget::learn_types(const MirrorTable& table, const ExistingTable& existing) {
  for (const Column& column : table.notes.retyping) {
    const auto own = std::ranges::find(table.schema.columns, column.number, &Column::number);
    if (column.number == 0 || own == table.schema.columns.end()) continue;
    const auto i = static_cast<std::size_t>(own - table.schema.columns.begin());
    MirrorTable later = table;
    later.schema.columns[i] = column;
    later.schema.columns[i].name = own->name;
    later.schema.columns[i].mapped = own->mapped;
    const TableLayout then = layout_of(later), now = layout_of(table);
    const auto standing = existing.columns.find(now.names[i]);
    if (standing == existing.columns.end() || bare_type(standing->second.type) != bare_type(then.types[i].name)) continue;
    if (bare_type(now.types[i].name) != bare_type(then.types[i].name)) layouts_.retype(table.schema.id, {column});
  }
}

void ClickHouseTarget::widen(const MirrorTable& table, const ExistingTable& existing, const Wait& wait) {
  const TableLayout layout = layout_of(table);
  for (const std::string& statement : widening(existing, table.schema, layout, table.target_name, title_)) {
    client_.execute(statement, wait);
    log(LogLevel::info, "altered table " + table.target_name + " at the target",
        {.mirror = mirror_name_, .table = layout.table});
  }
}

void ClickHouseTarget::restart_copy(const MirrorTable& table, const std::optional<TargetIdentity>& noted, const Wait& wait) {
  const ExistingTable existing = read_table(client_, table.target_name, wait);
  if (!existing.exists || existing.comment != title_) return;
  kill_leftovers(client_, names_, table.schema.id, wait);
  const std::string name = quote_name(table.target_name);
  if (noted && noted->made && same_table(*noted, existing) &&
      !unfitness(existing, layout_of(table), table.target_name, title_).empty()) {
    // Another shape: all rows are of before it, so the table that the mirror made is made again. An operator's own has a
    // definition that is nobody else's: create() says what it lacks.
    client_.execute("DROP TABLE " + name + " SYNC", wait);
    return;
  }
  client_.execute(
      "DELETE FROM " + name + " WHERE " + std::string(kVersionColumn) + " < " + version_literal({table.start, Lsn{0}}),
      wait);
  if (layouts_.drops() && noted && same_table(*noted, existing))
    clickhouse::drop_columns(client_, names_, {table, gone_columns(existing, layout_of(table), noted), {}, mirror_name_}, existing, wait);
}

TargetIdentity ClickHouseTarget::create_shadow(const MirrorTable& table, const std::optional<TargetIdentity>& noted,
                                               const Wait& wait) {
  layouts_.forget_types(table.schema.id);
  MirrorTable shadow = table;
  shadow.target_name = shadow_of(table);
  const TableLayout layout = layout_of(table);
  drop_shadow(work(), table, wait);
  const bool made = make_shadow(work(), table, noted, wait);
  const ExistingTable existing = read_table(client_, shadow.target_name, wait);
  throw_if_any(unfitness(existing, layout, shadow.target_name, title_));
  widen(shadow, existing, wait);
  return note_of(client_, existing, layout, shadow.target_name, made, wait);
}

TargetIdentity ClickHouseTarget::swap(const MirrorTable& table, const TargetIdentity& shadow, const Wait& wait) {
  exchange(work(), table, shadow, wait);
  return note_of(client_, read_table(client_, table.target_name, wait), layout_of(table), table.target_name, shadow.made, wait);
}

ApplyResult ClickHouseTarget::apply(const Batch& batch, const ApplyContext& context) {
  std::vector<UnfitValues> unfit = applier_.apply(batch, context);
  try {
    if (std::chrono::steady_clock::now() - parts_measured_ > kPartsEvery) measure_parts(context.wait);
  } catch (const Error&) {
    // The rows have arrived, which counts more; the next insert will tell what is wrong.
  }
  // An insert that is acknowledged is durable as the server's disks are: docs/targets/clickhouse.md.
  return {Applied{batch.complete_to()}, Durable{batch.complete_to()}, std::move(unfit)};
}

void ClickHouseTarget::release(const MirrorTable& table, const Wait& wait) {
  drop_shadow(work(), table, wait);
  const ExistingTable existing = read_table(client_, table.target_name, wait);
  if (!existing.exists || existing.comment != title_) return;
  kill_leftovers(client_, names_, table.schema.id, wait);
  client_.execute("ALTER TABLE " + quote_name(table.target_name) + " MODIFY COMMENT ''", wait);
}

void ClickHouseTarget::forget(const Wait& wait) {
  const auto tables = client_.query(
      "SELECT name FROM system.tables WHERE database = currentDatabase() AND comment = " + quote_text(title_), wait);
  for (const auto& row : tables) {
    const std::string name = quote_name(row.at(0));
    // What a RESYNC had begun to copy is nobody's.
    client_.execute(is_shadow_name(row.at(0)) ? "DROP TABLE " + name + " SYNC" : "ALTER TABLE " + name + " MODIFY COMMENT ''", wait);
  }
}

void ClickHouseTarget::measure_parts(const Wait& wait) {
  parts_measured_ = std::chrono::steady_clock::now();
  interval_ms_ = measure_interval(client_, title_, least_interval_, wait).count();
}

}  // namespace

std::unique_ptr<Target> make_clickhouse_target(const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease) {
  return std::make_unique<ClickHouseTarget>(peer, mirror, lease);
}

}  // namespace peerd

#include <algorithm>

#include "peerd/base/text.h"
#include "postgres/merge_work.h"

// Tables without a key: rows are told apart by all of their values, and equal ones are counted (rules.md 41).
namespace peerd::pgtarget {
namespace {

/// The session's settings are for joins by a key's index; here a batch's rows are joined with the table by what they hold.
constexpr const char* kByHash =
    "SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on; SET LOCAL enable_seqscan = on; SET LOCAL enable_bitmapscan = on";
constexpr const char* kByIndex =
    "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;"
    " SET LOCAL enable_nestloop = on";
constexpr std::uint64_t kMostByLoops = 100;  ///< Rows that are sought: of more, a loop for each costs more than to read the table.

[[noreturn]] void throw_absent(const MirrorTable& table, std::uint64_t absent, std::uint64_t sought) {
  ErrorText text{.code = ErrorCode::target_unfit};
  text.table = table.schema.qualified();
  text.message = std::to_string(absent) + " of " + std::to_string(sought) + " rows of table " + text.table +
                 " that were changed or removed at the source do not stand in target table " + table.target_name + " as they were";
  text.detail = "the table has no key: a row is found by all of its values";
  text.hint = "somebody else has written to the target table; RESYNC TABLE " + text.table + " OF the mirror copies it anew";
  text.retry = Retry::after_operator;
  throw Error(std::move(text));
}

}  // namespace

void Applier::merge_whole(Table& table, std::uint32_t number, Pass& pass) {
  const Wait& wait = pass.context.wait;
  const WholeRows& rows = counter_.count(pass.batch, number);
  if (rows.truncated) truncate(table, wait);
  if (rows.rows.empty()) return;
  if (rows.taken == 0) {
    copy_.begin(connection_, copy_rows(table.shape), wait);
    for (const WholeRow& row : rows.rows) {
      for (const CellView& cell : row.after) copy_.cell(cell);
      copy_.end_row(wait);
    }
    if (const std::uint64_t came = copy_.finish(wait); came != rows.rows.size())
      throw_absent(table.of, rows.rows.size() - came, rows.rows.size());
    return;
  }
  stage_whole(table, rows, wait);
  connection_.run(std::string(kByHash) + (rows.taken > kMostByLoops ? "; SET LOCAL enable_nestloop = off" : ""), wait);
  write_whole(table, rows, wait);
  connection_.run(std::string("TRUNCATE ") + table.shape.staging + "; " + kByIndex, wait);
}

void Applier::stage_whole(Table& table, const WholeRows& rows, const Wait& wait) {
  if (!table.staging) {
    connection_.run(create_whole_staging(table.shape), wait);
    made_.push_back(table.of.schema.id);
    table.staging = true;
    ++kept_;
  }
  copy_.begin(connection_, copy_whole_staging(table.shape), wait);
  std::int64_t number = 0;
  const auto put = [&](Whole what, std::span<const CellView> cells) {
    copy_.number(number);
    copy_.number(static_cast<int>(what));
    for (const CellView& cell : cells) copy_.cell(cell);
    copy_.end_row(wait);
  };
  for (const WholeRow& row : rows.rows) {
    if (!row.before.empty()) put(row.after.empty() ? Whole::goes : Whole::was, row.before);
    if (!row.after.empty()) put(row.before.empty() ? Whole::comes : Whole::is, row.after);
    ++number;
  }
  copy_.finish(wait);
  connection_.run("ANALYZE " + table.shape.staging, wait);  // Of a table that is new to it the planner thinks anything.
}

/// What leaves most rows of the table alone: a column of an index of the operator's where there is one.
int Applier::lead_of(const Table& table, const Wait& wait) {
  const postgres::Result names = connection_.run(select_leads(), {{std::to_string(table.oid)}}, wait);
  for (int row = 0; row < names.rows(); ++row) {
    const auto found = std::ranges::find(table.shape.columns, names.text(row, 0));
    if (found != table.shape.columns.end()) return static_cast<int>(found - table.shape.columns.begin());
  }
  return -1;
}

/// Rows that go make room for those that come, and every statement does to as many rows as it was given.
void Applier::write_whole(Table& table, const WholeRows& rows, const Wait& wait) {
  const Shape& shape = table.shape;
  const auto changed = static_cast<std::uint64_t>(
      std::ranges::count_if(rows.rows, [](const WholeRow& row) { return !row.before.empty() && !row.after.empty(); }));
  const std::uint64_t gone = rows.taken - changed, come = rows.rows.size() - rows.taken;
  const auto expect = [&](const std::string& sql, std::uint64_t count) {
    if (count == 0) return;
    const std::uint64_t did = connection_.run(sql, wait).affected();
    if (did != count) throw_absent(table.of, count > did ? count - did : did - count, count);
  };
  expect(find_whole(shape, lead_of(table, wait)), rows.taken);
  const bool soft = !shape.soft_delete.empty(), anew = shape.other_unique;
  if (soft) expect(mark_whole(shape), gone);
  if (anew) expect(remove_whole(shape, true), soft ? changed : rows.taken);
  else if (!soft) expect(remove_whole(shape, false), gone);
  if (!anew) expect(update_whole(shape), changed);
  expect(insert_whole(shape, anew), anew ? come + changed : come);
}

}  // namespace peerd::pgtarget

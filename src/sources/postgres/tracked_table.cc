#include "postgres/tracked_table.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "peerd/base/text.h"
#include "peerd/changes/renaming.h"
#include "peerd/postgres/type_change.h"
#include "postgres/cures.h"

namespace peerd {

void throw_schema_changed(const TableSchema& schema, const std::string& what, const std::string& hint) {
  ErrorText text;
  text.code = ErrorCode::schema_changed;
  text.table = schema.qualified();
  text.message = "table " + text.table + " " + what;
  text.hint = hint;
  text.retry = Retry::after_operator;
  throw Error(std::move(text));
}

void throw_unseen() {
  throw Error(ErrorCode::timeout,
              "the source does not show yet what it has committed: a commit may wait for a standby");
}

void TrackedTable::changed(const std::string& what, const std::string& hint) const {
  const std::string cure = copy_anew(table_.schema);
  throw_schema_changed(table_.schema, what, hint.empty() ? cure : hint + "; or " + cure);
}

/// Without a key no row that is read once more would find the one whose place it takes.
void TrackedTable::changed_values(const std::string& what) const {
  changed(what + ": without a key its rows cannot be read once more one by one");
}

MirrorTable TrackedTable::noted() const {
  MirrorTable table = table_;
  table.notes = notes_;
  return table;
}

namespace {

/// Stands for what columns there are, and for the last ALTER of each.
std::size_t fingerprint(const LookedTable& now) {
  std::size_t mark = now.columns.size();
  for (const LookedColumn& column : now.columns) {
    for (const std::size_t part : {std::hash<std::string>()(column.name), std::size_t{column.mark.altered}})
      mark = (mark ^ part) * 0x9e3779b97f4a7c15u;
  }
  return mark;
}

}  // namespace

TrackedTable::Looked TrackedTable::looked(const LookedTable& now, Lsn inserted, Lsn received) {
  MirrorTable table = noted();
  Looked found;
  if (table.notes.last_number == 0) {
    // Stored by a version that noted nothing: by names and types the columns are what they were, or nobody knows.
    found.renewed = take_notes(table, exclude_, now);
    if (!found.renewed) changed("has other columns than the mirror, which was made by an older version and knows only their names");
  } else {
    if (const std::string what = what_changed(table, now); !what.empty()) changed(what);
    const bool passed = !now.columns.empty() && highest_seen_ == now.columns.back().number && received >= seen_at_;
    found.doubt = what_may_differ(table, now);
    found.said = excluded_renamed(table, now);
    found.renewed = !found.said.empty();
    const std::vector<std::string> logged = table.notes.logged;
    found.renewed |= renew_notes(table, exclude_, now, passed, found.doubt.empty() ? Doubt::no : Doubt::yes);
    found.perhaps_unlogged = perhaps_unlogged(table.notes, now, inserted, received);
    found.renewed |= table.notes.logged != logged;
    found.renewed |= look_at_partitions(table, now, inserted, received, found);
  }
  if (!found.doubt.empty() && table.schema.keyless()) changed_values(found.doubt);
  if (!found.doubt.empty()) {
    read_all_again(table.notes, inserted);
    found.renewed = true;
    found.doubt = "table " + table.schema.qualified() + " " + found.doubt + ": all its rows are read once more at the source";
  }
  if (!now.columns.empty() && std::exchange(highest_seen_, now.columns.back().number) != now.columns.back().number)
    seen_at_ = inserted;
  looked_ = true;
  std::swap(notes_, table.notes);
  table_.schema = std::move(table.schema);
  seen_ = numbers_of(now);
  dropping_ = dropped_columns(table_.schema, now);
  const std::size_t columns = fingerprint(now);
  if (std::exchange(seen_columns_, columns) != columns || seen_since_ == Lsn{}) seen_since_ = inserted;
  passed_ = received >= seen_since_;
  if (passed_ && dropping_.empty()) forget_dropped();
  return found;
}

/// What is noted stays until the stream has come by what was seen: a start in between must judge it again. A TRUNCATE by
/// whoever wrote the table last made up for all that may have happened before it.
bool TrackedTable::perhaps_unlogged(CatalogNotes& notes, const LookedTable& now, Lsn inserted, Lsn received) {
  const bool sure = surely_logged(notes, now) || now.written_by == truncated_by_;
  if (!sure && (!rewrite_ || rewrite_->by != now.written_by)) rewrite_ = {now.written_by, inserted};
  if (!sure && received < rewrite_->seen_at) return false;
  notes.logged = now.logged;
  rewrite_.reset();
  return !sure;
}

/// As with perhaps_unlogged(), another file is judged when the stream has come by what was seen: a TRUNCATE of the whole
/// table may be on its way.
bool TrackedTable::look_at_partitions(MirrorTable& table, const LookedTable& now, Lsn inserted, Lsn received, Looked& found) {
  const std::vector<CatalogNotes::Partition> before = table.notes.partitions;
  std::ranges::move(take_partitions(table, now), std::back_inserter(found.said));
  found.unread = table.notes.partitions != before && std::ranges::any_of(table.notes.partitions, &CatalogNotes::Partition::unread);
  if (found.unread) table.notes.read_again = inserted;
  const auto moved = [&](const LookedPartition& part) {
    const auto noted = std::ranges::find(table.notes.partitions, part.note.oid, &CatalogNotes::Partition::oid);
    return noted->file_node != part.note.file_node;
  };
  if (!std::ranges::any_of(now.partitions, moved)) parts_rewritten_.reset();
  else if (!parts_rewritten_) parts_rewritten_ = inserted;
  const auto explained = [&](const LookedPartition& part) { return explains_file(part, now); };
  if (const std::string what = perhaps_unlogged_partition(table.notes, now, explained); !what.empty()) changed(what);
  // What older rows hold in a column that the stream has still to announce hangs on the files as they were before it.
  const bool more = announces_more(table.notes, exclude_, now);
  if (more && found.unread) table.notes.rewritten = true;
  if (!more) take_explained_files(table, now, explained);  // Who wrote it last may be another at the next look.
  if (parts_rewritten_ && !more && received >= *parts_rewritten_) {
    for (Said& said : take_files(table, now, explained)) found.said.push_back(std::move(said));
    parts_rewritten_.reset();
  }
  return before != table.notes.partitions || (more && found.unread);
}

/// It was written by the TRUNCATE of the whole, or with the columns' rows: ALTER TABLE writes both in one transaction.
bool TrackedTable::explains_file(const LookedPartition& part, const LookedTable& now) const {
  const auto wrote = [&](const LookedColumn& column) { return column.mark.altered == part.written_by; };
  return part.written_by == truncated_by_ || std::ranges::any_of(now.columns, wrote);
}

void TrackedTable::came_from(std::uint32_t partition, const std::string& name, char identity, const std::vector<std::string>& key) {
  if (identity != 'f' && key != sorted_key(table_.schema)) {
    changed("had changes of partition " + name + " whose replica identity named its rows by other columns than the table's");
  }
  if (std::ranges::find(notes_.partitions, partition, &CatalogNotes::Partition::oid) != notes_.partitions.end()) return;
  // The next look, which comes before the change is taken, finds it, or that it is gone.
  notes_.partitions.push_back({.oid = partition, .name = name});
}

std::vector<TableId> TrackedTable::unread() const {
  if (!table_.schema.partitioned) return {table_.schema.id};
  std::vector<TableId> parts;
  for (const CatalogNotes::Partition& part : notes_.partitions)
    if (part.unread) parts.push_back({part.oid});
  return parts;
}

void TrackedTable::was_read(Lsn position, const std::vector<TableId>& parts) {
  at_once_ = false;
  if (position < notes_.read_again) return;
  for (CatalogNotes::Partition& part : notes_.partitions)
    part.unread = part.unread && std::ranges::find(parts, TableId{part.oid}) == parts.end();
  if (std::ranges::none_of(notes_.partitions, &CatalogNotes::Partition::unread)) notes_.read_again = Lsn{};
}

void TrackedTable::judge_older() const {
  if (!shape_.key_sent && relation_->identity != 'n') changed("had another replica identity or key");
}

/// Its name is not judged: by its OID it is the table, whatever it was called in that transaction. Coverage judges what it is
/// called now.
void TrackedTable::judge_newer() const {
  if (shape_.identity_changed) {
    const bool no_index = relation_->identity == 'i' &&
                          std::ranges::none_of(relation_->columns, [](const Column& column) { return column.in_key; });
    const std::string quoted = quote_identifier(table_.schema.schema) + "." + quote_identifier(table_.schema.name);
    if (no_index) {
      changed("has lost the index that was its replica identity",
              "ALTER TABLE " + quoted + " REPLICA IDENTITY DEFAULT lets the primary key name its rows");
    }
    changed("has another replica identity or key");
  }
  if (shape_.absent.size() > lost_.size()) {
    if (blind_) throw_unseen();
    const std::string& name = shape_.absent[0];
    changed("has lost column \"" + name + "\", or it was renamed",
            "exclude the column from the mapping of a new mirror");
  }
}

namespace {

std::vector<std::string> names_of(const SentRelation& sent) {
  std::vector<std::string> names;
  for (const Column& column : sent.columns) names.push_back(column.name);
  return names;
}

std::vector<TypeOf> types_of(const SentRelation& sent) {
  std::vector<TypeOf> types;
  for (const Column& column : sent.columns) types.push_back({column.type_oid, column.type_modifier, {}});
  return types;
}

}  // namespace

/// As rows were announced that came before a change of the shape, in this run or in one before.
std::optional<std::vector<std::int16_t>> TrackedTable::numbers_remembered(Lsn commit) const {
  std::optional<std::vector<std::int16_t>> found;
  const std::vector<std::string> names = names_of(*relation_);
  for (const CatalogNotes::Sent& before : notes_.sent) {
    if (before.until < commit || before.names != names) continue;
    // One name may have been another column's in between.
    if (found && *found != before.numbers) return std::nullopt;
    found = before.numbers;
  }
  return found;
}

/// Just so rows were announced that came before a change of the shape: with these types, too.
bool TrackedTable::was_sent_so(Lsn commit) const {
  const std::vector<std::string> names = names_of(*relation_);
  const std::vector<TypeOf> types = types_of(*relation_);
  return std::ranges::any_of(notes_.sent, [&](const CatalogNotes::Sent& before) {
    return before.until >= commit && before.names == names && before.types == types;
  });
}

/// The columns that were sent with other types than the table has now can be older values of it.
bool TrackedTable::takes_older(Lsn commit) const {
  if (was_sent_so(commit)) return true;
  return std::ranges::all_of(shape_.retyped, [&](const Column& sent) {
    const auto own = std::ranges::find(table_.schema.columns, sent.number, &Column::number);
    const postgres::TypeId now = own->base.oid != 0 ? postgres::TypeId{own->base.oid, own->base.modifier}
                                                    : postgres::TypeId{own->type_oid, own->type_modifier};
    return postgres::takes_text_of({sent.type_oid, sent.type_modifier}, now);
  });
}

/// Of a row that may be older than the shape, by names: only in their order, and where columns are either missing at the end,
/// which came later, or there that were dropped since; both at once may be one that was renamed.
std::optional<std::vector<std::int16_t>> TrackedTable::numbers_by_name() const {
  std::vector<std::int16_t> numbers(relation_->columns.size(), 0);
  std::size_t last = 0, found = 0, end = 0;
  for (std::size_t i = 0; i < table_.schema.columns.size(); ++i) {
    const Column& column = table_.schema.columns[i];
    const auto sent = std::ranges::find(relation_->columns, column.name, &Column::name);
    if (sent == relation_->columns.end()) continue;
    const auto place = static_cast<std::size_t>(sent - relation_->columns.begin());
    if (found > 0 && place < last) return std::nullopt;
    numbers[place] = column.number;
    last = place;
    ++found;
    end = i + 1;
  }
  bool others = false;
  for (std::size_t place = 0; place < numbers.size(); ++place)
    others |= numbers[place] == 0 && std::ranges::find(exclude_, relation_->columns[place].name) == exclude_.end();
  const bool absent = found < table_.schema.columns.size();
  if (found < end || (absent && others)) return std::nullopt;
  return numbers;
}

/// The names are those of the table as it is mirrored, and nothing else was sent.
bool TrackedTable::as_before() const {
  if (!dropping_.empty()) return false;
  std::size_t next = 0;
  for (const Column& sent : relation_->columns) {
    if (next < table_.schema.columns.size() && table_.schema.columns[next].name == sent.name) ++next;
    else if (std::ranges::find(notes_.excluded, sent.name, &CatalogNotes::Excluded::name) == notes_.excluded.end()) return false;
  }
  return next == table_.schema.columns.size();
}

/// Which columns the sent ones are is told by numbers: names alone could be another column's.
std::vector<std::int16_t> TrackedTable::numbers_of_sent(Lsn commit, bool older) {
  const std::size_t count = relation_->columns.size();
  if (older) {
    auto numbers = numbers_remembered(commit);
    if (!numbers) numbers = numbers_then(seen_, count);
    if (!numbers) numbers = numbers_by_name();
    if (!numbers) changed("had its columns under other names before the mirror began, in changes that are still to come");
    return *numbers;
  }
  if (blind_ && !as_before()) throw_unseen();
  const Written written = !blind_ && commit > seen_since_ ? Written::after_it : Written::perhaps_before_the_look;
  const auto numbers = numbers_sent(table_.schema, notes_, seen_, count, written);
  if (numbers) return *numbers;
  const std::int16_t number = dropping_.empty() ? std::int16_t{0} : dropping_[0];
  const auto first = std::ranges::find(table_.schema.columns, number, &Column::number);
  const bool named = first != table_.schema.columns.end();
  changed("has lost column" + (named ? " " + quote_identifier(first->name) : std::string("s")) +
          ", which was dropped, and others came or went before the stream came to it: which of them a row has cannot"
          " be told");
}

/// 0 in the place of each that is not the table's as it is mirrored: excluded, or dropped since.
std::vector<std::int16_t> TrackedTable::of_the_table(const std::vector<std::int16_t>& numbers) {
  std::vector<std::int16_t> own = numbers;
  for (std::size_t i = 0; i < own.size(); ++i) {
    const std::int16_t number = own[i];
    if (number != 0 && std::ranges::find(table_.schema.columns, number, &Column::number) != table_.schema.columns.end()) continue;
    own[i] = 0;
    const bool excluded = std::ranges::find(notes_.excluded, number, &CatalogNotes::Excluded::number) != notes_.excluded.end();
    if (number == 0 || is_dropped(number)) {
      passed_over_ = true;
    } else if (!excluded && std::ranges::find(exclude_, relation_->columns[i].name) == exclude_.end()) {
      own[i] = number;
    } else if (!excluded) {
      notes_.excluded.push_back({relation_->columns[i].name, number});  // Whatever it is called later.
    }
  }
  return own;
}

/// Below shaped_at what comes is older than the shape, and in the transaction at it the one or the other.
bool TrackedTable::is_older(Lsn commit, Lsn shaped_at) const {
  if (commit != shaped_at) return commit < shaped_at;
  if (numbers_remembered(commit)) return true;
  // All that the stream lacks was dropped, or its names are new: not a shape of before, although another table came by its own
  // in this transaction.
  const auto numbers = numbers_sent(table_.schema, notes_, seen_, relation_->columns.size(), Written::perhaps_before_the_look);
  if (!numbers) return true;
  return std::ranges::none_of(table_.schema.columns, [&](const Column& column) {
    const auto found = std::ranges::find(*numbers, column.number);
    if (found == numbers->end()) return std::ranges::find(dropping_, column.number) != dropping_.end();
    return relation_->columns[static_cast<std::size_t>(found - numbers->begin())].name != column.name;
  });
}

std::vector<Shape::Renamed> TrackedTable::names_now() const {
  std::vector<Shape::Renamed> renamed;
  for (const Column& column : table_.schema.columns) {
    const auto seen = std::ranges::find(seen_, column.number, &SeenNumber::number);
    if (seen != seen_.end() && !seen->dropped && seen->name != column.name) renamed.push_back({column.number, seen->name});
  }
  return renamed;
}

std::vector<Column> TrackedTable::types_now() const {
  std::vector<Column> retyped;
  for (const Column& column : table_.schema.columns) {
    const auto seen = std::ranges::find(seen_, column.number, &SeenNumber::number);
    if (seen == seen_.end() || seen->dropped) continue;
    if (seen->type.oid == column.type_oid && seen->type.modifier == column.type_modifier) continue;
    Column& now = retyped.emplace_back(column);
    now.type_oid = seen->type.oid;
    now.type_modifier = seen->type.modifier;
    now.type_name = seen->type.name;
    now.base = {};
  }
  return retyped;
}

/// No row of when a dropped column was there is still to come.
void TrackedTable::forget_dropped() {
  for (CatalogNotes::Excluded& column : notes_.excluded)
    if (column.number > 0 && is_dropped(column.number)) column.number = static_cast<std::int16_t>(-column.number);
}

bool TrackedTable::is_dropped(std::int16_t number) const {
  const auto found = std::ranges::find(seen_, number, &SeenNumber::number);
  return found == seen_.end() || found->dropped;
}

TrackedTable::Settled TrackedTable::judge_added(Lsn commit, Lsn shaped_at) {
  if (!shape_.added.empty() && commit >= shaped_at) return Settled::gained;
  settled_to_ = commit <= shaped_at ? shaped_at : Lsn{~0ull};
  if (commit < shaped_at && !shape_.added.empty()) settled_to_ = Lsn{shaped_at.value - 1};
  return Settled::yes;
}

void TrackedTable::remember(Lsn commit, Lsn stored) {
  std::erase_if(notes_.sent, [&](const CatalogNotes::Sent& before) { return before.until < stored; });
  if (settled_.names.empty()) return;
  settled_.until = commit;
  notes_.sent.push_back(std::exchange(settled_, {}));
}

void TrackedTable::lose(bool whole) {
  const std::vector<std::int16_t> numbers = lost_.empty() ? dropping_ : lost_;
  drop_columns(table_.schema, notes_, numbers);
  if (whole && (!passed_over_ || passed_all())) forget_dropped();
  std::erase_if(dropping_, [&](std::int16_t number) { return std::ranges::find(numbers, number) != numbers.end(); });
  lost_.clear();
  settled_to_ = std::nullopt;
}

void TrackedTable::rename() {
  rename_columns(table_.schema, shape_.renamed);
  settled_to_ = std::nullopt;
}

void TrackedTable::refuse_type(const Column& before, const std::string& now) const {
  changed("has column " + quote_identifier(before.name) + " in another type" + (now.empty() ? "" : ": " + now + ", which was ") +
              (now.empty() ? "" : before.type_name),
          "exclude the column from the mapping of a new mirror");
}

void TrackedTable::retype(const std::vector<Column>& columns) {
  for (const Column& now : columns) {
    const auto before = std::ranges::find(table_.schema.columns, now.number, &Column::number);
    const auto place = static_cast<std::size_t>(before - table_.schema.columns.begin());
    const CatalogNotes::Mark* const mark = place < notes_.marks.size() ? &notes_.marks[place] : nullptr;
    if (now.type_name.empty() || !can_follow(*before, now, mark)) refuse_type(*before, now.type_name);
  }
  retype_columns(table_.schema, columns);
  for (const Column& now : columns) {
    const auto column = std::ranges::find(table_.schema.columns, now.number, &Column::number);
    const auto place = static_cast<std::size_t>(column - table_.schema.columns.begin());
    if (place < notes_.marks.size()) notes_.marks[place].types.clear();  // Those of the type before: the next look notes its own.
  }
  std::erase_if(notes_.retyping, [&](const Column& known) {
    return std::ranges::find(columns, known.number, &Column::number) != columns.end();
  });
  settled_to_ = std::nullopt;
}

void TrackedTable::let_be_null(const std::vector<std::uint16_t>& columns) {
  for (const std::uint16_t column : columns) table_.schema.columns[column].nullable = true;
  settled_to_ = std::nullopt;
}

TrackedTable::Settled TrackedTable::judge(Lsn commit, Lsn shaped_at) {
  if (!relation_) throw Error(ErrorCode::peer_error, "the source sent a change of a table that it had not announced");
  if (seen_.empty()) changed("was dropped at the source");
  bool older = is_older(commit, shaped_at);
  lost_.clear();
  passed_over_ = false;
  std::vector<std::int16_t> numbers = numbers_of_sent(commit, older);
  shape_ = compare(table_.schema, of_the_table(numbers), *relation_);
  if (older && !shape_.retyped.empty() && !takes_older(commit)) {
    if (commit < shaped_at)
      refuse_type(*std::ranges::find(table_.schema.columns, shape_.retyped[0].number, &Column::number), "");
    older = false;  // In the transaction that the shapes hold from: what another table has come to, this one has still to.
    numbers = numbers_of_sent(commit, older);
    shape_ = compare(table_.schema, of_the_table(numbers), *relation_);
  }
  if (older) {
    judge_older();
  } else {
    const auto sent = [&](std::int16_t number) { return std::ranges::find(numbers, number) != numbers.end(); };
    std::ranges::copy_if(dropping_, std::back_inserter(lost_), [&](std::int16_t number) { return !sent(number); });
    judge_newer();
    if (!lost_.empty()) return Settled::lost;
    const auto gone = [&](std::int16_t number) { return number == 0 || is_dropped(number); };
    if (std::ranges::none_of(numbers, gone)) forget_dropped();
    if (!shape_.renamed.empty()) return Settled::renamed;
    if (!shape_.retyped.empty()) return Settled::retyped;
  }
  const Settled settled = judge_added(commit, shaped_at);
  if (settled == Settled::yes) settled_ = {{}, names_of(*relation_), numbers, types_of(*relation_)};
  return settled;
}

std::string TrackedTable::gain(const LookedTable& now, Lsn inserted, const std::vector<Column>& added) {
  MirrorTable table = noted();
  if (const std::string what = what_changed(table, now); !what.empty()) changed(what);
  const std::vector<GainedColumn> gained = gained_columns(table.notes, added, now);
  if (gained.empty()) {
    changed("has gained column " + quote_identifier(shape_.added[0].name) +
            ", and it, or one beside it, was dropped or altered again before the stream came to it");
  }
  std::string doubt = what_may_differ(table, now);
  add_gained(table, exclude_, gained, now);
  if (!announces_more(table.notes, exclude_, now))
    take_explained_files(table, now, [&](const LookedPartition& part) { return explains_file(part, now); });
  if (!doubt.empty() && table.schema.keyless()) changed_values(doubt);
  if (!doubt.empty()) {
    read_all_again(table.notes, inserted);
    doubt = "table " + table.schema.qualified() + " " + doubt + ": all its rows are read once more at the source";
  }
  for (const GainedColumn& column : gained) {
    if (column.older_rows_known) continue;
    if (table.schema.keyless()) {
      changed_values("has gained column " + quote_identifier(column.column.name) +
                     ", and neither the WAL nor the catalog tells what older rows hold in it");
    }
    read_all_again(table.notes, inserted);
    at_once_ = true;
    doubt = "table " + table.schema.qualified() + " has gained column " + quote_identifier(column.column.name) +
            " and was rewritten: neither the WAL nor the catalog tells what older rows hold in it, all rows are read once more"
            " at the source";
  }
  std::swap(notes_, table.notes);
  table_.schema = std::move(table.schema);
  settled_to_ = std::nullopt;
  return doubt;
}

}  // namespace peerd

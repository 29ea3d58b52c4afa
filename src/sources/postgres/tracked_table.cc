#include "postgres/tracked_table.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "peerd/base/text.h"
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
    if (const std::string what = what_changed(table, exclude_, now); !what.empty()) changed(what);
    const bool passed = !now.columns.empty() && highest_seen_ == now.columns.back().number && received >= seen_at_;
    found.doubt = what_may_differ(table, now);
    const std::vector<std::string> logged = table.notes.logged;
    found.renewed = renew_notes(table, exclude_, now, passed, found.doubt.empty() ? Doubt::no : Doubt::yes);
    found.perhaps_unlogged = perhaps_unlogged(table.notes, now, inserted, received);
    found.renewed |= table.notes.logged != logged;
    found.renewed |= look_at_partitions(table, now, inserted, received, found);
  }
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
  to_come_.clear();
  for (const LookedColumn& column : now.columns)
    if (column.number > notes_.last_number && !column.dropped && !column.generated) to_come_.push_back(column.name);
  dropping_ = dropped_columns(table_.schema, now);
  const std::size_t columns = fingerprint(now);
  if (std::exchange(seen_columns_, columns) != columns || seen_since_ == Lsn{}) seen_since_ = inserted;
  passed_ = received >= seen_since_;
  if (passed_ && !loses()) forget_dropped();
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
  found.said = take_partitions(table, now);
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

/// Before the table's own shape columns may be missing at its end, which came later, and others be there that were dropped
/// since; both at once may be one that was renamed.
void TrackedTable::judge_older() const {
  if (!shape_.key_sent && relation_->identity != 'n') changed("had another replica identity or key");
  const auto last_sent = std::ranges::find_if(shape_.from.rbegin(), shape_.from.rend(),
                                              [](std::uint16_t place) { return place != Shape::kAbsent; });
  const auto inner = static_cast<std::size_t>(
      std::ranges::count(shape_.from.begin(), last_sent.base(), Shape::kAbsent));
  if (!shape_.in_order || inner > 0 || (!shape_.absent.empty() && !shape_.added.empty()))
    changed("had its columns under other names before the mirror began, in changes that are still to come");
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
  if (!shape_.remodified.empty()) {
    changed("has column \"" + shape_.remodified[0] + "\" in another length or precision");
  }
  if (!shape_.in_order) changed("has its columns under each other's names");
  if (!shape_.added_last) changed("has column \"" + shape_.added[0].name + "\" in the place of another one");
}

/// Some of its columns were dropped. Which ones the sent rows still have is told by numbers: names alone could be
/// another column's.
void TrackedTable::tell_apart(Lsn commit) {
  if (blind_) throw_unseen();
  const Written written = commit > seen_since_ ? Written::after_it : Written::perhaps_before_the_look;
  const auto numbers = numbers_sent(table_.schema, notes_, seen_, relation_->columns.size(), written);
  if (!numbers) {
    const std::int16_t number = dropping_.empty() ? std::int16_t{0} : dropping_[0];
    const auto first = std::ranges::find(table_.schema.columns, number, &Column::number);
    const bool named = first != table_.schema.columns.end();
    changed("has lost column" + (named ? " " + quote_identifier(first->name) : std::string("s")) +
            ", which was dropped, and others came or went before the stream came to it: which of them a row has cannot"
            " be told");
  }
  const auto sent = [&](std::int16_t number) { return std::ranges::find(*numbers, number) != numbers->end(); };
  for (std::size_t i = 0; i < numbers->size(); ++i) {
    const std::string& name = relation_->columns[i].name;
    const std::int16_t number = (*numbers)[i];
    const auto known = std::ranges::find(table_.schema.columns, number, &Column::number);
    if (number == 0 || (known == table_.schema.columns.end() && is_dropped(number))) {
      passed_over_.push_back(name);
    } else if (known != table_.schema.columns.end() && known->name != name) {
      changed("has column " + quote_identifier(known->name) + " under another name: it was called " +
              quote_identifier(name));
    }
  }
  std::ranges::copy_if(dropping_, std::back_inserter(lost_), [&](std::int16_t number) { return !sent(number); });
  const auto gone = [&](std::int16_t number) { return number == 0 || is_dropped(number); };
  if (lost_.empty() && std::ranges::none_of(*numbers, gone)) forget_dropped();
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
  // Below shaped_at a column that the table does not have was dropped since; in the transaction at it, and after it, it
  // is new.
  const bool all_dropped = std::ranges::all_of(shape_.added, [&](const Column& column) {
    return std::ranges::find(notes_.excluded, column.name, &CatalogNotes::Excluded::name) != notes_.excluded.end();
  });
  const auto anew = std::ranges::find_if(shape_.added, [&](const Column& column) { return std::ranges::find(to_come_, column.name) != to_come_.end(); });
  if (commit == shaped_at && all_dropped && anew != shape_.added.end()) {
    const auto old = std::ranges::find(notes_.excluded, anew->name, &CatalogNotes::Excluded::name);
    if (old->number > 0) changed("has column " + quote_identifier(anew->name) + ", which was dropped and added again, in changes that may be of either");
  }
  const bool gone = commit < shaped_at || (commit == shaped_at && all_dropped && anew == shape_.added.end());
  if (!shape_.added.empty() && !gone) return Settled::gained;
  const bool older = commit <= shaped_at;
  settled_to_ = older ? shaped_at : Lsn{~0ull};
  if (commit < shaped_at && !shape_.added.empty()) settled_to_ = Lsn{shaped_at.value - 1};
  return Settled::yes;
}

void TrackedTable::lose(bool whole) {
  const std::vector<std::int16_t> numbers = lost_.empty() ? dropping_ : lost_;
  drop_columns(table_.schema, notes_, numbers);
  if (whole && (passed_over_.empty() || lost_all())) forget_dropped();
  std::erase_if(dropping_, [&](std::int16_t number) { return std::ranges::find(numbers, number) != numbers.end(); });
  lost_.clear();
  settled_to_ = std::nullopt;
}

/// Rows may come that have a column which the table has lost already.
bool TrackedTable::perhaps_sent() const {
  return std::ranges::any_of(notes_.excluded, [&](const CatalogNotes::Excluded& column) {
    return column.number > 0 && is_dropped(column.number) && std::ranges::find(exclude_, column.name) == exclude_.end();
  });
}

/// All that the stream lacks was dropped: not a shape of before, although another table came by its own in this
/// transaction.
bool TrackedTable::lacks_dropped() const {
  const std::vector<std::string> absent = compare(table_.schema, exclude_, *relation_).absent;
  return !absent.empty() && std::ranges::all_of(absent, [&](const std::string& name) {
    const auto column = std::ranges::find(table_.schema.columns, name, &Column::name);
    return std::ranges::find(dropping_, column->number) != dropping_.end();
  });
}

TrackedTable::Settled TrackedTable::judge(Lsn commit, Lsn shaped_at) {
  if (!relation_) throw Error(ErrorCode::peer_error, "the source sent a change of a table that it had not announced");
  const bool older = commit < shaped_at || (commit == shaped_at && !lacks_dropped());
  lost_.clear();
  passed_over_.clear();
  if (!older && (loses() || perhaps_sent())) tell_apart(commit);
  std::vector<std::string> left_out = exclude_;
  std::ranges::copy(passed_over_, std::back_inserter(left_out));
  shape_ = compare(table_.schema, left_out, *relation_);
  if (!shape_.retyped.empty()) {
    changed("has column \"" + shape_.retyped[0] + "\" in another type",
            "exclude the column from the mapping of a new mirror");
  }
  older ? judge_older() : judge_newer();
  return lost_.empty() ? judge_added(commit, shaped_at) : Settled::lost;
}

std::string TrackedTable::gain(const LookedTable& now, Lsn inserted, const std::vector<Column>& added) {
  MirrorTable table = noted();
  if (const std::string what = what_changed(table, exclude_, now); !what.empty()) changed(what);
  const std::vector<GainedColumn> gained = gained_columns(table.notes, exclude_, added, now);
  if (gained.empty()) {
    changed("has gained column " + quote_identifier(shape_.added[0].name) +
            ", and it, or one beside it, was dropped, renamed or altered again before the stream came to it");
  }
  std::string doubt = what_may_differ(table, now);
  add_gained(table, exclude_, gained, now);
  if (!announces_more(table.notes, exclude_, now))
    take_explained_files(table, now, [&](const LookedPartition& part) { return explains_file(part, now); });
  if (!doubt.empty()) {
    read_all_again(table.notes, inserted);
    doubt = "table " + table.schema.qualified() + " " + doubt + ": all its rows are read once more at the source";
  }
  for (const GainedColumn& column : gained) {
    if (column.older_rows_known) continue;
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

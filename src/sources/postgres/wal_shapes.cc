#include <algorithm>
#include <iterator>

#include "postgres/base_types.h"
#include "postgres/cures.h"
#include "postgres/money.h"
#include "postgres/object_names.h"
#include "postgres/wal_stream.h"

// A table that has another shape from a change on, or, where none comes, from some time on.
namespace peerd {

/// True: the change waits for new_shape().
bool WalStream::follow_shape(const pgoutput::Message& change, TrackedTable& table) {
  using Settled = TrackedTable::Settled;
  const Settled settled = table.settle(commit_, setup_.shaped_at);
  if (settled == Settled::gained || settled == Settled::retyped) {
    widening_ = &table;
    return true;
  }
  const bool row = change.kind == pgoutput::MessageKind::insert || change.kind == pgoutput::MessageKind::update;
  std::vector<std::uint16_t> nulls;
  if (settled == Settled::yes && row) nulls = table.nulls_in(change.new_row);
  if (settled == Settled::yes && nulls.empty()) return false;
  table.remember(commit_, Lsn{confirmed_.load(std::memory_order_relaxed)});
  if (settled == Settled::lost) table.lose(commit_ > setup_.shaped_at);
  if (settled == Settled::renamed) table.rename();
  if (settled == Settled::yes) table.let_be_null(nulls);
  shapes_.push_back({table.noted(), commit_});
  return true;
}

/// No change has told of it, and none of before will: all that was committed before was sent; what comes was committed at that
/// position, or after it.
void WalStream::take_passed(postgres::Connection& connection, TrackedTable& table, Lsn received, const Wait& wait) {
  const Lsn commit{received.value - 1};
  table.remember(commit, Lsn{confirmed_.load(std::memory_order_relaxed)});
  if (table.loses()) {
    table.lose(true);
    shapes_.push_back({table.noted(), commit});
  }
  if (table.renames()) {
    table.take_names();
    shapes_.push_back({table.noted(), commit});
  }
  if (std::vector<Column> types = table.types_now(); !types.empty()) {
    read_base_types(connection, types, wait);
    table.retype(types);
    shapes_.push_back({table.noted(), commit});
  }
}

NewShape WalStream::next_shape() {
  if (shapes_.empty()) throw Error(ErrorCode::internal, "no table has a new shape");
  NewShape shape = std::move(shapes_.front());
  shapes_.pop_front();
  return shape;
}

NewShape WalStream::new_shape(const Wait& wait) {
  if (widening_ == nullptr) return next_shape();
  TrackedTable& table = *std::exchange(widening_, nullptr);
  if (!shows_this(wait)) throw_unseen();
  if (table.retyped().empty()) return gained(table, wait);
  retyped(table, wait);
  return next_shape();
}

NewShape WalStream::gained(TrackedTable& table, const Wait& wait) {
  const TableId id = table.table().schema.id;
  std::string words;
  Lsn inserted;
  bool doubt = false;
  std::vector<TypeMakeUp> types;
  setup_.ask(wait, [&](postgres::Connection& source) {
    const auto looked = peerd::look_at(source, {&id, 1}, MissingValues::yes, wait);
    if (looked.empty())
      throw_schema_changed(table.table().schema, "was dropped at the source", copy_anew(table.table().schema));
    inserted = insert_position(source, wait);
    MirrorTable gained = table.table();
    gained.schema.columns = table.added();
    read_base_types(source, gained.schema.columns, wait);
    check_money(source, setup_.connect, {&gained, 1}, wait);
    types = read_types(source, gained.schema, wait);
    table.remember(commit_, Lsn{confirmed_.load(std::memory_order_relaxed)});
    words = table.gain(looked.at(id.oid), inserted, gained.schema.columns);
    doubt = !words.empty();
    for (const auto& [oid, told] : told_by_name(source, {&gained, 1}, wait)) words += (doubt ? "; " : "") + told;
  });
  if (doubt) want_again(table);
  NewShape shape{table.noted(), commit_, doubt ? inserted : Lsn{}, std::move(words)};
  std::ranges::move(types, std::back_inserter(shape.table.types));
  return shape;
}

/// By the types that were sent: the catalog may have come to others by now. Whether the table was written anew for it is looked at
/// once more, since the look before this change may have been too early to show it.
void WalStream::retyped(TrackedTable& table, const Wait& wait) {
  const TableId id = table.table().schema.id;
  setup_.ask(wait, [&](postgres::Connection& source) {
    std::vector<Column> types = table.retyped();
    read_type_names(source, types, wait);
    read_base_types(source, types, wait);
    look(source, {&id, 1}, Where::elsewhere, wait);
    table.remember(commit_, Lsn{confirmed_.load(std::memory_order_relaxed)});
    table.retype(types);
    shapes_.push_back({table.noted(), commit_});
  });
}

}  // namespace peerd

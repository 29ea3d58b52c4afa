#include <algorithm>

#include "postgres/wal_stream.h"

// What the stream says of tables before their changes: a Relation message when one is first met, or was altered.
namespace peerd {

using namespace std::chrono_literals;

/// With FULL the message does not tell the primary key, by which the target merges the rows that follow (rules.md 4).
void WalStream::look_at(const MirrorTable& table) {
  const Wait wait = Wait::at_most(5s);
  try {
    setup_.ask(wait, [&](postgres::Connection& source) { Coverage(setup_.names, {&table, 1}).look(source, wait); });
  } catch (const Error& error) {
    if (error.text.code == ErrorCode::schema_changed) throw;  // Else: the watch looks too.
  }
}

void WalStream::take_relation(const pgoutput::Message& message) {
  // It comes again when the table or its publication was altered.
  coverage_->hasten();
  if (TrackedTable* table = find(message.relation)) {
    if (message.identity == 'f') look_at(table->table());
    return table->announced(keep(message));
  }
  // Another table under a mirrored one's name: the mirrored one was dropped, or renamed, and made again; or was so in between
  // and has its name back. What it is now, the catalog tells.
  for (const auto& [oid, table] : tables_) {
    const TableSchema& schema = table.table().schema;
    if (message.space == schema.schema && message.name == schema.name && commit_ > table.table().start &&
        commit_ > setup_.shaped_at)
      return look_at(table.table());
  }
}

/// A Relation message came before this one. That of a partition follows directly on that of the table as whose its changes
/// are told, and the change itself comes next; types may be told in between.
void WalStream::note_origin(const pgoutput::Message& message) {
  using pgoutput::MessageKind;
  if (message.kind == MessageKind::type) return;
  const std::uint32_t before = std::exchange(relation_before_, 0);
  if (message.kind == MessageKind::relation) {
    origin_ = {before, message.relation, std::string(message.space) + "." + std::string(message.name), message.identity, {}};
    for (const pgoutput::RelationColumn& column : message.columns)
      if (column.in_key) origin_->key.emplace_back(column.name);
    std::ranges::sort(origin_->key);
    return;
  }
  const bool change = message.kind == MessageKind::insert || message.kind == MessageKind::update || message.kind == MessageKind::remove;
  if (change && origin_ && origin_->told_as == message.relation) check_origin(message.relation);
  origin_.reset();
}

/// What a look at the catalog is too late for: the partition may be another by now, or none.
void WalStream::check_origin(std::uint32_t told_as) {
  const TrackedTable* const own = find(origin_->oid);
  if (own != nullptr && commit_ >= own->table().start) {
    throw_schema_changed(own->table().schema, "is a partition at the source, or was for a while: its changes came as those of the table that it is a part of",
                         "DROP MIRROR and CREATE MIRROR copy the table anew");
  }
  TrackedTable* const whole = find(told_as);
  if (whole == nullptr || !whole->table().schema.partitioned || commit_ < whole->table().start) return;
  whole->came_from(origin_->oid, origin_->name, origin_->identity, origin_->key);
}

}  // namespace peerd

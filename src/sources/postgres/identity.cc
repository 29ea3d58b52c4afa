#include "postgres/identity.h"

#include "peerd/base/text.h"

namespace peerd {
namespace {

constexpr std::string_view kFails = ": once it is published, UPDATE and DELETE fail at the source";

std::string alter(const TableStanding& table) {
  return "ALTER TABLE " + quote_identifier(table.schema) + "." + quote_identifier(table.name) + " ";
}

BrokenIdentity without_key(const TableStanding& table) {
  if (table.identity == 'i') {
    return {"has lost its replica identity index" + std::string(kFails), alter(table) + "REPLICA IDENTITY DEFAULT",
            "needs a primary key; or REPLICA IDENTITY USING INDEX of a unique index on NOT NULL columns"};
  }
  const std::string hint = std::string("a unique index on NOT NULL columns will do too: REPLICA IDENTITY USING INDEX") +
                           (table.kind == 'r' ? "; or, to Postgres and Kafka, REPLICA IDENTITY FULL, with which rows are compared as a whole"
                                              : "");
  return {"has no primary key" + (table.identity == 'f' ? "" : std::string(kFails)),
          alter(table) + "ADD PRIMARY KEY (...)", hint};
}

/// A deferrable key is checked at the end of a statement or a transaction: until then two rows may have it.
BrokenIdentity deferrable(const TableStanding& table, const TableStanding::Key& key) {
  const std::string name = quote_identifier(key.constraint_name);
  const std::string why =
      table.identity == 'f'
          ? "has a deferrable primary key: with it two rows may have one key within a transaction, and REPLICA IDENTITY FULL names no other"
          : "has a deferrable primary key, which is no replica identity" + std::string(kFails);
  return {why, alter(table) + "DROP CONSTRAINT " + name + ", ADD CONSTRAINT " + name + " " + key.definition,
          "or REPLICA IDENTITY USING INDEX of a unique index on NOT NULL columns that is not deferrable"};
}

}  // namespace

std::optional<BrokenIdentity> broken_identity(const TableStanding& table, int server_version) {
  if (table.identity == 'n') {
    return BrokenIdentity{"has REPLICA IDENTITY NOTHING" + std::string(kFails), alter(table) + "REPLICA IDENTITY DEFAULT", {}};
  }
  if (!table.key && !table.keyless()) return without_key(table);
  if (!table.key && server_version >= 180000 && table.generated) {
    return BrokenIdentity{"has no primary key, and REPLICA IDENTITY FULL beside generated columns" + std::string(kFails),
                          alter(table) + "ADD PRIMARY KEY (...)", "then REPLICA IDENTITY DEFAULT"};
  }
  if (!table.key) return std::nullopt;  // All of a row names it.
  if (!table.key->immediate) return deferrable(table, *table.key);
  if (!table.key->valid) {
    return BrokenIdentity{"has a replica identity index that is not valid" + std::string(kFails),
                          "REINDEX INDEX " + table.key->index, {}};
  }
  // From 18 on generated columns can be published, and FULL wants all columns that there are.
  if (server_version >= 180000 && table.identity == 'f' && table.generated) {
    return BrokenIdentity{"has REPLICA IDENTITY FULL and generated columns" + std::string(kFails),
                          alter(table) + "REPLICA IDENTITY DEFAULT", {}};
  }
  return std::nullopt;
}

}  // namespace peerd

#include "postgres/resync.h"

#include <algorithm>

#include "peerd/base/text.h"
#include "postgres/drop.h"
#include "postgres/firing.h"
#include "postgres/found.h"
#include "postgres/limits.h"
#include "postgres/parts.h"
#include "postgres/table_lock.h"
#include "postgres/unique.h"
#include "shadow.h"
#include "unfit.h"

namespace peerd::pgtarget {
namespace {

using postgres::Connection;
using postgres::QualifiedName;
using Parameters = std::vector<std::optional<std::string>>;

/// Whether it is the table that the mirror has written to: one that was made in its place has another OID.
bool is_own(Connection& connection, const Site& site, const Found& found, const Wait& wait) {
  const Parameters of{std::to_string(found.standing.oid), site.uuid};
  return found.ours && connection
                           .run("SELECT EXISTS (SELECT FROM _peerd.columns WHERE table_oid = $1::oid AND mirror = $2)", of, wait)
                           .boolean(0, 0);
}

MirrorTable as_shadow(MirrorTable table) {
  table.target_name = shadow_of(table);
  return table;
}

Found look_at_shadow(Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait) {
  return look(connection, site, as_shadow(table), wait);
}

/// What has to become of a standing table before it can hold the source's rows of now.
struct Reshaping {
  std::vector<std::string> gone;  ///< Columns that were the source's, and are not any more.
  std::vector<std::string> held;  ///< Columns that change, those among them.
  bool alone = false;             ///< Anything of it: the table is altered.
};

bool keeps_other_key(const MirrorTable& table, const StandingIndex& index) {
  return index.primary && !is_of_key(table.schema, index);
}

/// An operator's own table is altered by its operator; it gains columns alone, and loses them where the mirror drops what the source
/// has dropped.
Reshaping reshaping_of(Connection& connection, const Site& site, const MirrorTable& table, const Found& found, const Wait& wait) {
  Reshaping change;
  change.alone = !widen_table(found.name, table.schema, found.types, found.standing).empty();
  const bool made = found.note && found.note->made;
  if (!made && !site.drops) return change;
  change.held = change.gone = gone_columns(connection, site, table, found, wait);
  if (!made) {
    change.alone |= !change.gone.empty();
    return change;
  }
  const auto wrong = differences(site, table.schema, found.types, found.standing, true);
  for (const Difference& difference : wrong)
    if (!difference.column.empty()) change.held.push_back(difference.column);
  change.alone |= !change.gone.empty() || !wrong.empty() ||
                  std::ranges::any_of(found.standing.unique, [&](const auto& index) { return keeps_other_key(table, index); });
  return change;
}

/// Views and whatever else is made of columns that go or change.
Problems check_dependents(Connection& connection, const MirrorTable& table, const Found& found, const Reshaping& change,
                          const Wait& wait) {
  Problems problems;
  for (const auto& [what, column] : dependents(connection, change.held, found, wait)) {
    problems.push_back(unfit(table,
                             what + " depends on column " + quote_identifier(column) + " of target table " + found.name.quoted() +
                                 ", which is not what it was at the source",
                             "drop " + what + " at the target, and make it again behind RESYNC TABLE"));
  }
  return problems;
}

/// The table, empty by now, as the source's is. `gone`: columns to drop.
void reshape(Connection& connection, const Site& site, const MirrorTable& table, const QualifiedName& name,
             const std::vector<std::string>& gone, const Wait& wait) {
  const std::string alter = "ALTER TABLE " + name.quoted() + " ";
  Standing standing = inspect(connection, name, wait);
  for (const StandingIndex& index : standing.unique) {
    if (keeps_other_key(table, index))
      connection.run(alter + "DROP CONSTRAINT " + quote_identifier(constraint_name(connection, index, wait)), wait);
  }
  for (const std::string& column : gone) connection.run(alter + "DROP COLUMN IF EXISTS " + quote_identifier(column), wait);
  standing = inspect(connection, name, wait);
  const std::vector<TargetType> types = target_types(connection, table, wait);
  std::vector<std::string> parts;
  for (const Difference& difference : differences(site, table.schema, types, standing, true)) {
    if (difference.alter.empty()) throw Error(ErrorCode::target_unfit, "target table " + name.quoted() + ": " + difference.words);
    parts.push_back(difference.alter);
  }
  if (!parts.empty()) connection.run(alter + join(parts, ", "), wait);
  standing = inspect(connection, name, wait);
  for (const std::string& sql : widen_table(name, table.schema, types, standing)) connection.run(sql, wait);
}

/// Only what keeps rows apart is needed of what LIKE has copied, and the key that the mirror built is quicker built at the end.
void drop_indexes(Connection& connection, const MirrorTable& table, const Found& found, const QualifiedName& shadow,
                  const Wait& wait) {
  const Parameters name{shadow.schema, shadow.name};
  const auto plain = connection.run(
      "SELECT format('%I.%I', n.nspname, x.relname) FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid"
      " JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
      " WHERE n.nspname = $1 AND c.relname = $2 AND NOT i.indisunique AND NOT i.indisexclusion",
      name, wait);
  for (int row = 0; row < plain.rows(); ++row) connection.run("DROP INDEX " + plain.string(row, 0), wait);
  if (found.note->key_name.empty()) return;
  const Standing standing = inspect(connection, shadow, wait);
  const StandingIndex* key = key_index(table.schema, standing);
  const std::string constraint = key == nullptr ? "" : constraint_name(connection, *key, wait);
  if (constraint.empty()) return;
  connection.run("ALTER TABLE " + shadow.quoted() + " DROP CONSTRAINT " + quote_identifier(constraint), wait);
}

std::string columns_of(const MirrorTable& table) {
  std::vector<std::string> columns;
  for (const Column& column : table.schema.columns) columns.push_back(quote_identifier(column.name));
  return join(columns, ", ");
}

[[noreturn]] void throw_lost(const MirrorTable& table, std::string message) {
  ErrorText lost = lost_table(table.schema.qualified());
  lost.message = std::move(message);
  lost.hint = "RESYNC TABLE " + table.schema.qualified() + " OF the mirror again";
  throw Error(std::move(lost));
}

/// The table is gone: its copy gets its name.
void take_name(Connection& connection, const Site& site, const MirrorTable& table, const Found& found, const Found& copy,
               const Wait& wait) {
  TableNote note = *copy.note;
  const std::string key = free_key_name(connection, found.name, wait);
  connection.run("ALTER TABLE " + copy.name.quoted() + " RENAME TO " + quote_identifier(found.name.name), wait);
  if (!key.empty() && !note.key_name.empty()) {
    connection.run("ALTER TABLE " + found.name.quoted() + " RENAME CONSTRAINT " + quote_identifier(note.key_name) + " TO " + key, wait);
    note.key_name = found.name.name + "_pkey";
  }
  erase_note(connection, copy.name, wait);
  write_note(connection, site, found.name, table.schema.id, note, wait);
}

/// In one transaction, so that whoever reads sees all of the old rows or all of the new ones. DELETE and not TRUNCATE, which
/// older snapshots would see as an empty table, and which would keep readers waiting.
void replace_rows(Connection& connection, const Site& site, const MirrorTable& table, const Found& found, const Found& copy,
                  const Wait& wait) {
  const std::string name = found.name.quoted(), columns = columns_of(table);
  connection.run("DELETE FROM " + found.standing.rows_of(found.name), wait);
  if (found.note->made) {
    const Reshaping change = reshaping_of(connection, site, table, found, wait);
    if (change.alone) reshape(connection, site, table, found.name, change.gone, wait);
  } else {
    Found own = found;
    drop_gone(connection, site, table, reshaping_of(connection, site, table, own, wait).gone, own, wait);
    widen(connection, site, table, own, wait);
  }
  const Standing standing = inspect(connection, found.name, wait);
  if (const auto stricter = stricter_than_source(site, table, name, standing.rules)) throw Error(stricter->text);
  std::uint64_t placed = 0;
  try {
    placed = connection.run("INSERT INTO " + name + " (" + columns + ") OVERRIDING SYSTEM VALUE SELECT " + columns + " FROM ONLY " +
                                copy.name.quoted(),
                            wait).affected();
  } catch (const Error& error) {
    if (is_clash(error)) throw_clash(error, name);
    throw;
  }
  const auto copied = connection.run("SELECT count(*) FROM ONLY " + copy.name.quoted(), wait);
  if (static_cast<std::uint64_t>(copied.integer(0, 0)) == placed) return;
  throw Error(ErrorText{.code = ErrorCode::target_unfit,
                        .message = "target table " + name + " took " + std::to_string(placed) + " of " + copied.string(0, 0) +
                                   " rows that were copied for it",
                        .hint = "drop what keeps rows out of " + name + " at the target, then RESUME MIRROR",
                        .table = table.schema.qualified(),
                        .retry = Retry::after_operator});
}

/// What the server refuses of an ALTER for the sake of what depends on the table.
[[noreturn]] void rethrow_dependent(Error& error, const MirrorTable& table, const QualifiedName& name) {
  if (error.text.origin == "2BP01" || error.text.origin == "0A000") {
    error.text.code = ErrorCode::target_unfit;
    error.text.retry = Retry::after_operator;
    error.text.table = table.schema.qualified();
    error.text.hint = "the rows of before stand: drop what depends on " + name.quoted() + " at the target, then RESUME MIRROR";
  }
  throw error;
}

}  // namespace

std::string shadow_of(const MirrorTable& table) {
  const QualifiedName name = postgres::parse_qualified(table.target_name);
  return QualifiedName{name.schema, shadow_name(name.name)}.quoted();
}

Problems check_resync(Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait) {
  const Found found = look(connection, site, table, wait);
  Problems problems;
  const std::string name = found.name.quoted();
  if (found.standing.oid != 0 && !is_own(connection, site, found, wait)) {
    const std::string owner = found.note && !found.ours ? "mirror " + found.note->mirror + "'s" : "not the one that this mirror has written to";
    problems.push_back(unfit(table, "target table " + name + " is " + owner, "rename it at the target, or drop it there"));
    return problems;
  }
  if (found.standing.oid != 0) {
    problems = check_firing(connection, site, table, found.name, found.standing.oid, wait);
    const Reshaping change = reshaping_of(connection, site, table, found, wait);
    for (Problem& problem : check_dependents(connection, table, found, change, wait)) problems.push_back(std::move(problem));
    if (found.note->made && change.alone) {
      // It is altered to fit.
    } else if (auto refused = refusal(connection, site, table, found, wait)) {
      problems.push_back(std::move(*refused));
    }
  }
  const Found copy = look_at_shadow(connection, site, table, wait);
  if (copy.standing.oid != 0 && !copy.ours) {
    const std::string cure = "DROP TABLE " + copy.name.quoted();
    problems.push_back(unfit(table, "table " + copy.name.quoted() + " stands at the target where the copy is to be made", cure, cure));
  }
  const Parameters schema{found.name.schema};
  if (schema_exists(connection, found.name.schema, wait) &&
      !connection.run("SELECT has_schema_privilege($1, 'CREATE')", schema, wait).boolean(0, 0)) {
    const std::string cure = "GRANT USAGE, CREATE ON SCHEMA " + quote_identifier(found.name.schema) + " TO " +
                             quote_identifier(site.options.user);
    problems.push_back(unfit(table, "no right to create tables in schema " + quote_identifier(found.name.schema), cure, cure));
    problems.back().text.code = ErrorCode::no_privilege;
  }
  return problems;
}

void drop_shadow(Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait) {
  const Found copy = look_at_shadow(connection, site, table, wait);
  if (!copy.ours) return;
  if (copy.standing.oid != 0) {
    lock_alone(connection, site, copy.name, wait);
    connection.run("DROP TABLE " + copy.name.quoted(), wait);
  }
  forget_table(connection, site, as_shadow(table), wait);
}

TargetIdentity make_shadow(Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait) {
  drop_shadow(connection, site, table, wait);
  throw_if_any(check_resync(connection, site, table, wait));
  const Found found = look(connection, site, table, wait);
  const QualifiedName shadow = postgres::parse_qualified(shadow_of(table));
  if (found.standing.oid == 0) {
    if (!schema_exists(connection, shadow.schema, wait))
      connection.run("CREATE SCHEMA IF NOT EXISTS " + quote_identifier(shadow.schema), wait);
    connection.run(create_table(site, shadow, table.schema, found.types), wait);
  } else {
    connection.run("CREATE TABLE " + shadow.quoted() + " (LIKE " + found.name.quoted() +
                       " INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING IDENTITY INCLUDING INDEXES)",
                   wait);
    drop_indexes(connection, table, found, shadow, wait);
    if (found.note->made) {
      reshape(connection, site, table, shadow, gone_columns(connection, site, table, found, wait), wait);
    } else {
      for (const std::string& column : reshaping_of(connection, site, table, found, wait).gone)
        connection.run("ALTER TABLE " + shadow.quoted() + " DROP COLUMN IF EXISTS " + quote_identifier(column), wait);
      widen(connection, site, as_shadow(table), look_at_shadow(connection, site, table, wait), wait);
    }
  }
  TableNote note;
  note.start = table.start;
  note.made = true;
  write_note(connection, site, shadow, table.schema.id, note, wait);
  const Found copy = look_at_shadow(connection, site, table, wait);
  note_parts(connection, site, as_shadow(table), copy.standing.oid, wait);
  return identity_of(copy);
}

TargetIdentity take_shadow(Connection& connection, const Site& site, const MirrorTable& table, const TargetIdentity& shadow,
                           const Wait& wait) {
  const Found found = look(connection, site, table, wait), copy = look_at_shadow(connection, site, table, wait);
  const std::string name = found.name.quoted();
  if (copy.standing.oid == 0 || !copy.ours) {
    if (found.standing.oid != 0 && found.ours && found.note->start == table.start) return identity_of(found);  // It was done.
    throw_lost(table, "table " + copy.name.quoted() + ", into which the rows were copied, is gone at the target");
  }
  require_same(shadow, identity_of(copy), "table " + copy.name.quoted(), lost_table(table.schema.qualified()));
  if (found.standing.oid == 0) {
    take_name(connection, site, table, found, copy, wait);
    return identity_of(look(connection, site, table, wait));
  }
  if (!is_own(connection, site, found, wait)) throw_lost(table, "target table " + name + " is not this mirror's any more");
  if (reshaping_of(connection, site, table, found, wait).alone) {
    lock_alone(connection, site, found.name, wait);
  } else {
    // Nobody adds a trigger behind the look at those that there are.
    connection.run("LOCK TABLE " + found.standing.rows_of(found.name) + " IN ROW EXCLUSIVE MODE", wait);
  }
  throw_if_any(check_firing(connection, site, table, found.name, found.standing.oid, wait));
  try {
    replace_rows(connection, site, table, found, copy, wait);
    build_key(connection, site, table, wait);
  } catch (Error& error) {
    rethrow_dependent(error, table, found.name);
  }
  TableNote note = read_note(connection, found.name, wait).value();
  note.start = table.start;
  write_note(connection, site, found.name, table.schema.id, note, wait);
  note_parts(connection, site, table, found.standing.oid, wait);
  drop_shadow(connection, site, table, wait);
  return identity_of(look(connection, site, table, wait));
}

}  // namespace peerd::pgtarget

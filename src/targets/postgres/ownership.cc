#include "postgres/ownership.h"

#include "peerd/base/log.h"
#include "peerd/base/text.h"
#include "postgres/alter.h"
#include "postgres/drop.h"
#include "postgres/firing.h"
#include "postgres/found.h"
#include "postgres/limits.h"
#include "postgres/overlap.h"
#include "postgres/parts.h"
#include "postgres/statements.h"
#include "postgres/table_lock.h"
#include "postgres/unique.h"
#include "unfit.h"

namespace peerd::pgtarget {

using postgres::Connection;
using postgres::QualifiedName;

Found look(Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait) {
  Found found;
  found.name = postgres::parse_qualified(table.target_name);
  found.standing = inspect(connection, found.name, wait);
  if (bookkeeping_exists(connection, wait)) found.note = read_note(connection, found.name, wait);
  found.types = target_types(connection, table, wait);
  found.ours = found.note && found.note->uuid == site.uuid;
  return found;
}

namespace {

/// Of a column that is still to be made.
std::optional<Problem> unlike_type(const MirrorTable& table, const Found& found) {
  for (std::size_t i = 0; i < found.types.size(); ++i) {
    const std::string& name = table.schema.columns[i].name;
    if (found.types[i].unlike.empty() || found.standing.find(name) != nullptr) continue;
    return unfit(table, "type " + found.types[i].name + " at the target, of column " + quote_identifier(name) + ", is another one than the source's: " +
                            found.types[i].unlike,
                 "make it as the source's is, rename it, or make target table " + found.name.quoted() + " yourself, with the column as text");
  }
  return std::nullopt;
}

/// A table that the mirror did not make is its operator's: it is altered to fit, never dropped.
Problem misfit(const MirrorTable& table, const Found& found, const std::vector<Difference>& wrong) {
  const std::string name = found.name.quoted();
  std::vector<std::string> words, alter;
  bool curable = !found.ours || !found.note->made || std::ranges::all_of(wrong, &Difference::keeps_rows);
  for (const Difference& difference : wrong) {
    words.push_back(difference.words);
    alter.push_back(difference.alter);
    curable &= !difference.alter.empty();
  }
  const std::string cure = curable ? "ALTER TABLE " + name + " " + join(alter, ", ") : "";
  const std::string anew = "RESYNC TABLE " + table.schema.qualified() + " OF the mirror copies it anew";
  return unfit(table, "target table " + name + " does not fit: " + join(words, "; "),
               curable && found.ours ? cure + ", and RESUME MIRROR; where values or rows may have changed meanwhile, " + anew
               : curable             ? cure
               : found.ours          ? anew + ", and alters the table for it"
                                     : "map the table to another name",
               cure);
}

}  // namespace

std::optional<Problem> refusal(Connection& connection, const Site& site, const MirrorTable& table, const Found& found,
                               const Wait& wait) {
  const std::string name = found.name.quoted();
  if (found.note && !found.ours) {
    return unfit(table, "target table " + name + " belongs to mirror " + found.note->mirror,
                 "map the table to another name, or drop that mirror first", "");
  }
  if (auto unfit = beyond_limits(connection, site, table, found.name, found.standing, wait)) return unfit;
  if (found.standing.oid == 0) return unlike_type(table, found);
  if (!found.ours && bookkeeping_exists(connection, wait)) {
    if (auto shared = shares_rows(connection, table, found.name, found.standing, {}, wait)) return shared;
  }
  if (auto stricter = stricter_than_source(site, table, name, found.standing.rules)) return stricter;
  const auto wrong = differences(site, table.schema, found.types, found.standing, found.ours);
  if (!wrong.empty()) return misfit(table, found, wrong);
  if (auto other = unlike_type(table, found)) return other;
  if (!found.ours && has_rows(connection, found.name, found.standing, wait)) {
    return unfit(table, "target table " + name + " holds rows and is not this mirror's",
                 "empty it, map the table to another name, or drop it", "TRUNCATE " + name);
  }
  return std::nullopt;
}

namespace {

void create(Connection& connection, const Site& site, const MirrorTable& table, const Found& found, const Wait& wait) {
  if (!schema_exists(connection, found.name.schema, wait)) {
    connection.run("CREATE SCHEMA IF NOT EXISTS " + quote_identifier(found.name.schema), wait);
  }
  connection.run(create_table(site, found.name, table.schema, found.types), wait);
  TableNote note;
  note.start = table.start;
  note.made = true;
  write_note(connection, site, found.name, table.schema.id, note, wait);
}

}  // namespace

std::string where_columns_are_added(Connection& connection, const QualifiedName& name, const Wait& wait) {
  const std::vector<std::optional<std::string>> table{name.quoted()};
  return connection
      .run("SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
           " WHERE c.oid = coalesce(pg_partition_root($1::regclass), $1::regclass)",
           table, wait)
      .string(0, 0);
}

namespace {

/// An operator's own empty table, such as one restored from the source's schema: peerd's columns are added where they
/// are missing, and fill themselves where the loads leave them out.
void adopt(Connection& connection, const Site& site, const MirrorTable& table, const Found& found, const Wait& wait) {
  const std::vector<std::string> parts = add_own_columns(site, found.standing);
  if (!parts.empty()) {
    const std::string where = where_columns_are_added(connection, found.name, wait);
    lock_alone(connection, site, postgres::parse_qualified(where), wait);
    connection.run("ALTER TABLE " + where + " " + join(parts, ", "), wait);
  }
  TableNote note;
  note.start = table.start;
  write_note(connection, site, found.name, table.schema.id, note, wait);
}

}  // namespace

void rethrow_with_grant(Error& error, const Site& site, const Found& found, bool schema_missing) {
  if (error.text.code == ErrorCode::no_privilege) {
    const std::string user = quote_identifier(site.options.user);
    error.text.hint = found.standing.oid != 0 ? "ALTER TABLE " + found.name.quoted() + " OWNER TO " + user
                      : schema_missing
                          ? "GRANT CREATE ON DATABASE " + quote_identifier(site.options.database) + " TO " + user
                          : "GRANT USAGE, CREATE ON SCHEMA " + quote_identifier(found.name.schema) + " TO " + user;
  }
  throw error;
}

std::string free_key_name(Connection& connection, const QualifiedName& table, const Wait& wait) {
  constexpr std::size_t kLongestName = 63;
  const std::string name = table.name + "_pkey";
  if (name.size() > kLongestName) return "";
  const std::vector<std::optional<std::string>> parameters{table.schema, name};
  const auto taken = connection.run(
      "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2",
      parameters, wait);
  return taken.rows() > 0 ? "" : quote_identifier(name);
}

namespace {

std::string index_name(Connection& connection, const StandingIndex& index, const Wait& wait) {
  const std::vector<std::optional<std::string>> oid{std::to_string(index.oid)};
  return quote_identifier(connection.run("SELECT relname FROM pg_class WHERE oid = $1::oid", oid, wait).string(0, 0));
}

/// Adds what a key needs and only rows that were copied twice can forbid: those go, and once more.
void without_duplicates(Connection& connection, const Found& found, const MirrorTable& table, const std::string& add,
                        const Wait& wait) {
  connection.run("SAVEPOINT peerd_key", wait);
  try {
    connection.run(add, wait);
  } catch (const Error& error) {
    if (error.text.origin != "23505") throw;
    connection.run("ROLLBACK TO SAVEPOINT peerd_key", wait);
    const std::uint64_t removed =
        connection.run(delete_duplicates(found.standing.rows_of(found.name), quoted_key(table.schema)), wait).affected();
    log(LogLevel::info,
        std::to_string(removed) + " rows were copied twice while their keys moved; one copy of each stays",
        {.table = table.target_name});
    connection.run(add, wait);
  }
  connection.run("RELEASE SAVEPOINT peerd_key", wait);
}

/// The index is built while readers read; only its becoming the key needs the table alone. A partitioned table knows no
/// such second step.
void add_key(Connection& connection, const Site& site, const Found& found, const MirrorTable& table, const Wait& wait) {
  bool primary = false;
  for (const StandingIndex& index : found.standing.unique) primary |= index.primary;
  const std::string columns = " (" + join(quoted_key(table.schema), ", ") + ")";
  const std::string alter = "ALTER TABLE " + found.name.quoted() + " ADD " + (primary ? "UNIQUE" : "PRIMARY KEY");
  // Sorting for the key, and for the duplicates, is all that this transaction does: the settings made for merges do not
  // fit.
  connection.run(
      "SET LOCAL maintenance_work_mem = '256MB'; SET LOCAL work_mem = '128MB'; SET LOCAL enable_seqscan = on;"
      " SET LOCAL enable_hashjoin = on",
      wait);
  if (found.standing.kind == 'p') {
    lock_alone(connection, site, found.name, wait);
    return without_duplicates(connection, found, table, alter + columns, wait);
  }
  const std::string name = primary ? "" : free_key_name(connection, found.name, wait);
  without_duplicates(connection, found, table,
                     "CREATE UNIQUE INDEX " + name + " ON " + found.name.quoted() + columns, wait);
  const Standing standing = inspect(connection, found.name, wait);
  const StandingIndex* built = key_index(table.schema, standing);
  if (built == nullptr) return;  // build_key() says so.
  lock_alone(connection, site, found.name, wait);
  connection.run(alter + " USING INDEX " + index_name(connection, *built, wait), wait);
}

}  // namespace

std::string constraint_name(Connection& connection, const StandingIndex& index, const Wait& wait) {
  const std::vector<std::optional<std::string>> oid{std::to_string(index.oid)};
  const auto found =
      connection.run("SELECT conname FROM pg_constraint WHERE conindid = $1::oid AND contype IN ('p', 'u')", oid, wait);
  return found.rows() == 0 ? "" : found.string(0, 0);
}

namespace {

/// What the mirror must be allowed on a table that stands.
Problems check_table_rights(Connection& connection, const Site& site, const MirrorTable& table, const Found& found,
                            const Wait& wait) {
  if (found.standing.oid == 0) return {};
  const std::string name = found.name.quoted(), user = quote_identifier(site.options.user);
  const std::vector<std::optional<std::string>> oid{std::to_string(found.standing.oid)};
  const auto may = connection.run(
      "SELECT pg_has_role(relowner, 'USAGE'), has_schema_privilege(relnamespace, 'USAGE'), has_table_privilege(oid,"
      " 'SELECT') AND has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE') AND"
      " has_table_privilege(oid, 'DELETE') FROM pg_class WHERE oid = $1::oid",
      oid, wait);
  const auto lacks = [&](const std::string& what, const std::string& cure) {
    Problem missing = unfit(table, what + " target table " + name, cure, cure);
    missing.text.code = ErrorCode::no_privilege;
    return Problems{std::move(missing)};
  };
  if (!may.boolean(0, 1)) {
    return lacks("no right to the schema of",
                 "GRANT USAGE ON SCHEMA " + quote_identifier(found.name.schema) + " TO " + user);
  }
  if (!may.boolean(0, 2)) {
    return lacks("no right to read and write",
                 "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON " + name + " TO " + user);
  }
  const bool alters = !found.ours && (!add_own_columns(site, found.standing).empty() ||
                                      (!table.schema.key.empty() && key_index(table.schema, found.standing) == nullptr));
  if (alters && !may.boolean(0, 0)) {
    return lacks("peerd's columns or the key are to be added, and the mirror's role does not own",
                 "ALTER TABLE " + name + " OWNER TO " + user);
  }
  return {};
}

}  // namespace

Problems check_table(Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait) {
  const Found found = look(connection, site, table, wait);
  Problems problems = check_table_rights(connection, site, table, found, wait);
  if (!problems.empty()) return problems;
  problems = check_firing(connection, site, table, found.name, found.standing.oid, wait);
  if (!problems.empty()) return problems;  // Where row security holds, the table cannot be read.
  if (auto refused = refusal(connection, site, table, found, wait)) problems.push_back(std::move(*refused));
  if (found.standing.oid != 0) return problems;
  const std::string user = quote_identifier(site.options.user);
  const std::string schema = quote_identifier(found.name.schema);
  const bool exists = schema_exists(connection, found.name.schema, wait);
  const std::vector<std::optional<std::string>> parameters{found.name.schema};
  const bool may =
      exists ? connection.run("SELECT has_schema_privilege($1, 'CREATE')", parameters, wait).boolean(0, 0)
             : connection.run("SELECT has_database_privilege(current_database(), 'CREATE')", wait).boolean(0, 0);
  if (!may) {
    Problem missing = unfit(
        table, exists ? "no right to create tables in schema " + schema : "no right to create schema " + schema, "",
        exists ? "GRANT USAGE, CREATE ON SCHEMA " + schema + " TO " + user
               : "GRANT CREATE ON DATABASE " + quote_identifier(site.options.database) + " TO " + user);
    missing.text.code = ErrorCode::no_privilege;
    missing.text.hint = missing.cure_sql;
    problems.push_back(std::move(missing));
  }
  return problems;
}

TargetIdentity identity_of(const Found& found) {
  return {{{"table oid", std::to_string(found.standing.oid)}}, found.note && found.note->made};
}

namespace {

/// The table stands and is the mirror's.
void require_own(const Found& found, const MirrorTable& table) {
  if (found.standing.oid != 0 && found.ours) return;
  ErrorText text = lost_table(table.schema.qualified());
  const std::string name = "target table " + found.name.quoted();
  if (found.standing.oid == 0) {
    text.message = name + " is gone, with the rows that were in it";
  } else {
    text.message = name + " is not this mirror's";
    text.detail = "_peerd.tables at the target does not have it as the mirror's";
  }
  throw Error(std::move(text));
}

}  // namespace

void require_whole(const Found& found, const MirrorTable& table) {
  require_own(found, table);
  std::vector<std::string> lost;
  for (const Column& column : table.schema.columns)
    if (found.standing.find(column.name) == nullptr) lost.push_back(quote_identifier(column.name));
  if (lost.empty()) return;
  ErrorText text = lost_table(table.schema.qualified());
  text.message = "target table " + found.name.quoted() + " has lost columns, with the values that were in them: " + join(lost, ", ");
  throw Error(std::move(text));
}

void widen(Connection& connection, const Site& site, const MirrorTable& table, const Found& found, const Wait& wait) {
  try {
    const auto statements = widen_table(found.name, table.schema, found.types, found.standing);
    if (!statements.empty()) lock_alone(connection, site, found.name, wait);
    for (const std::string& sql : statements) connection.run(sql, wait);
  } catch (Error& error) {
    rethrow_with_grant(error, site, found, false);
  }
}

TargetIdentity read_identity(Connection& connection, const Wait& wait) {
  TargetIdentity identity;
  const auto database = connection.run("SELECT datname, oid FROM pg_database WHERE datname = current_database()", wait);
  identity.facts["database"] = database.string(0, 0);
  identity.facts["database oid"] = database.string(0, 1);
  if (connection.run("SELECT has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')", wait).boolean(0, 0))
    identity.facts["system identifier"] =
        connection.run("SELECT system_identifier FROM pg_control_system()", wait).string(0, 0);
  return identity;
}

TargetIdentity make_table(Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait) {
  const Found found = look(connection, site, table, wait);
  if (const auto refused = refusal(connection, site, table, found, wait)) throw Error(refused->text);
  throw_if_any(check_firing(connection, site, table, found.name, found.standing.oid, wait));
  const bool schema_missing = found.standing.oid == 0 && !schema_exists(connection, found.name.schema, wait);
  try {
    if (found.standing.oid == 0) {
      create(connection, site, table, found, wait);
    } else if (!found.ours) {
      adopt(connection, site, table, found, wait);
    }
  } catch (Error& error) {
    rethrow_with_grant(error, site, found, schema_missing);
  }
  if (found.standing.oid != 0 && found.ours) widen(connection, site, table, found, wait);
  const Found made = look(connection, site, table, wait);
  note_parts(connection, site, table, made.standing.oid, wait);
  return identity_of(made);
}

TargetIdentity recognize_table(Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait) {
  const Found found = look(connection, site, table, wait);
  require_whole(found, table);
  return identity_of(found);
}

CopyPlan verify_table(Connection& connection, const Site& site, const MirrorTable& table, const TargetIdentity& noted,
                      const Wait& wait) {
  Found found = look(connection, site, table, wait);
  require_own(found, table);
  require_same(noted, identity_of(found), "target table " + found.name.quoted(), lost_table(table.schema.qualified()));
  alter_again(connection, site, table, found, wait);
  require_whole(found, table);
  require_parts(connection, table, found.standing.oid, wait);
  if (const auto refused = refusal(connection, site, table, found, wait)) throw Error(refused->text);
  // Triggers and foreign keys come at any time: those of now.
  throw_if_any(check_firing(connection, site, table, found.name, found.standing.oid, wait));
  learn_parts(connection, site, table, found.standing.oid, wait);
  return copy_plan(table.schema, found.standing);
}

void restart_table(Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait) {
  Found found = look(connection, site, table, wait);
  if (!found.ours || found.standing.oid == 0 || found.note->start == table.start) return;
  erase_chunks(connection, site, table.schema.id, wait);
  const std::string name = found.name.quoted();
  lock_alone(connection, site, found.name, wait);
  if (found.note->made && !differences(site, table.schema, found.types, found.standing, true).empty()) {
    connection.run("DROP TABLE " + name, wait);
    erase_note(connection, found.name, wait);
    return;
  }
  throw_if_any(check_firing(connection, site, table, found.name, found.standing.oid, wait));
  remove_all_rows(connection, found.name, wait);
  TableNote note = *found.note;
  // A key that an operator's foreign key stands on stays where it is.
  if (!is_referenced(connection, found.name, wait)) {
    if (!note.key_name.empty()) {
      connection.run("ALTER TABLE " + name + " DROP CONSTRAINT IF EXISTS " + quote_identifier(note.key_name), wait);
    }
    note.key_built = false;
    note.key_name.clear();
  }
  if (site.drops) drop_gone(connection, site, table, gone_columns(connection, site, table, found, wait), found, wait);
  note.start = table.start;
  write_note(connection, site, found.name, table.schema.id, note, wait);
}

void build_key(Connection& connection, const Site& site, const MirrorTable& table, const Wait& wait) {
  Found found = look(connection, site, table, wait);
  if (!found.ours || found.standing.oid == 0) {
    throw Error(ErrorCode::wrong_state, "target table " + found.name.quoted() + " is not this mirror's",
                "drop the mirror and create it again");
  }
  if (table.schema.key.empty()) return;  // Of a query whose rows are only added.
  const StandingIndex* key = key_index(table.schema, found.standing);
  TableNote note = *found.note;
  if (key != nullptr && note.key_built) return;
  if (key == nullptr) {
    // Its columns may have got another collation while they were filled: then it may not even look for duplicates.
    if (const auto refused = beyond_limits(connection, site, table, found.name, found.standing, wait))
      throw Error(refused->text);
    try {
      add_key(connection, site, found, table, wait);
    } catch (Error& error) {
      rethrow_with_grant(error, site, found, false);
    }
    found.standing = inspect(connection, found.name, wait);
    key = key_index(table.schema, found.standing);
    if (key == nullptr)
      throw Error(ErrorCode::internal, "the key of " + found.name.quoted() + " was added and is not there");
    note.key_name = constraint_name(connection, *key, wait);
    // Rows that were copied twice may have been removed.
    throw_if_any(check_firing(connection, site, table, found.name, found.standing.oid, wait));
  }
  note.key_built = true;
  write_note(connection, site, found.name, table.schema.id, note, wait);
}

}  // namespace peerd::pgtarget

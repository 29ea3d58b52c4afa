#include "postgres/coverage.h"

#include <algorithm>

#include "peerd/base/text.h"
#include "postgres/cures.h"
#include "postgres/identity.h"
#include "postgres/tracked_table.h"

namespace peerd {
namespace {

/// Of a table that was described while there was no publication: no publication has it.
constexpr std::uint32_t kNoPublication = 1;

std::string cure_of(const TableSchema& schema) { return "changes since are missing: " + copy_anew(schema); }

[[noreturn]] void throw_publication_changed(const std::string& publication, const std::string& what,
                                            const std::string& first = {}) {
  ErrorText text;
  text.code = ErrorCode::schema_changed;
  text.message = publication + " " + what;
  text.hint = (first.empty() ? "" : first + "; ") +
              "changes may be missing since: " + kCopyAllAnew;
  text.field = "publication_name";
  text.retry = Retry::after_operator;
  throw Error(std::move(text));
}

std::vector<std::string> key_names(const TableSchema& schema) {
  std::vector<std::string> names;
  for (const std::uint16_t column : schema.key) names.push_back(schema.columns[column].name);
  return names;
}

bool same_names(std::vector<std::string> a, std::vector<std::string> b) {
  std::ranges::sort(a);
  std::ranges::sort(b);
  return a == b;
}

char letter_of(ReplicaIdentity identity) {
  switch (identity) {
    case ReplicaIdentity::index: return 'i';
    case ReplicaIdentity::full: return 'f';
    case ReplicaIdentity::nothing: return 'n';
    default: return 'd';
  }
}

}  // namespace

CoverageNote note_of(const std::optional<PublicationStanding>& publication, const TableStanding& table) {
  CoverageNote note;
  note.publication = publication ? publication->oid : kNoPublication;
  note.publication_row = publication ? publication->row : 0;
  note.publication_owner = publication ? publication->owner : 0;
  note.paths = table.paths;
  if (table.key) note.key = table.key->numbers;
  // Where the WAL does not name rows by it, nothing fails at the source while it is away: rows may share a key then.
  if (table.key && table.identity == 'f') note.key_constraint = table.key->constraint;
  note.toast = table.toast;
  note.columns_mark = table.columns_mark;
  return note;
}

void note_coverage(postgres::Connection& connection, const SourceNames& names, std::span<MirrorTable> tables,
                   const Wait& wait) {
  std::vector<std::uint32_t> oids;
  for (const MirrorTable& table : tables) oids.push_back(table.schema.id.oid);
  const auto publication = read_publication(connection, names.publication, wait);
  const std::vector<TableStanding> standings = read_standings(connection, names.publication, oids, wait);
  for (std::size_t i = 0; i < tables.size(); ++i) tables[i].coverage = note_of(publication, standings[i]);
}

Coverage::Coverage(const SourceNames& names, std::span<const MirrorTable> tables)
    : publication_(names.publication), shown_("publication " + quote_identifier(names.publication)) {
  for (const MirrorTable& table : tables) {
    tables_.push_back({table.schema, table.coverage});
    oids_.push_back(table.schema.id.oid);
  }
}

void Coverage::look(postgres::Connection& connection, const Wait& wait) {
  const auto publication = read_publication(connection, publication_, wait);
  if (!publication) throw_publication_changed(shown_, "does not exist at the source any more");
  judge(*publication);
  const std::vector<TableStanding> standings = read_standings(connection, publication_, oids_, wait);
  for (std::size_t i = 0; i < tables_.size(); ++i) {
    judge(tables_[i], *publication, standings[i]);
    judge_rewrite(tables_[i], standings[i]);
    judge_key(tables_[i], standings[i], connection.server_version());
    note(tables_[i], *publication, standings[i]);
  }
}

void Coverage::judge(const PublicationStanding& now) const {
  const std::string alter = "ALTER PUBLICATION " + quote_identifier(publication_) + " SET ";
  if (!now.missing.empty()) {
    throw_publication_changed(shown_, "does not publish " + now.missing + " any more",
                              alter + "(publish = 'insert, update, delete, truncate')");
  }
  if (now.generated_columns) {
    throw_publication_changed(shown_, "publishes generated columns now", alter + "(publish_generated_columns = none)");
  }
}

void Coverage::judge(const Table& table, const PublicationStanding& publication, const TableStanding& now) const {
  const TableSchema& schema = table.schema;
  const CoverageNote& noted = table.note;
  if (!now.exists) throw_schema_changed(schema, "was dropped at the source, or made again", cure_of(schema));
  if (now.schema != schema.schema || now.name != schema.name) {
    throw_schema_changed(schema, "is now called " + now.schema + "." + now.name + " at the source",
                         "rename it back and RESUME MIRROR; where it goes on under that name, ALTER MIRROR … DROP TABLE, and ADD TABLE");
  }
  if (now.persistence != 'p')
    throw_schema_changed(schema, "is unlogged at the source now: its changes are not in the WAL", cure_of(schema));
  if (noted.publication != 0 && noted.publication != publication.oid)
    throw_publication_changed(shown_, "was dropped at the source and made again");
  if (now.paths.empty()) throw_schema_changed(schema, "was taken out of " + shown_, cure_of(schema));
  if (const std::string wrong = told_otherwise(publication, now); !wrong.empty())
    throw_publication_changed(shown_, wrong + " " + schema.qualified());
  if (now.filtered) {
    throw_schema_changed(schema, "has a row filter or a column list in " + shown_ + " now", cure_of(schema));
  }
  const bool went_on = std::ranges::any_of(
      noted.paths, [&](const std::string& path) { return std::ranges::binary_search(now.paths, path); });
  if (!went_on && (noted.publication != 0 || !noted.paths.empty()))
    throw_schema_changed(schema, "was out of " + shown_ + " for a while", cure_of(schema));
  if (noted.publication != 0 && noted.publication_row != publication.row && noted.publication_owner == publication.owner) {
    throw_publication_changed(shown_, "was altered at the source: it may have published less for a while");
  }
}

/// SET UNLOGGED and SET LOGGED write the table anew with another TOAST table; so do ALTERs of its columns, which leave
/// another mark of these. A table that a publication names cannot be made unlogged.
void Coverage::judge_rewrite(const Table& table, const TableStanding& now) const {
  const bool named = std::ranges::any_of(now.paths, [&](const std::string& path) {
    return path.starts_with("table ") && std::ranges::count(path, ' ') == 1 &&
           std::ranges::find(table.note.paths, path) != table.note.paths.end();
  });
  if (named || table.note.toast == 0 || now.toast == 0 || table.note.toast == now.toast) return;
  if (table.note.columns_mark != now.columns_mark) return;
  throw_schema_changed(table.schema, "was written anew at the source as SET UNLOGGED and SET LOGGED do: what was changed in between is not in the WAL",
                       copy_anew(table.schema) + "; a publication FOR TABLE " + table.schema.qualified() +
                           " keeps it from being made unlogged");
}

void Coverage::judge_key(const Table& table, const TableStanding& now, int server_version) const {
  const TableSchema& schema = table.schema;
  if (const auto broken = broken_identity(now, server_version)) {
    // With FULL rows may have shared a key meanwhile: nothing but a new copy is sure.
    const bool curable = schema.identity != ReplicaIdentity::full && schema.identity != ReplicaIdentity::index;
    throw_schema_changed(schema, broken->what,
                         broken->cure_sql + (curable ? ", then RESUME MIRROR" : "; then " + copy_anew(schema)));
  }
  if (now.identity != letter_of(schema.identity)) {
    throw_schema_changed(schema, "has another replica identity at the source now",
                         copy_anew(schema));
  }
  if (!now.key && schema.keyless()) return;
  if (!now.key) {
    throw_schema_changed(schema, "has no primary key any more at the source",
                         "ALTER TABLE " + quote_identifier(schema.schema) + "." + quote_identifier(schema.name) +
                             " ADD PRIMARY KEY (...); then " + copy_anew(schema));
  }
  const std::vector<std::string> names = key_names(schema);
  if (schema.keyless()) {
    throw_schema_changed(schema, "has a key at the source now: (" + join(now.key->columns, ", ") + "), and had none",
                         copy_anew(schema));
  }
  const bool same = table.note.key.empty() ? same_names(now.key->columns, names) : table.note.key == now.key->numbers;
  if (!same) {
    throw_schema_changed(schema,
                         "has another key at the source now: (" + join(now.key->columns, ", ") + ") in place of (" +
                             join(names, ", ") + ")",
                         copy_anew(schema));
  }
  if (table.note.key_constraint != 0 && now.key->constraint != table.note.key_constraint) {
    throw_schema_changed(schema,
                         "had its primary key dropped and made again, which with REPLICA IDENTITY FULL may have let "
                         "rows of one key in",
                         copy_anew(schema));
  }
}

void Coverage::note(Table& table, const PublicationStanding& publication, const TableStanding& now) {
  CoverageNote note = note_of(publication, now);
  if (note == table.note) return;
  table.note = note;
  noted_.emplace_back(table.schema.id, std::move(note));
}

}  // namespace peerd

#include "postgres/publication.h"

#include "peerd/base/text.h"

namespace peerd {
namespace {

ErrorText unfit(std::string message) {
  ErrorText text;
  text.code = ErrorCode::source_unfit;
  text.message = std::move(message);
  text.field = "publication_name";
  return text;
}

/// By their root's name, which Postgres 12 cannot do: only then is a partitioned table one table. Of others it changes
/// nothing.
constexpr int kViaRootSince = 130000;

std::string create_statement(const SourceNames& names, int version = kViaRootSince) {
  std::string tables;
  // ONLY: descendants of a mapped table are tables of their own.
  for (const MappedTable& table : names.tables)
    tables += (tables.empty() ? "ONLY " : ", ONLY ") + table.source.quoted();
  return "CREATE PUBLICATION " + quote_identifier(names.publication) + " FOR TABLE " + tables +
         " WITH (publish = 'insert, update, delete, truncate'" +
         (version >= kViaRootSince ? ", publish_via_partition_root = true)" : ")");
}

void create(postgres::Connection& connection, const SourceNames& names, const Wait& wait) {
  // One message with two statements is one transaction: there is no publication without its mark.
  connection.run(create_statement(names, connection.server_version()) + "; COMMENT ON PUBLICATION " + quote_identifier(names.publication) + " IS " +
                     quote_literal(names.publication_mark()),
                 wait);
}

}  // namespace

std::optional<Publication> read_publication(postgres::Connection& connection, const SourceNames& names,
                                            const Wait& wait) {
  const auto standing = read_publication(connection, names.publication, wait);
  if (!standing) return std::nullopt;
  Publication publication{*standing, standing->comment == names.publication_mark(), {}, {}, {}};
  const std::vector<TableStanding> tables =
      read_standings(connection, names.publication, oids_of(connection, names.tables, wait), wait);
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const std::string quoted = names.tables[i].source.quoted();
    const std::string otherwise = tables[i].exists ? peerd::told_otherwise(*standing, tables[i]) : "";
    const bool covered = !tables[i].paths.empty();
    if (!covered) publication.uncovered.push_back(quoted);
    if (!otherwise.empty() && (covered || tables[i].kind == 'p')) publication.told_otherwise.push_back(otherwise + " " + quoted);
    if (tables[i].filtered) publication.filtered.push_back(quoted);
  }
  return publication;
}

Problem absent(const SourceNames& names) {
  ErrorText text = unfit("publication " + quote_identifier(names.publication) + " does not exist at the source");
  text.hint = "make it, or leave publication_name out: the mirror then makes one of its own";
  return {text, create_statement(names)};
}

Problems judge(const Publication& publication, const SourceNames& names) {
  Problems problems;
  const std::string name = quote_identifier(names.publication);
  const std::string quoted = "publication " + name;
  if (!publication.standing.missing.empty()) {
    problems.push_back({unfit(quoted + " does not publish all of insert, update, delete and truncate: not " + publication.standing.missing),
                        "ALTER PUBLICATION " + name + " SET (publish = 'insert, update, delete, truncate')"});
  }
  for (const std::string& otherwise : publication.told_otherwise) {
    Problem problem{unfit(quoted + " " + otherwise), "ALTER PUBLICATION " + name + " SET (publish_via_partition_root = " +
                                                         (publication.standing.via_root ? "false)" : "true)")};
    if (publication.made_by_us) {
      problem.text.hint = "an earlier peerd made it: the table needs a new mirror, with its own publication";
      problem.cure_sql.clear();
    }
    problems.push_back(std::move(problem));
  }
  if (publication.standing.generated_columns) {
    problems.push_back({unfit(quoted + " publishes generated columns, which is not yet followed"),
                        "ALTER PUBLICATION " + name + " SET (publish_generated_columns = none)"});
  }
  for (const std::string& table : publication.filtered) {
    problems.push_back({unfit(quoted + " filters rows or columns of " + table + ", which is not yet followed"),
                        "ALTER PUBLICATION " + name + " DROP TABLE " + table + "; ALTER PUBLICATION " + name +
                            " ADD TABLE ONLY " + table});
  }
  if (publication.made_by_us) return problems;
  for (const std::string& table : publication.uncovered) {
    ErrorText text = unfit(quoted + " does not publish " + table);
    const postgres::QualifiedName parts = postgres::parse_qualified(table);
    text.table = parts.schema + "." + parts.name;
    problems.push_back({text, "ALTER PUBLICATION " + name + " ADD TABLE ONLY " + table});
  }
  return problems;
}

namespace {

/// Tables of the mirror's own publication that it does not map; quoted. One that was dropped is none of it by itself.
std::vector<std::string> unmapped(postgres::Connection& connection, const SourceNames& names, const Wait& wait) {
  std::string mapped;
  for (const std::uint32_t oid : oids_of(connection, names.tables, wait))
    mapped += (mapped.empty() ? "" : ",") + std::to_string(oid);
  const postgres::Result found = connection.run(
      "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid"
      " JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
      " WHERE p.pubname = $1 AND NOT r.prrelid = ANY ($2::oid[])",
      {{names.publication, "{" + mapped + "}"}}, wait);
  std::vector<std::string> tables;
  for (int row = 0; row < found.rows(); ++row) tables.push_back(found.string(row, 0));
  return tables;
}

/// Of a mirror that is there: one that was dropped or renamed since.
void require_tables(postgres::Connection& connection, const SourceNames& names, const Wait& wait) {
  const std::vector<std::uint32_t> oids = oids_of(connection, names.tables, wait);
  for (std::size_t i = 0; i < oids.size(); ++i) {
    if (oids[i] != 0) continue;
    const std::string table = names.tables[i].source.schema + "." + names.tables[i].source.name;
    throw Error(ErrorText{.code = ErrorCode::not_found,
                          .message = "table " + table + " does not exist at the source: it was dropped or renamed",
                          .detail = {},
                          .hint = "give it its name back and RESUME MIRROR; or take it out of the mirror with ALTER MIRROR … DROP TABLE " +
                                  table + ", and RESUME MIRROR",
                          .field = {},
                          .table = table,
                          .origin = {},
                          .retry = Retry::after_operator});
  }
}

}  // namespace

void ensure_publication(postgres::Connection& connection, const SourceNames& names, const Wait& wait) {
  const std::optional<Publication> publication = read_publication(connection, names, wait);
  if (!publication && !names.own_publication) throw_if_any({absent(names)});
  if (!publication) return create(connection, names, wait);
  throw_if_any(judge(*publication, names));
  require_tables(connection, names, wait);
  for (const std::string& table : publication->uncovered) {
    connection.run("ALTER PUBLICATION " + quote_identifier(names.publication) + " ADD TABLE ONLY " + table, wait);
  }
  if (!publication->made_by_us) return;
  for (const std::string& table : unmapped(connection, names, wait))
    connection.run("ALTER PUBLICATION " + quote_identifier(names.publication) + " DROP TABLE ONLY " + table, wait);
}

void drop_publication(postgres::Connection& connection, const SourceNames& names, const Wait& wait) {
  const std::optional<Publication> publication = read_publication(connection, names, wait);
  if (!publication || !(publication->made_by_us || names.own_publication)) return;
  connection.run("DROP PUBLICATION IF EXISTS " + quote_identifier(names.publication), wait);
}

}  // namespace peerd

#include "postgres/publication.h"

#include "peerd/base/text.h"

namespace peerd {
namespace {

// to_jsonb: columns that a version of Postgres does not have are null instead of an error.
constexpr std::string_view kPublication =
    "SELECT p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate,"
    " coalesce((to_jsonb(p) ->> 'pubviaroot')::boolean, false),"
    " coalesce(to_jsonb(p) ->> 'pubgencols', 'n') NOT IN ('n', 'false'),"
    " coalesce(obj_description(p.oid, 'pg_publication'), '')"
    " FROM pg_publication p WHERE p.pubname = $1";

constexpr std::string_view kCoverage =
    "SELECT EXISTS (SELECT FROM pg_publication_tables t WHERE t.pubname = $1 AND t.schemaname = $2 AND t.tablename = "
    "$3),"
    " EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid"
    "   JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
    "   WHERE p.pubname = $1 AND n.nspname = $2 AND c.relname = $3"
    "   AND (to_jsonb(r) ->> 'prqual' IS NOT NULL OR to_jsonb(r) ->> 'prattrs' IS NOT NULL))";

ErrorText unfit(std::string message) {
  ErrorText text;
  text.code = ErrorCode::source_unfit;
  text.message = std::move(message);
  text.field = "publication_name";
  return text;
}

void create(postgres::Connection& connection, const SourceNames& names, const Wait& wait) {
  std::string tables;
  // ONLY: descendants of a mapped table are tables of their own.
  for (const MappedTable& table : names.tables)
    tables += (tables.empty() ? "ONLY " : ", ONLY ") + table.source.quoted();
  const std::string name = quote_identifier(names.publication);
  // One message with two statements is one transaction: there is no publication without its mark.
  connection.run("CREATE PUBLICATION " + name + " FOR TABLE " + tables +
                     " WITH (publish = 'insert, update, delete, truncate'); COMMENT ON PUBLICATION " + name + " IS " +
                     quote_literal(names.publication_mark()),
                 wait);
}

}  // namespace

std::optional<Publication> read_publication(postgres::Connection& connection, const SourceNames& names,
                                            const Wait& wait) {
  const postgres::Result result = connection.run(kPublication, {{names.publication}}, wait);
  if (result.rows() == 0) return std::nullopt;
  Publication publication;
  publication.all_operations = result.boolean(0, 0);
  publication.via_root = result.boolean(0, 1);
  publication.generated_columns = result.boolean(0, 2);
  publication.made_by_us = result.text(0, 3) == names.publication_mark();
  for (const MappedTable& table : names.tables) {
    const postgres::Result cover =
        connection.run(kCoverage, {{names.publication, table.source.schema, table.source.name}}, wait);
    if (!cover.boolean(0, 0)) publication.uncovered.push_back(table.source.quoted());
    if (cover.boolean(0, 1)) publication.filtered.push_back(table.source.quoted());
  }
  return publication;
}

Problems judge(const Publication& publication, const SourceNames& names) {
  Problems problems;
  const std::string name = quote_identifier(names.publication);
  const std::string quoted = "publication " + name;
  if (!publication.all_operations) {
    problems.push_back({unfit(quoted + " does not publish all of insert, update, delete and truncate"),
                        "ALTER PUBLICATION " + name + " SET (publish = 'insert, update, delete, truncate')"});
  }
  if (publication.via_root) {
    problems.push_back({unfit(quoted + " publishes partitions under their root's name, which is not yet followed"),
                        "ALTER PUBLICATION " + name + " SET (publish_via_partition_root = false)"});
  }
  if (publication.generated_columns) {
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
    problems.push_back(
        {unfit(quoted + " does not publish " + table), "ALTER PUBLICATION " + name + " ADD TABLE ONLY " + table});
  }
  return problems;
}

Coverage read_coverage(postgres::Connection& connection, const std::string& publication, const MirrorTable& table,
                       const Wait& wait) {
  const postgres::Result result = connection.run(
      "SELECT EXISTS (SELECT FROM pg_publication_tables t WHERE t.pubname = $1 AND t.schemaname = n.nspname"
      "   AND t.tablename = c.relname),"
      " coalesce((SELECT r.oid FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid"
      "   WHERE p.pubname = $1 AND r.prrelid = c.oid), 0)"
      " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $2",
      {{publication, std::to_string(table.schema.id.oid)}}, wait);
  if (result.rows() == 0) return {};
  return {true, result.boolean(0, 0), static_cast<std::uint32_t>(result.integer(0, 1))};
}

void ensure_publication(postgres::Connection& connection, const SourceNames& names, const Wait& wait) {
  const std::optional<Publication> publication = read_publication(connection, names, wait);
  if (!publication) return create(connection, names, wait);
  throw_if_any(judge(*publication, names));
  for (const std::string& table : publication->uncovered) {
    connection.run("ALTER PUBLICATION " + quote_identifier(names.publication) + " ADD TABLE ONLY " + table, wait);
  }
}

void drop_publication(postgres::Connection& connection, const SourceNames& names, const Wait& wait) {
  const std::optional<Publication> publication = read_publication(connection, names, wait);
  if (!publication || !(publication->made_by_us || names.own_publication)) return;
  connection.run("DROP PUBLICATION IF EXISTS " + quote_identifier(names.publication), wait);
}

}  // namespace peerd

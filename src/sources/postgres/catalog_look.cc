#include "postgres/catalog_look.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "peerd/base/error.h"
#include "peerd/base/text.h"

namespace peerd {
namespace {

constexpr std::uint32_t kFirstOwnOid = 16384;  ///< Below it are types that nobody alters (FirstNormalObjectId).

// A sequence that was given away and back has another xmin in pg_depend: it may have been away while the table was unlogged.
constexpr std::string_view kColumns =
    "WITH c AS MATERIALIZED (SELECT oid, xmin AS written, coalesce(pg_relation_filenode(oid), 0) AS node,"
    " concat_ws(',', 'file ' || nullif(relfilenode, 0), 'toast ' || nullif(reltoastrelid, 0),"
    "   (SELECT string_agg('published ' || r.oid, ',') FROM pg_publication_rel r WHERE r.prrelid = pg_class.oid),"
    "   CASE WHEN current_setting('server_version_num')::int >= 150000 THEN"
    "     (SELECT string_agg(concat_ws(' ', 'sequence', s.oid, s.relfilenode, d.xmin), ',') FROM pg_depend d"
    "       JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' WHERE d.classid = 'pg_class'::regclass"
    "       AND d.refclassid = 'pg_class'::regclass AND d.refobjid = pg_class.oid AND d.deptype IN ('a', 'i')) END) AS logged"
    " FROM pg_class WHERE oid = ANY ($1::oid[]))"
    " SELECT c.oid, c.node, a.attnum, a.attname, a.atttypid, a.atttypmod,"
    " CASE WHEN a.attisdropped THEN '' ELSE format_type(a.atttypid, a.atttypmod) END, a.attisdropped,"
    " a.attgenerated <> '', a.atthasmissing, CASE WHEN $2 THEN a.attmissingval::text END, a.xmin,"
    " concat_ws(' ', (SELECT d.oid FROM pg_attrdef d WHERE d.adrelid = c.oid AND d.adnum = a.attnum),"
    "   (SELECT string_agg(i.indexrelid::text, ' ') FROM pg_index i WHERE i.indrelid = c.oid"
    "     AND a.attnum = ANY (i.indkey::int2[])),"
    // REINDEX CONCURRENTLY makes an index anew under its constraint.
    "   (SELECT string_agg(k.oid::text, ' ') FROM pg_constraint k WHERE k.conrelid = c.oid"
    "     AND k.contype IN ('p', 'u', 'x') AND a.attnum = ANY (k.conkey))), c.written, c.logged"
    " FROM c JOIN pg_attribute a ON a.attrelid = c.oid WHERE a.attnum > 0 ORDER BY c.oid, a.attnum";

/// What each of the types is made of: through domains, arrays, ranges and composites down to labels and attributes.
/// to_jsonb: Postgres 12 and 13 have no multiranges.
constexpr std::string_view kParts =
    "WITH RECURSIVE made(root, oid) AS (SELECT r, r FROM unnest($1::oid[]) r"
    " UNION SELECT m.root, n.oid FROM made m JOIN pg_type t ON t.oid = m.oid CROSS JOIN LATERAL ("
    "   SELECT t.typbasetype AS oid UNION ALL SELECT t.typelem"
    "   UNION ALL SELECT r.rngsubtype FROM pg_range r"
    "     WHERE r.rngtypid = t.oid OR (to_jsonb(r) ->> 'rngmultitypid')::oid = t.oid"
    "   UNION ALL SELECT a.atttypid FROM pg_attribute a"
    "     WHERE a.attrelid = t.typrelid AND t.typrelid <> 0 AND a.attnum > 0 AND NOT a.attisdropped) n"
    "   WHERE n.oid >= 16384)"
    " SELECT m.root, m.oid AS type, e.oid AS part, true, format_type(m.oid, NULL), e.enumlabel::text"
    " FROM made m JOIN pg_enum e ON e.enumtypid = m.oid"
    " UNION ALL SELECT m.root, m.oid, a.attnum::int::oid, false, format_type(m.oid, NULL),"
    "   quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)"
    " FROM made m JOIN pg_type t ON t.oid = m.oid JOIN pg_attribute a ON a.attrelid = t.typrelid"
    " WHERE t.typrelid <> 0 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY type, part";

/// What rows of before an ADD COLUMN show is noted of each partition that they are in.
constexpr std::string_view kMissingInPartitions =
    "SELECT a.attname, count(*) FILTER (WHERE a.atthasmissing), count(*) FILTER (WHERE NOT a.atthasmissing),"
    " count(DISTINCT a.attmissingval::text), min(a.attmissingval::text)"
    " FROM pg_partition_tree($1::oid::regclass) t JOIN pg_attribute a ON a.attrelid = t.relid AND a.attnum > 0"
    " AND NOT a.attisdropped WHERE t.isleaf GROUP BY a.attname";

template <typename Ids>
std::string oid_list(const Ids& ids) {
  std::string list;
  for (const std::uint32_t id : ids) list += (list.empty() ? "{" : ",") + std::to_string(id);
  return list.empty() ? "{}" : list + "}";
}

std::uint32_t oid_of(const postgres::Result& result, int row, int column) {
  return static_cast<std::uint32_t>(result.integer(row, column));
}

std::vector<std::uint32_t> read_oids(std::string_view text) {
  std::vector<std::uint32_t> oids;
  for (const std::string& word : split(text, ' ')) {
    std::uint32_t oid = 0;
    if (std::from_chars(word.data(), word.data() + word.size(), oid).ec == std::errc()) oids.push_back(oid);
  }
  std::sort(oids.begin(), oids.end());
  return oids;
}

void add_types(postgres::Connection& connection, std::map<std::uint32_t, LookedTable>& tables, const Wait& wait) {
  std::set<std::uint32_t> roots;
  for (const auto& [oid, table] : tables)
    for (const LookedColumn& column : table.columns)
      if (column.type_oid >= kFirstOwnOid) roots.insert(column.type_oid);
  if (roots.empty()) return;
  std::map<std::uint32_t, std::vector<CatalogNotes::TypePart>> parts;
  const postgres::Result result = connection.run_planned(kParts, {{oid_list(roots)}}, wait);
  for (int row = 0; row < result.rows(); ++row) {
    parts[oid_of(result, row, 0)].push_back({oid_of(result, row, 1), oid_of(result, row, 2), result.boolean(row, 3),
                                             result.string(row, 4), result.string(row, 5)});
  }
  for (auto& [oid, table] : tables) {
    for (LookedColumn& column : table.columns) {
      if (const auto found = parts.find(column.type_oid); found != parts.end()) column.mark.types = found->second;
    }
  }
}

void add_missing_in_partitions(postgres::Connection& connection, std::uint32_t oid, LookedTable& table, const Wait& wait) {
  const postgres::Result result = connection.run(kMissingInPartitions, {{std::to_string(oid)}}, wait);
  for (int row = 0; row < result.rows(); ++row) {
    const std::string name = result.string(row, 0);
    const auto column = std::ranges::find_if(table.columns, [&](const LookedColumn& c) { return !c.dropped && c.name == name; });
    if (column == table.columns.end() || result.integer(row, 1) == 0) continue;
    column->missing_differs = result.integer(row, 2) > 0 || result.integer(row, 3) > 1;
    column->has_missing = !column->missing_differs;
    if (column->has_missing && !result.null(row, 4)) column->missing_value = only_element(result.text(row, 4));
  }
}

void add_partitions(postgres::Connection& connection, std::span<const TableId> tables, MissingValues missing,
                    std::map<std::uint32_t, LookedTable>& looked, const Wait& wait) {
  for (auto& [oid, partitions] : read_partitions(connection, tables, wait)) {
    const auto table = looked.find(oid);
    if (table == looked.end()) continue;
    table->second.partitions = std::move(partitions);
    if (missing == MissingValues::yes) add_missing_in_partitions(connection, oid, table->second, wait);
  }
}

}  // namespace

const LookedColumn* LookedTable::find(std::int16_t number) const {
  const auto found = std::ranges::find(columns, number, &LookedColumn::number);
  return found == columns.end() ? nullptr : &*found;
}

const LookedColumn* LookedTable::find(const std::string& name) const {
  const auto found =
      std::ranges::find_if(columns, [&](const LookedColumn& c) { return !c.dropped && c.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

std::map<std::uint32_t, LookedTable> look_at(postgres::Connection& connection, std::span<const TableId> tables,
                                             MissingValues missing, const Wait& wait) {
  std::vector<std::uint32_t> oids;
  for (const TableId& id : tables) oids.push_back(id.oid);
  const postgres::Result result =
      connection.run_planned(kColumns, {{oid_list(oids), missing == MissingValues::yes ? "t" : "f"}}, wait);
  std::map<std::uint32_t, LookedTable> looked;
  for (int row = 0; row < result.rows(); ++row) {
    LookedTable& table = looked[oid_of(result, row, 0)];
    table.file_node = oid_of(result, row, 1);
    table.written_by = oid_of(result, row, 13);
    if (table.columns.empty()) table.logged = split(result.text(row, 14), ',');
    LookedColumn& column = table.columns.emplace_back();
    column.number = static_cast<std::int16_t>(result.integer(row, 2));
    column.name = result.string(row, 3);
    column.type_oid = oid_of(result, row, 4);
    column.type_modifier = static_cast<std::int32_t>(result.integer(row, 5));
    column.type_name = result.string(row, 6);
    column.dropped = result.boolean(row, 7);
    column.generated = result.boolean(row, 8);
    column.has_missing = result.boolean(row, 9);
    if (!result.null(row, 10)) column.missing_value = only_element(result.text(row, 10));
    column.mark.altered = oid_of(result, row, 11);
    column.mark.attached = read_oids(result.text(row, 12));
  }
  add_types(connection, looked, wait);
  add_partitions(connection, tables, missing, looked, wait);
  return looked;
}

std::string only_element(std::string_view array) {
  if (array.size() < 2 || array.front() != '{' || array.back() != '}')
    throw Error(ErrorCode::peer_error, "the source described the value of older rows in a form that is not known");
  array = array.substr(1, array.size() - 2);
  if (!array.starts_with('"')) return std::string(array);
  std::string element;
  for (std::size_t i = 1; i + 1 < array.size(); ++i) {
    if (array[i] == '\\') ++i;
    element += array[i];
  }
  return element;
}

}  // namespace peerd

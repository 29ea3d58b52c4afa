#include "postgres/statements.h"

#include <algorithm>

#include "peerd/base/text.h"

namespace peerd::pgtarget {
namespace {

std::string staged(std::size_t column) { return "s.c" + std::to_string(column); }

/// The source's values count, also in a column that is GENERATED ALWAYS AS IDENTITY.
constexpr const char* kOverriding = " OVERRIDING SYSTEM VALUE ";

std::string action(Action action) { return std::to_string(static_cast<int>(action)); }

std::string is(Action wanted) { return "s.a = " + action(wanted); }

std::string placed() { return "s.a IN (" + action(Action::place) + ", " + action(Action::place_over) + ")"; }

std::string group_is(int group) { return " AND s.m = " + std::to_string(group); }

std::string equals(const std::string& a, const Equality& equal, const std::string& b) {
  return a + equal.op + b + equal.collate;
}

std::string same(const Shape& shape, const std::vector<ComparedColumn>& columns) {
  std::vector<std::string> parts;
  for (const auto& [column, equal] : columns)
    parts.push_back(equals("t." + shape.columns[column], equal, staged(column)));
  return join(parts, " AND ");
}

/// The target's row with the staged row's key.
std::string same_key(const Shape& shape) { return same(shape, shape.key); }

/// A marked row counts as gone (rules.md 27).
std::string live(const Shape& shape) {
  return shape.soft_delete.empty() ? "" : " AND t." + shape.soft_delete + " IS NOT TRUE";
}

std::string take_missing(const Shape& shape, const MissingColumns& missing) {
  std::string set;
  for (std::size_t i = 0; i < missing.size(); ++i) {
    if (missing[i]) set += ", c" + std::to_string(i) + " = t." + shape.columns[i];
  }
  return set;
}

bool in_key(const Shape& shape, std::size_t column) {
  return std::ranges::find(shape.key, column, &ComparedColumn::column) != shape.key.end();
}

bool may_set(const Shape& shape, std::size_t column) {
  return std::ranges::find(shape.always, column) == shape.always.end();
}

std::string own_columns(const Shape& shape) {
  std::string list;
  if (!shape.soft_delete.empty()) list += ", " + shape.soft_delete;
  if (!shape.synced_at.empty()) list += ", " + shape.synced_at;
  return list;
}

std::string own_values(const Shape& shape, const char* deleted) {
  std::string list;
  if (!shape.soft_delete.empty()) list += std::string(", ") + deleted;
  if (!shape.synced_at.empty()) list += ", now()";
  return list;
}

std::string marked(const Shape& shape) {
  return shape.soft_delete + " = true" + (shape.synced_at.empty() ? "" : ", " + shape.synced_at + " = now()");
}

/// The operator's columns, of the table t, or as they are named in the table of what is kept.
std::string extra_of(const Shape& shape, const char* from) {
  std::string list;
  for (std::size_t i = 0; i < shape.extra.size(); ++i) {
    list += ", " + (from[0] == 'k' ? "k.x" + std::to_string(i) : from + shape.extra[i].name + " AS x" + std::to_string(i));
  }
  return list;
}

std::string kept_not(const Shape& shape) {
  return "NOT EXISTS (SELECT FROM " + shape.kept + " k WHERE k.o = s.o)";
}

std::string same_base(const Shape& shape) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < shape.key.size(); ++i)
    parts.push_back(equals("t." + shape.columns[shape.key[i].column], shape.key[i].equal, "s.b" + std::to_string(i)));
  return join(parts, " AND ");
}

std::string absent(const Shape& shape) {
  return "NOT EXISTS (SELECT 1 FROM " + shape.rows + " t WHERE " + same_key(shape) + live(shape) + ")";
}

std::string key_list(const Shape& shape) {
  std::vector<std::string> names;
  for (const ComparedColumn& key : shape.key) names.push_back(shape.columns[key.column]);
  return join(names, ", ");
}

}  // namespace

std::string create_staging(const Shape& shape) {
  std::string list = "o integer, a smallint, m integer";
  for (std::size_t i = 0; i < shape.key.size(); ++i)
    list += ", b" + std::to_string(i) + " " + shape.types[shape.key[i].column];
  for (std::size_t i = 0; i < shape.columns.size(); ++i) list += ", c" + std::to_string(i) + " " + shape.types[i];
  // Not ON COMMIT DELETE ROWS: each commit would truncate the temporary tables of all target tables, one by one.
  std::string sql = drop_staging(shape) + "; CREATE TEMPORARY TABLE " + shape.staging + " (" + list + ")";
  if (shape.extra.empty()) return sql;
  sql += "; CREATE TEMPORARY TABLE " + shape.kept + " AS SELECT 0::integer AS o" +
         extra_of(shape, "t.") + " FROM " + shape.table + " t WITH NO DATA; CREATE UNIQUE INDEX ON " + shape.kept + " (o)";
  return sql;
}

std::string drop_staging(const Shape& shape) {
  return "DROP TABLE IF EXISTS " + shape.staging + (shape.extra.empty() ? "" : ", " + shape.kept);
}

std::string empty_staging(const Shape& shape) {
  return "TRUNCATE " + shape.staging + (shape.extra.empty() ? "" : ", " + shape.kept);
}

std::string clear_staging(const Shape& shape) {
  return "DELETE FROM " + shape.staging + (shape.extra.empty() ? "" : "; DELETE FROM " + shape.kept);
}

std::string copy_rows(const Shape& shape) {
  return "COPY " + shape.table + " (" + join(shape.columns, ", ") + ") FROM STDIN";
}

std::string copy_staging(const Shape& shape) { return "COPY " + shape.staging + " FROM STDIN"; }

std::string fill_from_base(const Shape& shape, int group, const MissingColumns& missing) {
  return "UPDATE " + shape.staging + " s SET m = 0" + take_missing(shape, missing) + " FROM " + shape.rows +
         " t WHERE " + is(Action::place) + group_is(group) + " AND " + same_base(shape) + live(shape);
}

std::string promote_watched(const Shape& shape, int group, const MissingColumns& missing) {
  std::vector<std::string> changed;
  for (const std::uint16_t column : shape.watched) {
    // As text: not every type of an indexed expression's column can be compared.
    if (!missing[column])
      changed.push_back("t." + shape.columns[column] + "::text IS DISTINCT FROM " + staged(column) + "::text");
  }
  if (changed.empty()) changed.emplace_back("false");
  return "UPDATE " + shape.staging + " s SET a = " + action(Action::place) + ", m = 0" + take_missing(shape, missing) +
         " FROM " + shape.rows + " t WHERE " + is(Action::update) + group_is(group) + " AND " + same_key(shape) +
         live(shape) + " AND (" + join(changed, " OR ") + ")";
}

std::string select_unfilled(const Shape& shape) {
  return "SELECT s.o FROM " + shape.staging + " s WHERE " + is(Action::place) + " AND s.m <> 0";
}

std::string discard_unfilled(const Shape& shape) {
  return "UPDATE " + shape.staging + " s SET a = 0 WHERE " + is(Action::place) + " AND s.m <> 0";
}

std::string mark_removed(const Shape& shape) {
  return "UPDATE " + shape.rows + " t SET " + marked(shape) + " FROM " + shape.staging + " s WHERE " +
         is(Action::remove) + " AND " + same_key(shape) + live(shape);
}

std::string insert_tombstones(const Shape& shape) {
  std::vector<std::string> keys;
  for (const ComparedColumn& key : shape.key) keys.push_back(staged(key.column));
  return "INSERT INTO " + shape.table + " (" + key_list(shape) + own_columns(shape) + ")" + kOverriding + "SELECT " +
         join(keys, ", ") +
         own_values(shape, "true") + " FROM " + shape.staging + " s WHERE " + is(Action::remove) +
         " ON CONFLICT (" + key_list(shape) + ") DO NOTHING";
}

std::string delete_removed(const Shape& shape) {
  const std::string which = shape.soft_delete.empty()
                                ? "s.a IN (" + action(Action::remove) + ", " + action(Action::move_away) + ")"
                                : is(Action::move_away);
  return "DELETE FROM " + shape.rows + " t USING " + shape.staging + " s WHERE " + which + " AND " + same_key(shape);
}

std::vector<std::uint16_t> set_by_update(const Shape& shape, const MissingColumns& missing) {
  std::vector<std::uint16_t> columns;
  for (std::uint16_t i = 0; i < shape.columns.size(); ++i) {
    if (!missing[i] && !in_key(shape, i) && may_set(shape, i)) columns.push_back(i);
  }
  return columns;
}

std::string update_in_place(const Shape& shape, int group, const MissingColumns& missing) {
  std::vector<std::string> set;
  for (const std::uint16_t i : set_by_update(shape, missing)) set.push_back(shape.columns[i] + " = " + staged(i));
  if (!shape.synced_at.empty()) set.push_back(shape.synced_at + " = now()");
  if (set.empty()) return "";
  return "UPDATE " + shape.rows + " t SET " + join(set, ", ") + " FROM " + shape.staging + " s WHERE " +
         is(Action::update) + group_is(group) + " AND " + same_key(shape) + live(shape);
}

std::string promote_absent(const Shape& shape) {
  return "UPDATE " + shape.staging + " s SET a = " + action(Action::place) + " WHERE " + is(Action::update) +
         group_is(0) + " AND " + absent(shape);
}

std::string select_absent(const Shape& shape) {
  return "SELECT s.o FROM " + shape.staging + " s WHERE " + is(Action::update) + " AND s.m <> 0 AND " + absent(shape);
}

std::string rows_to_place(const Shape& shape, Action action) {
  std::vector<std::string> values;
  for (std::size_t i = 0; i < shape.columns.size(); ++i) values.push_back(staged(i));
  return "SELECT " + join(values, ", ") + own_values(shape, "false") + " FROM " + shape.staging + " s WHERE " +
         is(action);
}

std::string rows_of(const Shape& shape, const std::string& table) {
  return "SELECT " + join(shape.columns, ", ") + own_values(shape, "false") + " FROM " + table;
}

// Parts and conditions name columns and nothing else: each side is read in a query of its own, where only the table's
// columns are in sight, so that no name of ours can be taken for one of them.
std::string delete_clashing(const Shape& shape, const Clash& clash, const std::string& rows, ClashWith with) {
  std::string parts, names, same;
  for (std::size_t i = 0; i < clash.parts.size(); ++i) {
    const UniqueRule::Part& part = clash.parts[i];
    const std::string name = "e" + std::to_string(i);
    parts += ", (" + part.text + ") " + part.collation;
    names += ", " + name;
    const std::string related = "t." + name + " " + part.relation + " s." + name;
    const bool nulls = clash.nulls_clash && part.nullable;
    same += " AND " + (nulls ? "(" + related + " OR (t." + name + " IS NULL AND s." + name + " IS NULL))" : related);
  }
  const std::string condition = clash.condition.empty() ? "" : " WHERE " + clash.condition;
  const bool marked = with == ClashWith::marked_rows;
  return "DELETE FROM " + shape.rows + " d USING (SELECT tableoid, ctid, " +
         (shape.soft_delete.empty() ? "false" : shape.soft_delete) + parts + " FROM " + shape.rows + condition +
         ") AS t (part, place, marked" + names + "), (SELECT " + parts.substr(2) + " FROM (" + rows + ") AS r (" +
         join(shape.columns, ", ") + own_columns(shape) + ")" + condition + ") AS s (" + names.substr(2) +
         ") WHERE d.tableoid = t.part AND d.ctid = t.place" + (marked ? " AND t.marked" : "") + same;
}

std::string clear_placed(const Shape& shape) {
  return "DELETE FROM " + shape.rows + " t USING " + shape.staging + " s WHERE " + placed() + " AND " +
         same_key(shape);
}

std::string keep_extra_of_base(const Shape& shape) {
  return "INSERT INTO " + shape.kept + " SELECT s.o" + extra_of(shape, "t.") + " FROM " + shape.staging + " s JOIN " +
         shape.rows + " t ON " + same_base(shape) + " WHERE " + placed();
}

// A row that came here from another key takes nothing from whoever stood here, except at or below the horizon, where that
// was itself.
std::string keep_extra_of_key(const Shape& shape) {
  return "INSERT INTO " + shape.kept + " SELECT s.o" + extra_of(shape, "t.") + " FROM " + shape.staging + " s JOIN " +
         shape.rows + " t ON " + same_key(shape) + " WHERE " + placed() + " AND (s.b0 IS NULL OR " +
         is(Action::place_over) + ") AND " + kept_not(shape);
}

namespace {

std::string insert_into(const Shape& shape, bool with_extra) {
  std::string extra_columns;
  for (const ExtraColumn& column : shape.extra) {
    if (with_extra) extra_columns += ", " + column.name;
  }
  // The alias, for a table may be named "excluded", and would be taken for the rows of that name.
  return "INSERT INTO " + shape.table + " AS t (" + join(shape.columns, ", ") + own_columns(shape) + extra_columns +
         ")" + kOverriding;
}

std::string over_its_key(const Shape& shape, bool with_extra) {
  std::vector<std::string> set;
  for (std::size_t i = 0; i < shape.columns.size(); ++i) {
    // Key columns too: what is equal may be spelled otherwise (citext, numeric, a collation that ignores case).
    if (may_set(shape, i)) set.push_back(shape.columns[i] + " = excluded." + shape.columns[i]);
  }
  if (!shape.soft_delete.empty()) set.push_back(shape.soft_delete + " = false");
  if (!shape.synced_at.empty()) set.push_back(shape.synced_at + " = now()");
  for (const ExtraColumn& column : shape.extra) {
    if (with_extra && !column.insert_only) set.push_back(column.name + " = excluded." + column.name);
  }
  return " ON CONFLICT (" + key_list(shape) + ") DO " +
         (set.empty() ? "NOTHING" : "UPDATE SET " + join(set, ", "));
}

std::string insert_rows(const Shape& shape, bool with_extra) {
  std::vector<std::string> values;
  for (std::size_t i = 0; i < shape.columns.size(); ++i) values.push_back(staged(i));
  std::string sql = insert_into(shape, with_extra) + "SELECT " + join(values, ", ") + own_values(shape, "false") +
                    (with_extra ? extra_of(shape, "k.") : "") + " FROM " + shape.staging + " s" +
                    (with_extra ? " JOIN " + shape.kept + " k ON k.o = s.o" : "") + " WHERE " + placed();
  if (!shape.extra.empty() && !with_extra) sql += " AND " + kept_not(shape);
  if (shape.other_unique) return sql;  // clear_placed() made room.
  return sql + over_its_key(shape, with_extra);
}

std::string parameter(std::size_t number) { return "$" + std::to_string(number); }

/// The target's row whose key is the parameters from `first` on.
std::string key_is_given(const Shape& shape, std::size_t first) {
  std::vector<std::string> parts;
  for (const auto& [column, equal] : shape.key)
    parts.push_back(equals("t." + shape.columns[column], equal, parameter(first++)));
  return join(parts, " AND ");
}

}  // namespace

std::string insert_row(const Shape& shape) {
  std::vector<std::string> values;
  for (std::size_t i = 0; i < shape.columns.size(); ++i) values.push_back(parameter(i + 1));
  return insert_into(shape, false) + "VALUES (" + join(values, ", ") + own_values(shape, "false") + ")" +
         over_its_key(shape, false);
}

std::string update_row(const Shape& shape, const MissingColumns& missing) {
  std::vector<std::string> set;
  for (const std::uint16_t i : set_by_update(shape, missing))
    set.push_back(shape.columns[i] + " = " + parameter(set.size() + 1));
  const std::size_t first_of_key = set.size() + 1;
  if (!shape.synced_at.empty()) set.push_back(shape.synced_at + " = now()");
  if (set.empty()) return "";
  return "UPDATE " + shape.rows + " t SET " + join(set, ", ") + " WHERE " + key_is_given(shape, first_of_key) +
         live(shape);
}

std::string remove_row(const Shape& shape) {
  if (shape.soft_delete.empty()) return "DELETE FROM " + shape.rows + " t WHERE " + key_is_given(shape, 1);
  return "UPDATE " + shape.rows + " t SET " + marked(shape) + " WHERE " + key_is_given(shape, 1) + live(shape);
}

std::string must_find(const std::string& statement) {
  return "WITH found AS (" + statement + " RETURNING 1) SELECT 1 / count(*) FROM found";
}

std::string insert_placed_with_extra(const Shape& shape) { return insert_rows(shape, true); }
std::string insert_placed(const Shape& shape) { return insert_rows(shape, false); }

std::string mark_all(const Shape& shape) {
  return "UPDATE " + shape.rows + " t SET " + marked(shape) + " WHERE t." + shape.soft_delete +
         " IS NOT TRUE";
}

std::string delete_duplicates(const std::string& rows, const std::vector<std::string>& key) {
  // Each partition counts its own ctids.
  return "DELETE FROM " + rows +
         " WHERE (tableoid, ctid) IN (SELECT c.part, c.place FROM (SELECT tableoid, ctid, row_number() OVER (PARTITION BY " +
         join(key, ", ") + ") FROM " + rows + ") AS c (part, place, copy) WHERE c.copy > 1)";
}

namespace {

std::string whole_is(std::initializer_list<Whole> wanted) {
  std::string list;
  for (const Whole one : wanted) list += (list.empty() ? "" : ", ") + std::to_string(static_cast<int>(one));
  return "s.a IN (" + list + ")";
}

std::string sought(const Shape& shape) { return " FROM " + shape.staging + " s WHERE " + whole_is({Whole::goes, Whole::was}); }

/// All of a row as one text: other texts of its columns make another.
template <typename Name>
std::string image(const Shape& shape, Name name) {
  std::string list;
  for (std::size_t i = 0; i < shape.columns.size(); ++i) list += (i == 0 ? "" : ", ") + name(i);
  return "ROW(" + list + ")::text COLLATE \"C\"";
}
std::string staged_image(const Shape& shape) { return image(shape, staged); }

std::string candidates(const Shape& shape, const std::string& where) {
  const std::string row = image(shape, [&](std::size_t i) { return "t." + shape.columns[i]; });
  return "SELECT t.tableoid AS p, t.ctid AS t, " + row + " AS i FROM " + shape.rows + " t WHERE " + where + live(shape);
}

}  // namespace

std::string create_whole_staging(const Shape& shape) {
  std::string list = "o integer, a smallint, p oid, t tid";
  for (std::size_t i = 0; i < shape.columns.size(); ++i) list += ", c" + std::to_string(i) + " " + shape.types[i];
  return "DROP TABLE IF EXISTS " + shape.staging + "; CREATE TEMPORARY TABLE " + shape.staging + " (" + list + ")";
}

std::string copy_whole_staging(const Shape& shape) {
  std::string list = "o, a";
  for (std::size_t i = 0; i < shape.columns.size(); ++i) list += ", c" + std::to_string(i);
  return "COPY " + shape.staging + " (" + list + ") FROM STDIN";
}

// Two reads where there is a column to lead: NULL equals nothing, and a join on equality is what can be quick.
std::string find_whole(const Shape& shape, int lead) {
  std::string rows = candidates(shape, "true");
  if (lead >= 0) {
    const auto column = static_cast<std::size_t>(lead);
    const std::string there = "t." + shape.columns[column], here = staged(column);
    rows = candidates(shape, there + " IN (SELECT " + here + sought(shape) + " AND " + here + " IS NOT NULL)") + " UNION ALL " +
           candidates(shape, there + " IS NULL AND EXISTS (SELECT" + sought(shape) + " AND " + here + " IS NULL)");
  }
  const std::string numbered = "row_number() OVER (PARTITION BY i) AS n FROM (";
  return "UPDATE " + shape.staging + " s SET p = m.p, t = m.t FROM (SELECT w.o, h.p, h.t FROM (SELECT o, i, " + numbered +
         "SELECT s.o, " + staged_image(shape) + " AS i" + sought(shape) + ") x) w JOIN (SELECT p, t, i, " + numbered + rows +
         ") y WHERE i IN (SELECT " + staged_image(shape) + sought(shape) + ")) h ON h.i = w.i AND h.n = w.n) m WHERE s.o = m.o AND " +
         whole_is({Whole::goes, Whole::was});
}

std::string remove_whole(const Shape& shape, bool changed_too) {
  return "DELETE FROM " + shape.rows + " t USING " + shape.staging + " s WHERE " +
         (changed_too ? shape.soft_delete.empty() ? whole_is({Whole::goes, Whole::was}) : whole_is({Whole::was}) : whole_is({Whole::goes})) +
         " AND t.tableoid = s.p AND t.ctid = s.t";
}

std::string mark_whole(const Shape& shape) {
  return "UPDATE " + shape.rows + " t SET " + marked(shape) + " FROM " + shape.staging + " s WHERE " + whole_is({Whole::goes}) +
         " AND t.tableoid = s.p AND t.ctid = s.t";
}

std::string update_whole(const Shape& shape) {
  std::vector<std::string> set;
  for (std::size_t i = 0; i < shape.columns.size(); ++i) set.push_back(shape.columns[i] + " = " + staged(i));
  if (!shape.synced_at.empty()) set.push_back(shape.synced_at + " = now()");
  return "UPDATE " + shape.rows + " t SET " + join(set, ", ") + " FROM " + shape.staging + " b JOIN " + shape.staging +
         " s ON s.o = b.o AND " + whole_is({Whole::is}) + " WHERE b.a = " + std::to_string(static_cast<int>(Whole::was)) +
         " AND t.tableoid = b.p AND t.ctid = b.t";
}

std::string insert_whole(const Shape& shape, bool changed_too) {
  std::vector<std::string> values;
  for (std::size_t i = 0; i < shape.columns.size(); ++i) values.push_back(staged(i));
  return insert_into(shape, false) + "SELECT " + join(values, ", ") + own_values(shape, "false") + " FROM " + shape.staging +
         " s WHERE " + (changed_too ? whole_is({Whole::comes, Whole::is}) : whole_is({Whole::comes}));
}

// int8, int2, int4, text, char(n), varchar, date, timestamp, timestamptz, numeric, uuid: what has an index first, then what has
// most values.
std::string select_leads() {
  return "SELECT quote_ident(a.attname) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
         " LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname AND NOT s.inherited"
         " WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped"
         " AND a.atttypid IN (20, 21, 23, 25, 1042, 1043, 1082, 1114, 1184, 1700, 2950)"
         " ORDER BY EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indkey[0] = a.attnum AND i.indisvalid"
         " AND i.indpred IS NULL) DESC,"
         " CASE WHEN s.n_distinct < 0 THEN 1e9 * -s.n_distinct ELSE s.n_distinct END DESC NULLS LAST, a.attnum";
}

}  // namespace peerd::pgtarget

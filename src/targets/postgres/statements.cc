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
  return "CREATE TEMPORARY TABLE " + shape.staging + " (" + list + ") ON COMMIT DELETE ROWS";
}

std::string copy_rows(const Shape& shape) {
  return "COPY " + shape.table + " (" + join(shape.columns, ", ") + ") FROM STDIN";
}

std::string copy_staging(const Shape& shape) { return "COPY " + shape.staging + " FROM STDIN"; }

std::string fill_from_base(const Shape& shape, int group, const MissingColumns& missing) {
  std::vector<std::string> same_base;
  for (std::size_t i = 0; i < shape.key.size(); ++i) {
    const auto& [column, equal] = shape.key[i];
    same_base.push_back(equals("t." + shape.columns[column], equal, "s.b" + std::to_string(i)));
  }
  return "UPDATE " + shape.staging + " s SET m = 0" + take_missing(shape, missing) + " FROM " + shape.rows +
         " t WHERE " + is(Action::place) + group_is(group) + " AND " + join(same_base, " AND ") + live(shape);
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
  return "UPDATE " + shape.rows + " t SET " + shape.soft_delete + " = true" +
         (shape.synced_at.empty() ? "" : ", " + shape.synced_at + " = now()") + " FROM " + shape.staging + " s WHERE " +
         is(Action::remove) + " AND " + same_key(shape) + live(shape);
}

std::string insert_tombstones(const Shape& shape) {
  std::vector<std::string> keys;
  for (const ComparedColumn& key : shape.key) keys.push_back(staged(key.column));
  return "INSERT INTO " + shape.table + " (" + key_list(shape) + own_columns(shape) + ")" + kOverriding + "SELECT " +
         join(keys, ", ") +
         own_values(shape, "true") + " FROM " + shape.staging + " s WHERE " + is(Action::remove) +
         " ON CONFLICT DO NOTHING";
}

std::string delete_removed(const Shape& shape) {
  const std::string which = shape.soft_delete.empty()
                                ? "s.a IN (" + action(Action::remove) + ", " + action(Action::move_away) + ")"
                                : is(Action::move_away);
  return "DELETE FROM " + shape.rows + " t USING " + shape.staging + " s WHERE " + which + " AND " + same_key(shape);
}

std::string update_in_place(const Shape& shape, int group, const MissingColumns& missing) {
  std::vector<std::string> set;
  for (std::size_t i = 0; i < shape.columns.size(); ++i) {
    if (!missing[i] && !in_key(shape, i) && may_set(shape, i)) set.push_back(shape.columns[i] + " = " + staged(i));
  }
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

std::string delete_clashing(const Shape& shape, const std::vector<ComparedColumn>& unique) {
  std::string which = is(Action::place_over);
  if (!shape.soft_delete.empty())
    which = "(" + which + " OR (" + is(Action::place) + " AND t." + shape.soft_delete + "))";
  return "DELETE FROM " + shape.rows + " t USING " + shape.staging + " s WHERE " + which + " AND " +
         same(shape, unique) + " AND NOT (" + same_key(shape) + ")";
}

std::string clear_placed(const Shape& shape) {
  return "DELETE FROM " + shape.rows + " t USING " + shape.staging + " s WHERE " + placed() + " AND " +
         same_key(shape);
}

std::string insert_placed(const Shape& shape) {
  std::vector<std::string> values, set;
  for (std::size_t i = 0; i < shape.columns.size(); ++i) {
    values.push_back(staged(i));
    // Key columns too: what is equal may be spelled otherwise (citext, numeric, a collation that ignores case).
    if (may_set(shape, i)) set.push_back(shape.columns[i] + " = excluded." + shape.columns[i]);
  }
  if (!shape.soft_delete.empty()) set.push_back(shape.soft_delete + " = false");
  if (!shape.synced_at.empty()) set.push_back(shape.synced_at + " = now()");
  // The alias, for a table may be named "excluded", and would be taken for the rows of that name.
  std::string sql = "INSERT INTO " + shape.table + " AS t (" + join(shape.columns, ", ") + own_columns(shape) + ")" +
                    kOverriding + "SELECT " + join(values, ", ") + own_values(shape, "false") + " FROM " +
                    shape.staging + " s WHERE " + placed();
  if (shape.other_unique) return sql;  // clear_placed() made room.
  sql += " ON CONFLICT (" + key_list(shape) + ") DO ";
  return sql + (set.empty() ? "NOTHING" : "UPDATE SET " + join(set, ", "));
}

std::string mark_all(const Shape& shape) {
  return "UPDATE " + shape.rows + " t SET " + shape.soft_delete + " = true" +
         (shape.synced_at.empty() ? "" : ", " + shape.synced_at + " = now()") + " WHERE t." + shape.soft_delete +
         " IS NOT TRUE";
}

std::string delete_duplicates(const std::string& table, const std::vector<std::string>& key) {
  return "DELETE FROM " + table + " WHERE ctid IN (SELECT ctid FROM (SELECT ctid, row_number() OVER (PARTITION BY " +
         join(key, ", ") + ") AS copy FROM " + table + ") AS copies WHERE copy > 1)";
}

}  // namespace peerd::pgtarget

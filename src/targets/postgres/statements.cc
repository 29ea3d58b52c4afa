#include "postgres/statements.h"

#include <algorithm>

#include "peerd/base/text.h"

namespace peerd::pgtarget {
namespace {

std::string staged(std::size_t column) { return "s.c" + std::to_string(column); }

std::string action(Action action) { return std::to_string(static_cast<int>(action)); }

std::string is(Action wanted) { return "s.a = " + action(wanted); }

std::string placed() { return "s.a IN (" + action(Action::place) + ", " + action(Action::place_over) + ")"; }

std::string group_is(int group) { return " AND s.m = " + std::to_string(group); }

/// The target's row with the staged row's key.
std::string same_key(const Shape& shape) {
  std::vector<std::string> parts;
  for (const std::uint16_t column : shape.key) parts.push_back("t." + shape.columns[column] + " = " + staged(column));
  return join(parts, " AND ");
}

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

bool in_key(const Shape& shape, std::size_t column) { return std::ranges::find(shape.key, column) != shape.key.end(); }

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
  return "NOT EXISTS (SELECT 1 FROM " + shape.table + " t WHERE " + same_key(shape) + live(shape) + ")";
}

std::string key_list(const Shape& shape) {
  std::vector<std::string> names;
  for (const std::uint16_t column : shape.key) names.push_back(shape.columns[column]);
  return join(names, ", ");
}

}  // namespace

std::string create_staging(const Shape& shape) {
  std::string list = "0::integer AS o, 0::smallint AS a, 0::integer AS m";
  for (std::size_t i = 0; i < shape.key.size(); ++i)
    list += ", t." + shape.columns[shape.key[i]] + " AS b" + std::to_string(i);
  for (std::size_t i = 0; i < shape.columns.size(); ++i)
    list += ", t." + shape.columns[i] + " AS c" + std::to_string(i);
  return "CREATE TEMPORARY TABLE " + shape.staging + " ON COMMIT DELETE ROWS AS SELECT " + list + " FROM " +
         shape.table + " t WITH NO DATA";
}

std::string copy_rows(const Shape& shape) {
  return "COPY " + shape.table + " (" + join(shape.columns, ", ") + ") FROM STDIN";
}

std::string copy_staging(const Shape& shape) { return "COPY " + shape.staging + " FROM STDIN"; }

std::string fill_from_base(const Shape& shape, int group, const MissingColumns& missing) {
  std::vector<std::string> same_base;
  for (std::size_t i = 0; i < shape.key.size(); ++i) {
    same_base.push_back("t." + shape.columns[shape.key[i]] + " = s.b" + std::to_string(i));
  }
  return "UPDATE " + shape.staging + " s SET m = 0" + take_missing(shape, missing) + " FROM " + shape.table +
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
         " FROM " + shape.table + " t WHERE " + is(Action::update) + group_is(group) + " AND " + same_key(shape) +
         live(shape) + " AND (" + join(changed, " OR ") + ")";
}

std::string select_unfilled(const Shape& shape) {
  return "SELECT s.o FROM " + shape.staging + " s WHERE " + is(Action::place) + " AND s.m <> 0";
}

std::string discard_unfilled(const Shape& shape) {
  return "UPDATE " + shape.staging + " s SET a = 0 WHERE " + is(Action::place) + " AND s.m <> 0";
}

std::string mark_removed(const Shape& shape) {
  return "UPDATE " + shape.table + " t SET " + shape.soft_delete + " = true" +
         (shape.synced_at.empty() ? "" : ", " + shape.synced_at + " = now()") + " FROM " + shape.staging + " s WHERE " +
         is(Action::remove) + " AND " + same_key(shape) + live(shape);
}

std::string insert_tombstones(const Shape& shape) {
  std::vector<std::string> keys;
  for (const std::uint16_t column : shape.key) keys.push_back(staged(column));
  return "INSERT INTO " + shape.table + " (" + key_list(shape) + own_columns(shape) + ") SELECT " + join(keys, ", ") +
         own_values(shape, "true") + " FROM " + shape.staging + " s WHERE " + is(Action::remove) +
         " ON CONFLICT DO NOTHING";
}

std::string delete_removed(const Shape& shape) {
  const std::string which = shape.soft_delete.empty()
                                ? "s.a IN (" + action(Action::remove) + ", " + action(Action::move_away) + ")"
                                : is(Action::move_away);
  return "DELETE FROM " + shape.table + " t USING " + shape.staging + " s WHERE " + which + " AND " + same_key(shape);
}

std::string update_in_place(const Shape& shape, int group, const MissingColumns& missing) {
  std::vector<std::string> set;
  for (std::size_t i = 0; i < shape.columns.size(); ++i) {
    if (!missing[i] && !in_key(shape, i)) set.push_back(shape.columns[i] + " = " + staged(i));
  }
  if (!shape.synced_at.empty()) set.push_back(shape.synced_at + " = now()");
  // Nothing to set (a table of key columns only): the row is touched all the same, so that its absence shows.
  if (set.empty()) set.push_back(shape.columns[shape.key[0]] + " = " + staged(shape.key[0]));
  return "UPDATE " + shape.table + " t SET " + join(set, ", ") + " FROM " + shape.staging + " s WHERE " +
         is(Action::update) + group_is(group) + " AND " + same_key(shape) + live(shape);
}

std::string promote_absent(const Shape& shape) {
  return "UPDATE " + shape.staging + " s SET a = " + action(Action::place) + " WHERE " + is(Action::update) +
         group_is(0) + " AND " + absent(shape);
}

std::string select_absent(const Shape& shape) {
  return "SELECT s.o FROM " + shape.staging + " s WHERE " + is(Action::update) + " AND s.m <> 0 AND " + absent(shape);
}

std::string delete_clashing(const Shape& shape, const std::vector<std::uint16_t>& unique) {
  std::vector<std::string> same;
  for (const std::uint16_t column : unique) same.push_back("t." + shape.columns[column] + " = " + staged(column));
  std::string which = is(Action::place_over);
  if (!shape.soft_delete.empty())
    which = "(" + which + " OR (" + is(Action::place) + " AND t." + shape.soft_delete + "))";
  return "DELETE FROM " + shape.table + " t USING " + shape.staging + " s WHERE " + which + " AND " +
         join(same, " AND ") + " AND NOT (" + same_key(shape) + ")";
}

std::string clear_placed(const Shape& shape) {
  return "DELETE FROM " + shape.table + " t USING " + shape.staging + " s WHERE " + placed() + " AND " +
         same_key(shape);
}

std::string insert_placed(const Shape& shape) {
  std::vector<std::string> values, set;
  for (std::size_t i = 0; i < shape.columns.size(); ++i) {
    values.push_back(staged(i));
    if (!in_key(shape, i)) set.push_back(shape.columns[i] + " = excluded." + shape.columns[i]);
  }
  if (!shape.soft_delete.empty()) set.push_back(shape.soft_delete + " = false");
  if (!shape.synced_at.empty()) set.push_back(shape.synced_at + " = now()");
  std::string sql = "INSERT INTO " + shape.table + " (" + join(shape.columns, ", ") + own_columns(shape) + ") SELECT " +
                    join(values, ", ") + own_values(shape, "false") + " FROM " + shape.staging + " s WHERE " + placed();
  if (shape.other_unique) return sql;  // clear_placed() made room.
  sql += " ON CONFLICT (" + key_list(shape) + ") DO ";
  return sql + (set.empty() ? "NOTHING" : "UPDATE SET " + join(set, ", "));
}

std::string remove_all(const Shape& shape) {
  if (shape.soft_delete.empty()) return "TRUNCATE " + shape.table;
  return "UPDATE " + shape.table + " t SET " + shape.soft_delete + " = true" +
         (shape.synced_at.empty() ? "" : ", " + shape.synced_at + " = now()") + " WHERE t." + shape.soft_delete +
         " IS NOT TRUE";
}

std::string delete_duplicates(const std::string& table, const std::vector<std::string>& key) {
  return "DELETE FROM " + table + " WHERE ctid IN (SELECT ctid FROM (SELECT ctid, row_number() OVER (PARTITION BY " +
         join(key, ", ") + ") AS copy FROM " + table + ") AS copies WHERE copy > 1)";
}

}  // namespace peerd::pgtarget

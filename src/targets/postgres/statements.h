#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "peerd/changes/table.h"
#include "postgres/unique.h"

namespace peerd::pgtarget {

/// What an index takes for equal: `a<op>b<collate>`.
struct Equality {
  std::string op, collate;
};
struct ComparedColumn {
  std::uint16_t column = 0;  ///< Of the source's schema.
  Equality equal;
};
/// A column that the operator keeps for himself.
struct ExtraColumn {
  std::string name;
  bool insert_only = false;  ///< GENERATED ALWAYS AS IDENTITY.
};

/// What the statements over one target table need to know of it. Names are quoted.
struct Shape {
  std::string table;                 ///< Schema-qualified: where rows are put in.
  std::string rows;                  ///< The same where rows are read, changed and removed: never those of heirs.
  std::string staging;               ///< The session's temporary table that takes a batch's outcomes.
  std::vector<std::string> columns;  ///< By column of the source's schema.
  std::vector<std::string> types;    ///< By column: those of the staging table, without domains, which might refuse the
                                     ///< NULL that stands for a value that was not sent.
  std::vector<ComparedColumn> key;
  std::vector<std::uint16_t> always;               ///< GENERATED ALWAYS AS IDENTITY: set by INSERT alone.
  std::string soft_delete, synced_at;              ///< "" = none.
  std::vector<ExtraColumn> extra;                  ///< Which no statement of ours may reset.
  std::string kept;                                ///< The temporary table that holds them while their rows move.
  std::vector<Clash> clashes;                      ///< What keeps rows of different keys apart.
  std::vector<std::uint16_t> watched;  ///< Columns that those read: a row that changes one is deleted and inserted.
  bool other_unique = false;  ///< There is such a rule, or a column that UPDATE may not set: rows are deleted and inserted.
  bool tombstones = false;    ///< Soft deletes, and only key columns are NOT NULL: a deleted key leaves a marked row
                              ///< even when the target never had the row.
};

/// One flag per column: true = the value was not sent (unchanged TOAST).
using MissingColumns = std::vector<bool>;

/// What is to be done with a staged row. The values stand in the staging table.
enum class Action : std::uint8_t {
  none = 0,
  remove = 1,     ///< The row was deleted: marked with soft delete, else removed.
  move_away = 2,  ///< Its row left for another key: removed always.
  update = 3,     ///< In place; the columns of its group are left alone.
  place = 4,      ///< Stands under its key in this form, whatever stood there before.
  place_over =
      5,  ///< The same at or below the horizon: what clashes with it is a row from the future and goes (rules.md 25).
};

// The staging table: o = index of the outcome, a = Action, m = group of missing columns (0 = none), b<i> = key under
// which the row stood before (where values are to be taken from there), c<i> = column i.

// Beside it, where the operator has columns of his own, the table of what is kept: o, and x<i> = extra column i.

/// In place of one of that name.
std::string create_staging(const Shape& shape);
std::string drop_staging(const Shape& shape);
std::string empty_staging(const Shape& shape);  ///< At once; new files, and their rows in the target's catalog.
std::string clear_staging(const Shape& shape);  ///< Row by row.
std::string copy_rows(const Shape& shape);     ///< COPY of source columns straight into the table; text form.
std::string copy_staging(const Shape& shape);  ///< COPY into the staging table.

/// Rows of `place` in the group take their missing columns from where the row stood; their group becomes 0 (rules.md
/// 26).
std::string fill_from_base(const Shape& shape, int group, const MissingColumns& missing);
/// Rows of `update` in the group that change a watched column become `place`, their missing columns filled.
/// REQUIRES: shape.clashes.
std::string promote_watched(const Shape& shape, int group, const MissingColumns& missing);
std::string select_unfilled(const Shape& shape);   ///< o of `place` rows whose group is not 0 yet.
std::string discard_unfilled(const Shape& shape);  ///< They become `none`.

std::string mark_removed(const Shape& shape);  ///< Soft delete only.
std::string insert_tombstones(const Shape& shape);
std::string delete_removed(const Shape& shape);  ///< `move_away`, and `remove` where deletes are hard.

/// "" where no column can be set: of such a row only its absence counts.
std::string update_in_place(const Shape& shape, int group, const MissingColumns& missing);
std::string promote_absent(const Shape& shape);  ///< `update` rows of group 0 that stand nowhere become `place`.
std::string select_absent(const Shape& shape);   ///< o of `update` rows of other groups that stand nowhere.

/// The staged rows of one action as rows of the target table: its columns, then peerd's own of a live row.
std::string rows_to_place(const Shape& shape, Action action);
/// The same of a table that has the source's columns by name.
std::string rows_of(const Shape& shape, const std::string& table);
enum class ClashWith : std::uint8_t { any_row, marked_rows };
/// Removes standing rows that clash with one of `rows`: any, or marked ones only.
std::string delete_clashing(const Shape& shape, const Clash& clash, const std::string& rows, ClashWith with);
/// What the operator's columns hold of rows to be placed: under the key that the row had before; else under its own.
/// REQUIRES: shape.extra.
std::string keep_extra_of_base(const Shape& shape);
std::string keep_extra_of_key(const Shape& shape);

std::string clear_placed(const Shape& shape);  ///< Where other unique indexes forbid to write over a row.
std::string insert_placed_with_extra(const Shape& shape);  ///< Those of which something is kept.
std::string insert_placed(const Shape& shape);             ///< All others.

std::string mark_all(const Shape& shape);  ///< TRUNCATE with soft delete.

// One row a statement. Parameters have no casts: they take the types of the columns beside them, as assignments do, and
// never a typmod that would cut them short.

/// What insert_placed() does. Parameters: the columns.
std::string insert_row(const Shape& shape);
/// What update_in_place() does. Parameters: the columns that it sets, then the key. "" where no column can be set.
std::string update_row(const Shape& shape, const MissingColumns& missing);
/// What delete_removed() does, or with soft delete mark_removed(). Parameters: the key.
std::string remove_row(const Shape& shape);
/// The same, and an error (division by zero) where it finds no row: nothing after it in the transaction is then done.
std::string must_find(const std::string& statement);
/// What update_row() takes from a row, in order.
std::vector<std::uint16_t> set_by_update(const Shape& shape, const MissingColumns& missing);

// Of a table without a key (rules.md 41): rows are found by the text of all of their columns, as the target's types
// have it, and each of equal ones once. The staging table then has o = number of the row, a = Whole, c<i> = column i,
// and p and t, where a row that goes or changes was found: its table and place. Two staged rows of one number: as it
// was, and as it is.
enum class Whole : std::uint8_t { goes = 1, comes = 2, was = 3, is = 4 };

std::string create_whole_staging(const Shape& shape);  ///< In place of one of that name.
std::string copy_whole_staging(const Shape& shape);
/// Fills p and t of rows that go or change, as far as there are such rows; each finds another one. `lead`: a column
/// that equal texts make equal, by which most other rows can be left alone; -1 = none.
std::string find_whole(const Shape& shape, int lead);
/// What was found; those that change only where asked.
std::string remove_whole(const Shape& shape, bool changed_too);
std::string mark_whole(const Shape& shape);                      ///< Soft delete: what goes.
std::string update_whole(const Shape& shape);
std::string insert_whole(const Shape& shape, bool changed_too);
/// A column for find_whole(): names in the order of preference. Parameter: the table's OID.
std::string select_leads();

/// All but one row of each key go. `rows` as Standing::rows_of() has them.
std::string delete_duplicates(const std::string& rows, const std::vector<std::string>& key);

}  // namespace peerd::pgtarget

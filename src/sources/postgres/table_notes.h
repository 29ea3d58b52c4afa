#pragma once

#include <functional>

#include "postgres/catalog_look.h"
#include "postgres/relation_shape.h"

// A mirrored table against a later look at the source's catalog. Pure.
namespace peerd {

using Excluded = std::vector<std::string>;  ///< Names of columns that the mapping leaves out.

/// Numbers the table's columns and notes what the WAL will not tell. False, with nothing changed, when the catalog has
/// other columns than the table. Columns that the table does not know yet are left for the stream to announce.
bool take_notes(MirrorTable& table, const Excluded& exclude, const LookedTable& now);

/// What became of a noted table, in words that follow its name; empty while every column is what it was, and the key's
/// have the values that they had. Columns that were added, dropped or renamed, or got another type, are none of it: the
/// stream tells from where on they are.
std::string what_changed(const MirrorTable& table, const LookedTable& now);
/// Why rows may hold other values than the WAL has told, the columns being what they were; empty: they do not.
std::string what_may_differ(const MirrorTable& table, const LookedTable& now);

/// Something shows that the table was logged all the while since its notes, or nothing was noted. Else it may have been
/// unlogged in between, and what was changed then is not in the WAL.
bool surely_logged(const CatalogNotes& notes, const LookedTable& now);

/// The stream has still to announce columns that the catalog has.
bool announces_more(const CatalogNotes& notes, const Excluded& exclude, const LookedTable& now);

/// All rows of the table are to be read once more when the stream has passed `position`.
void read_all_again(CatalogNotes& notes, Lsn position);

struct Said {
  std::string words, hint;  ///< For the operator.
};

// What came and went with partitions, of which the stream tells nothing.
/// Notes which partitions there are. New ones are marked as unread: their rows may be older than their place in the
/// table.
std::vector<Said> take_partitions(MirrorTable& table, const LookedTable& now);
/// Notes the files of those that were there before. `explained`: it is known why the partition has another one.
std::vector<Said> take_files(MirrorTable& table, const LookedTable& now,
                             const std::function<bool(const LookedPartition&)>& explained);
/// Notes the files of those of which it is explained, and says nothing.
void take_explained_files(MirrorTable& table, const LookedTable& now,
                          const std::function<bool(const LookedPartition&)>& explained);
/// A partition that was unlogged for a while, in words that follow the table's name; empty: none shows that it was. A
/// TOAST table is kept by VACUUM FULL, CLUSTER and TRUNCATE.
std::string perhaps_unlogged_partition(const CatalogNotes& notes, const LookedTable& now,
                                       const std::function<bool(const LookedPartition&)>& explained);

enum class Doubt { no, yes };
/// Brings the notes of a table that stands as noted up to date; true when they changed. What a column that the stream
/// has not announced yet hangs on stays as it was noted before that column came, but with a doubt, which is then noted
/// as it is now. `passed`: the stream has come by all that was committed when the catalog was first seen as in `now`,
/// so that columns dropped until then are not announced any more.
bool renew_notes(MirrorTable& table, const Excluded& exclude, const LookedTable& now, bool passed, Doubt doubt);

/// A column that the stream announced and the table does not know.
struct GainedColumn {
  Column column;
  bool older_rows_known = false;  ///< They show its missing_value, or NULL when it has none.
};
/// The catalog's columns that `sent` are, by their numbers. Empty when one was dropped or altered again before the
/// stream came to it, or is older than the notes (a generated column that lost its expression).
std::vector<GainedColumn> gained_columns(const CatalogNotes& notes, const std::vector<Column>& sent, const LookedTable& now);
/// The table has them from now on, the last ones of its columns.
void add_gained(MirrorTable& table, const Excluded& exclude, const std::vector<GainedColumn>& gained,
                const LookedTable& now);

/// Of columns that the mapping leaves out, and that have other names than were noted.
std::vector<Said> excluded_renamed(const MirrorTable& table, const LookedTable& now);
/// The columns of these numbers have other names from now on; the mapping knows them by those of before.
void rename_columns(TableSchema& schema, std::span<const Shape::Renamed> renamed);

/// The column goes on as `to`, of another type: whatever the former one's values are, their text is one of the latter's, and
/// a rewrite of the table alone can have made other values of them.
bool can_follow(const Column& from, const Column& to, const CatalogNotes::Mark* mark);
/// The columns of these numbers have these types from now on.
void retype_columns(TableSchema& schema, std::span<const Column> retyped);

/// The numbers of the columns that the table still has and the catalog has not.
std::vector<std::int16_t> dropped_columns(const TableSchema& schema, const LookedTable& now);

}  // namespace peerd

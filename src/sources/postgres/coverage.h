#pragma once

#include <span>
#include <utility>

#include "postgres/source_names.h"
#include "postgres/standing.h"

namespace peerd {

/// How a table stands now, as it is remembered with it.
CoverageNote note_of(const std::optional<PublicationStanding>& publication, const TableStanding& table);
/// Notes it of each table; for the moment at which they are described.
void note_coverage(postgres::Connection& connection, const SourceNames& names, std::span<MirrorTable> tables,
                   const Wait& wait);

/// Whether the publication sends, and has sent without a gap, every change of a mirror's tables, and whether the key by
/// which the mirror tells their rows apart is still the one (rules.md 4, 7, 36). Compares what the catalog shows now
/// with what was noted of each table when it was described: a gap that opened and closed between two looks leaves other
/// numbers behind. One thread at a time.
///
/// What it cannot tell from a gap stops the mirror too: any ALTER PUBLICATION … SET or RENAME. It can tell, and follows:
/// other tables and schemas added or dropped, comments, and OWNER TO, where nothing else is different.
class Coverage {
 public:
  Coverage(const SourceNames& names, std::span<const MirrorTable> tables);

  /// Throws Error(schema_changed) naming the table or the publication, and the cure. Three queries, however many tables.
  void look(postgres::Connection& connection, const Wait& wait);
  /// What the last look() noted that was not noted before: of a mirror that an earlier version made, or another owner.
  std::vector<std::pair<TableId, CoverageNote>> take_noted() { return std::exchange(noted_, {}); }

 private:
  struct Table {
    TableSchema schema;
    CoverageNote note;
  };
  void judge(const PublicationStanding& now) const;
  void judge(const Table& table, const PublicationStanding& publication, const TableStanding& now) const;
  void judge_rewrite(const Table& table, const TableStanding& now) const;
  void judge_key(const Table& table, const TableStanding& now, int server_version) const;
  void note(Table& table, const PublicationStanding& publication, const TableStanding& now);

  const std::string publication_;  ///< Its name.
  const std::string shown_;        ///< publication "p"
  std::vector<Table> tables_;
  std::vector<std::uint32_t> oids_;
  std::vector<std::pair<TableId, CoverageNote>> noted_;
};

}  // namespace peerd

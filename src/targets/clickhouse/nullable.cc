#include "clickhouse/nullable.h"

namespace peerd::clickhouse {

namespace {

std::string of_column(const TableLayout& layout, std::size_t i) {
  return "column \"" + layout.names[i] + "\" of table " + layout.table;
}

}  // namespace

void refuse_null(const TableLayout& layout, std::size_t i) {
  Error refused(ErrorCode::schema_changed,
                of_column(layout, i) + " holds NULL at the source now, and the mapping says nullable: false",
                "fill it and SET NOT NULL at the source, then RESYNC TABLE " + layout.table +
                    " OF the mirror; or DROP MIRROR and CREATE MIRROR without nullable: false");
  refused.text.table = layout.table;
  refused.text.retry = Retry::after_operator;
  throw refused;
}

void follow_null(Client& client, const MirrorTable& table, const TableLayout& layout, std::size_t i, const Wait& wait) {
  const std::string alter =
      allow_null(read_table(client, table.target_name, wait), layout, i, table.target_name);
  const std::string column = of_column(layout, i);
  if (layout.types[i].never_null) refuse_null(layout, i);
  try {
    client.execute(alter, wait);
  } catch (Error& error) {
    error.text.message = column + " holds NULL at the source now, and its column at the target cannot be altered: " +
                         error.text.message;
    error.text.table = layout.table;
    if (retry_of(error.text) != Retry::later) error.text.hint = "run at the target: " + alter + "; then RESUME MIRROR";
    throw;
  }
  Error followed(ErrorCode::schema_changed, column + " holds NULL at the source now: the target follows",
                 "nothing is to be done: the mirror starts again from its last position");
  followed.text.detail = "altered at the target: " + alter;
  followed.text.table = layout.table;
  followed.text.retry = Retry::later;
  throw followed;
}

}  // namespace peerd::clickhouse

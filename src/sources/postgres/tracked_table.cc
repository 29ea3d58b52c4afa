#include "postgres/tracked_table.h"

#include "peerd/base/text.h"

namespace peerd {

void throw_schema_changed(const TableSchema& schema, const std::string& what, const std::string& hint) {
  ErrorText text;
  text.code = ErrorCode::schema_changed;
  text.table = schema.qualified();
  text.message = "table " + text.table + " " + what;
  text.hint = hint;
  text.retry = Retry::after_operator;
  throw Error(std::move(text));
}

void TrackedTable::changed(const std::string& what, const std::string& hint) const {
  constexpr std::string_view kCure = "DROP MIRROR and CREATE MIRROR copy the table anew";
  throw_schema_changed(table_.schema, what, hint.empty() ? std::string(kCure) : hint + "; or " + std::string(kCure));
}

bool TrackedTable::judge(Lsn commit, Lsn shaped_at) {
  if (!relation_) throw Error(ErrorCode::peer_error, "the source sent a change of a table that it had not announced");
  shape_ = compare(table_.schema, exclude_, *relation_);
  const bool older = commit <= shaped_at;
  if (!shape_.retyped.empty()) {
    changed("has column \"" + shape_.retyped[0] + "\" in another type",
            "exclude the column from the mapping of a new mirror");
  }
  if (!older) {
    if (shape_.renamed) changed("is now called " + relation_->schema + "." + relation_->name);
    if (shape_.identity_changed) changed("has another replica identity or key");
    if (!shape_.absent.empty()) {
      const std::string& name = shape_.absent[0];
      changed("has lost column \"" + name + "\", or it was renamed",
              "exclude the column from the mapping of a new mirror");
    }
    if (!shape_.remodified.empty()) {
      changed("has column \"" + shape_.remodified[0] + "\" in another length or precision");
    }
  } else if (!shape_.key_sent && relation_->identity != 'n') {
    changed("had another replica identity or key");
  }
  // Below shaped_at a column that the table does not have was dropped since; in the transaction at it, and after it, it
  // is new.
  if (!shape_.added.empty() && commit >= shaped_at) return false;
  settled_to_ = older ? shaped_at : Lsn{~0ull};
  if (older && commit < shaped_at && !shape_.added.empty()) settled_to_ = Lsn{shaped_at.value - 1};
  return true;
}

void TrackedTable::widen(const std::vector<Column>& columns) {
  for (const Column& column : columns) table_.schema.columns.push_back(column);
  settled_to_ = std::nullopt;
}

}  // namespace peerd

#include "postgres/errors.h"

#include "peerd/base/text.h"

namespace peerd::pgtarget {

void name_place(Error& error, const Site& site, const std::string& table) {
  if (error.text.origin.empty()) return;  // Not a server's word.
  if (error.text.table.empty()) error.text.table = table;
  const std::string where = "target " + place(site.options);
  if (error.text.hint.find(where) != std::string::npos) return;
  switch (error.text.code) {
    case ErrorCode::disk_full:
      error.text.hint = "free space on the disk of the " + where + "; the mirror goes on by itself";
      break;
    case ErrorCode::no_privilege:
      if (error.text.hint.empty()) {
        error.text.hint = "grant it to " + quote_identifier(site.options.user) + " at the " + where +
                          ", or make that role the table's owner";
      }
      break;
    default:
      error.text.hint += (error.text.hint.empty() ? "at the " : "; at the ") + where;
  }
}

}  // namespace peerd::pgtarget

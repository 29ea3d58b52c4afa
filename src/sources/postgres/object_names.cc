#include "postgres/object_names.h"

#include "peerd/base/text.h"

namespace peerd {

std::map<std::uint32_t, std::string> told_by_name(postgres::Connection& connection, std::span<const MirrorTable> tables,
                                                  const Wait& wait) {
  constexpr std::string_view kTypes =
      "{regclass,regtype,regproc,regprocedure,regoper,regoperator,regrole,regnamespace,regcollation,regconfig,regdictionary,"
      "regdatabase,aclitem}";
  std::vector<const TableSchema*> schemas;
  for (const MirrorTable& table : tables) schemas.push_back(&table.schema);
  std::map<std::uint32_t, std::string> said;
  for (const MadeOf& found : columns_made_of(connection, kTypes, schemas, wait)) {
    std::string& text = said[found.table->id.oid];
    text += (text.empty() ? "table " + found.table->qualified() + " tells objects of the source by their names, in column " : ", ") +
            quote_identifier(found.column);
  }
  for (auto& [oid, text] : said) {
    text += " (regclass and its like): when one of them is renamed, moved or dropped, rows of before keep the old name at the "
            "target, and the WAL tells nothing of it";
  }
  return said;
}

}  // namespace peerd

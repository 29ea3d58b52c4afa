#include "kafka/key_names.h"

#include <algorithm>

#include "peerd/base/text.h"
#include "renames.h"

namespace peerd::kafka {

void require_alterable(const Mappings& mappings, const MirrorTable& from, const MirrorTable& to, const std::string& topic) {
  mappings.require_apart(to);
  const TableSchema before = mappings.renamed(from).schema;
  for (const Renaming& one : renamings(before, mappings.renamed(to).schema)) {
    const auto column = std::ranges::find(before.columns, one.number, &Column::number);
    if (std::ranges::find(before.key, column - before.columns.begin()) == before.key.end()) continue;
    ErrorText text;
    text.code = ErrorCode::schema_changed;
    text.table = to.schema.qualified();
    text.message = "column " + quote_identifier(one.from) + " of table " + text.table + " is called " + quote_identifier(one.to) +
                   " now, and is of the key, which has its name in each message of topic " + topic;
    text.hint = "RESYNC TABLE " + text.table + " OF the mirror says that all before is void, and sends the rows under the new name";
    text.retry = Retry::after_operator;
    throw Error(std::move(text));
  }
}

}  // namespace peerd::kafka

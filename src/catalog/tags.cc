#include "sql_catalog.h"

namespace peerd {

TagStore& tags_of(Catalog& catalog) { return dynamic_cast<TagStore&>(catalog); }

void SqlCatalog::put_tags(MirrorId mirror, const Tags& tags) {
  Lock lock(mutex_);
  sqlite::Transaction transaction(database_);
  if (!find_mirror(Sql::mirror_by_id, mirror.value)) throw Error(ErrorCode::not_found, "the mirror does not exist");
  run(Sql::delete_tags, {mirror.value});
  for (const auto& [key, value] : tags) run(Sql::insert_tag, {mirror.value, key, value});
  transaction.commit();
}

Tags SqlCatalog::tags(MirrorId mirror) {
  Lock lock(mutex_);
  Tags tags;
  for (Rows rows = ask(Sql::all_tags, {mirror.value}); rows.next();) tags[rows.text(0)] = rows.text(1);
  return tags;
}

}  // namespace peerd

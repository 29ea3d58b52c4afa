#include "migrate.h"

#include "peerd/base/error.h"
#include "peerd/base/log.h"

namespace peerd {

void migrate(sqlite::Database& database, std::span<const std::string_view> steps, const std::string& path) {
  database.run("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)");
  std::int64_t version = 0;
  {
    sqlite::Statement stored = database.prepare("SELECT MAX(version) FROM schema_version");
    if (stored.step()) version = stored.integer(0);
  }
  const auto known = static_cast<std::int64_t>(steps.size());
  if (version > known) {
    throw Error(ErrorCode::not_supported,
                "the catalog " + path + " has version " + std::to_string(version) +
                    ", this peerd knows versions up to " + std::to_string(known),
                "start the newer peerd again, or restore the backup of the catalog that was taken before the upgrade");
  }
  for (; version < known; ++version) {
    sqlite::Transaction transaction(database);
    database.run(steps[static_cast<std::size_t>(version)]);
    database.prepare("INSERT INTO schema_version (version) VALUES (?1)").bind(1, version + 1).step();
    transaction.commit();
    if (version > 0) log(LogLevel::info, "catalog " + path + " is now of version " + std::to_string(version + 1));
  }
}

}  // namespace peerd

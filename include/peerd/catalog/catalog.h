#pragma once

#include <functional>
#include <memory>
#include <string>

#include "peerd/base/secret_box.h"
#include "peerd/catalog/definition_store.h"
#include "peerd/catalog/history_store.h"
#include "peerd/catalog/progress_store.h"

namespace peerd {

/// What a copy of a catalog holds.
struct BackupCounts {
  std::int64_t peers = 0, mirrors = 0;
};

/// What peerd remembers, whole. Secrets (which options they are) come from `tables`.
class Catalog : public DefinitionStore, public ProgressStore, public HistoryStore {
 public:
  using DefinitionStore::mirror;
  /// Which options of a kind of peer are secret; asked with the kind.
  using OptionTables = std::function<const OptionTable*(std::string_view kind)>;
  /// `url` is PEERD_CATALOG: "sqlite:PATH" (":memory:" too, for tests). Migrates by version; refuses a newer one than it knows. A second process on the
  /// same file is refused (a lock file beside it). Keys that do not open the stored secrets are told here.
  /// Throws not_supported for postgres:// (several processes: later work).
  static std::unique_ptr<Catalog> open(const std::string& url, SecretBox secrets, OptionTables tables);
  /// False when there is no file at `url`, or one without a catalog in it, as a copy taken file by file may be: what peerd
  /// wrote last lies in the file's write-ahead log. Changes nothing.
  static bool stands(const std::string& url);
  /// Writes a whole copy, as of one moment, to the new file `path` (mode 0600) and reads it again, also while a peerd runs on
  /// `url`. Throws already_exists, not_found, disk_full; then there is no file at `path`, or the one that was there.
  static BackupCounts back_up(const std::string& url, const std::string& path);
};

}  // namespace peerd

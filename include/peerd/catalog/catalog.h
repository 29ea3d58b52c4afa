#pragma once

#include <functional>
#include <memory>
#include <string>

#include "peerd/base/secret_box.h"
#include "peerd/catalog/definition_store.h"
#include "peerd/catalog/progress_store.h"

namespace peerd {

/// What peerd remembers, whole. Secrets (which options they are) come from `tables`.
class Catalog : public DefinitionStore, public ProgressStore {
 public:
  using DefinitionStore::mirror;
  /// Which options of a kind of peer are secret; asked with the kind.
  using OptionTables = std::function<const OptionTable*(std::string_view kind)>;
  /// `url` is PEERD_CATALOG: "sqlite:PATH" (":memory:" too, for tests). Migrates by version; refuses a newer one than it knows. A second process on the
  /// same file is refused (a lock file beside it). Keys that do not open the stored secrets are told here.
  /// Throws not_supported for postgres:// (several processes: later work).
  static std::unique_ptr<Catalog> open(const std::string& url, SecretBox secrets, OptionTables tables);
};

}  // namespace peerd

#pragma once

#include <string>

#include "peerd/base/secret_box.h"
#include "settings.h"

namespace peerd::daemon {

/// The keys of the data directory (its file `keys`), or those of PEERD_KEYS. A first start makes them under another name,
/// which settle() makes the final one once the catalog stands: keys beside no catalog then always mean that the catalog was lost.
class KeyFile {
 public:
  explicit KeyFile(const Settings& settings);
  /// Throws Error(wrong_state) when there are keys and the catalog that they belong to is empty or gone: a new one in its
  /// place would hide that a backup was restored in part.
  SecretBox open() const;
  void settle() const;
  bool in_environment() const { return !settings_.keys.empty(); }
  const std::string& path() const { return path_; }

 private:
  const Settings& settings_;
  const std::string path_, draft_;
};

}  // namespace peerd::daemon

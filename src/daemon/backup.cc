#include "backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "key_file.h"
#include "peerd/base/error.h"
#include "peerd/base/files.h"
#include "peerd/catalog/catalog.h"
#include "wiring.h"

namespace peerd::daemon {
namespace {

void require_unused(const std::string& directory) {
  for (const char* name : {"/catalog.db", "/keys"}) {
    if (!is_there(directory + name)) continue;
    throw Error(ErrorCode::already_exists, "there is a backup in " + directory + " already: it has " + (name + 1),
                "give a directory that does not exist, or is empty");
  }
}

void copy_keys(const std::string& from, const std::string& to) {
  std::error_code error;
  std::filesystem::copy_file(from, to, error);
  if (error) throw Error(ErrorCode::internal, "cannot copy " + from + " to " + to + ": " + error.message());
  ::chmod(to.c_str(), 0600);
}

void sync_directory(const std::string& path) {
  for (const std::string& name : {path + "/keys", path}) {
    const int descriptor = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) continue;
    ::fsync(descriptor);
    ::close(descriptor);
  }
}

}  // namespace

void back_up(const Settings& settings, const std::string& directory) {
  umask(077);
  const KeyFile keys(settings);
  require_unused(directory);
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) throw Error(ErrorCode::invalid_option, "cannot make the directory " + directory + ": " + error.message());
  const std::string catalog = directory + "/catalog.db", key_copy = directory + "/keys";
  const BackupCounts counts = Catalog::back_up(settings.catalog, catalog);
  try {
    if (!keys.in_environment()) copy_keys(keys.path(), key_copy);
    // As a start would open it: that the keys fit is known now, and not when they are needed.
    const Connectors connectors = make_connectors();
    open_catalog("sqlite:" + catalog, keys.in_environment() ? keys.open() : SecretBox::from_file(key_copy), connectors);
    std::filesystem::remove(catalog + ".lock", error);
  } catch (...) {
    std::filesystem::remove(catalog, error);
    std::filesystem::remove(catalog + ".lock", error);
    std::filesystem::remove(key_copy, error);
    throw;
  }
  sync_directory(directory);
  std::printf("backed up %lld peers and %lld mirrors to %s: catalog.db%s\n", static_cast<long long>(counts.peers),
              static_cast<long long>(counts.mirrors), directory.c_str(),
              keys.in_environment() ? "; the keys are those of PEERD_KEYS and not in it" : " and keys");
}

}  // namespace peerd::daemon

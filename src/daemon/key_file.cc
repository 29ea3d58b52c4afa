#include "key_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "peerd/base/error.h"
#include "peerd/base/files.h"
#include "peerd/catalog/catalog.h"

namespace peerd::daemon {
KeyFile::KeyFile(const Settings& settings)
    : settings_(settings), path_(settings.data_dir + "/keys"), draft_(path_ + ".first") {}

SecretBox KeyFile::open() const {
  if (in_environment()) return SecretBox::from_text(settings_.keys);
  if (!is_there(path_)) return SecretBox::from_file(draft_);
  if (!Catalog::stands(settings_.catalog)) {
    throw Error(ErrorCode::wrong_state,
                "the keys " + path_ + " are there, and the catalog that they belong to (" + settings_.catalog + ") is empty or gone",
                "restore catalog.db as `peerd backup` wrote it; to start with nothing, remove " + path_);
  }
  return SecretBox::from_file(path_);
}

void KeyFile::settle() const {
  if (in_environment() || is_there(path_)) return;
  if (std::rename(draft_.c_str(), path_.c_str()) != 0)
    throw Error(ErrorCode::internal, "cannot rename " + draft_ + " to " + path_ + ": " + std::strerror(errno));
}

}  // namespace peerd::daemon

#include "peerd/base/files.h"

#include <unistd.h>

namespace peerd {

bool is_there(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

}  // namespace peerd

#pragma once

#include <map>
#include <string>

#include "peerd/specs/mirror_spec.h"

namespace peerd {

/// What operators noted of a mirror, by key. Nothing in peerd reads a meaning into it.
using Tags = std::map<std::string, std::string>;

/// The mirrors' tags. Thread-safe, as ProgressStore is; every call is one transaction. delete_mirror() takes them
/// along.
class TagStore {
 public:
  virtual ~TagStore() = default;
  virtual void put_tags(MirrorId mirror, const Tags& tags) = 0;  ///< In place of all that were there. Throws not_found.
  virtual Tags tags(MirrorId mirror) = 0;
};

class Catalog;
/// What the catalog keeps of tags: the same object, under the same lock.
TagStore& tags_of(Catalog& catalog);

}  // namespace peerd

#pragma once

#include "peerd/catalog/catalog.h"

namespace peerd::rest {

/// When the mirror began to copy, by its log; 0 when it did not, or when the line is gone: a later one tells of a resume alone.
std::int64_t copy_began_us(Catalog& catalog, MirrorId mirror);

}  // namespace peerd::rest

#pragma once

#include <string>

#include "peerd/specs/peer_spec.h"

namespace peerd {

/// {"host":"…","port":"5432"}: JSON is made here alone.
std::string options_json(const Options& options);

}  // namespace peerd

#pragma once

#include <string>

#include "peerd/base/option_table.h"

namespace peerd {

enum class Replace { no, yes };

/// A server that an operator named. `kind` is CREATE PEER's word, upper case: "POSTGRES".
struct PeerSpec {
  std::string name, kind;
  Options options;  ///< Checked against the kind's OptionTable; secrets in plain text, in memory only.
  bool operator==(const PeerSpec&) const = default;
};

}  // namespace peerd

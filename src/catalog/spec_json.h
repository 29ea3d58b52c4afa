#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "peerd/base/option_table.h"
#include "peerd/base/secret_box.h"
#include "peerd/changes/chunk.h"
#include "peerd/changes/progress.h"
#include "peerd/changes/table_json.h"
#include "peerd/changes/target_identity.h"
#include "peerd/specs/mirror_spec.h"
#include "peerd/specs/peer_spec.h"

namespace peerd {

// The specs' own JSON, with its version in "v". All throw Error(internal) on text that they did not write, and
// Error(bad_value) on names that are not UTF-8.

/// The options. Those that `table` calls secret are sealed under "peer/<name>/<option>"; without a table, all of them.
std::string peer_json(const PeerSpec& peer, const OptionTable* table, const SecretBox& secrets);
Options peer_options(std::string_view name, std::string_view json, const SecretBox& secrets);

/// Table mapping and options; name, source and target have their own columns.
std::string mirror_json(const MirrorSpec& mirror);
void read_mirror(std::string_view json, MirrorSpec& into);

std::string identity_json(const TargetIdentity& identity);
TargetIdentity read_identity(std::string_view json);

std::string parked_json(const ParkedTable& parked);
std::optional<ParkedTable> read_parked(std::string_view json);  ///< "": it is not.

std::string key_range_json(const Chunk::KeyRange& range);
Chunk::KeyRange read_key_range(std::string_view json);

}  // namespace peerd

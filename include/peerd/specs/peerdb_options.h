#pragma once

#include <span>
#include <string_view>

#include "peerd/base/option_table.h"

namespace peerd {

/// An option that PeerDB's clients send and peerd does not have. It is taken, and means nothing, while it asks for what peerd
/// does anyway; another value is refused by its name.
struct PeerdbOption {
  std::string_view name;
  std::string_view does;     ///< The value that peerd's way is; "" takes an empty text alone. Case does not matter.
  std::string_view instead;  ///< A hint for those who want something else.
};
std::span<const PeerdbOption> peerdb_mirror_options();
std::span<const PeerdbOption> peerdb_query_options();  ///< Of mirrors of queries.
std::span<const PeerdbOption> peerdb_peer_options(std::string_view kind);
/// Settings of PeerDB that a mirror may carry in `env`.
std::span<const PeerdbOption> peerdb_settings();

const PeerdbOption* find_peerdb_option(std::span<const PeerdbOption> options, std::string_view name);
bool asks_for(const PeerdbOption& option, std::string_view value);
/// Takes these options out of `raw`, but for those that `table` has. A Problem (not_supported) for each that asks for something
/// else.
Problems take_peerdb_options(const OptionTable& table, std::span<const PeerdbOption> options, RawOptions& raw);

}  // namespace peerd

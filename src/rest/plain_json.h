#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace peerd::rest {

/// The reply of a route that PeerDB does not have: snake_case, numbers as numbers. Bytes that are not UTF-8 become U+FFFD.
std::string write_plain(const nlohmann::ordered_json& document);

/// Block style; a text is quoted where it could be read as something else. Lists and maps that are empty are [] and {}.
std::string write_yaml(const nlohmann::ordered_json& document);

}  // namespace peerd::rest

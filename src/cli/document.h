#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

// The file's YAML and the API's declaration, one made from the other.
namespace peerd::cli {

/// A file's text as the body of POST plan. ${env:NAME} and ${file:PATH} are filled in, ${kept} keeps the secret that is
/// there. Throws Error(invalid_option) with the field, "peers.src.host"; never with a value.
nlohmann::ordered_json read_document(std::string_view yaml);

/// What GET declaration answers as a file: a plan with it changes nothing.
std::string write_document(const nlohmann::ordered_json& declaration);

}  // namespace peerd::cli

#pragma once

#include <string>
#include <string_view>

namespace peerd::cli {

/// A value of the file with its ${env:NAME} and ${file:PATH} filled in (a file's last line break left out); "$${"
/// stands for "${". Throws Error(invalid_option) with `field`.
std::string filled_in(std::string_view text, const std::string& field);

}  // namespace peerd::cli

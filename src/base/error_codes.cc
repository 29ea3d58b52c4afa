#include <array>
#include <cstddef>

#include "peerd/base/error.h"

namespace peerd {
namespace {

using enum ErrorCode;

// In the enumeration's order, so that a code is its own index; checked below.
constexpr std::array kFacts{
    ErrorCodeFacts{syntax, "syntax", "42601", 400, 3, Retry::never},
    ErrorCodeFacts{invalid_option, "invalid_option", "22023", 400, 3, Retry::never},
    ErrorCodeFacts{not_found, "not_found", "42704", 404, 5, Retry::after_operator},
    ErrorCodeFacts{already_exists, "already_exists", "42710", 409, 6, Retry::never},
    ErrorCodeFacts{wrong_state, "wrong_state", "55000", 409, 9, Retry::never},
    ErrorCodeFacts{not_supported, "not_supported", "0A000", 501, 12, Retry::never},
    ErrorCodeFacts{unreachable, "unreachable", "08001", 503, 14, Retry::later},
    // 400 and not 401: it is the peer that refused, not peerd that refuses its caller.
    ErrorCodeFacts{bad_password, "bad_password", "28P01", 400, 9, Retry::after_operator},
    ErrorCodeFacts{no_privilege, "no_privilege", "42501", 400, 9, Retry::after_operator},
    ErrorCodeFacts{source_unfit, "source_unfit", "55000", 400, 9, Retry::after_operator},
    ErrorCodeFacts{target_unfit, "target_unfit", "55000", 400, 9, Retry::after_operator},
    ErrorCodeFacts{bad_value, "bad_value", "22000", 400, 3, Retry::after_operator},
    ErrorCodeFacts{disk_full, "disk_full", "53100", 507, 8, Retry::later},
    ErrorCodeFacts{timeout, "timeout", "57014", 504, 4, Retry::later},
    ErrorCodeFacts{fenced, "fenced", "55006", 409, 10, Retry::never},
    ErrorCodeFacts{position_lost, "position_lost", "58P01", 409, 9, Retry::after_operator},
    ErrorCodeFacts{schema_changed, "schema_changed", "55000", 409, 9, Retry::after_operator},
    ErrorCodeFacts{too_busy, "too_busy", "53300", 503, 8, Retry::later},
    ErrorCodeFacts{peer_error, "peer_error", "58000", 502, 2, Retry::after_operator},
    ErrorCodeFacts{internal, "internal", "XX000", 500, 13, Retry::after_operator},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kFacts.size(); ++i)
    if (static_cast<std::size_t>(kFacts[i].code) != i) return false;
  return kFacts.size() == static_cast<std::size_t>(internal) + 1;
}
static_assert(in_order(), "the table names every code once, in the enumeration's order");

}  // namespace

const ErrorCodeFacts& facts(ErrorCode code) {
  const auto index = static_cast<std::size_t>(code);
  return index < kFacts.size() ? kFacts[index] : kFacts.back();
}

Retry retry_of(const ErrorText& text) { return text.retry.value_or(facts(text.code).retry); }

}  // namespace peerd

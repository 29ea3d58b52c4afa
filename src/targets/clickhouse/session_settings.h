#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace peerd::clickhouse {

/// Whose statements a setting is pinned for.
enum class Pinned : std::uint8_t {
  everywhere,  ///< SELECT over the peer too: the form of an answer, and that it is whole.
  in_mirrors,  ///< Those of a mirror alone: a person's SELECT keeps what the profile says.
};

/// A setting on which an answer's form, its rows, or a write depends, and which a profile or a user may have otherwise.
/// Sent with every request of peerd's. tests/scenario/test_clickhouse_settings.py walks system.settings of the server: one of
/// these families that is neither here nor judged harmless fails it.
struct SessionSetting {
  std::string_view name, value;
  std::string_view why;
  Pinned pinned = Pinned::in_mirrors;
  bool asked = false;  ///< Not every server that peerd takes has it: sent to those that say so.
};
std::span<const SessionSetting> session_settings();

}  // namespace peerd::clickhouse

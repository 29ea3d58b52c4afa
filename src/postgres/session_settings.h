#pragma once

#include <span>
#include <string>
#include <string_view>

namespace peerd::postgres {

/// A setting on which a value's text, a cast or a wait depends, and which a role or a database may have set otherwise
/// (ALTER ROLE … SET). Pinned in every session of peerd's, at sources, targets and in walsenders. tests/scenario/
/// test_session_settings.py walks pg_settings of each version of Postgres: one that a user can set and that is neither here
/// nor judged harmless fails it.
struct SessionSetting {
  std::string_view name, value;
  std::string_view why;
  int since = 0;  ///< server_version_num of the first version that has it; 0 = all that peerd takes.
};
std::span<const SessionSetting> session_settings();

/// For the connection's start, behind the operator's own: "-c name=value …". Those that all versions know.
std::string pins_at_start();
/// For the session once it stands: what only newer servers know, and lc_monetary, whose own value pg_settings then still
/// tells as reset_val.
std::string pins_in_session(int server_version);

}  // namespace peerd::postgres

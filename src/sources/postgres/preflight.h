#pragma once

#include "peerd/changes/chunk.h"
#include "postgres/source_names.h"

namespace peerd {

/// Everything that keeps this mirror from being made, each with its cure. Changes nothing.
Problems preflight_source(postgres::Connection& connection, const SourceNames& names, const Wait& wait);

/// What keeps a server of that version (150004) from sending logical messages; none: nothing. Pure.
std::optional<Problem> messages_unfit(int server_version);

/// True when a walsender of this application_name would count as a synchronous standby (rules.md 37). Pure.
bool matches_synchronous_standby(std::string_view setting, std::string_view application_name);

/// Notes in `status` when synchronous_standby_names has come to match this mirror since it was made.
void note_standby(postgres::Connection& connection, const SourceNames& names, SlotStatus& status, const Wait& wait);

}  // namespace peerd

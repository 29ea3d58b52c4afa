#pragma once

#include <string>

#include "peerd/base/error.h"
#include "postgres/client.h"

namespace peerd::pgtarget {

/// Completes an Error of the target's server: which table, and a hint that names the server.
void name_place(Error& error, const Site& site, const std::string& table);

}  // namespace peerd::pgtarget

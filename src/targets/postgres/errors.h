#pragma once

#include <string>

#include "peerd/base/error.h"
#include "peerd/changes/table.h"
#include "postgres/client.h"

namespace peerd::pgtarget {

/// Completes an Error of the target's server: which table, and a hint that names the server.
void name_place(Error& error, const Site& site, const std::string& table);

/// Completes the Error of a statement on rows of `table`: message and hint name table, column and the key's columns, and
/// what to run; no value of a cell stays in them. Staging columns (statements.h) are told by what they stand for.
void explain(Error& error, const Site& site, const MirrorTable& table);

/// A value is refused beyond the staging table, and the server does not say which column: staged anew, with the types of
/// now, COPY says it.
bool is_of_old_staging(const Error& error);
/// The server refused the statement or its values; the connection and the server are well.
bool is_refusal(const Error& error);

}  // namespace peerd::pgtarget

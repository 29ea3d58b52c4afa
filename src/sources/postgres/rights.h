#pragma once

#include "peerd/changes/table.h"
#include "peerd/postgres/connection.h"

namespace peerd {

/// Gives an error by which the role may not read the table the statement that lets it, and the table's name. Any other error
/// stays as it is. Ends the connection's transaction.
void name_right(postgres::Connection& connection, Error& error, const TableSchema& schema, const Wait& wait);

}  // namespace peerd

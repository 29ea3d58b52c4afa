#pragma once

#include <functional>
#include <memory>

#include "peerd/sql/sql_server.h"
#include "runnable.h"
#include "settings.h"
#include "session_facts.h"
#include "statement.h"

namespace peerd::sql {

/// What lasts as long as a connection. One thread at a time.
struct SessionContext {
  SqlDeps& deps;
  SessionFacts facts;
  Settings settings;
  char transaction = 'I';               ///< As ReadyForQuery says it: I, T or E.
  bool changed_in_transaction = false;  ///< A peer or mirror was changed: ROLLBACK does not undo that.
  /// Forgets one prepared statement (false when there is none), or all of them.
  std::function<bool(const std::string& name)> forget_prepared;
  std::function<void()> forget_all_prepared;
};

/// Everything but queries. `context` outlives it.
std::unique_ptr<Runnable> make_command(Statement statement, SessionContext& context);

}  // namespace peerd::sql

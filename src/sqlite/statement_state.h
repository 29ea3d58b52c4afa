#pragma once

#include <memory>
#include <utility>

#include "handles.h"
#include "peerd/sqlite/sqlite.h"

namespace peerd::sqlite {

struct Statement::State {
  explicit State(std::shared_ptr<Connection> of) : connection(std::move(of)) {}
  ~State() { sqlite3_finalize(handle); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  std::shared_ptr<Connection> connection;
  sqlite3_stmt* handle = nullptr;
  bool started = false;  ///< step() was called since the last reset().
};

}  // namespace peerd::sqlite

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "peerd/base/clock.h"
#include "peerd/base/error.h"

namespace peerd {

/// Rows that a query of peerd's own views found, at most as many as its maker allows.
struct ViewQueryRows {
  struct Column {
    std::string name, type;  ///< Postgres's name of the type: "int8".
  };
  std::vector<Column> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;  ///< In Postgres's text form.
  bool truncated = false;                                     ///< There were more.
};

/// A query that cannot be answered, as the SQL port would say it.
struct ViewQueryRefused : Error {
  ViewQueryRefused(ErrorText text, std::string sqlstate, std::size_t position)
      : Error(std::move(text)), sqlstate(std::move(sqlstate)), position(position) {}
  std::string sqlstate;
  std::size_t position;  ///< 1-based, in characters; 0 = none.
};

/// Answers one SELECT over peerd's own views. Thread-safe. Throws ViewQueryRefused, Error(timeout), Stopped. How the faces that
/// do not speak SQL get at the one that does.
using ViewQuery = std::function<ViewQueryRows(const std::string& sql, const Wait& wait)>;

}  // namespace peerd

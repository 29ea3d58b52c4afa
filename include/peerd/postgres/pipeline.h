#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "peerd/postgres/connection.h"

namespace peerd::postgres {

/// Statements of one connection that do not await each other's answers: all go out at once, and run in order (Postgres
/// docs 34.5, Pipeline Mode). What is sent waits in memory: for many small statements. Not for COPY. While one stands
/// the connection serves nothing else.
class Pipeline {
 public:
  explicit Pipeline(Connection& connection);
  /// Gives the connection up when finish() was not called, or threw before the server had answered.
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  /// Parameters as text, each ended by a zero byte; nullptr = NULL.
  void run(const std::string& sql, std::span<const char* const> parameters);
  void run_prepared(const std::string& name, std::span<const char* const> parameters);

  /// Awaits every answer, and appends the rows that each run changed, in order. Throws the first error; what came after
  /// it was not run, and is not appended. REQUIRES: within a transaction block, or the statements before the error are
  /// undone as well.
  void finish(std::vector<std::uint64_t>& affected, const Wait& wait);

 private:
  Connection& connection_;
  std::size_t sent_ = 0;
  bool finished_ = false;
};

}  // namespace peerd::postgres

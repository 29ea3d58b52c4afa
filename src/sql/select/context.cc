#include <atomic>

#include "bound.h"
#include "statement_error.h"

namespace peerd::sql {
namespace {

std::atomic<std::size_t> rows_held{0};  // By all statements of the process.

}  // namespace

void Context::tick() {
  if (++ticks % 256 == 0) wait->check("reading peerd's views");
}

void Context::charge(std::size_t size) {
  constexpr std::size_t kMost = 64u << 20, kMostOfAll = 256u << 20;
  if (bytes + size > kMost) {
    throw StatementError("53200", "the query holds too many rows at once", "narrow it with WHERE, or join fewer views");
  }
  if (rows_held.fetch_add(size) + size > kMostOfAll) {
    rows_held -= size;
    throw StatementError("53200", "the queries of all connections hold too many rows at once", "try again later");
  }
  bytes += size;
}

void Context::release(std::size_t size) {
  bytes -= size;
  rows_held -= size;
}

}  // namespace peerd::sql

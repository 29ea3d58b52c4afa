#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "peerd/base/clock.h"
#include "types.h"

// A query that is ready to run: each expression has its type and a function that gives its value.
namespace peerd::sql {

class Buffer;

/// One execution of a query. One thread.
struct Context {
  const Wait* wait = nullptr;
  std::int64_t now = 0;
  std::size_t bytes = 0;
  std::uint32_t ticks = 0;
  std::vector<Value> parameters;
  std::vector<const Row*> rows;               ///< The row in hand of each SELECT, by its number.
  std::vector<std::shared_ptr<Buffer>> kept;  ///< Tables and WITH queries that were read, by number.

  void tick();                    ///< Looks at the clock now and then: 57014 when the statement's time is over.
  void charge(std::size_t size);  ///< 53200 when this statement, or all of them, hold too many rows at once.
  void release(std::size_t size);
};

/// Rows that are held, counted against the statement's memory while they are.
class Buffer {
 public:
  explicit Buffer(Context& context) : context_(context) {}
  ~Buffer() { context_.release(bytes_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  void add(Row row) {
    count(row);
    rows.push_back(std::move(row));
  }
  void count(const Row& row) {
    const std::size_t size = size_of(row);
    context_.charge(size);
    bytes_ += size;
  }
  std::vector<Row> rows;

 private:
  Context& context_;
  std::size_t bytes_ = 0;
};

using Evaluate = std::function<Value(Context&)>;

struct Node {
  std::uint32_t type = oid::kUnknown;
  Evaluate value;
  std::string key;                     ///< Equal for equal expressions, for GROUP BY.
  std::optional<std::string> literal;  ///< The text of a literal whose type is still open.
  bool null = false;                   ///< The literal NULL.
  std::size_t parameter = 0;           ///< $n whose type is still open.
  std::string name = "?column?";       ///< What a result column of it is called.
  int strength = 0;                    ///< How good that name is: 0 none, 1 that of a type, 2 its own.
};

struct BoundColumn {
  std::string name;
  std::uint32_t type;
};

/// Takes one row; false when it wants no more.
using Sink = std::function<bool(Row&)>;
/// Gives its rows one after the other; false when the sink wanted no more.
using Produce = std::function<bool(Context&, const Sink&)>;

struct Plan {
  std::vector<Node> outputs;  ///< Names and types; open types are still open.
  Produce run;
};

/// A table as the engine sees it.
struct Table {
  std::string schema, name;
  std::vector<BoundColumn> columns;
  std::function<std::vector<Row>()> rows;
};

Node constant(std::uint32_t type, Value value);

}  // namespace peerd::sql

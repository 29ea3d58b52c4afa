#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bound.h"

namespace peerd::sql {

/// The state of one aggregate over one group.
class Accumulator {
 public:
  virtual ~Accumulator() = default;
  virtual void add(const Row& arguments) = 0;
  virtual Value result() = 0;
};

struct AggregateKind {
  std::uint32_t result = 0;
  std::vector<std::uint32_t> arguments;  ///< The types that it takes the arguments as.
  std::function<std::unique_ptr<Accumulator>()> make;
};
/// nullopt when no aggregate of that name takes these types.
std::optional<AggregateKind> find_aggregate(const std::string& name, const std::vector<std::uint32_t>& arguments,
                                            bool star);

/// A sort key: NULLs and direction are decided.
struct BoundSort {
  Evaluate value;
  bool descending = false, nulls_first = false;
};
int compare_sorted(const Value& a, const Value& b, bool descending, bool nulls_first);

struct BoundAggregate {
  AggregateKind kind;
  std::vector<Evaluate> arguments;
  Evaluate filter;  ///< Empty when there is none.
  bool distinct = false;
  std::vector<BoundSort> order;
  std::string key;
};

/// One aggregate over one group, with its FILTER, DISTINCT and ORDER BY.
class GroupState {
 public:
  GroupState(const BoundAggregate& aggregate, Context& context);
  ~GroupState();
  void add(Context& context);  ///< The row in hand.
  Value result();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace peerd::sql

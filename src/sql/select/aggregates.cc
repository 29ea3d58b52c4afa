#include "aggregates.h"

#include <algorithm>
#include <limits>
#include <set>

#include "binder.h"
#include "statement_error.h"
#include "times.h"

namespace peerd::sql {
namespace {

class Count final : public Accumulator {
 public:
  void add(const Row& arguments) override {
    if (arguments.empty() || !arguments[0].null()) ++count_;
  }
  Value result() override { return count_; }

 private:
  std::int64_t count_ = 0;
};

/// Over values that are not NULL; NULL when there was none.
template <typename T>
class Fold final : public Accumulator {
 public:
  using Take = std::function<void(T&, const Row&)>;
  using Finish = std::function<Value(const T&, std::int64_t)>;
  Fold(Take take, Finish finish) : take_(std::move(take)), finish_(std::move(finish)) {}
  void add(const Row& arguments) override {
    if (arguments[0].null()) return;
    take_(state_, arguments);
    ++count_;
  }
  Value result() override { return count_ == 0 ? Value() : finish_(state_, count_); }

 private:
  T state_{};
  std::int64_t count_ = 0;
  Take take_;
  Finish finish_;
};

class Extreme final : public Accumulator {
 public:
  explicit Extreme(int sign) : sign_(sign) {}
  void add(const Row& arguments) override {
    if (arguments[0].null()) return;
    if (best_.null() || compare(arguments[0], best_) * sign_ > 0) best_ = arguments[0];
  }
  Value result() override { return best_; }

 private:
  int sign_;
  Value best_;
};

class All final : public Accumulator {
 public:
  explicit All(bool start) : start_(start) {}
  void add(const Row& arguments) override {
    if (arguments[0].null()) return;
    const bool truth = arguments[0].truth();
    state_ = state_.null() ? Value(truth) : Value(start_ ? state_.truth() && truth : state_.truth() || truth);
  }
  Value result() override { return state_; }

 private:
  bool start_;
  Value state_;
};

class Strings final : public Accumulator {
 public:
  void add(const Row& arguments) override {
    if (arguments[0].null()) return;
    if (any_ && !arguments[1].null()) text_ += arguments[1].text();
    any_ = true;
    text_ += arguments[0].text();
  }
  Value result() override { return any_ ? Value(text_) : Value(); }

 private:
  bool any_ = false;
  std::string text_;
};

class Gather final : public Accumulator {
 public:
  void add(const Row& arguments) override { values_.push_back(arguments[0]); }
  Value result() override {
    if (values_.empty()) return {};
    return std::make_shared<const Row>(std::move(values_));
  }

 private:
  Row values_;
};

template <typename T>
std::function<std::unique_ptr<Accumulator>()> fold(typename Fold<T>::Take take, typename Fold<T>::Finish finish) {
  return [take, finish] { return std::make_unique<Fold<T>>(take, finish); };
}

template <typename Class, typename... Arguments>
std::function<std::unique_ptr<Accumulator>()> maker(Arguments... arguments) {
  return [=] { return std::make_unique<Class>(arguments...); };
}

void take_integer(Int128& sum, const Row& row) { sum += row[0].integer(); }
void take_decimal(Decimal& sum, const Row& row) { sum = add(sum, row[0].decimal()); }
void take_real(double& sum, const Row& row) { sum += row[0].real(); }
void take_interval(Interval& sum, const Row& row) { sum = add(sum, row[0].interval(), 1); }

Value narrow(Int128 sum) {
  if (sum > std::numeric_limits<std::int64_t>::max() || sum < std::numeric_limits<std::int64_t>::min()) {
    throw StatementError("22003", "bigint out of range");
  }
  return static_cast<std::int64_t>(sum);
}

std::optional<AggregateKind> find_sum(std::uint32_t type) {
  if (type == oid::kInt2 || type == oid::kInt4) {
    return AggregateKind{
        oid::kInt8, {type}, fold<Int128>(take_integer, [](Int128 s, std::int64_t) { return narrow(s); })};
  }
  if (type == oid::kInt8) {
    return AggregateKind{oid::kNumeric, {type}, fold<Int128>(take_integer, [](Int128 s, std::int64_t) -> Value {
                           return Decimal{s, 0};
                         })};
  }
  if (type == oid::kNumeric) {
    return AggregateKind{
        type, {type}, fold<Decimal>(take_decimal, [](const Decimal& s, std::int64_t) -> Value { return s; })};
  }
  if (type == oid::kFloat8) {
    return AggregateKind{type, {type}, fold<double>(take_real, [](double s, std::int64_t) -> Value { return s; })};
  }
  if (type == oid::kInterval) {
    return AggregateKind{
        type, {type}, fold<Interval>(take_interval, [](const Interval& s, std::int64_t) -> Value { return s; })};
  }
  return std::nullopt;
}

std::optional<AggregateKind> find_average(std::uint32_t type) {
  if (type == oid::kInt2 || type == oid::kInt4 || type == oid::kInt8) {
    return AggregateKind{oid::kNumeric, {type}, fold<Int128>(take_integer, [](Int128 s, std::int64_t n) -> Value {
                           return divide({s, 0}, {n, 0});
                         })};
  }
  if (type == oid::kNumeric) {
    return AggregateKind{type, {type}, fold<Decimal>(take_decimal, [](const Decimal& s, std::int64_t n) -> Value {
                           return divide(s, {n, 0});
                         })};
  }
  if (type == oid::kFloat8) {
    return AggregateKind{type, {type}, fold<double>(take_real, [](double s, std::int64_t n) -> Value {
                           return s / static_cast<double>(n);
                         })};
  }
  if (type == oid::kInterval) {
    return AggregateKind{type, {type}, fold<Interval>(take_interval, [](const Interval& s, std::int64_t n) -> Value {
                           return multiply(s, 1.0 / static_cast<double>(n));
                         })};
  }
  return std::nullopt;
}

}  // namespace

bool is_aggregate(const std::string& name) {
  static const std::set<std::string, std::less<>> kNames = {"count",    "sum",   "avg",     "min",        "max",
                                                            "bool_and", "every", "bool_or", "string_agg", "array_agg"};
  return kNames.contains(name);
}

std::optional<AggregateKind> find_aggregate(const std::string& name, const std::vector<std::uint32_t>& arguments,
                                            bool star) {
  if (star) {
    if (name != "count") return std::nullopt;
    return AggregateKind{oid::kInt8, {}, maker<Count>()};
  }
  if (arguments.empty()) return std::nullopt;
  const std::uint32_t type = arguments[0];
  const std::uint32_t settled = category(type) == Category::unknown ? oid::kText : type;
  if (name == "string_agg") {
    const bool fits = arguments.size() == 2 && converts(type, oid::kText) && converts(arguments[1], oid::kText);
    if (!fits) return std::nullopt;
    return AggregateKind{oid::kText, {oid::kText, oid::kText}, maker<Strings>()};
  }
  if (arguments.size() != 1) return std::nullopt;
  if (name == "count") return AggregateKind{oid::kInt8, {settled}, maker<Count>()};
  if (name == "sum") return find_sum(type);
  if (name == "avg") return find_average(type);
  if (name == "array_agg" && array_of(settled) != 0) {
    return AggregateKind{array_of(settled), {settled}, maker<Gather>()};
  }
  if (name == "min" || name == "max") {
    const Category kind = category(settled);
    if (kind == Category::boolean || kind == Category::nothing) return std::nullopt;
    const std::uint32_t taken = kind == Category::text ? oid::kText : settled;
    return AggregateKind{taken, {taken}, maker<Extreme>(name == "max" ? 1 : -1)};
  }
  const bool truth = type == oid::kBool || category(type) == Category::unknown;
  if (truth && (name == "bool_and" || name == "every"))
    return AggregateKind{oid::kBool, {oid::kBool}, maker<All>(true)};
  if (truth && name == "bool_or") return AggregateKind{oid::kBool, {oid::kBool}, maker<All>(false)};
  return std::nullopt;
}

int compare_sorted(const Value& a, const Value& b, bool descending, bool nulls_first) {
  if (a.null() || b.null()) {
    if (a.null() == b.null()) return 0;
    return a.null() == nulls_first ? -1 : 1;
  }
  return descending ? -compare(a, b) : compare(a, b);
}

struct GroupState::State {
  State(const BoundAggregate& of, Context& context) : aggregate(of), inner(of.kind.make()), held(context) {}

  void feed(Row row) {
    if (aggregate.distinct) {
      Row arguments(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(aggregate.arguments.size()));
      if (!seen.insert(arguments).second) return;
      held.count(arguments);
    }
    if (aggregate.order.empty() && !aggregate.distinct) return inner->add(row);
    held.add(std::move(row));
  }

  Value result() {
    const std::size_t first = aggregate.arguments.size();
    // DISTINCT sorts its values, as Postgres's does.
    std::stable_sort(held.rows.begin(), held.rows.end(), [&](const Row& a, const Row& b) {
      for (std::size_t i = 0; i < aggregate.order.size(); ++i) {
        const auto& sort = aggregate.order[i];
        const int order = compare_sorted(a[first + i], b[first + i], sort.descending, sort.nulls_first);
        if (order != 0) return order < 0;
      }
      return aggregate.distinct && RowLess()(a, b);
    });
    for (const auto& row : held.rows) inner->add(row);
    return inner->result();
  }

  const BoundAggregate& aggregate;
  std::unique_ptr<Accumulator> inner;
  Buffer held;
  std::set<Row, RowLess> seen;
};

GroupState::GroupState(const BoundAggregate& aggregate, Context& context)
    : state_(std::make_unique<State>(aggregate, context)) {}
GroupState::~GroupState() = default;

void GroupState::add(Context& context) {
  const auto& aggregate = state_->aggregate;
  if (aggregate.filter) {
    const Value wanted = aggregate.filter(context);
    if (wanted.null() || !wanted.truth()) return;
  }
  Row row;
  for (const auto& argument : aggregate.arguments) row.push_back(argument(context));
  for (const auto& sort : aggregate.order) row.push_back(sort.value(context));
  // What is kept until the end counts as memory.
  if (aggregate.kind.result == oid::kText || element_of(aggregate.kind.result) != 0) state_->held.count(row);
  state_->feed(std::move(row));
}

Value GroupState::result() { return state_->result(); }

}  // namespace peerd::sql

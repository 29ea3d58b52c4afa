#pragma once

#include <map>
#include <set>

#include "aggregates.h"
#include "ast.h"
#include "bound.h"
#include "session_facts.h"
#include "windows.h"

namespace peerd::sql {

/// Columns of one table of a FROM list.
struct Source {
  std::string alias;
  std::vector<BoundColumn> columns;
  std::size_t first = 0;  ///< Where they begin in the SELECT's row.
};

/// A column as it is seen without its table's name, and in the order of *: one for both sides of USING.
struct SeenColumn {
  Node node;
  std::string shown;  ///< table.column, for messages.
};

/// What a grouped SELECT is reduced to: its keys, then its aggregates.
struct Grouping {
  std::vector<Node> keys;
  std::vector<BoundAggregate> aggregates;
};

/// The names of one SELECT.
struct Scope {
  Scope* outer = nullptr;
  std::size_t number = 0;  ///< Of its row in Context::rows.
  std::vector<Source> sources;
  std::vector<SeenColumn> seen;
  Grouping* grouping = nullptr;        ///< While expressions over groups are bound.
  Windows* windows = nullptr;          ///< Where window functions may stand.
  const char* no_aggregates = "FROM";  ///< The clause that may hold none; nullptr where they may stand.
  int references = 0;
};

/// A query of WITH.
struct With {
  std::string name;
  std::vector<BoundColumn> columns;
  Produce produce;
  std::shared_ptr<int> readers = std::make_shared<int>(0);  ///< Places that read it: rows are kept for several.
  const With* before = nullptr;
};

/// Turns a query as written into one that runs. Throws StatementError with the SQLSTATE that Postgres gives.
class Binder {
 public:
  Binder(const std::vector<Table>& tables, const SessionFacts& facts, std::vector<std::uint32_t>& parameters)
      : tables_(tables), facts_(facts), parameters_(parameters) {}

  Plan query(const Query& query, Scope* outer);
  std::size_t scopes() const { return scopes_; }
  std::size_t kept() const { return kept_; }

  // Expressions, in bind_*.cc.
  Node expression(const Expression& written, Scope& scope);
  Node as_boolean(Node node, const char* clause, std::size_t at);
  /// Of the type that the node has or may become without being asked to; 42804 otherwise.
  Node coerce(Node node, std::uint32_t type, std::size_t at);
  bool can_coerce(const Node& node, std::uint32_t type) const;
  /// An open type becomes text.
  Node settled(Node node);
  Node binary(const std::string& op, Node left, Node right, std::size_t at);
  /// Brings both to one type and compares: -1, 0, 1.
  Node compared(const std::string& op, Node left, Node right, std::size_t at);
  /// One type for all of them; 42804 when there is none.
  std::uint32_t unify(std::vector<Node>& nodes, const char* construct, std::size_t at);
  Node call(const std::string& name, std::vector<Node> arguments, std::size_t at);

  /// Settles all outputs of a plan.
  void settle(Plan& plan);

 private:
  friend class SelectBinder;
  Node column(const Expression& written, Scope& scope);
  Node source_column(Scope& scope, std::size_t source, std::size_t column, std::size_t at);
  Node grouped(Scope& scope, Node node, const std::string& shown, std::size_t at);
  Node plain(const Expression& written, Scope& scope);
  Node number(const Expression& written);
  Node parameter(const Expression& written);
  Node prefixed(const Expression& written, Scope& scope);
  Node logic(const Expression& written, Scope& scope);
  Node cast(const Expression& written, Scope& scope);
  Node test(const Expression& written, Scope& scope);
  Node between(const Expression& written, Scope& scope);
  Node in_list(const Expression& written, Scope& scope);
  Node like(const Expression& written, Scope& scope);
  Node choice(const Expression& written, Scope& scope);
  Node array(const Expression& written, Scope& scope);
  Node quantified(const Expression& written, Scope& scope);
  Node with_query(const Expression& written, Scope& scope);
  Node function(const Expression& written, Scope& scope);
  Node aggregate(const Expression& written, Scope& scope);
  Node window_function(const Expression& written, Scope& scope);
  std::optional<Node> polymorphic(const std::string& name, std::vector<Node>& arguments, std::size_t at);
  std::optional<Node> session_function(const std::string& name, const Expression& written, Scope& scope);
  std::optional<Node> time_arithmetic(const std::string& op, const Node& left, const Node& right, std::size_t at);
  Node array_joined(Node left, Node right, std::size_t at);
  std::optional<Node> array_function(const std::string& name, std::vector<Node>& arguments, std::size_t at);
  Node number_arithmetic(const std::string& op, Node left, Node right, std::size_t at);
  [[noreturn]] void no_operator(const std::string& op, const Node& left, const Node& right, std::size_t at) const;
  Node cast_to(Node node, TypeName type, std::size_t at);
  Node object_number(std::uint32_t type, const std::string& written, std::size_t at) const;

  Plan set_tree(const SetTree& tree, const std::vector<SortItem>& order, Scope* outer);
  Plan set_operation(const SetTree& tree, Scope* outer);
  Plan values(const Select& select, Scope* outer);
  Plan sorted(Plan plan, const std::vector<SortItem>& order);
  Plan limited(Plan plan, const Query& query, Scope* outer);
  Evaluate row_count(const Expression& written, const char* clause, Scope* outer);
  void add_with(const WithItem& item, bool recursive, Scope* outer);
  bool add_recursive(const WithItem& item, Scope* outer);
  void push_with(std::string name, std::vector<BoundColumn> columns, Produce produce);
  std::vector<BoundColumn> columns_of(const Plan& plan, const std::vector<std::string>& names, const std::string& of,
                                      std::size_t at) const;
  const With* find_with(const std::string& name) const;
  /// The columns and rows of a name in FROM.
  std::pair<std::vector<BoundColumn>, Produce> table(const std::vector<std::string>& parts, std::size_t at);
  /// The columns and rows of a function in FROM; its arguments may name what stands before it there.
  std::pair<std::vector<BoundColumn>, Produce> table_function(const FromItem& written, Scope& scope);
  /// Brings the outputs to these types.
  void retype(Plan& plan, const std::vector<std::uint32_t>& types, std::size_t at);

  const std::vector<Table>& tables_;
  const SessionFacts& facts_;
  std::vector<std::uint32_t>& parameters_;
  std::vector<std::unique_ptr<With>> withs_;
  const With* with_ = nullptr;
  std::map<const Table*, std::size_t> slots_;  ///< Of tables' rows in Context::kept.
  std::vector<std::size_t> with_slots_;        ///< Of WITH queries' rows there.
  std::size_t scopes_ = 0, kept_ = 0, subqueries_ = 0;
};

/// An operand that is looked at several times and evaluated once: fill() goes before.
struct Once {
  Node node;
  std::function<void(Context&)> fill;
};
Once once(Node node);

bool is_aggregate(const std::string& name);
/// Whether an aggregate of this SELECT stands in the expression; those of subqueries are theirs.
bool has_aggregate(const Expression& written);

}  // namespace peerd::sql

#pragma once

#include "binder.h"
#include "from.h"

namespace peerd::sql {

/// One SELECT, with the ORDER BY of its query.
class SelectBinder {
 public:
  SelectBinder(Binder& binder, const Select& select, const std::vector<SortItem>& order, Scope* outer);
  Plan bind();

 private:
  struct Side {
    BoundFrom from;
    std::vector<SeenColumn> seen;
  };
  struct Order {
    std::size_t output;
    bool descending, nulls_first;
  };

  void from();
  Side item(const FromItem& item);
  Side single(const FromItem& item);
  Side join(const FromItem& item);
  Node join_on(const FromItem& item, const Side& left, const Side& right, std::vector<SeenColumn>& seen);
  Node equal_columns(const std::vector<std::string>& names, Side left, Side right, std::vector<SeenColumn>& seen,
                     std::size_t at);
  void group();
  Node group_key(const Expression& written);
  void outputs();
  void star(const Expression& written);
  void add_output(Node node, const std::string& alias);
  void sort();
  std::size_t sort_output(const Expression& written);
  void distinct_on();
  std::size_t hidden_output(Node node);
  Produce producer();

  Binder& binder_;
  const Select& select_;
  const std::vector<SortItem>& order_;
  Scope scope_;
  std::size_t width_ = 0;
  FillRow fill_;
  Evaluate where_, having_;
  std::shared_ptr<Grouping> grouping_;
  std::shared_ptr<Windows> windows_ = std::make_shared<Windows>();
  std::vector<Node> outputs_;  ///< Those of the SELECT list, then those that are sorted by alone.
  std::vector<const Expression*> written_;
  std::size_t visible_ = 0;
  std::vector<Order> sort_;
  std::vector<std::size_t> distinct_on_;
};

}  // namespace peerd::sql

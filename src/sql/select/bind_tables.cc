#include <algorithm>

#include "binder.h"
#include "peerd/base/option_table.h"
#include "peerd/base/text.h"
#include "statement_error.h"

// What FROM names: tables and queries of WITH.
namespace peerd::sql {
namespace {

bool is_open(const Node& node) { return category(node.type) == Category::unknown; }

}  // namespace

std::vector<BoundColumn> Binder::columns_of(const Plan& plan, const std::vector<std::string>& names,
                                            const std::string& of, std::size_t at) const {
  if (names.size() > plan.outputs.size()) {
    throw StatementError("42P10",
                         "table \"" + of + "\" has " + std::to_string(plan.outputs.size()) + " columns available but " +
                             std::to_string(names.size()) + " columns specified",
                         {}, at);
  }
  std::vector<BoundColumn> columns;
  for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
    columns.push_back({i < names.size() ? names[i] : plan.outputs[i].name, plan.outputs[i].type});
  }
  return columns;
}

void Binder::push_with(std::string name, std::vector<BoundColumn> columns, Produce produce) {
  auto with = std::make_unique<With>();
  with_slots_.push_back(kept_);
  with->name = std::move(name);
  with->columns = std::move(columns);
  with->before = with_;
  with->produce = [run = std::move(produce), slot = kept_++, self = with->readers](Context& context, const Sink& sink) {
    if (*self < 2) return run(context, sink);
    if (!context.kept[slot]) {
      auto buffer = std::make_shared<Buffer>(context);
      run(context, [&](Row& row) {
        buffer->add(row);
        return true;
      });
      context.kept[slot] = std::move(buffer);
    }
    const auto held = context.kept[slot];
    for (const auto& row : held->rows) {
      Row copy = row;
      if (!sink(copy)) return false;
    }
    return true;
  };
  with_ = with.get();
  withs_.push_back(std::move(with));
}

void Binder::add_with(const WithItem& item, bool recursive, Scope* outer) {
  if (recursive && add_recursive(item, outer)) return;
  Plan plan = query(*item.query, outer);
  settle(plan);
  auto columns = columns_of(plan, item.columns, item.name, item.at);
  push_with(item.name, std::move(columns), std::move(plan.run));
}

/// A UNION whose right side reads what the query itself gave last. False when it is no such query.
bool Binder::add_recursive(const WithItem& item, Scope* outer) {
  static const std::vector<SortItem> kNone;
  const SetTree& tree = *item.query->body;
  if (tree.op != "union" || !item.query->with.empty()) return false;
  const With* const before = with_;
  Plan left = set_tree(*tree.left, kNone, outer);
  settle(left);
  auto columns = columns_of(left, item.columns, item.name, item.at);
  const std::size_t slot = kept_++;
  push_with(item.name, columns, [slot](Context& context, const Sink& sink) {
    const auto working = context.kept[slot];
    for (const auto& row : working->rows) {
      Row copy = row;
      if (!sink(copy)) return false;
    }
    return true;
  });
  const With* const self = with_;
  Plan right = set_tree(*tree.right, kNone, outer);
  const int readers = *self->readers;
  with_ = before;
  if (readers == 0) return false;
  if (readers > 1)
    throw StatementError("42P19", "recursive reference to query \"" + item.name + "\" must not appear more than once",
                         {}, item.at);
  if (!item.query->order.empty() || item.query->limit || item.query->offset)
    throw not_supported("ORDER BY and LIMIT in a recursive query are not supported", {}, item.at);
  if (right.outputs.size() != columns.size())
    throw StatementError("42601", "each UNION query must have the same number of columns", {}, tree.at);
  std::vector<std::uint32_t> types;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    types.push_back(columns[i].type);
    if (is_open(right.outputs[i]) || right.outputs[i].type == columns[i].type) continue;
    throw StatementError("42804",
                         "recursive query \"" + item.name + "\" column " + std::to_string(i + 1) + " has type " +
                             full_name(columns[i].type) + " in non-recursive term but type " +
                             full_name(right.outputs[i].type) + " overall",
                         "Cast the output of the non-recursive term to the correct type.", item.at);
  }
  retype(right, types, tree.at);
  push_with(item.name, std::move(columns),
            [first = left.run, again = right.run, slot, all = tree.all](Context& context, const Sink& sink) {
              std::set<Row, RowLess> seen;
              Buffer distinct(context);
              auto fresh = std::make_shared<Buffer>(context);
              const Sink take = [&](Row& row) {
                context.tick();
                if (!all) {
                  if (!seen.insert(row).second) return true;
                  distinct.count(row);
                }
                fresh->add(row);
                return sink(row);
              };
              if (!first(context, take)) return false;
              while (!fresh->rows.empty()) {
                context.kept[slot] = std::exchange(fresh, std::make_shared<Buffer>(context));
                if (!again(context, take)) return false;
              }
              return true;
            });
  return true;
}

const With* Binder::find_with(const std::string& name) const {
  for (const With* with = with_; with; with = with->before) {
    if (with->name == name) return with;
  }
  return nullptr;
}

std::pair<std::vector<BoundColumn>, Produce> Binder::table(const std::vector<std::string>& written, std::size_t at) {
  if (written.size() == 1) {
    if (const With* with = find_with(written[0])) {
      ++*with->readers;
      return {with->columns, with->produce};
    }
  }
  auto parts = written;
  if (parts.size() == 3 && (parts[0] == "peerd" || parts[0] == "peerdb" || parts[0] == facts_.database))
    parts.erase(parts.begin());
  const std::string schema = parts.size() > 1 ? parts[0] : "";
  const bool own = schema == "public" || schema == "peerd" || schema == "peerdb";
  const Table* found = nullptr;
  for (const auto& table : tables_) {
    const bool seen = schema.empty() ? table.schema != "information_schema"
                      : own          ? table.schema == "public"
                                     : table.schema == schema;
    if (!found && parts.size() < 3 && seen && table.name == parts.back()) found = &table;
  }
  if (!found) {
    std::vector<std::string> names;
    for (const auto& table : tables_) {
      if (table.schema == "public") names.push_back(table.name);
    }
    const std::vector<std::string_view> candidates(names.begin(), names.end());
    const auto meant = closest(parts.back(), candidates);
    const std::string name = own ? parts.back() : join(written, ".");
    throw StatementError("42P01", "relation \"" + name + "\" does not exist",
                         (meant.empty() ? "" : "did you mean " + std::string(meant) + "; ") +
                             "views: " + join(names, ", ") + "; a peer's table is peer.schema.table",
                         at);
  }
  const auto slot = slots_.try_emplace(found, kept_).first->second;
  if (slot == kept_) ++kept_;
  // Read once per statement: each place that reads it sees the same rows.
  Produce produce = [slot, table = found](Context& context, const Sink& sink) {
    if (!context.kept[slot]) {
      auto buffer = std::make_shared<Buffer>(context);
      buffer->rows = table->rows();
      context.kept[slot] = std::move(buffer);
    }
    const auto held = context.kept[slot];
    Row copy;
    for (const auto& row : held->rows) {
      copy = row;
      if (!sink(copy)) return false;
    }
    return true;
  };
  return {found->columns, std::move(produce)};
}

}  // namespace peerd::sql

#include "local_select.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "peerd/base/text.h"
#include "statement_error.h"

namespace peerd::sql {
namespace {

std::string_view declared_type(View::Column::Type type) {
  switch (type) {
    case View::Column::Type::integer:
      return "INTEGER";
    case View::Column::Type::real:
      return "REAL";
    case View::Column::Type::boolean:
      return "BOOLEAN";
    case View::Column::Type::timestamp:
      return "TIMESTAMPTZ";
    case View::Column::Type::text:
      break;
  }
  return "TEXT";
}

std::uint32_t type_of_declared(std::string_view declared) {
  for (const auto type : {View::Column::Type::integer, View::Column::Type::real, View::Column::Type::boolean,
                          View::Column::Type::timestamp}) {
    if (declared == declared_type(type)) return wire_type(type);
  }
  return oid::kText;
}

sqlite::Value value_of(const View::Cell& cell, View::Column::Type type) {
  if (!cell) return nullptr;
  const char *first = cell->data(), *last = first + cell->size();
  if (type == View::Column::Type::boolean) return std::int64_t{*cell == "t" || *cell == "true"};
  if (type == View::Column::Type::integer) {
    std::int64_t integer = 0;
    if (std::from_chars(first, last, integer).ptr == last) return integer;
  }
  if (type == View::Column::Type::real) {
    double real = 0;
    if (std::from_chars(first, last, real).ptr == last) return real;
  }
  return *cell;
}

sqlite::VirtualTable virtual_table(const View& view) {
  sqlite::VirtualTable table;
  table.name = view.name;
  for (const auto& column : view.columns)
    table.columns.push_back({column.name, std::string(declared_type(column.type))});
  table.rows = [columns = view.columns, rows = view.rows] {
    std::vector<std::vector<sqlite::Value>> result;
    for (const auto& row : rows()) {
      auto& values = result.emplace_back();
      for (std::size_t i = 0; i < columns.size() && i < row.size(); ++i)
        values.push_back(value_of(row[i], columns[i].type));
    }
    return result;
  };
  return table;
}

std::string list_of_views(std::span<const View> views) {
  std::vector<std::string> names;
  for (const auto& view : views) names.push_back(view.name);
  return "views: " + join(names, ", ") + "; a peer's table is peer.schema.table";
}

const View* find_view(std::span<const View> views, const std::string& name) {
  const auto found = std::find_if(views.begin(), views.end(), [&](const View& view) { return view.name == name; });
  return found == views.end() ? nullptr : &*found;
}

/// peerd.public.mirrors and public.mirrors are mirrors.
std::string plain_name(const Relation& relation) {
  auto parts = relation.parts;
  if (parts.size() == 3 && (parts[0] == "peerd" || parts[0] == "peerdb")) parts.erase(parts.begin());
  if (parts.size() == 2 && (parts[0] == "public" || parts[0] == "peerd" || parts[0] == "peerdb"))
    parts.erase(parts.begin());
  return join(parts, ".");
}

/// The views that the query reads; 42P01 for what is none.
std::vector<const View*> used_views(std::span<const View> views, std::span<const Token> tokens,
                                    const Relations& relations) {
  std::vector<const View*> used;
  for (const auto& relation : relations.all) {
    const std::string name = plain_name(relation);
    const std::size_t at = tokens[relation.begin].begin;
    if (relation.function) throw StatementError("42883", "function " + name + " does not exist in FROM", {}, at);
    if (relation.parts.size() == 1 && relations.with_names.contains(name)) continue;
    const View* view = find_view(views, name);
    if (!view) {
      std::vector<std::string_view> names;
      for (const auto& candidate : views) names.push_back(candidate.name);
      const auto meant = closest(name, names);
      if (name.starts_with("pg_catalog.") || name.starts_with("information_schema.") || name.starts_with("pg_")) {
        throw StatementError("42P01", "relation \"" + name + "\" does not exist",
                             "peerd has no system catalog, so psql's \\d is not answered; " + list_of_views(views), at);
      }
      throw StatementError("42P01", "relation \"" + name + "\" does not exist",
                           (meant.empty() ? "" : "did you mean " + std::string(meant) + "; ") + list_of_views(views),
                           at);
    }
    if (std::find(used.begin(), used.end(), view) == used.end()) used.push_back(view);
  }
  return used;
}

std::string after(const std::string& message, std::string_view start) {
  return message.starts_with(start) ? message.substr(start.size()) : std::string();
}

/// Where a name or symbol that SQLite complains of stands, when it stands in one place only.
std::size_t only_place(std::span<const Token> tokens, std::string word) {
  word = to_lower(word.substr(word.rfind('.') + 1));
  std::size_t place = StatementError::kNowhere;
  for (const auto& token : tokens) {
    if (to_lower(token.text) != word) continue;
    if (place != StatementError::kNowhere) return StatementError::kNowhere;
    place = token.begin;
  }
  return place;
}

std::string column_hint(const std::string& name, const std::vector<const View*>& used) {
  std::vector<std::string_view> names;
  std::vector<std::string> list;
  for (const View* view : used) {
    for (const auto& column : view->columns) {
      names.push_back(column.name);
      list.push_back(column.name);
    }
  }
  const auto meant = closest(to_lower(name.substr(name.rfind('.') + 1)), names);
  if (!meant.empty()) return "did you mean " + std::string(meant);
  return list.empty() ? "" : "columns: " + join(list, ", ");
}

/// Says in Postgres's words what SQLite refused.
[[noreturn]] void translate(const Error& error, std::span<const Token> tokens, const std::vector<const View*>& used) {
  const std::string& message = error.text.message;
  if (const auto name = after(message, "no such column: "); !name.empty()) {
    throw StatementError("42703", "column \"" + name + "\" does not exist", column_hint(name, used),
                         only_place(tokens, name));
  }
  if (const auto name = after(message, "ambiguous column name: "); !name.empty()) {
    throw StatementError("42702", "column reference \"" + name + "\" is ambiguous", "name its table: table.column");
  }
  if (const auto name = after(message, "no such function: "); !name.empty()) {
    throw StatementError("42883", "function " + name + " does not exist", {}, only_place(tokens, name));
  }
  if (message.starts_with("wrong number of arguments")) throw StatementError("42883", message);
  if (message.starts_with("misuse of aggregate")) throw StatementError("42803", message);
  if (const auto name = after(message, "no such table: "); !name.empty()) {
    throw StatementError("42P01", "relation \"" + name + "\" does not exist", {}, only_place(tokens, name));
  }
  if (message == "incomplete input") {
    throw StatementError("42601", "syntax error at end of input", {}, tokens.empty() ? 0 : tokens.back().end);
  }
  if (const auto near = after(message, "near \""); !near.empty()) {
    const std::string word = near.substr(0, near.find('"'));
    throw StatementError("42601", "syntax error at or near \"" + word + "\"", {}, only_place(tokens, word));
  }
  if (error.text.code == ErrorCode::syntax) throw StatementError("42601", message);
  throw error;
}

class LocalSelect final : public Runnable {
 public:
  LocalSelect(std::vector<View> views, std::span<const Token> tokens, Relations relations,
              std::span<const Parameter> parameters, const SessionFacts& facts)
      : views_(std::move(views)), tokens_(tokens.begin(), tokens.end()), database_(":memory:") {
    used_ = used_views(views_, tokens_, relations);
    for (const View* view : used_) database_.add_table(virtual_table(*view));
    database_.read_only_select_alone();
    const auto items = select_items(tokens_);
    try {
      prepare(relations, items, facts);
      for (std::size_t i = 0; i < parameters.size(); ++i)
        statement_->bind(static_cast<int>(i + 1), to_sqlite(parameters[i]));
    } catch (const StatementError&) {
      throw;
    } catch (const Error& error) {
      translate(error, tokens_, used_);
    }
    read_columns(items, column_types(views_, relations));
  }

  std::vector<ResultColumn> columns(const Wait&) override { return columns_; }

  std::optional<std::string> run(ResultWriter& writer, std::uint64_t most, const Wait& wait) override {
    writer.columns(columns_);
    // A query that never comes to its next row is ended so.
    database_.give_up_when([&wait] { return wait.stop.stop_requested() || wait.expired(); });
    const std::unique_ptr<sqlite::Database, void (*)(sqlite::Database*)> again(
        &database_, [](sqlite::Database* database) { database->give_up_when({}); });
    for (std::uint64_t sent = 0; most == 0 || sent < most; ++sent) {
      if (!step(wait)) return "SELECT " + std::to_string(sent);
      write_row(writer);
    }
    return std::nullopt;
  }

 private:
  void prepare(const Relations& relations, const std::vector<SelectItem>& items, const SessionFacts& facts) {
    try {
      statement_.emplace(database_.prepare(sqlite_text(tokens_, relations, items, facts)));
    } catch (const Error& error) {
      // Not the user's own "AS": what is wrong with the query shows better without the aliases that were put in.
      if (error.text.message.starts_with("near \"AS\"")) database_.prepare(sqlite_text(tokens_, relations, {}, facts));
      throw;
    }
  }

  bool step(const Wait& wait) {
    wait.check("reading peerd's views");
    if (done_) return false;
    try {
      done_ = !statement_->step();
    } catch (const Error& error) {
      if (error.text.code == ErrorCode::timeout) wait.check("reading peerd's views");
      translate(error, tokens_, used_);
    }
    return !done_;
  }

  void write_row(ResultWriter& writer) {
    std::vector<std::optional<std::string>> texts(columns_.size());
    std::vector<std::optional<std::string_view>> cells(columns_.size());
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      texts[i] = to_text(statement_->value(static_cast<int>(i)), columns_[i].type);
      if (texts[i]) cells[i] = *texts[i];
    }
    writer.row(cells);
  }

  /// Columns of views have a declared type; the others get theirs from the SELECT list, matched by name in its order.
  void read_columns(const std::vector<SelectItem>& items, const ColumnType& types) {
    std::size_t next = 0;
    const std::span<const Token> tokens(tokens_);
    for (int i = 0; i < statement_->columns(); ++i) {
      ResultColumn column{statement_->column_name(i), oid::kText};
      const std::string declared = statement_->column_declared_type(i);
      const auto item = std::find_if(items.begin() + static_cast<std::ptrdiff_t>(next), items.end(),
                                     [&](const SelectItem& candidate) { return candidate.name == column.name; });
      if (item != items.end()) next = static_cast<std::size_t>(item - items.begin()) + 1;
      if (!declared.empty()) {
        column.type = type_of_declared(declared);
      } else if (item != items.end() && item->name != "*") {
        column.type = infer_type(tokens.subspan(item->begin, item->expression_end - item->begin), types);
      }
      columns_.push_back(std::move(column));
    }
  }

  std::vector<View> views_;
  std::vector<Token> tokens_;
  sqlite::Database database_;
  std::vector<const View*> used_;
  std::optional<sqlite::Statement> statement_;
  std::vector<ResultColumn> columns_;
  bool done_ = false;
};

}  // namespace

std::uint32_t wire_type(View::Column::Type type) {
  switch (type) {
    case View::Column::Type::integer:
      return oid::kInt8;
    case View::Column::Type::real:
      return oid::kFloat8;
    case View::Column::Type::boolean:
      return oid::kBool;
    case View::Column::Type::timestamp:
      return oid::kTimestamptz;
    case View::Column::Type::text:
      break;
  }
  return oid::kText;
}

ColumnType column_types(std::span<const View> views, const Relations& relations) {
  auto types = std::make_shared<std::map<std::string, std::uint32_t>>();
  const auto add = [&](const View& view) {
    for (const auto& column : view.columns) types->emplace(column.name, wire_type(column.type));
  };
  for (const auto& relation : relations.all) {
    if (const View* view = find_view(views, plain_name(relation))) add(*view);
  }
  for (const auto& view : views) add(view);
  return [types](const std::string& name) {
    const auto found = types->find(name);
    return found == types->end() ? oid::kUnknown : found->second;
  };
}

std::unique_ptr<Runnable> make_local_select(std::vector<View> views, std::span<const Token> tokens, Relations relations,
                                            std::span<const Parameter> parameters, const SessionFacts& facts) {
  return std::make_unique<LocalSelect>(std::move(views), tokens, std::move(relations), parameters, facts);
}

}  // namespace peerd::sql

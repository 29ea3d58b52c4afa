#include "local_select.h"

#include <set>

#include "select/binder.h"
#include "select/query_parser.h"
#include "select/system_tables.h"
#include "select/times.h"
#include "statement_error.h"

namespace peerd::sql {
namespace {

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

Table table_of(const View& view) {
  Table table{"public", view.name, {}, {}};
  for (const auto& column : view.columns) table.columns.push_back({column.name, wire_type(column.type)});
  table.rows = [columns = table.columns, rows = view.rows] {
    std::vector<Row> result;
    for (const auto& cells : rows()) {
      Row& row = result.emplace_back(columns.size());
      for (std::size_t i = 0; i < columns.size() && i < cells.size(); ++i) {
        if (cells[i]) row[i] = read_value(columns[i].type, *cells[i]);
      }
    }
    return result;
  };
  return table;
}

/// The views first: they are seen without a schema's name.
std::vector<Table> tables_of(const std::vector<View>& views, std::span<const Token> tokens, const SessionFacts& facts) {
  std::vector<Table> tables;
  for (const auto& view : views) tables.push_back(table_of(view));
  std::set<std::string, std::less<>> named;
  for (const Token& token : tokens) {
    if (token.is_name()) named.insert(token.folded());
  }
  const auto system = system_tables(tables, facts, [&named](std::string_view name) { return named.contains(name); });
  tables.insert(tables.end(), system.begin(), system.end());
  return tables;
}

class LocalSelect final : public Runnable {
 public:
  LocalSelect(const std::vector<View>& views, std::span<const Token> tokens, std::span<const Parameter> parameters,
              const SessionFacts& facts)
      : tables_(tables_of(views, tokens, facts)) {
    std::vector<std::uint32_t> types;
    for (const auto& parameter : parameters) types.push_back(parameter.type);
    const auto written = parse_query(tokens);
    Binder binder(tables_, facts, types);
    plan_ = binder.query(*written, nullptr);
    binder.settle(plan_);
    if (types.size() > parameters.size()) {
      throw StatementError("42P02", "there is no parameter $" + std::to_string(types.size()));
    }
    context_.now = now_microseconds();
    context_.rows.resize(binder.scopes());
    context_.kept.resize(binder.kept());
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const std::uint32_t type =
          category(types[i]) == Category::unknown ? static_cast<std::uint32_t>(oid::kText) : types[i];
      context_.parameters.push_back(parameters[i].text ? read_value(type, *parameters[i].text) : Value());
    }
    for (const auto& output : plan_.outputs) columns_.push_back({output.name, output.type});
  }

  std::vector<ResultColumn> columns(const Wait&) override { return columns_; }

  /// Fetched in portions, all rows are made and held at first; otherwise each goes out as it is made.
  std::optional<std::string> run(ResultWriter& writer, std::uint64_t most, const Wait& wait) override {
    writer.columns(columns_);
    context_.wait = &wait;
    if (most == 0 && !held_) {
      std::uint64_t sent = 0;
      plan_.run(context_, [&](Row& row) {
        wait.check("reading peerd's views");
        write(writer, row);
        ++sent;
        return true;
      });
      return "SELECT " + std::to_string(sent);
    }
    if (!held_) {
      held_ = std::make_unique<Buffer>(context_);
      plan_.run(context_, [&](Row& row) {
        held_->add(row);
        return true;
      });
    }
    for (std::uint64_t sent = 0; most == 0 || sent < most; ++sent) {
      if (next_ == held_->rows.size()) return "SELECT " + std::to_string(sent);
      write(writer, held_->rows[next_++]);
    }
    return std::nullopt;
  }

 private:
  void write(ResultWriter& writer, const Row& row) const {
    std::vector<std::optional<std::string>> texts(columns_.size());
    std::vector<std::optional<std::string_view>> cells(columns_.size());
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (row[i].null()) continue;
      texts[i] = write_value(columns_[i].type, row[i]);
      cells[i] = *texts[i];
    }
    writer.row(cells);
  }

  std::vector<Table> tables_;
  Plan plan_;
  Context context_;
  std::vector<ResultColumn> columns_;
  std::unique_ptr<Buffer> held_;
  std::size_t next_ = 0;
};

}  // namespace

std::unique_ptr<Runnable> make_local_select(const std::vector<View>& views, std::span<const Token> tokens,
                                            std::span<const Parameter> parameters, const SessionFacts& facts) {
  return std::make_unique<LocalSelect>(views, tokens, parameters, facts);
}

std::vector<std::uint32_t> parameter_types(const std::vector<View>& views, std::span<const Token> tokens,
                                           std::vector<std::uint32_t> told, const SessionFacts& facts) {
  const auto tables = tables_of(views, tokens, facts);
  const auto written = parse_query(tokens);
  Binder binder(tables, facts, told);
  Plan plan = binder.query(*written, nullptr);
  binder.settle(plan);
  for (auto& type : told) {
    if (category(type) == Category::unknown) type = oid::kText;
  }
  return told;
}

}  // namespace peerd::sql

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "parser.h"
#include "peer_select.h"
#include "relations.h"
#include "select_types.h"
#include "sqlite_text.h"
#include "statement_error.h"
#include "values.h"

using namespace peerd;
using namespace peerd::sql;

namespace {

std::uint32_t type_of_column(const std::string& name) { return name.size() % 2 ? oid::kInt8 : oid::kBool; }

void look_at_query(std::string_view text, std::span<const Token> statement) {
  check_nesting(statement);
  find_write(statement);
  const auto relations = find_relations(statement);
  const auto items = select_items(statement);
  for (const auto& item : items)
    infer_type(statement.subspan(item.begin, item.expression_end - item.begin), type_of_column);
  infer_parameters(statement, type_of_column);
  const SessionFacts facts{"v", "d", "u", 1, [](const std::string&) { return std::optional<std::string>("x"); }};
  sqlite_text(statement, relations, items, facts);
  const std::string peer = relations.all.empty() ? "p" : relations.all[0].parts[0];
  peer_text(text, statement, relations, peer, {}, "POSTGRES");
}

}  // namespace

// Any text is a statement or an error, never a crash.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto tokens = tokenize(text);
    for (const auto& statement : split_statements(tokens)) {
      try {
        if (std::holds_alternative<QueryStatement>(parse_statement(statement))) look_at_query(text, statement);
      } catch (const Error&) {
        current_report(text);
      }
    }
  } catch (const Error&) {
    current_report(text);
  }
  return 0;
}

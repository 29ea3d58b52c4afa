#include <cstddef>
#include <cstdint>
#include <string_view>

#include "local_select.h"
#include "parser.h"
#include "peer_select.h"
#include "relations.h"
#include "statement_error.h"
#include "values.h"

using namespace peerd;
using namespace peerd::sql;

namespace {

void look_at_query(std::string_view text, std::span<const Token> statement) {
  find_write(statement);
  const auto relations = find_relations(statement);
  const std::string peer = relations.all.empty() ? "p" : relations.all[0].parts[0];
  peer_text(text, statement, relations, peer, {}, "POSTGRES");
  View view{"t", "", {{"a", View::Column::Type::text}, {"n", View::Column::Type::integer}, {"b", View::Column::Type::boolean}}, {}};
  view.rows = [] { return std::vector<std::vector<View::Cell>>{{"x", "1", "t"}, {std::nullopt, std::nullopt, "f"}}; };
  const SessionFacts facts{"v", "d", "u", 1, [](const std::string&) { return std::optional<std::string>("x"); }, {}};
  parameter_types({view}, statement, {}, facts);
  struct Nowhere final : ResultWriter {
    void columns(std::span<const ResultColumn>) override {}
    void row(Cells) override {}
    void notice(const Report&) override {}
    void parameter_status(std::string_view, std::string_view) override {}
  } nowhere;
  make_local_select({view}, statement, {}, facts)->run(nowhere, 0, Wait::at_most(std::chrono::milliseconds(200)));
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

#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "ast.h"
#include "lexer.h"

namespace peerd::sql {

/// Reads a query of Postgres's dialect. Throws StatementError: 42601 as Postgres says it, 0A000 for grammar that is
/// known and not answered, 42704 for a type that is not there, 54001 when it is nested too deep. REQUIRES: not empty.
std::unique_ptr<Query> parse_query(std::span<const Token> tokens);

/// The parser, in two files: queries and expressions.
class QueryParser {
 public:
  explicit QueryParser(std::span<const Token> tokens) : tokens_(tokens) {
    if (!tokens.empty()) end_.begin = end_.end = tokens.back().end;
  }
  std::unique_ptr<Query> whole();

 private:
  std::unique_ptr<Query> query();
  WithItem with_item();
  std::unique_ptr<SetTree> set_tree(int level);
  std::unique_ptr<SetTree> set_operand();
  std::unique_ptr<Select> select();
  void select_list(Select& select);
  std::unique_ptr<FromItem> from_item();
  std::unique_ptr<FromItem> from_primary();
  void join_condition(FromItem& join);
  void alias_of(FromItem& item);
  std::vector<std::string> names_in_parentheses();
  std::vector<SortItem> sort_items();
  void limits(Query& query);

  ExpressionPtr expression();
  ExpressionPtr conjunction();
  ExpressionPtr negation();
  ExpressionPtr test();
  ExpressionPtr comparison();
  ExpressionPtr membership();
  ExpressionPtr membership_of(ExpressionPtr left, bool negated);
  ExpressionPtr other_operators();
  ExpressionPtr binary(int level);
  ExpressionPtr zoned();
  ExpressionPtr sign();
  ExpressionPtr postfix();
  ExpressionPtr primary();
  ExpressionPtr parenthesis();
  ExpressionPtr word();
  ExpressionPtr special_call(const std::string& name);
  ExpressionPtr called_grammar(const std::string& name, std::size_t at);
  ExpressionPtr choice();
  ExpressionPtr call(std::vector<std::string> parts, std::size_t at);
  std::unique_ptr<WrittenWindow> window();
  ExpressionPtr trim(std::size_t at);
  ExpressionPtr quantified(ExpressionPtr left, std::string op, std::size_t at);
  std::vector<ExpressionPtr> list(std::string_view close);
  bool type_literal() const;
  TypeName type_name();
  std::string spelled_type();

  ExpressionPtr make(Expression::Kind kind, std::size_t at) const;
  ExpressionPtr make(Expression::Kind kind, std::size_t at, std::string text, ExpressionPtr a,
                     ExpressionPtr b = nullptr) const;
  bool at_query(std::size_t ahead = 0) const;

  const Token& peek(std::size_t ahead = 0) const {
    return next_ + ahead < tokens_.size() ? tokens_[next_ + ahead] : end_;
  }
  bool is(std::string_view upper, std::size_t ahead = 0) const { return peek(ahead).is_word(upper); }
  bool is_symbol(std::string_view symbol, std::size_t ahead = 0) const { return peek(ahead).is_symbol(symbol); }
  bool accept(std::string_view upper);
  bool accept_symbol(std::string_view symbol);
  void expect(std::string_view upper);
  void expect_symbol(std::string_view symbol);
  std::string name();      ///< An identifier that is no reserved word.
  std::string any_name();  ///< Behind AS or a dot: a reserved word too.
  [[noreturn]] void fail() const;

  /// Counts how deep the parser's own functions stand in each other: 54001 before the stack ends.
  static constexpr int kDeepest = 400;
  struct Depth {
    explicit Depth(QueryParser& of) : parser(of) {
      if (++parser.depth_ > kDeepest) parser.too_deep();
    }
    ~Depth() { --parser.depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    QueryParser& parser;
  };
  [[noreturn]] void too_deep();

  std::span<const Token> tokens_;
  std::size_t next_ = 0;
  int depth_ = 0;
  Token end_;
};

bool is_reserved(const Token& token);

}  // namespace peerd::sql

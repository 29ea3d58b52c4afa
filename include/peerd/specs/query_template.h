#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace peerd {

/// The text of a query, taken apart at its placeholders {{.start}} and {{.end}}. They count outside of quotes and comments
/// alone, and stand for whole values: {{.start}}, not '{{.start}}'. Immutable.
class QueryTemplate {
 public:
  /// Throws Error(invalid_option, its field "query") on what is no single statement: a ";" in it, quotes, comments or
  /// parentheses that do not close, an unknown placeholder.
  explicit QueryTemplate(std::string_view query);
  bool has_start() const { return has_start_; }
  bool has_end() const { return has_end_; }
  std::string with(std::string_view start, std::string_view end) const;
  /// Which character (from 1) of the query stands at the character `position` of with(start, end).
  std::size_t place_of(std::size_t position, std::string_view start, std::string_view end) const;

 private:
  enum class Kind { text, start, end };
  struct Piece {
    Kind kind;
    std::string text;  ///< As it is written.
  };
  std::vector<Piece> pieces_;
  bool has_start_ = false, has_end_ = false;
};

}  // namespace peerd

#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace peerd::clickhouse {

/// Cuts TabSeparatedWithNames into rows as it comes. A row whose cells are not as many as the names is refused: totals and
/// extremes come as more rows after an empty line, and other formats have other lines.
class TsvRows {
 public:
  static constexpr std::string_view kFormat = "TabSeparatedWithNames";
  using Cells = std::span<const std::string>;
  using Names = std::function<void(Cells)>;
  using Row = std::function<void(Cells, const std::vector<bool>& nulls)>;  ///< Borrowed for the call.
  TsvRows(Names names, Row row) : names_(std::move(names)), row_(std::move(row)) {}

  void put(std::string_view piece);
  void finish() const;  ///< Throws when the answer ended inside a line.

 private:
  void line(std::string_view text);
  void cell(std::string_view text);

  const Names names_;
  const Row row_;
  std::string pending_;
  std::vector<std::string> cells_;
  std::vector<bool> nulls_;
  std::size_t width_ = 0;  ///< 0 = the names have not come.
};

}  // namespace peerd::clickhouse

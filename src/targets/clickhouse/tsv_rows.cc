#include "clickhouse/tsv_rows.h"

#include "peerd/base/error.h"

namespace peerd::clickhouse {

void TsvRows::put(std::string_view piece) {
  pending_.append(piece);
  std::size_t from = 0;
  for (std::size_t end; (end = pending_.find('\n', from)) != std::string::npos; from = end + 1)
    line(std::string_view(pending_).substr(from, end - from));
  pending_.erase(0, from);
}

void TsvRows::finish() const {
  if (!pending_.empty()) throw Error(ErrorCode::peer_error, "ClickHouse's answer ends inside a row");
}

void TsvRows::line(std::string_view text) {
  cells_.clear();
  nulls_.clear();
  for (std::size_t from = 0;;) {
    const std::size_t tab = text.find('\t', from);
    cell(text.substr(from, tab - from));
    if (tab == std::string_view::npos) break;
    from = tab + 1;
  }
  if (width_ == 0) {
    width_ = cells_.size();
    return names_(cells_);
  }
  if (cells_.size() != width_) {
    throw Error(ErrorCode::not_supported,
                "ClickHouse's answer holds a row of " + std::to_string(cells_.size()) + " cells under " +
                    std::to_string(width_) + " names",
                "leave out what adds rows to an answer or changes its form: WITH TOTALS, extremes, FORMAT");
  }
  row_(cells_, nulls_);
}

void TsvRows::cell(std::string_view text) {
  nulls_.push_back(text == "\\N");
  std::string& out = cells_.emplace_back();
  if (nulls_.back()) return;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    constexpr std::string_view kCodes = "bfnrt0", kBytes("\b\f\n\r\t\0", 6);
    const std::size_t code = kCodes.find(text[++i]);
    out += code == std::string_view::npos ? text[i] : kBytes[code];
  }
}

}  // namespace peerd::clickhouse

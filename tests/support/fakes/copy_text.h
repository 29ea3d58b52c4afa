#pragma once

#include <string>
#include <string_view>

#include "support/fakes/fake_server.h"

namespace peerd::fakes {

/// One row in COPY's text form.
inline std::string copy_line(const Cells& cells) {
  std::string line;
  for (const auto& cell : cells) {
    if (!line.empty() || &cell != cells.data()) line += '\t';
    if (!cell) {
      line += "\\N";
      continue;
    }
    for (const char c : *cell) {
      if (c == '\\')
        line += "\\\\";
      else if (c == '\t')
        line += "\\t";
      else if (c == '\n')
        line += "\\n";
      else
        line += c;
    }
  }
  return line + '\n';
}

/// The rows of whole COPY lines.
inline std::vector<Cells> parse_copy(std::string_view text) {
  std::vector<Cells> rows;
  Cells row;
  std::string cell;
  bool null = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      const char next = text[++i];
      if (next == 'N')
        null = true;
      else
        cell += next == 't' ? '\t' : next == 'n' ? '\n' : next;
    } else if (c == '\t' || c == '\n') {
      row.push_back(null ? std::nullopt : std::optional(cell));
      cell.clear();
      null = false;
      if (c == '\t') continue;
      rows.push_back(std::move(row));
      row.clear();
    } else {
      cell += c;
    }
  }
  return rows;
}

}  // namespace peerd::fakes

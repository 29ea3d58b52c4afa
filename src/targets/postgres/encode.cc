#include "postgres/encode.h"

#include <array>
#include <charconv>

namespace peerd::pgtarget {
namespace {

constexpr std::size_t kFlushBytes = 256 << 10;
constexpr std::size_t kKeepBytes = 4 << 20;  ///< A buffer that one huge row made larger is given back.

constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> table{};
  table['\\'] = '\\';
  table['\n'] = 'n';
  table['\r'] = 'r';
  table['\t'] = 't';
  return table;
}();

}  // namespace

void append_escaped(std::string& out, std::string_view value) {
  const char* run = value.data();
  const char* const end = run + value.size();
  for (const char* at = run; at != end; ++at) {
    const char escape = kEscapes[static_cast<unsigned char>(*at)];
    if (escape == 0) continue;
    out.append(run, at);
    out.push_back('\\');
    out.push_back(escape);
    run = at + 1;
  }
  out.append(run, end);
}

void CopyText::begin(postgres::Connection& connection, std::string_view sql, const Wait& wait) {
  connection_ = &connection;
  buffer_.clear();
  first_ = true;
  connection.copy_in(sql, wait);
}

void CopyText::cell(const CellView& cell) {
  if (cell.kind != CellView::Kind::text) return null();
  separate();
  append_escaped(buffer_, cell.bytes);
}

void CopyText::null() {
  separate();
  buffer_.append("\\N");
}

void CopyText::number(std::int64_t value) {
  separate();
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  buffer_.append(digits.data(), end);
}

void CopyText::end_row(const Wait& wait) {
  buffer_.push_back('\n');
  first_ = true;
  if (buffer_.size() < kFlushBytes) return;
  connection_->copy_write(buffer_, wait);
  if (buffer_.capacity() > kKeepBytes) std::string().swap(buffer_);
  buffer_.clear();
}

std::uint64_t CopyText::finish(const Wait& wait) {
  if (!buffer_.empty()) connection_->copy_write(buffer_, wait);
  buffer_.clear();
  return connection_->copy_finish(wait);
}

std::string_view binary_copy_header() { return std::string_view("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19); }
std::string_view binary_copy_trailer() { return std::string_view("\377\377", 2); }

}  // namespace peerd::pgtarget

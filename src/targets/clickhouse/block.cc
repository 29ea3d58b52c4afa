#include "clickhouse/block.h"

#include <algorithm>

#include "clickhouse/nearest.h"
#include "clickhouse/values.h"
#include "clickhouse/wrong.h"
#include "peerd/base/error.h"

namespace peerd::clickhouse {
namespace {

constexpr std::size_t kKeptBytes = 2 * Block::kMostBytes;  // Per run of bytes; what one huge row took is given back.

constexpr const char* kNull = "a NULL, although the column was NOT NULL when the mirror began";

}  // namespace

Block::Block(const TableLayout& layout) : layout_(layout), columns_(layout.types.size()), unfit_(layout.types.size()) {}

std::size_t Block::bytes() const noexcept {
  std::size_t total = deleted_.size() + versions_.size();
  for (const Columns& c : columns_) total += c.values.size() + c.nulls.size() + c.offsets.size() + c.notes.size();
  return total;
}

Block::Columns& Block::begin_cell() {
  if (next_ >= columns_.size())
    throw Error(ErrorCode::internal, "more cells than columns in a row of " + layout_.table);
  return columns_[next_];
}

void Block::add_null() {
  Columns& c = begin_cell();
  if (!type().nullable) refuse(kNull);
  if (type().array) {
    end_array(true);
  } else {
    c.nulls.append('\1');
    append_default(type(), c.values);
  }
  ++next_;
}

void Block::add_text(std::string_view text) {
  Columns& c = begin_cell();
  if (type().array) {
    add_array_text(text);
  } else {
    const char* wrong = append_text(type(), text, c.values);
    const bool null = wrong != nullptr && bend(wrong, text, c.values);
    if (type().nullable) c.nulls.append(null ? '\1' : '\0');
  }
  ++next_;
}

void Block::add_binary(std::string_view bytes) {
  Columns& c = begin_cell();
  if (type().array) {
    type().copy_cast.empty() ? add_array_binary(bytes) : add_array_text(bytes);
  } else {
    const auto append = type().copy_cast.empty() ? append_binary : append_text;
    const char* wrong = append(type(), bytes, c.values);
    const bool null = wrong != nullptr && bend(wrong, bytes, c.values);
    if (type().nullable) c.nulls.append(null ? '\1' : '\0');
  }
  ++next_;
}

void Block::add_stored(std::string_view stored, bool null_array) {
  Columns& c = begin_cell();
  if (type().array) {
    const std::uint64_t count = take_varint(stored).value_or(0);
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto value = take_stored_element(type(), stored).value();
      const bool null = value[0] != 0;
      c.nulls.append(value[0]);
      null ? append_default(type(), c.values) : c.values.append(value.substr(1));
      ++c.elements;
    }
    end_array(null_array);
  } else if (type().nullable) {
    c.nulls.append(stored[0]);
    stored[0] != 0 ? append_default(type(), c.values) : c.values.append(stored.substr(1));
  } else {
    c.values.append(stored);
  }
  ++next_;
}

void Block::add_empty() {
  if (next_ < columns_.size() && type().nullable) return add_null();
  Columns& c = begin_cell();
  type().array ? end_array(false) : append_default(type(), c.values);
  ++next_;
}

void Block::end_array(bool null) {
  Columns& c = columns_[next_];
  c.offsets.append_raw(c.elements);
  if (type().noted_nulls()) c.notes.append(null ? '\1' : '\0');
}

void Block::end_row(RowVersion version, bool deleted) {
  if (next_ != columns_.size())
    throw Error(ErrorCode::internal, "fewer cells than columns in a row of " + layout_.table);
  deleted_.append(deleted ? '\1' : '\0');
  versions_.append_raw(version.change.value);  // UInt128, least word first (rules.md 1).
  versions_.append_raw(version.commit.value);
  next_ = 0;
  ++rows_;
}

void Block::clear() {
  for (Columns& c : columns_) {
    for (Bytes* bytes : {&c.values, &c.nulls, &c.offsets, &c.notes}) bytes->clear_and_shrink(kKeptBytes);
    c.elements = 0;
  }
  deleted_.clear();
  versions_.clear();
  scratch_.clear_and_shrink(kKeptBytes);
  next_ = rows_ = 0;
}

/// Writes what is to stand in the place of a value that does not fit, and answers whether that is NULL. `text`: what is to be
/// clamped comes as text, by copy_plan(), too.
bool Block::bend(const char* wrong, std::string_view text, Bytes& values) {
  if (wrong == kMalformed || layout_.in_key(next_)) refuse(wrong);
  const bool may_be_null = type().nullable || type().array;
  if (layout_.on_unfit == OnUnfit::null && may_be_null) {
    append_default(type(), values);
  } else if (layout_.on_unfit != OnUnfit::clamp || !append_nearest(type(), text, values)) {
    refuse(wrong);
  }
  ++unfit_[next_];
  return layout_.on_unfit == OnUnfit::null;
}

std::vector<std::uint64_t> Block::take_unfit() {
  std::vector<std::uint64_t> taken(unfit_.size());
  taken.swap(unfit_);
  return taken;
}

void Block::refuse(const char* wrong) const {
  const std::string& column = layout_.sources[next_];
  const bool key = layout_.in_key(next_);
  Error error(ErrorCode::bad_value, "column \"" + column + "\" of table " + layout_.table + " holds " + wrong +
                                        " (ClickHouse type " + type().name + ")");
  error.text.hint = key ? "change the rows that hold such a value, or the column's type, at the source"
                        : "change such rows at the source, or leave the column out: {from: " + layout_.table +
                              ", to: …, exclude: [" + column + "]}";
  if (!key && has_order(type()) && layout_.on_unfit == OnUnfit::stop)
    error.text.hint += "; or create the mirror with on_unfit_value = 'null' or 'clamp'";
  error.text.table = layout_.table;
  if (!key && std::string_view(wrong) == kNull) throw NullRefused(error.text, next_);
  throw error;
}

void Block::write_column(std::string_view name, std::string_view type, std::string_view data, const Sink& sink) {
  head_.clear();
  head_.append_string(name);
  head_.append_string(type);
  sink(head_.view());
  if (!data.empty()) sink(data);
}

void Block::write(const Sink& sink) {
  std::size_t notes = 0;
  for (const ColumnType& t : layout_.types) notes += t.noted_nulls() ? 1 : 0;
  head_.clear();
  head_.append_varint(columns_.size() + notes + 2);
  head_.append_varint(rows_);
  sink(head_.view());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    Columns& c = columns_[i];
    write_column(layout_.names[i], layout_.types[i].name, c.offsets.view(), sink);
    if (!c.nulls.empty()) sink(c.nulls.view());
    if (!c.values.empty()) sink(c.values.view());
    if (layout_.types[i].noted_nulls()) write_column(null_note(layout_.names[i]), "Bool", c.notes.view(), sink);
  }
  write_column(layout_.deleted_column, "UInt8", deleted_.view(), sink);
  write_column(kVersionColumn, "UInt128", versions_.view(), sink);
  clear();
}

std::string insert_columns(const TableLayout& layout) {
  std::string out;
  for (std::size_t i = 0; i < layout.names.size(); ++i) {
    out += quote_name(layout.names[i]) + ", ";
    if (layout.types[i].noted_nulls()) out += quote_name(null_note(layout.names[i])) + ", ";
  }
  return out + quote_name(layout.deleted_column) + ", " + std::string(kVersionColumn);
}

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 10; ++i) {
    value |= static_cast<std::uint64_t>(bytes[i] & 0x7f) << (7 * i);
    if ((bytes[i] & 0x80) != 0) continue;
    bytes.remove_prefix(i + 1);
    return value;
  }
  return std::nullopt;
}

namespace {

/// Bytes of one value without array around it; nullopt: not all there.
std::optional<std::size_t> plain_size(const ColumnType& type, std::string_view bytes) {
  if (type.width != 0) return bytes.size() < type.width ? std::nullopt : std::optional<std::size_t>(type.width);
  std::string_view rest = bytes;
  const auto length = take_varint(rest);
  if (!length || rest.size() < *length) return std::nullopt;
  return bytes.size() - rest.size() + *length;
}

std::optional<std::size_t> nullable_size(const ColumnType& type, std::string_view bytes) {
  if (bytes.empty()) return std::nullopt;
  if (bytes[0] != 0) return 1;
  const auto size = plain_size(type, bytes.substr(1));
  return size ? std::optional<std::size_t>(*size + 1) : std::nullopt;
}

}  // namespace

std::optional<std::string_view> take_stored_element(const ColumnType& type, std::string_view& answer) {
  const auto size = nullable_size(type, answer);
  if (!size) return std::nullopt;
  const auto value = answer.substr(0, *size);
  answer.remove_prefix(*size);
  return value;
}

std::optional<std::string_view> take_stored(const ColumnType& type, std::string_view& answer) {
  std::optional<std::size_t> size;
  if (type.array) {
    std::string_view rest = answer;
    const auto count = take_varint(rest);
    if (!count) return std::nullopt;
    for (std::uint64_t i = 0; i < *count; ++i) {
      const auto element = nullable_size(type, rest);
      if (!element) return std::nullopt;
      rest.remove_prefix(*element);
    }
    size = answer.size() - rest.size();
  } else {
    size = type.nullable ? nullable_size(type, answer) : plain_size(type, answer);
  }
  if (!size) return std::nullopt;
  const auto value = answer.substr(0, *size);
  answer.remove_prefix(*size);
  return value;
}

}  // namespace peerd::clickhouse

#include "clickhouse/lookup.h"

#include <algorithm>

#include "clickhouse/values.h"
#include "peerd/base/text.h"

namespace peerd::clickhouse {
namespace {

constexpr std::size_t kSliceBytes = 16 << 20, kLeastKeys = 16, kMostKeys = 60'000;

/// A tuple, because argMax() itself would pass over NULLs and answer with an older value.
std::string newest_values(const StoredRows::Request& request, const std::string& table) {
  std::string out = "argMax(tuple(";
  for (std::size_t i = 0; i < request.columns.size(); ++i) {
    const std::uint16_t column = request.columns[i];
    const std::string name = table + quote_name(request.layout.names[column]);
    out += (i == 0 ? "CAST(" : ", CAST(") + name + ", " + quote_text(request.layout.types[column].name) + ")";
    if (request.layout.types[column].noted_nulls()) out += ", " + table + quote_name(null_note(request.layout.names[column]));
  }
  return out + "), " + table + std::string(kVersionColumn) + ")";
}

}  // namespace

std::string version_literal(RowVersion version) {
  unsigned __int128 value = static_cast<unsigned __int128>(version.commit.value) << 64 | version.change.value;
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  return "toUInt128('" + digits + "')";
}

StoredRows::StoredRows(Client& client, StatementNames& names)
    : client_(client), names_(names), own_("_peerd_" + make_uuid().substr(0, 8) + "_") {}

std::string StoredRows::key_structure(const TableLayout& layout) const {
  std::string out = own_ + "i UInt32";
  for (std::size_t i = 0; i < layout.key.size(); ++i)
    out += ", " + key_name(i) + " " + layout.types[layout.key[i]].name;
  return out;
}

std::string StoredRows::statement(const Request& request) const {
  const std::string keys = own_ + "keys", t = own_ + "t.", v = own_ + "v", row = own_ + "r";
  std::string names, aliases, short_names, join;
  for (std::size_t i = 0; i < request.layout.key.size(); ++i) {
    const std::string name = t + quote_name(request.layout.names[request.layout.key[i]]), alias = key_name(i);
    const std::string comma = i == 0 ? "" : ", ";
    names += comma + name;
    aliases += comma + name + " AS " + alias;
    short_names += comma + alias;
    join += (i == 0 ? "" : " AND ") + (v + "." + alias) + " = " + keys + "." + alias;
  }
  return "SELECT " + keys + "." + own_ + "i, " + v + "." + row + " FROM (SELECT " + aliases + ", " +
         newest_values(request, t) + " AS " + row + " FROM " + quote_name(request.table) + " AS " + own_ + "t WHERE (" +
         names + ") IN (SELECT " + short_names + " FROM " + keys + ") AND " + t +
         quote_name(request.layout.deleted_column) + " = 0 AND " + t + std::string(kVersionColumn) + " < " +
         version_literal(request.before) + " GROUP BY " + names + ") AS " + v + " INNER JOIN " + keys + " ON " + join +
         " FORMAT RowBinary";
}

void StoredRows::fetch(const Request& request, const Found& found, const Wait& wait) {
  for (std::size_t from = 0; from < request.keys.size();) {
    const std::size_t count = std::min(slice_, request.keys.size() - from);
    const std::size_t bytes = fetch_slice(request, from, count, found, wait);
    from += count;
    const std::size_t per_key = std::max<std::size_t>(bytes / count, 1);
    slice_ = std::clamp(std::min(kSliceBytes / per_key, slice_ * 8), kLeastKeys, kMostKeys);
  }
}

void StoredRows::write_keys(const Request& request, std::size_t from, std::size_t count) {
  for (std::size_t i = from; i < from + count; ++i) {
    body_.append_raw(static_cast<std::uint32_t>(i));
    for (std::size_t k = 0; k < request.layout.key.size(); ++k) {
      const ColumnType& type = request.layout.types[request.layout.key[k]];
      if (const char* wrong = append_text(type, request.keys[i][k].bytes, body_)) {
        throw Error(ErrorCode::bad_value, "a key of table " + request.layout.table + " holds " + wrong);
      }
    }
  }
}

std::size_t StoredRows::fetch_slice(const Request& request, std::size_t from, std::size_t count, const Found& found,
                                    const Wait& wait) {
  const std::string boundary = "peerd-" + make_uuid();
  body_.clear();
  body_.append("--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + own_ + "keys\"; filename=\"keys\"\r\n\r\n");
  write_keys(request, from, count);
  body_.append("\r\n--" + boundary + "--\r\n");
  const Settings settings{{"query", statement(request)},
                          {"query_id", names_.next(request.id)},
                          {own_ + "keys_format", "RowBinary"},
                          {own_ + "keys_structure", key_structure(request.layout)},
                          {"max_bytes_before_external_group_by", "0"}};
  answer_.clear();
  std::size_t bytes = 0;
  client_.stream(
      settings, "multipart/form-data; boundary=" + boundary, body_.view(),
      [&](std::string_view piece) {
        bytes += piece.size();
        answer_.append(piece);
        std::string_view rest = answer_.view();
        while (!rest.empty() && take_row(request, rest, found)) {
        }
        const std::size_t left = rest.size();
        if (left != 0 && rest.data() != answer_.data()) std::memmove(answer_.data(), rest.data(), left);
        answer_.cut(left);
      },
      wait);
  if (!answer_.empty()) throw Error(ErrorCode::peer_error, "ClickHouse's answer to a look-up ends inside a row");
  body_.clear_and_shrink(kSliceBytes);
  answer_.clear_and_shrink(kSliceBytes);
  return bytes;
}

/// False, and nothing taken, when the row is not all there.
bool StoredRows::take_row(const Request& request, std::string_view& answer, const Found& found) {
  std::string_view rest = answer;
  std::uint32_t i = 0;
  if (rest.size() < sizeof i) return false;
  std::memcpy(&i, rest.data(), sizeof i);
  rest.remove_prefix(sizeof i);
  cells_.clear();
  for (const std::uint16_t column : request.columns) {
    const ColumnType& type = request.layout.types[column];
    const auto stored = take_stored(type, rest);
    if (!stored || (type.noted_nulls() && rest.empty())) return false;
    StoredCell& cell = cells_.emplace_back(StoredCell{*stored, false});
    if (!type.noted_nulls()) continue;
    cell.null_array = rest[0] != 0;
    rest.remove_prefix(1);
  }
  if (i >= request.keys.size())
    throw Error(ErrorCode::peer_error, "ClickHouse's answer to a look-up names a key that was not asked for");
  found(i, cells_);
  answer = rest;
  return true;
}

}  // namespace peerd::clickhouse

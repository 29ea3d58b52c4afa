#include "wire.h"

#include "values.h"

namespace peerd::sql {
namespace {

constexpr std::size_t kStartupMost = 10'000;  // As Postgres's MAX_STARTUP_PACKET_LENGTH.
constexpr std::size_t kLogInMost = 65'535;     // As its PG_MAX_AUTH_TOKEN_LENGTH.
constexpr std::size_t kMessageMost = 16u << 20;  // A statement of 16 MiB is no statement.

[[noreturn]] void violation(std::string message) { throw StatementError("08P01", std::move(message)); }

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

}  // namespace

std::optional<Frame> take_frame(std::string_view& bytes, Stage stage) {
  const std::size_t type_bytes = stage == Stage::startup ? 0 : 1;
  if (bytes.size() < type_bytes + 4) return std::nullopt;
  const std::uint32_t length = big_endian(bytes.substr(type_bytes, 4));
  const std::size_t most = stage == Stage::startup  ? kStartupMost
                           : stage == Stage::log_in ? kLogInMost
                                                    : kMessageMost;
  if (length < 4 || length > most) violation("invalid message length");
  if (bytes.size() < type_bytes + length) return std::nullopt;
  Frame frame{type_bytes ? bytes[0] : '\0', std::string(bytes.substr(type_bytes + 4, length - 4))};
  bytes.remove_prefix(type_bytes + length);
  return frame;
}

std::string_view FieldReader::bytes(std::size_t length) {
  if (length > rest_.size()) violation("insufficient data left in message");
  const auto value = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return value;
}

std::int16_t FieldReader::int16() { return static_cast<std::int16_t>(big_endian(bytes(2))); }
std::int32_t FieldReader::int32() { return static_cast<std::int32_t>(big_endian(bytes(4))); }

std::string_view FieldReader::text() {
  const auto zero = rest_.find('\0');
  if (zero == std::string_view::npos) violation("invalid string in message");
  const auto value = rest_.substr(0, zero);
  rest_.remove_prefix(zero + 1);
  return value;
}

void FieldReader::expect_end() const {
  if (!rest_.empty()) violation("invalid message format");
}

std::int16_t format_of(std::span<const std::int16_t> formats, std::size_t index) {
  if (formats.empty()) return 0;
  return formats.size() == 1 ? formats[0] : formats[index];
}

void Output::int16(std::int16_t value) {
  bytes += static_cast<char>(value >> 8 & 0xFF);
  bytes += static_cast<char>(value & 0xFF);
}

void Output::int32(std::int32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xFF);
}

void Output::text(std::string_view value) {
  bytes += value.substr(0, value.find('\0'));  // A zero byte would end the field early.
  bytes += '\0';
}

void Output::begin(char type) {
  bytes += type;
  started_ = bytes.size();
  int32(0);
}

void Output::end() {
  const auto length = static_cast<std::uint32_t>(bytes.size() - started_);
  for (int i = 0; i < 4; ++i) bytes[started_ + static_cast<std::size_t>(i)] = static_cast<char>(length >> (24 - 8 * i));
}

void Output::plain(char type) {
  begin(type);
  end();
}

void Output::authentication(std::int32_t kind, std::string_view data) {
  begin('R');
  int32(kind);
  bytes += data;
  end();
}

void Output::parameter_status(std::string_view name, std::string_view value) {
  begin('S');
  text(name);
  text(value);
  end();
}

void Output::backend_key(std::uint32_t process, std::string_view secret) {
  begin('K');
  int32(static_cast<std::int32_t>(process));
  bytes += secret;
  end();
}

void Output::negotiate(std::int32_t newest_minor, const std::vector<std::string>& unknown) {
  begin('v');
  int32(newest_minor);
  int32(static_cast<std::int32_t>(unknown.size()));
  for (const auto& name : unknown) text(name);
  end();
}

void Output::row_description(std::span<const ResultColumn> columns, std::span<const std::int16_t> formats) {
  begin('T');
  int16(static_cast<std::int16_t>(columns.size()));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    text(columns[i].name);
    int32(0);  // No table of a catalog,
    int16(0);  // so no column of it either.
    int32(static_cast<std::int32_t>(columns[i].type));
    int16(type_length(columns[i].type));
    int32(-1);
    int16(format_of(formats, i));
  }
  end();
}

void Output::parameter_description(std::span<const std::uint32_t> types) {
  begin('t');
  int16(static_cast<std::int16_t>(types.size()));
  for (const auto type : types) int32(static_cast<std::int32_t>(type));
  end();
}

void Output::begin_row(std::size_t cells) {
  begin('D');
  int16(static_cast<std::int16_t>(cells));
}

void Output::cell(std::optional<std::string_view> value) {
  if (!value) return int32(-1);
  int32(static_cast<std::int32_t>(value->size()));
  bytes += *value;
}

void Output::end_row() { end(); }

void Output::report(char type, const Report& report) {
  begin(type);
  auto field = [&](char code, std::string_view value) {
    if (value.empty()) return;
    bytes += code;
    text(value);
  };
  field('S', report.severity);
  field('V', report.severity);
  field('C', report.sqlstate);
  field('M', report.message.empty() ? std::string_view("unknown error") : std::string_view(report.message));
  field('D', report.detail);
  field('H', report.hint);
  if (report.position) field('P', std::to_string(report.position));
  bytes += '\0';
  end();
}

void Output::complete(std::string_view tag) {
  begin('C');
  text(tag);
  end();
}

void Output::ready(char transaction_status) {
  begin('Z');
  bytes += transaction_status;
  end();
}

}  // namespace peerd::sql

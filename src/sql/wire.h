#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "statement_error.h"

namespace peerd::sql {

/// One message of a client: its type (0 at start-up, where messages have none) and what follows the length.
struct Frame {
  char type = 0;
  std::string body;
};
enum class Stage { startup, log_in, messages };

/// Cuts the first message off `bytes`. nullopt while it is not whole. Throws StatementError (08P01) when its length is
/// impossible.
std::optional<Frame> take_frame(std::string_view& bytes, Stage stage);

/// Reads a message's fields in order; throws StatementError (08P01) at its end.
class FieldReader {
 public:
  explicit FieldReader(std::string_view body) : rest_(body) {}
  std::int16_t int16();
  std::int32_t int32();
  std::string_view text();  ///< Up to a zero byte.
  std::string_view bytes(std::size_t length);
  char byte() { return bytes(1)[0]; }
  std::string_view rest() const { return rest_; }
  void expect_end() const;

 private:
  std::string_view rest_;
};

struct ResultColumn {
  std::string name;
  std::uint32_t type = 25;
};

/// Messages of a server, queued up in `bytes`.
class Output {
 public:
  void authentication(std::int32_t kind, std::string_view data = {});
  void parameter_status(std::string_view name, std::string_view value);
  void backend_key(std::uint32_t process, std::string_view secret);
  void negotiate(std::int32_t newest_minor, const std::vector<std::string>& unknown);
  /// One format for all columns, or one each; none = text.
  void row_description(std::span<const ResultColumn> columns, std::span<const std::int16_t> formats);
  void parameter_description(std::span<const std::uint32_t> types);
  void begin_row(std::size_t cells);
  void cell(std::optional<std::string_view> value);
  void end_row();
  void report(char type, const Report& report);  ///< 'E' or 'N'.
  void complete(std::string_view tag);
  void ready(char transaction_status);
  void plain(char type);  ///< Messages without content: ParseComplete and its like.

  std::string bytes;

 private:
  void begin(char type);
  void end();
  void int16(std::int16_t value);
  void int32(std::int32_t value);
  void text(std::string_view value);

  std::size_t started_ = 0;
};

/// What the client asked for column `index`: 0 text, 1 binary.
std::int16_t format_of(std::span<const std::int16_t> formats, std::size_t index);

}  // namespace peerd::sql

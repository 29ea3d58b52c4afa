// The envelope of Debezium's Postgres connector, as its JsonConverter writes it with schemas.enable=false.
#include "kafka/debezium_values.h"
#include "kafka/json.h"
#include "kafka/row_encoder.h"
#include "peerd/changes/lsn.h"

namespace peerd::kafka {
namespace {

char operation(Kind kind) {
  switch (kind) {
    case Kind::insert: return 'c';
    case Kind::update: return 'u';
    case Kind::remove: return 'd';
    case Kind::read: return 'r';
    case Kind::truncate: return 't';
    default: return 'm';
  }
}

class DebeziumEncoder final : public RowEncoder {
 public:
  DebeziumEncoder(const TableSchema& given, const Names& names) : RowEncoder(given) {
    for (const Column& column : schema().columns) shapes_.push_back(debezium::shape_of(column));
    source_begin_ = R"("source":{"version":"peerd","connector":"postgresql","name":)" + json_name(names.mirror) + R"(,"ts_ms":)";
    database_ = R"(,"db":)" + json_name(names.database) + R"(,"sequence":"[)";
    table_ = R"(,"schema":)" + json_name(schema().schema) + R"(,"table":)" + json_name(schema().name) + R"(,"txId":)";
  }

  void value(const Message& message, std::string& out) const override {
    if (message.kind == Kind::horizon) return logical(message, {"peerd.horizon", to_string(Lsn{message.checkpoint}), true}, out);
    out += R"({"before":)";
    before(message, out);
    out += R"(,"after":)";
    message.kind == Kind::remove || message.row.empty() ? void(out += "null") : columns(message.row, out);
    out.push_back(',');
    source(message, out);
    out += R"(,"transaction":null,"op":")";
    out.push_back(operation(message.kind));
    out.push_back('"');
    times(message.sent_us, out);
    out.push_back('}');
  }

  void logical(const Message& message, const Logical& logical, std::string& out) const override {
    out += R"({"op":"m")";
    times(message.sent_us, out);
    out.push_back(',');
    source(message, out);
    out += R"(,"transaction":null,"message":{"prefix":)";
    append_prefix(logical.prefix, out);
    out += R"(,"content":)";
    append_base64(logical.content, out);
    out += "}}";
  }

 private:
  const char* cell(std::size_t column, std::string_view text, std::string& out) const override {
    return debezium::append_value(shapes_[column], text, out);
  }
  void unavailable(std::size_t column, std::string& out) const override { out += shapes_[column].unavailable; }

  /// Every column.
  void columns(std::span<const CellView> row, std::string& out) const {
    bool first = true;
    out.push_back('{');
    for (std::size_t c = 0; c < row.size(); ++c) member(c, row[c], first, out);
    out.push_back('}');
  }

  /// The row as it was, where the source sent it; of a delete the key at least. What was not sent is null.
  void before(const Message& message, std::string& out) const {
    if (message.old_row.empty()) return message.kind == Kind::remove ? columns(message.row, out) : void(out += "null");
    bool first = true;
    out.push_back('{');
    for (std::size_t c = 0; c < message.old_row.size(); ++c) {
      const CellView& cell = message.old_row[c];
      member(c, cell.kind == CellView::Kind::unchanged ? CellView{} : cell, first, out);
    }
    out.push_back('}');
  }

  static void times(std::int64_t us, std::string& out) {
    out += R"(,"ts_ms":)";
    append_number(us / 1000, out);
    out += R"(,"ts_us":)";
    append_number(us, out);
    out += R"(,"ts_ns":)";
    append_number(us * 1000, out);
  }

  void source(const Message& message, std::string& out) const {
    // Of what has no commit, when it was read.
    const std::int64_t us = message.commit_time_us == 0 ? message.sent_us : message.commit_time_us;
    out += source_begin_;
    append_number(us / 1000, out);
    out += message.kind == Kind::read ? R"(,"snapshot":"true")" : R"(,"snapshot":"false")";
    out += database_;
    sequence_part(message.last_commit, out);
    out.push_back(',');
    sequence_part(message.checkpoint, out);
    out += R"(]","ts_us":)";
    append_number(us, out);
    out += R"(,"ts_ns":)";
    append_number(us * 1000, out);
    out += table_;
    message.xid == 0 ? void(out += "null") : append_number(message.xid, out);
    out += R"(,"lsn":)";
    append_number(message.checkpoint, out);
    out += R"(,"xmin":null})";
  }

  static void sequence_part(std::uint64_t lsn, std::string& out) {
    if (lsn == 0) return void(out += "null");
    out += "\\\"";
    append_number(lsn, out);
    out += "\\\"";
  }

  std::vector<debezium::Shape> shapes_;
  std::string source_begin_, database_, table_;  ///< Parts of `source` that no message changes.
};

}  // namespace

std::unique_ptr<Encoder> make_debezium_encoder(const TableSchema& schema, const Names& names) {
  return std::make_unique<DebeziumEncoder>(schema, names);
}

}  // namespace peerd::kafka

// The formats peerdb and flat: values as Postgres's text has them, exact in every parser.
#include "kafka/json.h"
#include "kafka/row_encoder.h"
#include "peerd/postgres/types.h"

namespace peerd::kafka {
namespace {

using namespace postgres;

enum class Form : std::uint8_t { text, boolean, number, bytea, array };

Form form_of(std::uint32_t oid) {
  switch (oid) {
    case kBoolOid: return Form::boolean;
    case kInt2Oid: case kInt4Oid: case kInt8Oid: case kOidOid: case kFloat4Oid: case kFloat8Oid: return Form::number;
    case kByteaOid: return Form::bytea;
    default: return element_type(oid) != 0 ? Form::array : Form::text;  // numeric too: a string is exact in every parser
  }
}

const char* append_value(Form form, Form element, std::string_view text, std::string& out) {
  switch (form) {
    case Form::boolean:
      if (text != "t" && text != "f") return kNotOfItsType;
      out += text == "t" ? "true" : "false";
      return nullptr;
    case Form::number: return append_number_text(text, out) ? nullptr : kNotOfItsType;
    case Form::bytea: return append_bytea(text, out) ? nullptr : kNotOfItsType;
    case Form::array:
      return append_array(text, out, [element](std::string_view value, std::string& to) {
        return append_value(element, Form::text, value, to);
      });
    case Form::text: break;
  }
  return append_json(text, out) ? nullptr : kNoUtf8;
}

class PlainEncoder final : public RowEncoder {
 public:
  PlainEncoder(const TableSchema& given, bool flat)
      : RowEncoder(given), flat_(flat), source_(json_name(given.qualified())) {
    for (const Column& column : schema().columns) {
      forms_.push_back(form_of(column.type_oid));
      elements_.push_back(form_of(element_type(column.type_oid)));
    }
  }

  std::string reserved_column() const override {
    if (!flat_) return {};
    for (const Column& column : schema().columns)
      if (column.name.starts_with("_peerdb_")) return column.name;
    return {};
  }

  void value(const Message& message, std::string& out) const override {
    bool first = true;
    if (flat_) {
      out.push_back('{');
      members(message, first, out);
      out += first ? "\"_peerdb_kind\":\"" : ",\"_peerdb_kind\":\"";
      out += to_string(message.kind);
      out.push_back('"');
      return about(message, "_peerdb_", out);
    }
    out += "{\"kind\":\"";
    out += to_string(message.kind);
    out.push_back('"');
    if (message.kind == Kind::update || message.kind == Kind::remove) {
      out += ",\"old\":{";
      if (!message.old_row.empty()) sent(message.old_row, first, out);
      else if (message.kind == Kind::remove) members(message, first, out);
      out.push_back('}');
      first = true;
    }
    if (message.kind != Kind::remove && !message.row.empty()) {
      out += ",\"new\":{";
      members(message, first, out);
      out.push_back('}');
    }
    about(message, "", out);
  }

  void logical(const Message& message, const Logical& logical, std::string& out) const override {
    out += "{\"kind\":\"message\",\"prefix\":";
    append_prefix(logical.prefix, out);
    out += ",\"content\":";
    append_base64(logical.content, out);
    out += logical.transactional ? ",\"transactional\":true" : ",\"transactional\":false";
    position(message, "", out);
    out.push_back('}');
  }

 private:
  const char* cell(std::size_t column, std::string_view text, std::string& out) const override {
    return append_value(forms_[column], elements_[column], text, out);
  }

  void members(const Message& message, bool& first, std::string& out) const {
    if (message.kind == Kind::remove && !schema().keyless()) {
      for (const std::uint16_t column : schema().key) member(column, message.row[column], first, out);
      return;
    }
    sent(message.row, first, out);
  }
  void sent(std::span<const CellView> row, bool& first, std::string& out) const {
    for (std::size_t c = 0; c < row.size(); ++c)
      if (row[c].kind != CellView::Kind::unchanged) member(c, row[c], first, out);
  }

  static void name(std::string_view prefix, std::string_view word, std::string& out) {
    out += ",\"";
    out += prefix;
    out += word;
    out += "\":";
  }
  static void position(const Message& message, std::string_view prefix, std::string& out) {
    name(prefix, "checkpoint", out);
    append_number(message.checkpoint, out);
    name(prefix, "commit_time", out);
    message.commit_time_us == 0 ? void(out += "null") : append_time(message.commit_time_us, out);
    name(prefix, "transaction_id", out);
    append_number(message.xid, out);
  }
  void about(const Message& message, std::string_view prefix, std::string& out) const {
    position(message, prefix, out);
    name(prefix, "source", out);
    out += source_;
    if (!message.filled.empty()) {
      name(prefix, "unchanged_columns", out);
      unchanged_names(message, out);
    }
    out.push_back('}');
  }

  const bool flat_;
  const std::string source_;  ///< "s.t" as a JSON string.
  std::vector<Form> forms_, elements_;
};

}  // namespace

std::unique_ptr<Encoder> make_plain_encoder(const TableSchema& schema, Format format) {
  return std::make_unique<PlainEncoder>(schema, format == Format::flat);
}

}  // namespace peerd::kafka

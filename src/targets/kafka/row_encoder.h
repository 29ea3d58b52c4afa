#pragma once

#include "kafka/encode.h"

namespace peerd::kafka {

/// What the formats share: a row's members and its key, {"name":value,…}.
class RowEncoder : public Encoder {
 public:
  explicit RowEncoder(const TableSchema& schema);
  const TableSchema& schema() const final { return schema_; }
  void key_of_row(std::span<const CellView> row, std::string& out) const final;
  void unchanged_names(const Message& message, std::string& out) const final;

 protected:
  /// Appends the value of a cell that is text. nullptr, or what is wrong with it.
  virtual const char* cell(std::size_t column, std::string_view text, std::string& out) const = 0;
  /// Appends one of a cell that is unchanged. Formats that leave these out never come here.
  virtual void unavailable(std::size_t column, std::string& out) const;
  void member(std::size_t column, const CellView& cell, bool& first, std::string& out) const;

 private:
  const TableSchema schema_;
  std::vector<std::string> names_;  ///< "\"id\":"
};

/// A name as a JSON string; throws where it is no UTF-8.
std::string json_name(std::string_view name);

/// A logical message's prefix as a JSON string; throws where it is no UTF-8.
void append_prefix(std::string_view prefix, std::string& out);

std::unique_ptr<Encoder> make_plain_encoder(const TableSchema& schema, Format format);
std::unique_ptr<Encoder> make_debezium_encoder(const TableSchema& schema, const Names& names);

inline constexpr const char* kNotOfItsType = "a value that is not of its type";
inline constexpr const char* kNoUtf8 = "bytes that are no UTF-8";

}  // namespace peerd::kafka

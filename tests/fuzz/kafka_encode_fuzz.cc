// A cell's text as each of Kafka's formats writes it, for every type that one of them parses: a JSON value, or a bad value.
#include <cstddef>
#include <cstdint>

#include "kafka/encode.h"
#include "peerd/base/error.h"
#include "peerd/postgres/types.h"

namespace {

using namespace peerd;
using namespace peerd::kafka;

std::vector<Column> columns() {
  std::vector<Column> found;
  const auto add = [&](std::uint32_t oid, std::int32_t modifier, std::string type_name = "") {
    Column column;
    column.name = "v";
    column.type_oid = oid;
    column.type_modifier = modifier;
    column.type_name = std::move(type_name);
    found.push_back(std::move(column));
  };
  for (const postgres::BuiltinType& type : postgres::builtin_types()) {
    for (const std::int32_t modifier : {-1, 3, (20 << 16 | 5) + 4, (5 << 16 | 0x7fe) + 4}) add(type.oid, modifier), add(type.array_oid, modifier);
  }
  for (const std::uint32_t oid : {600u, 790u}) add(oid, -1);           // point, money
  for (const std::uint32_t oid : {1560u, 1562u}) add(oid, 1), add(oid, 9);  // bit, bit varying
  add(99998, -1, "public.hstore"), add(99997, -1, "public.hstore[]"), add(99996, -1, "public.mood[]");
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::unique_ptr<Encoder>> encoders = [] {
    std::vector<std::unique_ptr<Encoder>> made;
    for (const Column& column : columns()) {
      TableSchema schema;
      schema.schema = "s", schema.name = "t", schema.columns = {column}, schema.key = {0};
      for (const Format format : {Format::peerdb, Format::debezium}) made.push_back(make_encoder(schema, format, {"m", "p"}));
    }
    return made;
  }();
  if (size < 2) return 0;
  const Encoder& encoder = *encoders[(data[0] << 8 | data[1]) % encoders.size()];
  const CellView cell{CellView::Kind::text, {reinterpret_cast<const char*>(data) + 2, size - 2}};
  std::string out;
  try {
    encoder.key_of_row({&cell, 1}, out);
    if (!out.starts_with("{\"v\":") || !out.ends_with("}")) __builtin_trap();
    for (const char c : out)
      if (static_cast<unsigned char>(c) < 0x20) __builtin_trap();
  } catch (const Error& error) {
    if (error.text.code != ErrorCode::bad_value) __builtin_trap();
  }
  return 0;
}

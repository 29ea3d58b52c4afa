#include "postgres/watermark.h"

#include "peerd/base/text.h"
#include "peerd/postgres/types.h"

namespace peerd {
namespace {

constexpr std::string_view kMicrosecond = "'1 microsecond'::pg_catalog.interval";

Error absent(std::string field, std::string message, std::string hint) {
  return Error(ErrorText{.code = ErrorCode::not_found, .message = std::move(message), .hint = std::move(hint), .field = std::move(field)});
}

void take_type(Watermark& watermark, std::uint32_t oid, std::int32_t modifier) {
  using namespace postgres;
  switch (oid) {
    case kInt2Oid:
    case kInt4Oid:
    case kInt8Oid:
      watermark.type = "pg_catalog.int8";
      watermark.step = "1";
      return;
    case kDateOid:
      watermark.type = "pg_catalog.date";
      watermark.step = "1";
      watermark.coarse = watermark.infinite = true;
      return;
    case kTimestampOid:
    case kTimestamptzOid:
      watermark.type = oid == kTimestampOid ? "pg_catalog.timestamp" : "pg_catalog.timestamptz";
      watermark.step = kMicrosecond;
      watermark.coarse = modifier >= 0 && modifier < 6;
      watermark.infinite = true;
      return;
    default:
      return;
  }
}

}  // namespace

std::string Watermark::value(const std::string& text) const { return quote_literal(text) + "::" + type; }

Watermark read_watermark(postgres::Connection& connection, const MirrorSpec& mirror, const Wait& wait) {
  const postgres::QualifiedName name = postgres::parse_qualified(mirror.tables.at(0).source);
  const std::string column = mirror.text("watermark_column");
  const postgres::Result relation = connection.run(
      "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2"
      " AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
      {{name.schema, name.name}}, wait);
  if (relation.rows() == 0)
    throw absent("watermark_table_name", "watermark table " + name.schema + "." + name.name + " does not exist at the source",
                 "names are taken as typed: upper and lower case count");
  const postgres::Result found = connection.run(
      "SELECT atttypid, atttypmod, format_type(atttypid, atttypmod) FROM pg_attribute"
      " WHERE attrelid = $1::oid AND attname = $2 AND attnum > 0 AND NOT attisdropped",
      {{relation.string(0, 0), column}}, wait);
  if (found.rows() == 0)
    throw absent("watermark_column", "watermark table " + name.schema + "." + name.name + " has no column \"" + column + "\"",
                 "names are taken as typed: upper and lower case count");
  Watermark watermark;
  watermark.table = name.quoted();
  watermark.column = quote_identifier(column);
  watermark.shown = found.string(0, 2);
  take_type(watermark, static_cast<std::uint32_t>(found.integer(0, 0)), static_cast<std::int32_t>(found.integer(0, 1)));
  return watermark;
}

std::int64_t sequence_cache(postgres::Connection& connection, const Watermark& watermark, const MirrorSpec& mirror, const Wait& wait) {
  return connection
      .run("SELECT coalesce(max(s.seqcache), 1) FROM pg_attribute a JOIN pg_depend d ON d.refobjid = a.attrelid"
           " AND d.refobjsubid = a.attnum AND d.refclassid = 'pg_class'::regclass AND d.classid = 'pg_class'::regclass"
           " JOIN pg_sequence s ON s.seqrelid = d.objid WHERE a.attrelid = $1::regclass AND a.attname = $2",
           {{watermark.table, mirror.text("watermark_column")}}, wait)
      .integer(0, 0);
}

}  // namespace peerd

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "peerd/postgres/connection.h"
#include "peerd/specs/mirror_spec.h"

namespace peerd {

/// The column whose values tell what of a query is new, as the source has it.
struct Watermark {
  std::string table, column;  ///< Quoted, for statements.
  std::string type;           ///< As casts name it; "" = the type has no order of steps that ranges could be cut by.
  std::string step;           ///< What the next value is further: "1", "'1 microsecond'::pg_catalog.interval".
  std::string shown;          ///< The type, for people.
  /// Two changes of different times may bear the same value: a date, a timestamp of less than six digits.
  bool coarse = false;
  bool infinite = false;      ///< The type has values without an end.

  std::string value(const std::string& text) const;  ///< A literal of the type.
};

/// Throws not_found where table or column is not there.
Watermark read_watermark(postgres::Connection& connection, const MirrorSpec& mirror, const Wait& wait);

/// The largest CACHE of the sequences that fill the column; 1 where none does.
std::int64_t sequence_cache(postgres::Connection& connection, const Watermark& watermark, const MirrorSpec& mirror, const Wait& wait);

}  // namespace peerd

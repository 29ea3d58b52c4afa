#pragma once

#include <cstdint>

// What ALTER TABLE … ALTER COLUMN … TYPE may have made of a column's values. Pure.
namespace peerd::postgres {

struct TypeId {
  std::uint32_t oid = 0;
  std::int32_t modifier = -1;  ///< As pg_attribute.atttypmod: of an array, its elements'.
  bool operator==(const TypeId&) const = default;
};

/// The same type, and every value that the one modifier allows the other allows as well.
bool allows_more(TypeId from, TypeId to);

/// The text of every value of `from` can be read as one of `to`; and where ALTER … TYPE writes the table anew for none of
/// these values, it is the text of that value there. False of what is not known: a type of an extension is only ever
/// itself.
bool takes_text_of(TypeId from, TypeId to);

/// text, or character varying without a length.
bool is_any_text(TypeId type);

}  // namespace peerd::postgres

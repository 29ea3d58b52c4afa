#pragma once

#include <string>
#include <string_view>

// What peerd remembers of a table's columns, in the comment on its version column: it is written by the very ALTER that it tells of.
// One mark of a kind, "peerd names 16401 …"; "peerd dropped 16401 3 7", kinds being told by their first two words.
namespace peerd::clickhouse {

/// The comment with that mark in the place of an older one of its kind.
std::string with_mark(std::string_view comment, std::string_view mark);
/// That of the kind, "peerd dropped"; "" = none.
std::string mark_of_kind(std::string_view comment, std::string_view kind);

}  // namespace peerd::clickhouse

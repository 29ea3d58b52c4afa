#include "peerd/postgres/type_leaves.h"

#include <algorithm>

#include "peerd/base/text.h"
#include "peerd/postgres/types.h"

namespace peerd::postgres {
namespace {

// Down from the types to what is made of nothing else. A domain's modifier is its own; an array's is its elements'. Multiranges
// are read by name: 13 has none.
constexpr std::string_view kLeaves =
    "WITH RECURSIVE part(root, place, path, oid, modifier) AS ("
    " SELECT g, ARRAY[]::integer[], '' COLLATE \"C\", g, -1 FROM unnest($1::oid[]) g"
    " UNION ALL SELECT p.root, p.place || x.place, (p.path || x.step) COLLATE \"C\", x.oid, x.modifier"
    " FROM part p JOIN pg_type t ON t.oid = p.oid CROSS JOIN LATERAL ("
    "  SELECT 0, '', t.typbasetype, t.typtypmod WHERE t.typtype = 'd'"
    "  UNION ALL SELECT 0, '[]', e.oid, p.modifier FROM pg_type e WHERE t.typtype = 'b' AND e.oid = t.typelem AND e.typarray = t.oid"
    "  UNION ALL SELECT a.attnum::integer, '.' || quote_ident(a.attname), a.atttypid, a.atttypmod FROM pg_attribute a"
    "   WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped"
    "  UNION ALL SELECT 0, '', r.rngsubtype, -1 FROM pg_range r WHERE t.typtype IN ('r', 'm')"
    "   AND (r.rngtypid = t.oid OR (to_jsonb(r) ->> 'rngmultitypid')::oid = t.oid)) x(place, step, oid, modifier))"
    " SELECT p.root, format_type(p.root, NULL), p.path, p.oid, p.modifier, format_type(p.oid, p.modifier), format_type(p.oid, -1)"
    " FROM part p JOIN pg_type t ON t.oid = p.oid WHERE p.oid <> p.root AND t.typtype IN ('b', 'e', 'p')"
    " AND NOT EXISTS (SELECT FROM pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid) ORDER BY p.root, p.place";

/// The text of any value is a text; a type without a modifier, or a wider number, keeps what one with it has.
bool keeps(const TypeLeaf& source, const TypeLeaf& target) {
  if (target.type == source.type || target.oid == kTextOid) return true;
  if (target.modifier != -1) return false;
  return target.type == source.plain || widens(source.oid, target.oid);
}

}  // namespace

std::vector<TypeMakeUp> read_type_make_up(Connection& connection, std::span<const std::uint32_t> types, const Wait& wait) {
  std::string asked;
  for (const std::uint32_t type : types)
    if (builtin_type(type) == nullptr && element_type(type) == 0) asked += (asked.empty() ? "{" : ",") + std::to_string(type);
  if (asked.empty()) return {};
  const Result found = connection.run_planned(kLeaves, {{asked + "}"}}, wait);
  std::vector<TypeMakeUp> made;
  std::int64_t root = 0;
  for (int row = 0; row < found.rows(); ++row) {
    if (found.integer(row, 0) != root) made.push_back({found.string(row, 1), {}});
    root = found.integer(row, 0);
    made.back().leaves.push_back({found.string(row, 2), static_cast<std::uint32_t>(found.integer(row, 3)),
                                  static_cast<std::int32_t>(found.integer(row, 4)), found.string(row, 5), found.string(row, 6)});
  }
  return made;
}

std::string unlike(const TypeMakeUp& source, const TypeMakeUp& target) {
  const auto& here = target.leaves;
  const auto words = [](const TypeLeaf& leaf) { return (leaf.path.empty() ? "" : leaf.path.substr(leaf.path[0] == '.') + " ") + leaf.type; };
  for (std::size_t i = 0; i < std::max(source.leaves.size(), here.size()); ++i) {
    if (i >= here.size()) return "it lacks " + words(source.leaves[i]);
    if (i >= source.leaves.size()) return "it has " + words(here[i]) + ", which the source's has not";
    const TypeLeaf& leaf = source.leaves[i];
    const auto elsewhere = std::ranges::find(here, leaf.path, &TypeLeaf::path);
    const bool moved = here[i].path != leaf.path && elsewhere != here.end();
    if (moved || !keeps(leaf, here[i])) return "it has " + words(here[i]) + " where the source's has " + words(leaf);
  }
  return "";
}

}  // namespace peerd::postgres

#include "postgres/unique.h"

#include <algorithm>

#include "peerd/base/text.h"

namespace peerd::pgtarget {
namespace {

using Part = UniqueRule::Part;

bool mirrored(const MirrorTable& table, const std::string& column) {
  return std::ranges::find(table.schema.columns, column, &Column::name) != table.schema.columns.end();
}

/// Whoever is equal by `at_target` is so by `at_source`.
bool same(const Part& at_source, const Part& at_target) {
  if (at_source.text != at_target.text || at_source.equality != at_target.equality) return false;
  if (!at_target.equality && at_source.relation != at_target.relation) return false;
  return at_target.bytewise || at_source.collation == at_target.collation;
}

const Part* found_in(const UniqueRule& rule, const Part& at_source) {
  const auto found = std::ranges::find_if(rule.parts, [&](const Part& part) { return same(at_source, part); });
  return found == rule.parts.end() ? nullptr : &*found;
}

/// Rows that clash by `at_target` clash by `at_source`, which therefore never holds both.
bool implies(const UniqueRule& at_source, const UniqueRule& at_target, const std::string& condition) {
  if (!std::ranges::all_of(at_source.parts, [&](const Part& part) { return found_in(at_target, part) != nullptr; }))
    return false;
  if (!at_source.condition.empty() && at_source.condition != condition) return false;
  if (at_target.nulls_clash && !at_source.nulls_clash && std::ranges::any_of(at_source.parts, &Part::nullable))
    return false;
  return !at_source.deferrable || at_target.deferrable;
}

/// The key, as a rule: the mirror relies on it, whatever index keeps it.
UniqueRule key_rule(const MirrorTable& table) {
  UniqueRule rule;
  for (const std::uint16_t column : table.schema.key) {
    Part part;
    part.text = quote_identifier(table.schema.columns[column].name);
    part.nullable = false;
    rule.parts.push_back(std::move(part));
  }
  return rule;
}

/// A column of the operator's, which fills itself: no two rows that the mirror writes have the same value.
bool fills_itself(const Site& site, const MirrorTable& table, const UniqueRule& rule) {
  return std::ranges::any_of(rule.parts, [&](const Part& part) {
    const auto is = [&](const std::string& column) { return part.text == quote_identifier(column); };
    return part.unrepeated && !is(site.soft_delete) && !is(site.synced_at) &&
           std::ranges::none_of(table.schema.columns, [&](const Column& column) { return is(column.name); });
  });
}

/// The condition without what it says of peerd's mark; nullopt when a row could begin to clash by being marked.
std::optional<std::string> condition_of_live(const Site& site, const UniqueRule& rule) {
  if (site.soft_delete.empty() || std::ranges::find(rule.columns, site.soft_delete) == rule.columns.end())
    return rule.condition;
  for (const Part& part : rule.parts) {
    if (part.text.find(site.soft_delete) != std::string::npos) return std::nullopt;
  }
  for (const std::string& mark : {quote_identifier(site.soft_delete), site.soft_delete}) {
    for (const char* form : {"(NOT %)", "(% IS NOT TRUE)", "(% IS FALSE)", "(% = false)"}) {
      std::string wanted = form;
      wanted.replace(wanted.find('%'), 1, mark);
      if (rule.condition == wanted) return "";
    }
  }
  return std::nullopt;
}

/// The rule itself where the mirror knows all that it reads, else what the source's rule says of it.
Clash evaluated(const Site& site, const MirrorTable& table, const UniqueRule& rule, const UniqueRule& at_source) {
  const bool known = std::ranges::all_of(rule.columns, [&](const std::string& column) {
    return mirrored(table, column) || column == site.soft_delete || column == site.synced_at;
  });
  Clash clash{rule.name, rule.parts, rule.condition, rule.nulls_clash, rule.deferrable};
  if (known) return clash;
  clash.parts.clear();
  for (const Part& part : at_source.parts) clash.parts.push_back(*found_in(rule, part));
  clash.condition = at_source.condition;
  return clash;
}

/// A column that only the mirror's full rows fill: NULL in a row of which the key alone is known, and NULL never clashes.
bool bears_tombstones(const MirrorTable& table, const UniqueRule& rule) {
  return !rule.nulls_clash && std::ranges::any_of(rule.parts, [&](const Part& part) {
    if (!part.nullable || !part.unrepeated) return false;
    for (std::uint16_t i = 0; i < table.schema.columns.size(); ++i) {
      if (part.text == quote_identifier(table.schema.columns[i].name))
        return std::ranges::find(table.schema.key, i) == table.schema.key.end();
    }
    return false;
  });
}

}  // namespace

Judgement judge(const Site& site, const MirrorTable& table, const UniqueRule& at_target) {
  const bool keyed = !table.schema.keyless() || site.query.has_value();
  if ((keyed && implies(key_rule(table), at_target, "")) || fills_itself(site, table, at_target)) return {};
  const auto condition = condition_of_live(site, at_target);
  if (!condition) {
    return {"it reads the mark that peerd sets on deleted rows; WHERE NOT " + quote_identifier(site.soft_delete) +
            " alone may do so"};
  }
  bool deferrable = false;
  for (const UniqueRule& rule : table.unique) {
    if (!std::ranges::all_of(rule.columns, [&](const std::string& column) { return mirrored(table, column); })) continue;
    if (implies(rule, at_target, *condition))
      return {"", evaluated(site, table, at_target, rule), bears_tombstones(table, at_target)};
    UniqueRule immediate = rule;
    immediate.deferrable = false;
    deferrable |= implies(immediate, at_target, *condition);
  }
  return {deferrable ? "the source's is DEFERRABLE, this one is not" : "the source has no such rule"};
}

std::optional<Problem> stricter_than_source(const Site& site, const MirrorTable& table, const std::string& target,
                                            const std::vector<UniqueRule>& at_target) {
  for (const UniqueRule& rule : at_target) {
    Judgement judgement = judge(site, table, rule);
    if (judgement.clash && table.schema.keyless() && !site.soft_delete.empty())
      judgement.stricter = "marked rows, of which any number may be equal without a key, would stand in the way (or set soft_delete_col_name empty)";
    if (judgement.stricter.empty()) continue;
    return Problem{ErrorText{.code = ErrorCode::target_unfit,
                             .message = rule.name + " of target table " + target + " is stricter than source table " +
                                        table.schema.qualified() + ": " + judgement.stricter,
                             .detail = "rows that the source holds would be refused there",
                             .hint = rule.drop + " at the target, or give the source the same",
                             .field = {},
                             .table = table.schema.qualified(),
                             .origin = {},
                             .retry = Retry::after_operator},
                   rule.drop};
  }
  return std::nullopt;
}

bool is_clash(const Error& error) { return error.text.origin == "23505" || error.text.origin == "23P01"; }

void throw_clash(const Error& error, const std::string& target) {
  ErrorText text = error.text;
  text.code = ErrorCode::target_unfit;
  text.message = "rows clash at the target" + (target.empty() ? "" : ", in " + target) + ": " + error.text.message;
  text.detail = "the source holds both: its own constraint was dropped, or somebody else writes to the target";
  text.hint = "drop that constraint at the target, or remove the rows that peerd did not write; then RESUME MIRROR";
  text.retry = Retry::after_operator;
  throw Error(std::move(text));
}

}  // namespace peerd::pgtarget

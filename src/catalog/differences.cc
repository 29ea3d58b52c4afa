#include "peerd/catalog/differences.h"

#include <set>

#include "peerd/base/text.h"

namespace peerd {

namespace {

std::string word(std::string_view name, std::string_view there, std::string_view asked) {
  return std::string(name) + " (" + quote_literal(there) + " there, " + quote_literal(asked) + " asked)";
}

void compare_options(const Options& there, const Options& asked, const OptionTable* table,
                     std::vector<std::string>& into) {
  if (table) {
    for (const Option& option : table->options) {
      if (!option.alias_of.empty() || option.name.ends_with('.')) continue;
      const std::string a = option_text(*table, there, option.name), b = option_text(*table, asked, option.name);
      if (a == b) continue;
      into.push_back(option.secret == Secret::yes ? std::string(option.name) : word(option.name, a, b));
    }
  }
  // Names that stand in no table, or under a prefix: their values may be secret.
  std::set<std::string> names;
  const auto unlisted = [&](const std::string& name) {
    const Option* option = table ? find_option(*table, name) : nullptr;
    if (option == nullptr || option->name != name) names.insert(name);
  };
  for (const auto& [name, value] : there) unlisted(name);
  for (const auto& [name, value] : asked) unlisted(name);
  for (const std::string& name : names) {
    const auto a = there.find(name), b = asked.find(name);
    if (a == there.end() || b == asked.end() || a->second != b->second) into.push_back(name);
  }
}

/// What a pattern has brought by itself is nothing that has to be asked for.
void compare_mappings(const MirrorSpec& there, const MirrorSpec& asked, std::vector<std::string>& into) {
  std::vector<std::string> tables;
  const auto note_missing = [&](const std::vector<TableMapping>& from, const std::vector<TableMapping>& in, bool brought_too) {
    for (const TableMapping& mapping : from) {
      bool same = mapping.by_pattern && !brought_too;
      for (const TableMapping& other : in) same = same || other == mapping;
      if (!same && (tables.empty() || tables.back() != mapping.source)) tables.push_back(mapping.source);
    }
  };
  note_missing(there.tables, asked.tables, false);
  note_missing(asked.tables, there.tables, true);
  note_missing(there.patterns, asked.patterns, true);
  note_missing(asked.patterns, there.patterns, true);
  std::set<std::string> once(tables.begin(), tables.end());
  if (once.empty()) return;  // Another order of the same tables.
  into.push_back("the mapping of " + join({once.begin(), once.end()}, ", "));
}

}  // namespace

std::string differences(const PeerSpec& there, const PeerSpec& asked, const OptionTable* table) {
  if (there.kind != asked.kind) return "kind (" + there.kind + " there, " + asked.kind + " asked)";
  std::vector<std::string> words;
  compare_options(there.options, asked.options, table, words);
  return join(words, ", ");
}

std::string differences(const MirrorSpec& there, const MirrorSpec& asked) {
  std::vector<std::string> words;
  if (there.source != asked.source) words.push_back(word("source", there.source, asked.source));
  if (there.target != asked.target) words.push_back(word("target", there.target, asked.target));
  if (there.of_query() != asked.of_query()) {
    words.push_back(there.of_query() ? "kind (a query there, tables asked)" : "kind (tables there, a query asked)");
    return join(words, ", ");
  }
  if (there.query != asked.query) words.push_back("the query");
  // Of a query they follow from its options.
  if (!there.of_query()) compare_mappings(there, asked, words);
  compare_options(there.options, asked.options, &there.option_table(), words);
  return join(words, ", ");
}

}  // namespace peerd

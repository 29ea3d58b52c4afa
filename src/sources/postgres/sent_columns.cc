#include "postgres/sent_columns.h"

#include <algorithm>

namespace peerd {
namespace {

struct Candidate {
  std::int16_t number = 0;
  bool certain = false;  ///< It is among what was sent.
  bool dropped = false;
};

bool is_known(const TableSchema& schema, const CatalogNotes& notes, std::int16_t number) {
  const auto has = [number](const auto& columns) {
    return std::ranges::any_of(columns, [number](const auto& column) { return column.number == number; });
  };
  return has(schema.columns) || has(notes.excluded);
}

/// By number. Nothing when one may have been a generated column, which is sent only since it lost its expression.
std::optional<std::vector<Candidate>> candidates(const TableSchema& schema, const CatalogNotes& notes,
                                                 std::span<const SeenNumber> seen, Written written) {
  std::vector<Candidate> found;
  for (const SeenNumber& column : seen) {
    if (column.generated) continue;
    if (written == Written::after_it) {
      if (!column.dropped) found.push_back({column.number, true, false});
    } else if (is_known(schema, notes, column.number)) {
      found.push_back({column.number, !column.dropped, column.dropped});
    } else if (column.number > notes.last_number) {
      found.push_back({column.number, false, column.dropped});
    } else if (!column.dropped) {
      return std::nullopt;
    }
  }
  return found;
}

}  // namespace

std::vector<SeenNumber> numbers_of(const LookedTable& now) {
  std::vector<SeenNumber> numbers;
  for (const LookedColumn& column : now.columns) numbers.push_back({column.number, column.dropped, column.generated});
  return numbers;
}

std::optional<std::vector<std::int16_t>> numbers_sent(const TableSchema& schema, const CatalogNotes& notes,
                                                      std::span<const SeenNumber> seen, std::size_t sent,
                                                      Written written) {
  const auto all = candidates(schema, notes, seen, written);
  if (!all) return std::nullopt;
  const auto certain = static_cast<std::size_t>(std::ranges::count(*all, true, &Candidate::certain));
  const std::size_t open = all->size() - certain;
  if (sent < certain || sent - certain > open) return std::nullopt;
  const std::size_t more = sent - certain;  // So many of those that are open were sent.
  std::vector<std::int16_t> numbers(sent, 0);
  if (more == open) {
    std::ranges::transform(*all, numbers.begin(), &Candidate::number);
    return numbers;
  }
  std::size_t place = 0, open_before = 0;
  for (const Candidate& column : *all) {
    if (!column.certain) {
      // One that is there now would be taken for one that was dropped, or the other way round.
      if (more > 0 && !column.dropped) return std::nullopt;
      ++open_before;
      continue;
    }
    const std::size_t after = open - open_before, least = more > after ? more - after : 0;
    if (least != std::min(more, open_before)) return std::nullopt;
    numbers[place++ + least] = column.number;
  }
  return numbers;
}

}  // namespace peerd

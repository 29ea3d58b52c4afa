#include "postgres/sent_columns.h"

#include <algorithm>

namespace peerd {
namespace {

using Numbers = std::vector<std::int16_t>;

struct Candidate {
  std::int16_t number = 0;
  bool dropped = false;  ///< It may be among what was sent; the others are.
};

bool is_known(const TableSchema& schema, const CatalogNotes& notes, std::int16_t number) {
  const auto has = [number](const auto& columns) {
    return std::ranges::any_of(columns, [number](const auto& column) { return column.number == number; });
  };
  return has(schema.columns) || has(notes.excluded);
}

/// By place, when these are the columns that there were. Nothing: so many cannot have been sent of them, or more than
/// one way of it would put a column that stays into different places.
std::optional<Numbers> reading(std::span<const Candidate> there, std::size_t sent) {
  const auto open = static_cast<std::size_t>(std::ranges::count(there, true, &Candidate::dropped));
  const std::size_t certain = there.size() - open;
  if (sent < certain || sent - certain > open) return std::nullopt;
  const std::size_t more = sent - certain;  // So many of those that are open were sent.
  Numbers numbers(sent, 0);
  if (more == open) {
    std::ranges::transform(there, numbers.begin(), &Candidate::number);
    return numbers;
  }
  std::size_t place = 0, open_before = 0;
  for (const Candidate& column : there) {
    if (column.dropped) {
      ++open_before;
      continue;
    }
    const std::size_t after = open - open_before, least = more > after ? more - after : 0;
    if (least != std::min(more, open_before)) return Numbers();
    numbers[place++ + least] = column.number;
  }
  return numbers;
}

/// The reading that all agree in, when the table had the first `least` of the candidates, or some more of them.
std::optional<Numbers> agreed(std::span<const Candidate> all, std::size_t least, std::size_t sent) {
  std::optional<Numbers> agreed;
  const auto stays = [&](std::int16_t number) {
    return std::ranges::any_of(all, [&](const Candidate& c) { return c.number == number && !c.dropped; });
  };
  for (std::size_t count = least; count <= all.size(); ++count) {
    const std::optional<Numbers> one = reading(all.first(count), sent);
    if (!one) continue;
    if (one->size() != sent) return std::nullopt;
    if (!agreed) agreed = one;
    for (std::size_t i = 0; i < sent; ++i) {
      if ((*one)[i] == (*agreed)[i]) continue;
      if (stays((*one)[i]) || stays((*agreed)[i])) return std::nullopt;
      (*agreed)[i] = 0;
    }
  }
  return agreed;
}

}  // namespace

std::vector<SeenNumber> numbers_of(const LookedTable& now) {
  std::vector<SeenNumber> numbers;
  for (const LookedColumn& column : now.columns)
    numbers.push_back({column.number, column.dropped, column.generated, column.name,
                       {column.type_oid, column.type_modifier, column.type_name}});
  return numbers;
}

std::optional<Numbers> numbers_sent(const TableSchema& schema, const CatalogNotes& notes,
                                    std::span<const SeenNumber> seen, std::size_t sent, Written written) {
  std::vector<Candidate> all;
  std::size_t known = 0;
  for (const SeenNumber& column : seen) {
    if (column.generated) continue;
    if (written == Written::after_it) {
      if (!column.dropped) all.push_back({column.number});
      known = all.size();
    } else if (is_known(schema, notes, column.number)) {
      all.push_back({column.number, column.dropped});
      known = all.size();
    } else if (column.number > notes.last_number) {
      all.push_back({column.number, column.dropped});
    } else if (!column.dropped) {
      return std::nullopt;  // It may have been a generated one, which is sent only since it lost its expression.
    }
  }
  return agreed(all, known, sent);
}

std::optional<Numbers> numbers_then(std::span<const SeenNumber> seen, std::size_t sent) {
  std::vector<Candidate> all;
  for (const SeenNumber& column : seen)
    if (!column.generated) all.push_back({column.number, column.dropped});
  return agreed(all, 0, sent);
}

}  // namespace peerd

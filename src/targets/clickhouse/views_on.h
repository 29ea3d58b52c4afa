#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "clickhouse/client.h"

namespace peerd::clickhouse {

/// Plain views are read when somebody asks; a materialized one at each insert, which fails with it.
enum class Views { materialized, all };
struct ReadingView {
  std::string name, column;  ///< The view's is quoted.
};
/// A view on the table in whose SELECT one of these names stands.
std::optional<ReadingView> view_that_reads(Client& client, std::string_view table, const std::set<std::string>& columns, Views which,
                                           const Wait& wait);

}  // namespace peerd::clickhouse

#pragma once

#include <string_view>

namespace peerd::clickhouse {

/// Throws not_supported for a SELECT that asks for another form of answer than rows under names: WITH TOTALS, FORMAT, and
/// SETTINGS that session_settings.h pins everywhere. The server would comply, and its answer be read as what it is not.
void refuse_other_forms(std::string_view sql);

}  // namespace peerd::clickhouse

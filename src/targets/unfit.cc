#include "unfit.h"

namespace peerd {

Problem unfit(ErrorCode code, const std::string& table, std::string message, std::string hint, std::string cure) {
  Problem problem;
  problem.text.code = code;
  problem.text.message = std::move(message);
  problem.text.hint = std::move(hint);
  problem.text.table = table;
  problem.cure_sql = std::move(cure);
  return problem;
}

Problem unfit(const MirrorTable& table, std::string message, std::string hint, std::string cure) {
  return unfit(ErrorCode::target_unfit, table.schema.qualified(), std::move(message), std::move(hint), std::move(cure));
}

ErrorText lost_table(const std::string& table) {
  ErrorText text;
  text.code = ErrorCode::target_unfit;
  text.hint = "put back what the mirror has written to and RESUME MIRROR; or RESYNC TABLE " + table +
              " OF the mirror, which copies it anew; another table of its name is to be renamed or dropped first";
  text.table = table;
  return text;
}

}  // namespace peerd

#include "postgres/verified.h"

#include "peerd/base/text.h"
#include "unfit.h"

namespace peerd::pgtarget {

void Verified::know(const std::string& target, const std::string& oid) {
  const std::string name = postgres::parse_qualified(target).quoted();
  Lock lock(mutex_);
  // A division by zero says no: the COMMIT after it is then not run.
  checks_[target] = "SELECT 1 / (coalesce(to_regclass(" + quote_literal(name) + ")::oid, 0) = '" + oid + "'::oid)::integer; ";
}

void Verified::commit(postgres::Connection& connection, const std::string& target, const Wait& wait) const {
  std::string check;
  {
    Lock lock(mutex_);
    if (const auto found = checks_.find(target); found != checks_.end()) check = found->second;
  }
  run(connection, check, wait);
}

void Verified::commit_all(postgres::Connection& connection, const Wait& wait) const {
  std::string checks;
  {
    Lock lock(mutex_);
    for (const auto& [_, check] : checks_) checks += check;
  }
  run(connection, checks, wait);
}

void Verified::run(postgres::Connection& connection, const std::string& checks, const Wait& wait) const {
  try {
    connection.run(checks + "COMMIT", wait);
  } catch (Error& error) {
    if (error.text.origin != "22012") throw;
    ErrorText text = lost_table("");
    text.message = "a target table was dropped, renamed or made again while the mirror ran";
    throw Error(std::move(text));
  }
}

}  // namespace peerd::pgtarget

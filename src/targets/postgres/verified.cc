#include "postgres/verified.h"

#include <limits>

#include "peerd/base/text.h"
#include "peerd/postgres/array_literal.h"
#include "postgres/firing.h"
#include "postgres/found.h"
#include "postgres/limits.h"
#include "postgres/parts.h"
#include "unfit.h"

namespace peerd::pgtarget {
namespace {

constexpr const char* kNamesCheck = "peerd_names_stand";
constexpr std::string_view kDivisionByZero = "22012";  ///< How a check says no: the COMMIT after it is then not run.

bool has_its_name(postgres::Connection& connection, const postgres::QualifiedName& name, const std::string& oid,
                  const Wait& wait) {
  const std::vector<std::optional<std::string>> parameters{name.quoted(), oid};
  return connection.run("SELECT coalesce(to_regclass($1)::oid, 0) = $2::oid", parameters, wait).boolean(0, 0);
}

Problem lost_bookkeeping() {
  ErrorText text;
  text.code = ErrorCode::target_unfit;
  text.message = "schema _peerd of the target's database is gone, with the position of the mirror and the notes of its tables";
  text.hint = "RESYNC MIRROR copies the tables anew, once those that stand at the target are renamed or dropped";
  return {std::move(text), {}};
}

}  // namespace

void Verified::know(const MirrorTable& table, const std::string& oid, std::optional<std::int64_t> sum) {
  Lock lock(mutex_);
  known_[table.target_name] =
      std::make_shared<const Known>(Known{table, postgres::parse_qualified(table.target_name), oid});
  sums_.erase(oid);
  if (sum) sums_[oid] = *sum;
}

void Verified::reshaped(const MirrorTable& table) {
  std::string oid;
  {
    Lock lock(mutex_);
    const auto known = known_.find(table.target_name);
    if (known == known_.end()) return;
    oid = known->second->oid;
  }
  know(table, oid);
}

/// Of one that was not looked at yet something that no sum is.
std::int64_t Verified::sum_of(const std::vector<std::shared_ptr<const Known>>& tables) const {
  std::int64_t sum = 0;
  Lock lock(mutex_);
  for (const auto& one : tables) {
    const auto known = sums_.find(one->oid);
    if (known == sums_.end()) return std::numeric_limits<std::int64_t>::min();
    sum += known->second;
  }
  return sum;
}

std::vector<std::shared_ptr<const Verified::Known>> Verified::known(std::span<const MirrorTable> tables) const {
  std::vector<std::shared_ptr<const Known>> found;
  Lock lock(mutex_);
  for (const MirrorTable& table : tables) {
    if (const auto one = known_.find(table.target_name); one != known_.end()) found.push_back(one->second);
  }
  if (tables.empty()) {
    for (const auto& [_, one] : known_) found.push_back(one);
  }
  return found;
}

Verified::Checked Verified::checked(const std::vector<std::shared_ptr<const Known>>& tables) const {
  std::vector<std::string> names, oids;
  for (const auto& one : tables) {
    names.push_back(one->name.quoted());
    oids.push_back(one->oid);
  }
  return {postgres::array_literal(std::vector<std::string_view>(names.begin(), names.end())), "{" + join(oids, ",") + "}",
          std::to_string(sum_of(tables))};
}

void Verified::prepare(postgres::Connection& connection, const Wait& wait) {
  connection.prepare(kNamesCheck,
                     "SELECT 1 / (NOT EXISTS (SELECT FROM unnest($1::text[], $2::oid[]) AS named (name, oid)"
                     " WHERE to_regclass(named.name)::oid IS DISTINCT FROM named.oid))::integer",
                     wait);
  prepare_firing_check(connection, wait);
  prepare_parts_check(connection, wait);
}

void Verified::send_checks(postgres::Pipeline& pipeline, std::span<const MirrorTable> tables) const {
  const auto written = known(tables);
  if (written.empty()) return;
  const auto [names, oids, sum] = checked(written);
  const char* const all[] = {names.c_str(), oids.c_str(), sum.c_str()};
  pipeline.run_prepared(kNamesCheck, std::span(all).first(2));
  pipeline.run_prepared(kFiringCheck, std::span(all).subspan(1, 1));
  pipeline.run_prepared(kPartsCheck, std::span(all).last(2));
}

void Verified::commit(postgres::Connection& connection, const Site& site, std::span<const MirrorTable> tables,
                      Commit how, const Wait& wait) const {
  const auto written = known(tables);
  const std::string commit = how == Commit::visible ? "SET LOCAL synchronous_commit = off; COMMIT" : "COMMIT";
  for (const bool again : {false, true}) {
    std::string checks;
    if (!written.empty()) {
      const auto [names, oids, sum] = checked(written);
      checks = std::string("SAVEPOINT peerd_check; EXECUTE ") + kNamesCheck + "(" + quote_literal(names) + ", '" + oids + "'); EXECUTE " +
               kFiringCheck + "('" + oids + "'); EXECUTE " + kPartsCheck + "('" + oids + "', '" + sum + "'); ";
    }
    try {
      connection.run(checks + commit, wait);
      return;
    } catch (const Error& error) {
      if (error.text.origin != kDivisionByZero) throw;
    }
    if (again) break;
    // With what was written to still locked: what is found now is what the checks saw.
    connection.run("ROLLBACK TO SAVEPOINT peerd_check", wait);
    throw_if_any(firing(connection, site, written, wait));
    for (const auto& one : written) {
      const auto oid = static_cast<std::uint32_t>(std::stoul(one->oid));
      if (!has_its_name(connection, one->name, one->oid, wait)) continue;
      require_parts(connection, one->table, oid, wait);
      const Found found = look(connection, site, one->table, wait);
      if (const auto lost = not_durable(connection, one->table, one->name, found.standing, wait)) throw Error(lost->text);
      if (const auto refused = refusal(connection, site, one->table, found, wait)) throw Error(refused->text);
      learn_parts(connection, site, one->table, oid, wait);  // New partitions are welcome.
      const std::int64_t sum = column_sum(connection, one->oid, wait);
      Lock lock(mutex_);
      sums_[one->oid] = sum;
    }
  }
  ErrorText text = lost_table(written.size() == 1 ? written[0]->table.schema.qualified() : "");
  text.message = "a target table was dropped, renamed or made again while the mirror ran";
  throw Error(std::move(text));
}

Problems Verified::firing(postgres::Connection& connection, const Site& site,
                          const std::vector<std::shared_ptr<const Known>>& tables, const Wait& wait) {
  Problems problems;
  for (const auto& one : tables) {
    const auto oid = static_cast<std::uint32_t>(std::stoul(one->oid));
    for (Problem& found : check_firing(connection, site, one->table, one->name, oid, wait))
      problems.push_back(std::move(found));
  }
  return problems;
}

void Verified::refuse_firing(postgres::Connection& connection, const Site& site, std::span<const MirrorTable> tables,
                             const Error& error, const Wait& wait) const {
  if (error.text.origin.empty() || connection.broken()) return;
  Problems problems;
  try {
    connection.run("ROLLBACK", wait);
    const auto written = known(tables);
    problems = firing(connection, site, written, wait);
    const bool senseless = error.text.origin.starts_with("42");  // Types, operators, names (Postgres docs, Appendix A).
    if (senseless && !bookkeeping_exists(connection, wait)) problems.push_back(lost_bookkeeping());
    for (std::size_t i = 0; senseless && problems.empty() && i < written.size(); ++i) {
      const Found found = look(connection, site, written[i]->table, wait);
      if (!found.ours || found.standing.oid == 0) continue;
      if (auto refused = refusal(connection, site, written[i]->table, found, wait)) problems.push_back(std::move(*refused));
    }
  } catch (const Error&) {
    return;  // The error that came first is the one to be told.
  }
  throw_if_any(problems);
}

}  // namespace peerd::pgtarget

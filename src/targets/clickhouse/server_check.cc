#include "clickhouse/server_check.h"

#include <algorithm>
#include <charconv>

#include "clickhouse/column_type.h"

namespace peerd::clickhouse {
namespace {

constexpr int kLeastMajor = 24, kLeastMinor = 8;

Problem problem(ErrorCode code, std::string message, std::string hint, std::string cure = {}) {
  Problem out;
  out.text.code = code;
  out.text.message = std::move(message);
  out.text.hint = std::move(hint);
  out.cure_sql = std::move(cure);
  return out;
}

bool too_old(const std::string& version) {
  int major = 0, minor = 0;
  const char* end = version.data() + version.size();
  const char* dot = std::from_chars(version.data(), end, major).ptr;
  if (dot != end) std::from_chars(dot + 1, end, minor);
  return major < kLeastMajor || (major == kLeastMajor && minor < kLeastMinor);
}

void check_database(Client& client, const Wait& wait, Problems& problems) {
  const std::string& database = client.access().database;
  if (database == "system" || database == "information_schema" || database == "INFORMATION_SCHEMA") {
    problems.push_back(problem(ErrorCode::invalid_option, "database \"" + database + "\" is the server's own",
                               "give another one: database = '…'"));
    problems.back().text.field = "database";
    return;
  }
  const std::string engine =
      only_cell(client.query("SELECT engine FROM system.databases WHERE name = currentDatabase()", wait));
  // Not Ordinary, whose tables have no uuid: one that was lost and made again could not be told from the first.
  constexpr std::string_view kFit[] = {"Atomic", "Replicated", "Shared", "Overlay"};
  if (std::ranges::find(kFit, engine) != std::end(kFit)) return;
  problems.push_back(
      problem(ErrorCode::target_unfit,
              "database \"" + database + "\" is of engine " + engine + ", which holds no tables of peerd's",
              "give a database of engine Atomic"));
}

/// All that a mirror runs. Servers that let every user have one of the later ones say that it is granted.
std::vector<std::string> rights_needed(const std::string& database) {
  return {
      "SELECT, INSERT, ALTER, CREATE TABLE, DROP TABLE ON " + database + ".*",
      "TABLE ENGINE ON ReplacingMergeTree",
      "CREATE TEMPORARY TABLE ON *.*",        // Keys of look-ups travel as one.
      "SELECT ON system.processes",           // To find and to kill, with KILL QUERY, what an earlier run left behind.
      "SELECT ON system.parts",               // To insert less often while merges do not keep up.
      "SELECT ON system.merge_tree_settings",
      "SELECT ON system.mutations",           // To tell a column from one that took its name.
  };
}

bool granted(Client& client, const std::string& right, const Wait& wait) {
  try {
    return only_cell(client.query("CHECK GRANT " + right, wait)) != "0";
  } catch (const Error& error) {
    if (error.text.origin != "CH 62") throw;
    return true;  // A server of before CHECK GRANT, or of before that right: the first statement will tell.
  }
}

std::string setting_of(Client& client, std::string_view name, const Wait& wait) {
  return only_cell(client.query("SELECT value FROM system.settings WHERE name = " + quote_text(name), wait));
}

Problem may_only_read(const std::string& user) {
  return problem(ErrorCode::no_privilege, "user \"" + user + "\" may only read", "give it a settings profile without readonly");
}

void check_rights(Client& client, const Wait& wait, Problems& problems) {
  const std::string user = client.access().user, database = quote_name(client.access().database);
  if (setting_of(client, "readonly", wait) != "0") {
    problems.push_back(may_only_read(user));
    return;
  }
  // No right and no setting of a statement's overrules it, and CHECK GRANT takes it for rights that are missing.
  if (setting_of(client, "allow_ddl", wait) == "0") {
    problems.push_back(problem(ErrorCode::no_privilege, "the settings profile of user \"" + user + "\" has allow_ddl = 0",
                               "give it a settings profile with allow_ddl = 1"));
    return;
  }
  // "" is no list to the server, once it is sent.
  if (!setting_of(client, "force_data_skipping_indices", wait).empty()) {
    problems.push_back(problem(ErrorCode::target_unfit,
                               "the settings profile of user \"" + user + "\" has force_data_skipping_indices, which refuses look-ups",
                               "give it a settings profile without force_data_skipping_indices"));
  }
  std::string missing;
  for (const std::string& right : rights_needed(database)) {
    if (!granted(client, right, wait)) missing += (missing.empty() ? "" : ", ") + right;
  }
  if (missing.empty()) return;
  const std::string grant = "GRANT " + missing + " TO " + quote_name(user);
  problems.push_back(problem(ErrorCode::no_privilege,
                             "user \"" + user + "\" lacks rights that a mirror to " + database + " needs: " + missing,
                             "run at the target: " + grant, grant));
}

}  // namespace

Problems check_server(Client& client, const Wait& wait) {
  Problems problems;
  try {
    const std::string version = only_cell(client.query("SELECT version()", wait));
    if (too_old(version)) {
      problems.push_back(problem(ErrorCode::target_unfit, "ClickHouse " + version + " is too old",
                                 "24.8 is the oldest that peerd writes to"));
    }
    check_database(client, wait, problems);
    check_rights(client, wait, problems);
  } catch (const Error& error) {
    Problem found{error.text, ""};
    // What peerd pins is sent from the first statement on, so that what cannot be set is told here, by name.
    if (error.text.origin == "CH 164") found = may_only_read(client.access().user);
    if (error.text.origin == "CH 81") {
      found.text.message = "database \"" + client.access().database + "\" does not exist";
      found.text.field = "database";
      found.cure_sql = "CREATE DATABASE " + quote_name(client.access().database);
      found.text.hint = "run at the target: " + found.cure_sql;
    }
    problems.push_back(std::move(found));
  }
  return problems;
}

}  // namespace peerd::clickhouse

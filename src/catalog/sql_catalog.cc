#include "sql_catalog.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "catalog_file.h"
#include "migrate.h"
#include "peerd/base/clock.h"
#include "peerd/base/error.h"

namespace peerd {

namespace {

constexpr std::string_view kMemory = ":memory:";

/// Makes the file for its owner alone, before SQLite would make it for everybody.
std::unique_ptr<FileLock> lock_file(const std::string& path) {
  if (path == kMemory) return nullptr;
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  std::error_code ignored;  // The lock's own message tells what is wrong.
  if (!directory.empty()) std::filesystem::create_directories(directory, ignored);
  auto lock = std::make_unique<FileLock>(path);
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor >= 0) ::close(descriptor);
  return lock;
}

}  // namespace

std::unique_ptr<Catalog> Catalog::open(const std::string& url, SecretBox secrets, OptionTables tables) {
  return std::make_unique<SqlCatalog>(path_of(url), std::move(secrets), std::move(tables));
}

SqlCatalog::SqlCatalog(const std::string& path, SecretBox secrets, OptionTables tables)
    : lock_(lock_file(path)), secrets_(std::move(secrets)), option_tables_(std::move(tables)), database_(path) {
  Lock lock(mutex_);
  migrate(database_, migrations(), path);
  for (std::size_t i = 0; i < static_cast<std::size_t>(Sql::count); ++i)
    statements_.push_back(database_.prepare(text_of(static_cast<Sql>(i))));
  // The file lock says that no other process lives that could hold a lease in this file: what is left is of the dead.
  run(Sql::release_leases, {});
  require_readable_secrets(path);
}

/// A wrong key is told at the start, not when the first mirror fails to log in.
void SqlCatalog::require_readable_secrets(const std::string& path) PEERD_REQUIRES(mutex_) {
  Rows rows = ask(Sql::all_peers, {});
  while (rows.next()) {
    try {
      read_peer(rows);
    } catch (const Error& error) {
      ErrorText text = error.text;
      text.detail = text.message;
      text.message =
          "the secrets of peer \"" + rows.text(1) + "\" in the catalog " + path + " do not open with the keys given";
      throw Error(text);
    }
  }
  try {
    read_alerts();
  } catch (const Error& error) {
    ErrorText text = error.text;
    text.detail = text.message;
    text.message = "the alerts in the catalog " + path + " do not open with the keys given";
    throw Error(text);
  }
}

SqlCatalog::Rows::Rows(sqlite::Statement& statement, std::initializer_list<sqlite::Value> values)
    : statement_(statement) {
  int index = 0;
  for (const sqlite::Value& value : values) statement_.bind(++index, value);
}

SqlCatalog::Rows SqlCatalog::ask(Sql statement, std::initializer_list<sqlite::Value> values) {
  return Rows(statements_[static_cast<std::size_t>(statement)], values);
}

int SqlCatalog::run(Sql statement, std::initializer_list<sqlite::Value> values) {
  Rows rows = ask(statement, values);
  while (rows.next()) {
  }
  return database_.changes();
}

std::int64_t SqlCatalog::next_id(std::string_view counter) {
  Rows rows = ask(Sql::next_id, {std::string(counter)});
  if (!rows.next()) throw Error(ErrorCode::internal, "the catalog has lost a counter");
  const std::int64_t id = rows.integer(0);
  while (rows.next()) {
  }
  return id;
}

void SqlCatalog::require_lease(int changed) {
  if (changed == 0)
    throw Error(ErrorCode::fenced, "the mirror belongs to another process or a newer lease now, or it was dropped");
}

std::int64_t wall_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(system_clock().wall().time_since_epoch()).count();
}

std::string lsn_text(Lsn lsn) {
  if (lsn.value == 0) return {};
  char text[18];
  std::snprintf(text, sizeof text, "%08X/%08X", static_cast<unsigned>(lsn.value >> 32),
                static_cast<unsigned>(lsn.value));
  return text;
}

Lsn read_lsn(const std::string& text) {
  if (text.size() != 17) return {};
  return {std::strtoull(text.c_str(), nullptr, 16) << 32 | std::strtoull(text.c_str() + 9, nullptr, 16)};
}

}  // namespace peerd

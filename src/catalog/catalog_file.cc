#include "catalog_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "peerd/base/files.h"
#include "peerd/catalog/catalog.h"
#include "peerd/sqlite/sqlite.h"

namespace peerd {
namespace {

std::int64_t one_number(sqlite::Database& database, std::string_view sql) {
  sqlite::Statement statement = database.prepare(sql);
  statement.step();
  return statement.integer(0);
}

/// The file and its name are on disk.
void sync(const std::string& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!synced) throw Error(ErrorCode::disk_full, "cannot write " + path + ": " + std::strerror(error));
}

/// What the copy holds, read from the copy itself.
BackupCounts check_copy(const std::string& path) {
  sqlite::Database copy(path);
  copy.run("PRAGMA journal_mode = DELETE");  // One file, complete in itself.
  sqlite::Statement check = copy.prepare("PRAGMA integrity_check");
  check.step();
  if (check.text(0) != "ok") throw Error(ErrorCode::internal, "the copy " + path + " is damaged: " + check.text(0));
  return {one_number(copy, "SELECT count(*) FROM peers"), one_number(copy, "SELECT count(*) FROM mirrors")};
}

}  // namespace

std::string path_of(const std::string& url) {
  constexpr std::string_view kSqlite = "sqlite:";
  if (url.starts_with("postgres://") || url.starts_with("postgresql://")) {
    throw Error(ErrorCode::not_supported, "a catalog on a Postgres server is not supported yet",
                "set PEERD_CATALOG to sqlite:/path/to/file");
  }
  const std::string path = url.starts_with(kSqlite) ? url.substr(kSqlite.size()) : "";
  if (path.empty())
    throw Error(ErrorCode::invalid_option, "PEERD_CATALOG is not of the form sqlite:PATH",
                "set it to sqlite:/path/to/file");
  return path;
}

bool Catalog::stands(const std::string& url) {
  const std::string path = path_of(url);
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0 || facts.st_size == 0) return false;
  sqlite::Database database(path);
  return one_number(database, "SELECT count(*) FROM sqlite_master WHERE name = 'mirrors'") == 1;
}

BackupCounts Catalog::back_up(const std::string& url, const std::string& path) {
  if (is_there(path)) throw Error(ErrorCode::already_exists, path + " exists already", "give another directory");
  if (!stands(url))
    throw Error(ErrorCode::not_found, "there is no catalog at " + path_of(url),
                "run it with the same --config and PEERD_ variables as the peerd that is to be backed up");
  // Written aside, so that the name stands for a whole copy alone.
  const std::string aside = path + ".new";
  ::unlink(aside.c_str());
  try {
    {
      sqlite::Database database(path_of(url));
      database.prepare("VACUUM INTO ?1").bind(1, aside).step();
    }
    if (::chmod(aside.c_str(), 0600) != 0)
      throw Error(ErrorCode::no_privilege, "cannot protect " + aside + ": " + std::strerror(errno));
    const BackupCounts counts = check_copy(aside);
    sync(aside, O_RDONLY);
    // Not rename(): a file that came between would be lost.
    if (::link(aside.c_str(), path.c_str()) != 0)
      throw Error(errno == EEXIST ? ErrorCode::already_exists : ErrorCode::internal, "cannot make " + path + ": " + std::strerror(errno));
    ::unlink(aside.c_str());
    return counts;
  } catch (...) {
    ::unlink(aside.c_str());
    throw;
  }
}

}  // namespace peerd

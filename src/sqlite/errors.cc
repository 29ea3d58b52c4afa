#include "handles.h"
#include "peerd/base/error.h"

namespace peerd::sqlite {

namespace {

ErrorCode code_of(int result) {
  if (result == SQLITE_IOERR_WRITE || result == SQLITE_IOERR_FSYNC) return ErrorCode::disk_full;
  switch (result & 0xff) {
    case SQLITE_FULL:
      return ErrorCode::disk_full;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::too_busy;
    case SQLITE_ERROR:
      return ErrorCode::syntax;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return ErrorCode::no_privilege;
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
      return ErrorCode::bad_value;
    default:
      return ErrorCode::internal;
  }
}

std::string hint_of(ErrorCode code) {
  if (code == ErrorCode::disk_full) return "free some space on the file's disk";
  if (code == ErrorCode::no_privilege) return "check that the file and its directory exist and are writable";
  return {};
}

}  // namespace

void Connection::fail(int result) {
  const int extended = handle ? sqlite3_extended_errcode(handle) : result;
  const int known = (extended & 0xff) == (result & 0xff) ? extended : result;
  const ErrorCode code = code_of(known);
  throw Error(code, handle ? sqlite3_errmsg(handle) : sqlite3_errstr(result), hint_of(code));
}

}  // namespace peerd::sqlite

#include "peerd/postgres/scram_secret.h"

#include <libpq-fe.h>

#include <memory>

#include "peerd/base/error.h"

namespace peerd::postgres {

std::string scram_secret(std::string_view password) {
  // libpq does it, and has the tables of Unicode that SASLprep needs. It wants a connection to leave its error with;
  // one that leads nowhere will do.
  const char* const names[] = {"host", nullptr};
  const char* const values[] = {"/nonexistent", nullptr};
  const std::unique_ptr<PGconn, void (*)(PGconn*)> nowhere(PQconnectStartParams(names, values, 0), PQfinish);
  if (!nowhere) throw Error(ErrorCode::internal, "libpq makes no connection");
  const std::string text(password);
  const std::unique_ptr<char, void (*)(void*)> secret(
      PQencryptPasswordConn(nowhere.get(), text.c_str(), "", "scram-sha-256"), PQfreemem);
  if (!secret) throw Error(ErrorCode::internal, "libpq makes no SCRAM secret of the password");
  return secret.get();
}

}  // namespace peerd::postgres

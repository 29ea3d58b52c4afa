#pragma once

#include <memory>

#include "peerd/postgres/connection.h"
#include "peerd/specs/peer_session.h"
#include "peerd/specs/peer_spec.h"

namespace peerd::pgtarget {

/// A read-only connection to a POSTGRES peer, made when first needed.
class PostgresSession final : public PeerSession {
 public:
  explicit PostgresSession(const PeerSpec& peer);

  Problems check(const Wait& wait) override;
  std::string server_version(const Wait& wait) override;
  void query(std::string_view sql, RowSink& sink, const Wait& wait) override;

 private:
  postgres::Connection& connection(const Wait& wait);
  postgres::Result empty_result(std::string_view sql, const Wait& wait);

  postgres::ConnectOptions options_;
  std::unique_ptr<postgres::Connection> connection_;
};

}  // namespace peerd::pgtarget

#include "peerd/sql/sql_server.h"

#include "session.h"

namespace peerd {
namespace {

/// The server owns handlers and drops them on the io thread; a session lasts as long as its last statement.
class Handler final : public net::ConnectionHandler {
 public:
  explicit Handler(std::shared_ptr<sql::Session> session) : session_(std::move(session)) {}
  std::size_t on_bytes(std::string_view bytes) override { return session_->on_bytes(bytes); }
  void on_closed() override { session_->on_closed(); }

 private:
  std::shared_ptr<sql::Session> session_;
};

}  // namespace

net::Server::MakeHandler make_sql_handlers(SqlDeps deps) {
  auto shared = std::make_shared<sql::Shared>(std::move(deps));
  return [shared](std::shared_ptr<net::Connection> connection) {
    return std::make_unique<Handler>(std::make_shared<sql::Session>(shared, std::move(connection)));
  };
}

}  // namespace peerd

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/net/http.h"
#include "peerd/specs/peer_spec.h"

namespace peerd::clickhouse {

using Settings = std::map<std::string, std::string>;

/// Where a CLICKHOUSE peer is and who we are there.
struct Access {
  net::HttpEndpoint endpoint;
  std::string user, password, database;
};
Access access_of(const PeerSpec& peer);

/// One HTTP connection to a ClickHouse server. Owned by one thread. Throws Error as errors.h maps it; retries nothing.
class Client {
 public:
  explicit Client(Access access);

  /// A statement whose answer is small; rows of tab-separated text cells.
  using Rows = std::vector<std::vector<std::string>>;
  Rows query(std::string_view sql, const Wait& wait, const Settings& settings = {});
  void execute(std::string_view sql, const Wait& wait, const Settings& settings = {}) { query(sql, wait, settings); }
  /// The answer as it comes. `body` is the request's, with its content type, when the statement stands in
  /// `settings["query"]`.
  void stream(const Settings& settings, const std::string& content_type, std::string_view body,
              const std::function<void(std::string_view)>& piece, const Wait& wait);
  /// A body that is sent in pieces; finish() of it by finish_upload(), which checks the answer.
  std::unique_ptr<net::HttpClient::Upload> upload(const Settings& settings, const std::string& encoding,
                                                  const Wait& wait);
  void finish_upload(net::HttpClient::Upload& upload, const Wait& wait);

  const Access& access() const { return access_; }
  std::string name() const;  ///< "ClickHouse at host:port", for people.

 private:
  std::string target(const Settings& settings) const;
  std::map<std::string, std::string> headers() const;
  void check(const net::HttpResponse& response) const;

  const Access access_;
  net::HttpClient http_;
};

/// The cell of the only row, or "" when there is none.
std::string only_cell(const Client::Rows& rows);

}  // namespace peerd::clickhouse

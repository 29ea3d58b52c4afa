#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
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

/// Whether a person's SELECT goes through it, or what a mirror does: session_settings.h.
enum class Purpose { mirror, reading };

/// One HTTP connection to a ClickHouse server. Owned by one thread. Throws Error as errors.h maps it; retries nothing. Every
/// request carries what session_settings.h pins, as each is a session of its own there.
class Client {
 public:
  explicit Client(Access access, Purpose purpose = Purpose::mirror);

  /// A statement whose answer is small; rows of text cells, NULL as "".
  using Rows = std::vector<std::vector<std::string>>;
  Rows query(std::string_view sql, const Wait& wait, const Settings& settings = {});
  void execute(std::string_view sql, const Wait& wait, const Settings& settings = {}) { query(sql, wait, settings); }
  /// The answer as it comes. `body` is the request's, with its content type, when the statement stands in
  /// `settings["query"]`. Returns the format that the server says the answer had, "" when it says nothing.
  std::string stream(const Settings& settings, const std::string& content_type, std::string_view body,
                     const std::function<void(std::string_view)>& piece, const Wait& wait);
  /// A body that is sent in pieces; finish() of it by finish_upload(), which checks the answer.
  std::unique_ptr<net::HttpClient::Upload> upload(const Settings& settings, const std::string& encoding,
                                                  const Wait& wait);
  void finish_upload(net::HttpClient::Upload& upload, const Wait& wait);

  const Access& access() const { return access_; }
  /// The user's profile says readonly, in whatever degree.
  bool read_only(const Wait& wait);
  std::string name() const;  ///< "ClickHouse at host:port", for people.

 private:
  std::string target(const Settings& settings, Purpose purpose) const;
  std::map<std::string, std::string> headers() const;
  void learn(const Wait& wait);
  Rows ask(std::string_view sql, const Wait& wait, const Settings& settings, Purpose purpose);
  void check(const net::HttpResponse& response);

  const Access access_;
  const Purpose purpose_;
  std::optional<std::set<std::string, std::less<>>> known_;  ///< Of the pinned settings that not every server has.
  bool read_only_ = false;                                   ///< Once known_ is there.
  net::HttpClient http_;
};

/// The cell of the only row, or "" when there is none.
std::string only_cell(const Client::Rows& rows);

}  // namespace peerd::clickhouse

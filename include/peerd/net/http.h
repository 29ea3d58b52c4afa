#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "peerd/base/clock.h"

namespace peerd::net {

/// PEM texts (not paths). Empty = system roots / no client certificate.
struct TlsClientOptions {
  bool enabled = false;
  bool verify = true;
  std::string root_ca, certificate, private_key, server_name;  ///< server_name: SNI and check; "" = the host.
};

struct HttpEndpoint {
  std::string host;
  std::uint16_t port = 0;
  TlsClientOptions tls;
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< Names in lower case.
  std::string body;
};

/// One keep-alive HTTP/1.1 connection, opened when needed and again after a failure. Owned by one thread.
/// A stop or a deadline closes the connection. Throws Error(unreachable) naming host and port, with a hint, when it
/// cannot be reached or breaks; Error(timeout); Stopped. Never retries a request by itself.
class HttpClient {
 public:
  /// A request whose body is written in pieces (chunked). Dropped before finish(), it closes the connection,
  /// and the server sees a broken body.
  class Upload {
   public:
    virtual ~Upload() = default;
    virtual void write(std::span<const std::byte> bytes, const Wait& wait) = 0;
    virtual HttpResponse finish(const Wait& wait) = 0;
  };

  explicit HttpClient(HttpEndpoint endpoint);
  ~HttpClient();
  HttpResponse request(std::string_view method, std::string_view target,
                       const std::map<std::string, std::string>& headers, std::string_view body, const Wait& wait);
  std::unique_ptr<Upload> upload(std::string_view method, std::string_view target,
                                 const std::map<std::string, std::string>& headers, const Wait& wait);
  /// Like request(), with the response's body pushed as it comes. Returns status and headers; of a status >= 300 the
  /// body too.
  HttpResponse download(std::string_view method, std::string_view target,
                        const std::map<std::string, std::string>& headers, std::string_view body,
                        const std::function<void(std::string_view)>& piece, const Wait& wait);
  const HttpEndpoint& endpoint() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Percent-encodes everything but unreserved characters (RFC 3986 2.3).
std::string url_encode(std::string_view text);
std::string url_decode(std::string_view text);

}  // namespace peerd::net

#pragma once

#include <openssl/types.h>

#include <string>

#include "peerd/net/http.h"

namespace peerd::net {

/// A client's context: CAs, certificate and key of `options`. Throws Error(invalid_option) naming the one that cannot
/// be read. The caller frees it.
SSL_CTX* make_client_context(const TlsClientOptions& options);
/// One connection's TLS state, with SNI and the check of the name. The caller frees it.
SSL* make_client_tls(SSL_CTX* context, const HttpEndpoint& endpoint);
/// Says why the handshake failed and which option is to be looked at.
[[noreturn]] void throw_handshake_error(SSL* tls, const std::string& name);
/// OpenSSL's first queued error in words, or that of `error_number`. Empties the queue.
std::string tls_error_text(int error_number);

}  // namespace peerd::net

#include "tls_server.h"

#include <openssl/ssl.h>

#include "peerd/base/error.h"

namespace peerd::net {

namespace ssl = boost::asio::ssl;

std::shared_ptr<ssl::context> make_server_context(const TlsServerOptions& options) {
  if (!options.enabled()) return nullptr;
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  context->set_options(ssl::context::default_workarounds | SSL_OP_NO_RENEGOTIATION);
  // Without a callback OpenSSL would ask for a password at the terminal.
  context->set_password_callback([](std::size_t, ssl::context::password_purpose) { return std::string(); });
  boost::system::error_code error;
  context->use_certificate_chain(boost::asio::buffer(options.certificate), error);
  if (error) {
    throw Error(ErrorCode::invalid_option, "the TLS certificate cannot be used: " + error.message(),
                "it must be a PEM file with the server's certificate first");
  }
  context->use_private_key(boost::asio::buffer(options.private_key), ssl::context::pem, error);
  if (error || SSL_CTX_check_private_key(context->native_handle()) != 1) {
    throw Error(ErrorCode::invalid_option,
                "the TLS key cannot be used with this certificate" + (error ? ": " + error.message() : ""),
                "it must be the PEM private key of that certificate, without a password");
  }
  return context;
}

}  // namespace peerd::net

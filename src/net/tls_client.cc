#include "tls_client.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <system_error>

#include "peerd/base/error.h"
#include "peerd/base/resolve.h"
#include "peerd/base/text.h"

namespace peerd::net {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

Owned<BIO> reader(const std::string& pem) {
  return Owned<BIO>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

[[noreturn]] void throw_option(const char* option, const std::string& why) {
  ERR_clear_error();
  ErrorText text;
  text.code = ErrorCode::invalid_option;
  text.message = std::string(option) + " " + why;
  text.hint = "give the text of the PEM file, with its BEGIN and END lines";
  text.field = option;
  throw Error(std::move(text));
}

void trust(SSL_CTX* context, const std::string& root_ca) {
  if (root_ca.empty()) {
    SSL_CTX_set_default_verify_paths(context);
    return;
  }
  const Owned<BIO> pem = reader(root_ca);
  std::size_t count = 0;
  while (const Owned<X509> certificate{PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr)}) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get());
    ++count;
  }
  if (count == 0) throw_option("root_ca", "holds no PEM certificate");
  ERR_clear_error();
}

void show_certificate(SSL_CTX* context, const TlsClientOptions& options) {
  const Owned<BIO> pem = reader(options.certificate);
  const Owned<X509> first(PEM_read_bio_X509_AUX(pem.get(), nullptr, nullptr, nullptr));
  if (!first || SSL_CTX_use_certificate(context, first.get()) != 1) {
    throw_option("certificate", "is not a PEM certificate");
  }
  while (X509* more = PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr)) {
    if (SSL_CTX_add0_chain_cert(context, more) != 1) X509_free(more);
  }
  ERR_clear_error();
  const Owned<BIO> key_pem = reader(options.private_key);
  // The callback keeps OpenSSL from asking for a password at the terminal.
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(
      key_pem.get(), nullptr, [](char*, int, int, void*) { return 0; }, nullptr));
  if (!key) throw_option("private_key", "is not a PEM private key without a password");
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1)
    throw_option("private_key", "does not belong to the certificate");
}

}  // namespace

SSL_CTX* make_client_context(const TlsClientOptions& options) {
  // OpenSSL writes to its socket without MSG_NOSIGNAL.
  struct sigaction action {};
  if (sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) signal(SIGPIPE, SIG_IGN);

  Owned<SSL_CTX> context(SSL_CTX_new(TLS_client_method()));
  if (!context) throw Error(ErrorCode::internal, "openssl: " + tls_error_text(0));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify(context.get(), options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (options.verify) trust(context.get(), options.root_ca);
  if (!options.certificate.empty()) show_certificate(context.get(), options);
  return context.release();
}

SSL* make_client_tls(SSL_CTX* context, const HttpEndpoint& endpoint) {
  SSL* tls = SSL_new(context);
  if (tls == nullptr) throw Error(ErrorCode::internal, "openssl: " + tls_error_text(0));
  const std::string& name = endpoint.tls.server_name.empty() ? endpoint.host : endpoint.tls.server_name;
  if (is_address(name)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), name.c_str());
  } else {
    SSL_set_tlsext_host_name(tls, name.c_str());
    SSL_set1_host(tls, name.c_str());
  }
  return tls;
}

std::string tls_error_text(int error_number) {
  const unsigned long first = ERR_get_error();
  ERR_clear_error();
  if (first != 0) {
    const char* reason = ERR_reason_error_string(first);
    return reason != nullptr ? to_lower(reason) : "tls error " + std::to_string(first);
  }
  return error_number != 0 ? to_lower(std::generic_category().message(error_number)) : "connection closed";
}

void throw_handshake_error(SSL* tls, const std::string& name) {
  const long verified = SSL_get_verify_result(tls);
  const int error_number = errno;
  const unsigned long first = ERR_peek_error();
  const int reason = ERR_GET_REASON(first);
  const std::string why = tls_error_text(error_number);
  if (verified != X509_V_OK) {
    throw Error(ErrorCode::unreachable,
                "the certificate of " + name + " is not accepted: " + to_lower(X509_verify_cert_error_string(verified)),
                verified == X509_V_ERR_HOSTNAME_MISMATCH || verified == X509_V_ERR_IP_ADDRESS_MISMATCH
                    ? "connect by a name that the certificate holds, or give that name as tls_host"
                    : "give the certificate of the authority that signed it as root_ca");
  }
  if (first != 0 && (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST)) {
    throw Error(ErrorCode::unreachable, name + " does not speak TLS",
                "use the server's TLS port, or turn TLS off with disable_tls = true");
  }
  throw Error(
      ErrorCode::unreachable, "the TLS handshake with " + name + " failed: " + why,
      "check that this port speaks TLS and, when it asks for a client certificate, certificate and private_key");
}

}  // namespace peerd::net

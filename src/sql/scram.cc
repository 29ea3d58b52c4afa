#include "scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "peerd/base/encoding.h"
#include "peerd/base/text.h"
#include "peerd/net/http.h"
#include "peerd/postgres/scram_secret.h"
#include "statement_error.h"

namespace peerd::sql {
namespace {

[[noreturn]] void malformed(const char* what) {
  throw StatementError("08P01", std::string("malformed SCRAM message: ") + what);
}

const unsigned char* octets(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* octets(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

/// The value of the attribute that `message` starts with; what is behind its comma stays in `message`.
std::string_view take_attribute(std::string_view& message, char name) {
  if (message.size() < 2 || message[0] != name || message[1] != '=') malformed("an attribute is missing");
  const auto comma = message.find(',');
  const auto value = message.substr(2, comma == std::string_view::npos ? comma : comma - 2);
  message.remove_prefix(comma == std::string_view::npos ? message.size() : comma + 1);
  return value;
}

}  // namespace

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(octets(bytes), static_cast<int>(count)) != 1) {
    throw Error(ErrorCode::internal, "the system gives no random bytes");
  }
  return bytes;
}

std::string sha256(std::string_view data) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(octets(data), data.size(), octets(digest));
  return digest;
}

std::string hmac_sha256(std::string_view key, std::string_view data) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  unsigned int length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), octets(data), data.size(), octets(digest), &length);
  return digest;
}

std::string pbkdf2_sha256(std::string_view password, std::string_view salt, int iterations) {
  std::string key(SHA256_DIGEST_LENGTH, '\0');
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), octets(salt), static_cast<int>(salt.size()),
                    iterations, EVP_sha256(), static_cast<int>(key.size()), octets(key));
  return key;
}

ScramVerifier ScramVerifier::of(std::string_view password) {
  // "SCRAM-SHA-256$4096:salt$stored key:server key"
  const std::string secret = postgres::scram_secret(password);
  const auto parts = split(secret, '$');
  const auto salt = split(parts.at(1), ':'), keys = split(parts.at(2), ':');
  ScramVerifier verifier;
  verifier.iterations = std::stoi(salt.at(0));
  const bool whole = base64_decode(salt.at(1), verifier.salt) &&
                     base64_decode(keys.at(0), verifier.stored_key) &&
                     base64_decode(keys.at(1), verifier.server_key);
  if (!whole) throw Error(ErrorCode::internal, "libpq's SCRAM secret cannot be read");
  return verifier;
}

std::string ScramExchange::first(std::string_view message) {
  // gs2-header: "n,," or "y,," (no channel binding was offered), then the bare message.
  if (message.size() < 3 || message[1] != ',') malformed("no gs2 header");
  if (message[0] == 'p') malformed("channel binding was not offered");
  if (message[0] != 'n' && message[0] != 'y') malformed("unknown channel binding flag");
  if (message[2] != ',') malformed("an authorization identity is not supported");
  header_ = message.substr(0, 3);
  message.remove_prefix(3);
  client_first_bare_ = message;
  take_attribute(message, 'n');  // The user's name of the start-up message counts, as in Postgres.
  const auto client_nonce = take_attribute(message, 'r');
  if (client_nonce.empty()) malformed("an empty nonce");
  nonce_ = std::string(client_nonce) + base64_encode(random_bytes(18));
  server_first_ =
      "r=" + nonce_ + ",s=" + base64_encode(verifier_.salt) + ",i=" + std::to_string(verifier_.iterations);
  return server_first_;
}

std::string ScramExchange::final(std::string_view message) {
  const auto proof_at = message.rfind(",p=");
  if (proof_at == std::string_view::npos) malformed("no proof");
  const auto without_proof = message.substr(0, proof_at);
  std::string proof;
  if (!base64_decode(message.substr(proof_at + 3), proof) || proof.size() != SHA256_DIGEST_LENGTH) {
    malformed("the proof is not base64 of 32 bytes");
  }
  auto attributes = without_proof;
  if (take_attribute(attributes, 'c') != base64_encode(header_)) malformed("another channel binding");
  if (take_attribute(attributes, 'r') != nonce_) malformed("another nonce");

  const std::string signed_text = client_first_bare_ + "," + server_first_ + "," + std::string(without_proof);
  const std::string signature = hmac_sha256(verifier_.stored_key, signed_text);
  std::string client_key(proof);
  for (std::size_t i = 0; i < client_key.size(); ++i) client_key[i] ^= signature[i];
  const std::string digest = sha256(client_key);
  if (CRYPTO_memcmp(digest.data(), verifier_.stored_key.data(), digest.size()) != 0) return {};
  return "v=" + base64_encode(hmac_sha256(verifier_.server_key, signed_text));
}

}  // namespace peerd::sql

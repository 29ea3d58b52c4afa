#pragma once

#include <string>
#include <string_view>

namespace peerd::sql {

/// What a server keeps of a password for SCRAM-SHA-256 (RFC 5803): made once, so that a log in costs next to nothing.
struct ScramVerifier {
  int iterations = 0;
  std::string salt, stored_key, server_key;
  /// With a random salt of 16 bytes, of the password's form under SASLprep: what clients that are libpq's kin prove.
  static ScramVerifier of(std::string_view password);
};

/// The server's side of one SCRAM-SHA-256 exchange (RFC 5802, without channel binding). Throws StatementError: 08P01
/// for a malformed message.
class ScramExchange {
 public:
  explicit ScramExchange(const ScramVerifier& verifier) : verifier_(verifier) {}
  /// The client's first message -> the server's first.
  std::string first(std::string_view message);
  /// The client's final message -> the server's final; "" when the proof is wrong.
  std::string final(std::string_view message);

 private:
  const ScramVerifier& verifier_;
  std::string client_first_bare_, server_first_, nonce_, header_;
};

std::string hmac_sha256(std::string_view key, std::string_view data);
std::string sha256(std::string_view data);
std::string pbkdf2_sha256(std::string_view password, std::string_view salt, int iterations);
std::string random_bytes(std::size_t count);

}  // namespace peerd::sql

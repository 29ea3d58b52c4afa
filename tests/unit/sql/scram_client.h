#pragma once

#include <string>
#include <string_view>

#include "peerd/base/encoding.h"
#include "peerd/net/http.h"
#include "scram.h"

namespace peerd::sql {

/// The client's side of SCRAM-SHA-256, as libpq speaks it.
class ScramClient {
 public:
  explicit ScramClient(std::string password) : password_(std::move(password)) {}

  std::string first() const { return "n,," + bare_; }

  std::string final(const std::string& server_first) {
    const auto salt_at = server_first.find(",s=") + 3, rounds_at = server_first.find(",i=") + 3;
    std::string salt;
    base64_decode(std::string_view(server_first).substr(salt_at, rounds_at - 3 - salt_at), salt);
    const std::string salted = pbkdf2_sha256(password_, salt, std::stoi(server_first.substr(rounds_at)));
    const std::string without_proof = "c=biws," + server_first.substr(0, salt_at - 3);
    const std::string signed_text = bare_ + "," + server_first + "," + without_proof;
    std::string proof = hmac_sha256(salted, "Client Key");
    const std::string signature = hmac_sha256(sha256(proof), signed_text);
    for (std::size_t i = 0; i < proof.size(); ++i) proof[i] ^= signature[i];
    server_final_ = "v=" + base64_encode(hmac_sha256(hmac_sha256(salted, "Server Key"), signed_text));
    return without_proof + ",p=" + base64_encode(proof);
  }

  std::string expected_server_final() const { return server_final_; }

 private:
  std::string password_, bare_ = "n=,r=fyko+d2lbbFgONRv9qkxdawL", server_final_;
};

}  // namespace peerd::sql

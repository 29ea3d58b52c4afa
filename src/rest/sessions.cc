#include "sessions.h"

#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "peerd/base/error.h"

namespace peerd::rest {
namespace {

std::string digest_of(std::string_view token) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest.data());
  return {digest.begin(), digest.end()};
}

std::string make_token() {
  std::array<unsigned char, 32> bytes;
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) throw Error(ErrorCode::internal, "OpenSSL gives no random bytes");
  std::string token;
  for (const unsigned char byte : bytes) {
    token += "0123456789abcdef"[byte >> 4];
    token += "0123456789abcdef"[byte & 15];
  }
  return token;
}

}  // namespace

std::string_view to_string(Role role) { return role == Role::admin ? "admin" : "read"; }

std::string Sessions::open(Role role) {
  std::string token = make_token();
  const auto now = clock_.now();
  const Lock lock(mutex_);
  make_room(now);
  by_digest_.emplace(digest_of(token), Session{role, now});
  return token;
}

std::optional<Role> Sessions::find(std::string_view token) {
  const Lock lock(mutex_);
  const auto found = by_digest_.find(digest_of(token));
  if (found == by_digest_.end()) return std::nullopt;
  if (clock_.now() < found->second.opened + kLife) return found->second.role;
  by_digest_.erase(found);
  return std::nullopt;
}

void Sessions::close(std::string_view token) {
  const Lock lock(mutex_);
  by_digest_.erase(digest_of(token));
}

void Sessions::make_room(Clock::Instant now) {
  std::erase_if(by_digest_, [&](const auto& entry) { return now >= entry.second.opened + kLife; });
  if (by_digest_.size() < kMost) return;
  by_digest_.erase(std::ranges::min_element(by_digest_, {}, [](const auto& entry) { return entry.second.opened; }));
}

}  // namespace peerd::rest

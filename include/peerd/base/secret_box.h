#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace peerd {

/// Seals secrets for rest with AES-256-GCM (OpenSSL): text "v1:<key id>:<base64 nonce+ciphertext+tag>". Immutable; thread-safe.
class SecretBox {
 public:
  /// `keys` is PEERD_KEYS: comma-separated "id:base64 of 32 bytes"; the first seals, all open. Throws Error(invalid_option).
  static SecretBox from_text(std::string_view keys);
  /// Reads `path`, or makes it with one fresh key and mode 0600. Throws Error when it is readable by others.
  static SecretBox from_file(const std::string& path);

  /// `context` (such as "peer/name/password") is authenticated with it: a sealed text moved elsewhere does not open.
  std::string seal(std::string_view plain, std::string_view context) const;
  /// Throws Error(internal) with a hint about PEERD_KEYS when no key opens it.
  std::string open(std::string_view sealed, std::string_view context) const;

 private:
  struct Key {
    std::string id, bytes;
  };
  std::vector<Key> keys_;
};

}  // namespace peerd

#include "peerd/base/secret_box.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>

#include "peerd/base/error.h"
#include "peerd/base/text.h"

namespace peerd {
namespace {

constexpr std::size_t kKeyBytes = 32, kNonceBytes = 12, kTagBytes = 16;
constexpr std::string_view kFormat = "v1:";
constexpr const char* kKeysHint = "set PEERD_KEYS to \"id:key\", where key is what \"openssl rand -base64 32\" prints";

unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  if (RAND_bytes(bytes(out), static_cast<int>(count)) == 1) return out;
  throw Error(ErrorCode::internal, "OpenSSL gives no random bytes");
}

std::string to_base64(std::string_view plain) {
  std::string out((plain.size() + 2) / 3 * 4 + 1, '\0');
  out.resize(EVP_EncodeBlock(bytes(out), bytes(plain), static_cast<int>(plain.size())));
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string out(text.size() / 4 * 3 + 1, '\0');
  const int size = EVP_DecodeBlock(bytes(out), bytes(text), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  out.resize(static_cast<std::size_t>(size) - padding);  // EVP_DecodeBlock counts padding as zero bytes
  // One text for one value: bits that decoding ignores are refused.
  return to_base64(out) == text ? std::optional(out) : std::nullopt;
}

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;
Cipher new_cipher() {
  Cipher cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  if (!cipher) throw std::bad_alloc();
  return cipher;
}

void must(int result) {
  if (result != 1) throw Error(ErrorCode::internal, "OpenSSL refused to encrypt a secret");
}

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

bool good_id(std::string_view id) {
  return !id.empty() && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

Error file_error(const std::string& doing, const std::string& path) {
  const int code = errno;
  return Error(code == ENOSPC ? ErrorCode::disk_full : ErrorCode::invalid_option,
               "cannot " + doing + " key file \"" + path + "\": " + std::strerror(code),
               "set PEERD_KEYS, or name a directory that peerd can write");
}

void sync_directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

/// Whole or not at all, also when two processes start at once: written aside, then linked; the first link wins.
void make_key_file(const std::string& path) {
  const std::string aside = path + "." + make_uuid();
  const std::string line = "k1:" + to_base64(random_bytes(kKeyBytes)) + "\n";
  const int fd = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) throw file_error("make", path);
  const bool written = ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size()) && ::fsync(fd) == 0;
  const int write_error = errno;
  ::close(fd);
  const bool linked = written && (::link(aside.c_str(), path.c_str()) == 0 || errno == EEXIST);
  const int link_error = errno;
  ::unlink(aside.c_str());
  errno = written ? link_error : write_error;
  if (!linked) throw file_error("make", path);
  sync_directory_of(path);
}

}  // namespace

SecretBox SecretBox::from_text(std::string_view keys) {
  SecretBox box;
  for (const std::string& part : split(keys, ',')) {
    const std::string entry = trimmed(part);
    if (entry.empty()) continue;
    const auto colon = entry.find(':');
    std::string id = entry.substr(0, colon);
    const auto key = colon == std::string::npos ? std::nullopt : from_base64(std::string_view(entry).substr(colon + 1));
    // What is malformed may be the key itself: it is not repeated.
    if (!key || key->size() != kKeyBytes || !good_id(id))
      throw Error(ErrorCode::invalid_option, "PEERD_KEYS holds what is not \"id:base64 of 32 bytes\"", kKeysHint);
    if (std::ranges::any_of(box.keys_, [&](const Key& other) { return other.id == id; }))
      throw Error(ErrorCode::invalid_option, "PEERD_KEYS holds two keys of one id", "give each key its own id");
    box.keys_.push_back({std::move(id), *key});
  }
  if (box.keys_.empty()) throw Error(ErrorCode::invalid_option, "PEERD_KEYS holds no key", kKeysHint);
  return box;
}

SecretBox SecretBox::from_file(const std::string& path) {
  struct stat facts;
  if (::stat(path.c_str(), &facts) != 0) {
    if (errno != ENOENT) throw file_error("read", path);
    make_key_file(path);
    if (::stat(path.c_str(), &facts) != 0) throw file_error("read", path);
  }
  if ((facts.st_mode & 077) != 0)
    throw Error(ErrorCode::invalid_option, "key file \"" + path + "\" is open to others", "chmod 600 " + path);
  std::ifstream file(path);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) throw file_error("read", path);
  std::string keys = text.str();
  std::ranges::replace(keys, '\n', ',');
  return from_text(keys);
}

std::string SecretBox::seal(std::string_view plain, std::string_view context) const {
  const Key& key = keys_.front();
  const std::string head = std::string(kFormat) + key.id + ":", nonce = random_bytes(kNonceBytes);
  std::string sealed(plain.size(), '\0'), tag(kTagBytes, '\0');
  const Cipher cipher = new_cipher();
  int length = 0;
  must(EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes(std::string_view(key.bytes)),
                          bytes(std::string_view(nonce))));
  must(EVP_EncryptUpdate(cipher.get(), nullptr, &length, bytes(std::string_view(head)), static_cast<int>(head.size())));
  must(EVP_EncryptUpdate(cipher.get(), nullptr, &length, bytes(context), static_cast<int>(context.size())));
  must(EVP_EncryptUpdate(cipher.get(), bytes(sealed), &length, bytes(plain), static_cast<int>(plain.size())));
  must(EVP_EncryptFinal_ex(cipher.get(), bytes(tag), &length));
  must(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag.data()));
  return head + to_base64(nonce + sealed + tag);
}

std::string SecretBox::open(std::string_view sealed, std::string_view context) const {
  const Error failed(ErrorCode::internal, "a stored secret cannot be opened",
                     "start peerd with the PEERD_KEYS, or the key file, that sealed it; old keys stay after the new");
  const auto colon = sealed.find(':', kFormat.size());
  if (!sealed.starts_with(kFormat) || colon == std::string_view::npos) throw failed;
  const std::string_view head = sealed.substr(0, colon + 1), id = sealed.substr(kFormat.size(), colon - kFormat.size());
  const auto key = std::ranges::find(keys_, id, [](const Key& k) { return std::string_view(k.id); });
  const auto body = from_base64(sealed.substr(colon + 1));
  if (key == keys_.end() || !body || body->size() < kNonceBytes + kTagBytes) throw failed;
  const std::string_view nonce(body->data(), kNonceBytes),
      hidden(body->data() + kNonceBytes, body->size() - kNonceBytes - kTagBytes);
  std::string tag = body->substr(body->size() - kTagBytes), plain(hidden.size() + 1, '\0');
  const Cipher cipher = new_cipher();
  int length = 0;
  const auto* const key_bytes = bytes(std::string_view(key->bytes));
  const bool opened =
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key_bytes, bytes(nonce)) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &length, bytes(head), static_cast<int>(head.size())) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &length, bytes(context), static_cast<int>(context.size())) == 1 &&
      EVP_DecryptUpdate(cipher.get(), bytes(plain), &length, bytes(hidden), static_cast<int>(hidden.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), bytes(plain) + hidden.size(), &length) == 1;
  if (!opened) throw failed;
  plain.resize(hidden.size());
  return plain;
}

}  // namespace peerd

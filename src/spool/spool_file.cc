#include "spool_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "crc32c.h"
#include "peerd/base/error.h"

namespace peerd::spool {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "PEERDSPL";
constexpr std::uint32_t kFrameMagic = 0x4c505350;
constexpr std::size_t kUuidBytes = 36, kChecked = 8;  ///< A frame is checked from its ninth byte on.
constexpr std::string_view kSuffix = ".spool";

template <typename T>
void put(std::string& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}
template <typename T>
T get(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

}  // namespace

void throw_lost(std::string message, std::string detail) {
  throw Error(ErrorText{.code = ErrorCode::position_lost,
                        .message = std::move(message),
                        .detail = std::move(detail),
                        .hint = "RESYNC MIRROR copies the tables anew: the source has let go of what the spool held",
                        .field = {}, .table = {}, .origin = {}, .retry = Retry::after_operator});
}

bool says_full(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

void throw_system(const std::string& what) {
  const int error = errno;
  throw Error(ErrorText{.code = says_full(error) ? ErrorCode::disk_full : ErrorCode::internal,
                        .message = "cannot " + what + ": " + std::strerror(error),
                        .detail = {}, .hint = "see to the disk under PEERD_DATA_DIR",
                        .field = {}, .table = {}, .origin = {}, .retry = Retry::later});
}

std::string write_header(const Header& header) {
  std::string bytes(kHeaderBytes, '\0');
  std::memcpy(bytes.data(), kMagic.data(), kMagic.size());
  put(bytes, 8, kVersion);
  std::memcpy(bytes.data() + 12, header.uuid.data(), std::min(header.uuid.size(), kUuidBytes));
  put(bytes, 48, header.first);
  put(bytes, 56, header.position.value);
  put(bytes, 64, header.before);
  bytes[72] = header.open ? 1 : 0;
  put(bytes, kHeaderBytes - 4, crc32c(std::string_view(bytes).substr(0, kHeaderBytes - 4)));
  return bytes;
}

void write_frame(Meta meta, const std::vector<Sent>& sent, std::string_view body, std::string& into) {
  const std::size_t size = kFrameBytes + sent.size() * kSentBytes + body.size();
  if (size > (1u << 31)) throw Error(ErrorCode::internal, "a batch is too large for the spool");
  into.assign(size - body.size(), '\0');
  put(into, 0, kFrameMagic);
  put(into, 8, static_cast<std::uint32_t>(size));
  into[12] = static_cast<char>(meta.kind);
  into[13] = static_cast<char>((meta.open_tail ? 1 : 0) | (meta.packed ? 2 : 0));
  put(into, 16, meta.number);
  put(into, 24, meta.complete_to.value);
  put(into, 32, meta.last_commit.value);
  put(into, 40, meta.raw_size);
  put(into, 44, static_cast<std::uint32_t>(sent.size()));
  std::size_t at = kFrameBytes;
  for (const Sent& each : sent) {
    put(into, at, each.xid);
    put(into, at + 4, each.commit.value);
    at += kSentBytes;
  }
  into.append(body);
  put(into, 4, crc32c(std::string_view(into).substr(kChecked)));
}

Reader::Reader(std::string path, std::string_view uuid, std::uint64_t first) : path_(std::move(path)) {
  file_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (file_ < 0 && errno == ENOENT) throw_lost("the spool's file " + path_ + " is gone");
  if (file_ < 0) throw_system("open " + path_);
  std::string bytes(kHeaderBytes, '\0');
  take(0, bytes.data(), bytes.size());
  if (std::string_view(bytes).substr(0, kMagic.size()) != kMagic) fail(0, "it does not begin as a spool's does");
  if (const auto version = get<std::uint32_t>(bytes, 8); version != kVersion) {
    throw Error(ErrorCode::not_supported,
                "the spool's file " + path_ + " is of version " + std::to_string(version) + ", this peerd knows " +
                    std::to_string(kVersion),
                "start the newer peerd again");
  }
  if (get<std::uint32_t>(bytes, kHeaderBytes - 4) != crc32c(std::string_view(bytes).substr(0, kHeaderBytes - 4)))
    fail(0, "its checksum is another than its contents'");
  header_ = {bytes.substr(12, kUuidBytes), get<std::uint64_t>(bytes, 48), Lsn{get<std::uint64_t>(bytes, 56)},
             get<std::uint64_t>(bytes, 64), bytes[72] != 0};
  header_.uuid = header_.uuid.c_str();
  if (header_.uuid != uuid) fail(0, "it is of another mirror, " + header_.uuid);
  if (header_.first != first) fail(0, "it is another part of the spool than its name says");
}

Reader::~Reader() {
  if (file_ >= 0) ::close(file_);
}

void Reader::fail(std::uint64_t offset, const std::string& what) const {
  throw_lost("the spool is damaged: " + path_ + " at byte " + std::to_string(offset) + ": " + what);
}

void Reader::take(std::uint64_t offset, char* into, std::size_t bytes) const {
  for (std::size_t had = 0; had < bytes;) {
    const ssize_t got = ::pread(file_, into + had, bytes - had, static_cast<off_t>(offset + had));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_system("read " + path_);
    if (got == 0) fail(offset, "it ends at byte " + std::to_string(offset + had));
    had += static_cast<std::size_t>(got);
  }
}

std::uint64_t Reader::size() const {
  struct stat found {};
  if (::fstat(file_, &found) != 0) throw_system("look at " + path_);
  return static_cast<std::uint64_t>(found.st_size);
}

std::uint32_t Reader::size_at(std::uint64_t offset) const {
  char bytes[12];
  take(offset, bytes, sizeof bytes);
  const std::string_view begin(bytes, sizeof bytes);
  const auto size = get<std::uint32_t>(begin, 8);
  if (get<std::uint32_t>(begin, 0) != kFrameMagic || size < kFrameBytes) fail(offset, "no record begins there");
  return size;
}

Reader::Frame Reader::read(std::uint64_t offset, std::string& bytes) const {
  const std::uint32_t size = size_at(offset);
  if (offset + size > this->size()) fail(offset, "a record of " + std::to_string(size) + " bytes is not whole");
  bytes.resize(size);
  take(offset, bytes.data(), size);
  if (get<std::uint32_t>(bytes, 4) != crc32c(std::string_view(bytes).substr(kChecked)))
    fail(offset, "the record's checksum is another than its contents'");
  Frame frame;
  frame.meta.kind = static_cast<Kind>(bytes[12]);
  frame.meta.open_tail = (bytes[13] & 1) != 0;
  frame.meta.packed = (bytes[13] & 2) != 0;
  frame.meta.size = size;
  frame.meta.number = get<std::uint64_t>(bytes, 16);
  frame.meta.complete_to = Lsn{get<std::uint64_t>(bytes, 24)};
  frame.meta.last_commit = Lsn{get<std::uint64_t>(bytes, 32)};
  frame.meta.raw_size = get<std::uint32_t>(bytes, 40);
  frame.meta.sent = get<std::uint32_t>(bytes, 44);
  if (kFrameBytes + std::uint64_t{frame.meta.sent} * kSentBytes > size) fail(offset, "the record is not what it says");
  std::size_t at = kFrameBytes;
  for (std::uint32_t i = 0; i < frame.meta.sent; ++i, at += kSentBytes)
    frame.sent.push_back({Lsn{get<std::uint64_t>(bytes, at + 4)}, get<std::uint32_t>(bytes, at)});
  frame.body = std::string_view(bytes).substr(at);
  return frame;
}

void cut(const std::string& path, std::uint64_t size) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) throw_system("open " + path);
  const bool done = ::ftruncate(file, static_cast<off_t>(size)) == 0 && ::fsync(file) == 0;
  ::close(file);
  if (!done) throw_system("cut " + path);
}

void sync_directory(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) throw_system("open " + path);
  const int done = ::fsync(file);
  ::close(file);
  if (done != 0) throw_system("sync " + path);
}

void make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) {
    sync_directory(std::filesystem::path(path).parent_path().string());
    return;
  }
  if (errno == EEXIST) return;
  if (errno != ENOENT) throw_system("make the directory " + path);
  make_directory(std::filesystem::path(path).parent_path().string());
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) throw_system("make the directory " + path);
  sync_directory(std::filesystem::path(path).parent_path().string());
}

std::string segment_name(std::uint64_t first) {
  char name[32];
  std::snprintf(name, sizeof name, "%020llu", static_cast<unsigned long long>(first));
  return std::string(name) + std::string(kSuffix);
}

std::vector<std::uint64_t> segments_in(const std::string& directory) {
  std::vector<std::uint64_t> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    const std::uint64_t first = std::strtoull(name.c_str(), nullptr, 10);
    if (name == segment_name(first)) found.push_back(first);
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace peerd::spool

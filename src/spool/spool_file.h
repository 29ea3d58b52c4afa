#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/changes/lsn.h"

// What a segment's bytes mean, and the system calls on them. All numbers are little-endian.
namespace peerd::spool {

inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::size_t kHeaderBytes = 80, kFrameBytes = 48, kSentBytes = 12;

/// The first bytes of a segment.
struct Header {
  std::string uuid;         ///< The mirror's.
  std::uint64_t first = 0;  ///< Number of its first record.
  Lsn position;             ///< Up to where the records before it are complete.
  std::uint64_t before = 0;  ///< Number of the record before it, in an earlier segment; 0: there was none.
  bool open = false;         ///< It begins within a transaction.
};
std::string write_header(const Header& header);

enum class Kind : std::uint8_t { batch = 1, shape = 2 };

/// What stands before a record's body.
struct Meta {
  std::uint64_t number = 0;
  Kind kind = Kind::batch;
  bool open_tail = false, packed = false;
  Lsn complete_to, last_commit;
  std::uint32_t size = 0, raw_size = 0, sent = 0;  ///< Of the whole frame; of the unpacked body; transactions told.
};
struct Sent {
  Lsn commit;
  std::uint32_t xid = 0;
};
/// The whole frame, with its checksum.
void write_frame(Meta meta, const std::vector<Sent>& sent, std::string_view body, std::string& into);

/// Reads one segment. Throws Error(position_lost) that names file and offset on whatever is not as it was written.
class Reader {
 public:
  Reader(std::string path, std::string_view uuid, std::uint64_t first);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  const Header& header() const { return header_; }
  std::uint64_t size() const;  ///< Of the file, now.
  /// The frame's size, by its first bytes alone.
  std::uint32_t size_at(std::uint64_t offset) const;
  /// The frame at `offset`, checked; the body borrows from `bytes`.
  struct Frame {
    Meta meta;
    std::vector<Sent> sent;
    std::string_view body;
  };
  Frame read(std::uint64_t offset, std::string& bytes) const;

 private:
  [[noreturn]] void fail(std::uint64_t offset, const std::string& what) const;
  void take(std::uint64_t offset, char* into, std::size_t bytes) const;
  std::string path_;
  int file_ = -1;
  Header header_;
};

[[noreturn]] void throw_lost(std::string message, std::string detail = {});
/// errno's, of `what` was tried; disk_full where it says so.
[[noreturn]] void throw_system(const std::string& what);
bool says_full(int error);
void make_directory(const std::string& path);  ///< With its parents, 0700, synced.
void cut(const std::string& path, std::uint64_t size);  ///< The file ends there, on disk too.
void sync_directory(const std::string& path);
std::vector<std::uint64_t> segments_in(const std::string& directory);  ///< Numbers of their first records, rising.
std::string segment_name(std::uint64_t first);

}  // namespace peerd::spool

#include "peerd/spool/spool.h"

#include <fcntl.h>
#include <lz4.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <limits>

#include "peerd/base/error.h"
#include "peerd/changes/table_json.h"
#include "spool_file.h"

namespace peerd {

using spool::Kind;
using spool::Meta;

/// A segment that is being written; closed when nobody has still to sync it.
struct Spool::File {
  explicit File(int file) : file(file) {}
  ~File() { ::close(file); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  const int file;
  std::string path;
  std::uint64_t size = 0;
};

/// A record before it is framed.
struct Spool::Pieces {
  Meta meta;
  std::vector<spool::Sent> sent;
};

struct Spool::Opened {
  std::uint64_t first;
  spool::Reader reader;
};

Spool::Spool(std::string directory, std::string mirror_uuid, Limits limits)
    : directory_(std::move(directory)), uuid_(std::move(mirror_uuid)), limits_(limits) {}
Spool::~Spool() = default;

std::string Spool::path_of(std::uint64_t first) const { return directory_ + "/" + spool::segment_name(first); }

namespace {

/// A record's body as it was before it was packed.
std::string_view unpacked(const spool::Reader::Frame& frame, std::string& into) {
  if (!frame.meta.packed) return frame.body;
  into.resize(frame.meta.raw_size);
  const int size = LZ4_decompress_safe(frame.body.data(), into.data(), static_cast<int>(frame.body.size()),
                                       static_cast<int>(into.size()));
  if (size != static_cast<int>(into.size()))
    throw Error(ErrorCode::internal, "a record of the spool cannot be unpacked");
  return into;
}

/// Of what lies in a spool's segments before the first of them begins there must be no need.
void require_begin(const std::string& directory, const spool::Header& header, Lsn from) {
  // One that begins within a transaction needs what came before it, unless that transaction is applied.
  if (header.position < from || (header.position == from && !header.open)) return;
  spool::throw_lost("the spool " + directory + " begins at " + to_string(header.position) +
                    (header.open ? ", within a transaction" : "") + ", and the target stands at " + to_string(from));
}

}  // namespace

Spool::Content Spool::check(Lsn from, Lsn to, const std::function<bool(std::uint32_t)>& wanted) {
  const std::vector<std::uint64_t> files = spool::segments_in(directory_);
  if (files.empty()) {
    spool::throw_lost("the spool " + directory_ + " is gone: it held the changes from " + to_string(from) + " to " +
                          to_string(to),
                      "the source was told that these are safe, and the target does not have them");
  }
  Content content;
  std::deque<Segment> found, kept;
  Lsn reached;
  bool there = false;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string path = path_of(files[i]);
    try {
      const spool::Reader reader(path, uuid_, files[i]);
      if (i == 0) require_begin(directory_, reader.header(), from);
      if (i > 0 && reader.header().before != found.back().last)
        spool::throw_lost("the spool lacks what came before " + path,
                          "its last record there is number " + std::to_string(found.back().last));
      found.push_back({files[i], files[i] - 1, spool::kHeaderBytes});
      Segment& segment = found.back();
      const std::uint64_t end = reader.size();
      while (segment.size < end) {
        const spool::Reader::Frame frame = reader.read(segment.size, read_);
        const Meta& meta = frame.meta;
        if (meta.number != segment.last + 1)
          spool::throw_lost("the spool is damaged: " + path + " at byte " + std::to_string(segment.size) +
                            ": another record is missing there");
        segment.size += meta.size;
        segment.last = meta.number;
        if (meta.complete_to > to) break;
        for (const spool::Sent& sent : frame.sent)
          if (wanted(sent.xid)) content.sent.push_back({sent.commit, sent.xid});
        if (meta.kind == Kind::shape) {
          content.shapes.push_back(read_shape(unpacked(frame, unpacked_)));
          content.numbers.push_back(meta.number);
        }
        reached = std::max(reached, meta.complete_to);
        if (meta.kind != Kind::batch || meta.open_tail || meta.complete_to != to) continue;
        there = true;
        content.last = meta.number;
        kept = found;
      }
      if (there && segment.size < end) break;
    } catch (const Error&) {
      if (!there) throw;
      break;  // What lies behind the position was never promised: a crash may have torn it.
    }
  }
  if (!there) {
    spool::throw_lost("the spool " + directory_ + " ends at " + to_string(reached) + ", before " + to_string(to) +
                      ", up to where the source was told that changes are safe");
  }
  while (!content.numbers.empty() && content.numbers.back() > content.last) {
    content.numbers.pop_back();
    content.shapes.pop_back();
  }
  kept_ = content.last;
  Lock lock(mutex_);
  segments_ = std::move(kept);
  return content;
}

void Spool::begin(Lsn position, std::uint64_t least) {
  spool::make_directory(directory_);
  number_ = std::max(least, std::uint64_t{1}) - 1;
  std::uint64_t end = 0, last_segment = 0;
  {
    Lock lock(mutex_);
    if (!segments_.empty()) {
      last_segment = segments_.back().first;
      end = segments_.back().size;
      number_ = std::max(number_, segments_.back().last);
    }
    before_ = kept_.value_or(0);
    closed_ = synced_ = position;
  }
  for (const std::uint64_t first : spool::segments_in(directory_)) {
    if (kept_ && first < last_segment) continue;
    const std::string path = path_of(first);
    if (kept_ && first == last_segment) spool::cut(path, end);
    else if (::unlink(path.c_str()) != 0) spool::throw_system("remove " + path);
    number_ = std::max(number_, first);  // Its number may have been told before.
  }
  spool::sync_directory(directory_);
  position_ = position;
  if (roll(number_ + 1)) return;
  throw Error(ErrorCode::disk_full, "the spool cannot begin: " + why_full(), "make room on the disk under PEERD_DATA_DIR");
}

void Spool::full(std::string why) {
  Lock lock(mutex_);
  why_ = std::move(why);
}

std::string Spool::why_full() const {
  Lock lock(mutex_);
  return why_;
}

bool Spool::roll(std::uint64_t first) {
  const std::string path = path_of(first);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) {
    if (!spool::says_full(errno)) spool::throw_system("make " + path);
    return full("the disk under " + directory_ + " is full"), false;
  }
  auto out = std::make_shared<File>(file);
  out->path = path;
  const std::string header = spool::write_header({uuid_, first, position_, before_, tail_});
  errno = 0;
  if (::write(file, header.data(), header.size()) != static_cast<ssize_t>(header.size()) || ::fsync(file) != 0) {
    const bool no_room = errno == 0 || spool::says_full(errno);
    const int error = errno;
    ::unlink(path.c_str());
    errno = error;
    if (!no_room) spool::throw_system("write " + path);
    return full("the disk under " + directory_ + " is full"), false;
  }
  spool::sync_directory(directory_);
  out->size = header.size();
  out_ = std::move(out);
  Lock lock(mutex_);
  segments_.push_back({first, first - 1, header.size()});
  return true;
}

bool Spool::room(std::uint64_t bytes) {
  struct statvfs disk {};
  if (::statvfs(directory_.c_str(), &disk) != 0) spool::throw_system("look at the disk of " + directory_);
  const std::uint64_t whole = disk.f_blocks * disk.f_frsize, free = disk.f_bavail * disk.f_frsize;
  const std::uint64_t most = std::min(limits_.bytes_most, whole / 5 * 4);
  if (free < limits_.free_least + bytes) {
    full("the disk under " + directory_ + " has " + std::to_string(free >> 20) + " MB left");
    return false;
  }
  bool all_done;
  {
    Lock lock(mutex_);
    all_done = trimmed_ >= before_;
  }
  // Nothing waits in it: it takes one record, however large. What is done with goes first.
  if (all_done && out_->size > std::max<std::uint64_t>(limits_.segment_bytes / 2, spool::kHeaderBytes)) {
    if (!roll(number_ + 1)) return false;
    trim(number_);
  }
  if (!all_done && this->bytes() + bytes > most) {
    full("the spool has its " + std::to_string(most >> 20) + " MB (spool_max_bytes)");
    return false;
  }
  const std::uint64_t enough = std::max<std::uint64_t>(std::min(limits_.segment_bytes, most / 8), spool::kHeaderBytes + 1);
  return out_->size < enough || roll(number_ + 1);
}

std::uint64_t Spool::append(std::unique_ptr<Pieces> pieces) {
  Meta& meta = pieces->meta;
  std::string_view body = body_;
  meta.raw_size = static_cast<std::uint32_t>(body_.size());
  constexpr std::size_t kLeastPacked = 128;
  if (body_.size() >= kLeastPacked && body_.size() <= LZ4_MAX_INPUT_SIZE) {
    packed_.resize(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(body_.size()))));
    const int size = LZ4_compress_default(body_.data(), packed_.data(), static_cast<int>(body_.size()),
                                          static_cast<int>(packed_.size()));
    meta.packed = size > 0 && static_cast<std::size_t>(size) < body_.size();
    if (meta.packed) body = std::string_view(packed_).substr(0, static_cast<std::size_t>(size));
  }
  meta.number = number_ + 1;
  spool::write_frame(meta, pieces->sent, body, frame_);
  if (!room(frame_.size())) return 0;
  for (std::size_t written = 0; written < frame_.size();) {
    const ssize_t some = ::pwrite(out_->file, frame_.data() + written, frame_.size() - written,
                                  static_cast<off_t>(out_->size + written));
    if (some < 0 && errno == EINTR) continue;
    if (some < 0 && !spool::says_full(errno)) spool::throw_system("write " + out_->path);
    if (some <= 0) {
      if (::ftruncate(out_->file, static_cast<off_t>(out_->size)) != 0) spool::throw_system("cut " + out_->path);
      return full("the disk under " + directory_ + " is full"), 0;
    }
    written += static_cast<std::size_t>(some);
  }
  out_->size += frame_.size();
  number_ = before_ = meta.number;
  if (meta.kind == Kind::batch) tail_ = meta.open_tail;
  position_ = std::max(position_, meta.complete_to);
  Lock lock(mutex_);
  segments_.back().last = number_;
  segments_.back().size = out_->size;
  if (unsynced_.empty() || unsynced_.back() != out_) unsynced_.push_back(out_);
  if (meta.kind == Kind::batch && !meta.open_tail) closed_ = std::max(closed_, meta.complete_to);
  why_.clear();
  return number_;
}

std::uint64_t Spool::append(const Batch& batch) {
  body_.clear();
  BatchCodec::encode(batch, body_);
  auto pieces = std::make_unique<Pieces>();
  pieces->meta.open_tail = batch.open_tail();
  pieces->meta.complete_to = batch.complete_to();
  pieces->meta.last_commit = batch.last_commit();
  for (const MessageView& message : batch.messages())
    pieces->meta.last_commit = std::max(pieces->meta.last_commit, message.version.commit);
  for (const TransactionView& transaction : batch.transactions()) {
    if (transaction.xid != 0) pieces->sent.push_back({batch.changes()[transaction.first].version.commit, transaction.xid});
  }
  return append(std::move(pieces));
}

std::uint64_t Spool::append(const NewShape& shape) {
  body_ = shape_json(shape);
  auto pieces = std::make_unique<Pieces>();
  pieces->meta.kind = Kind::shape;
  pieces->meta.complete_to = position_;
  return append(std::move(pieces));
}

std::optional<Spooled> Spool::sync() {
  std::vector<std::shared_ptr<File>> files;
  Lsn closed;
  {
    Lock lock(mutex_);
    files.swap(unsynced_);
    closed = closed_;
  }
  for (const auto& file : files)
    if (::fdatasync(file->file) != 0) spool::throw_system("sync " + file->path);
  Lock lock(mutex_);
  if (closed <= synced_) return std::nullopt;
  synced_ = closed;
  return Spooled(closed);
}

// --- reading ------------------------------------------------------------------------------------------------------------

void Spool::rewind(Counting counting) {
  counting_ = std::move(counting);
  open_ = false;
  in_.reset();
  Lock lock(mutex_);
  at_segment_ = at_byte_ = had_ = 0;
}

const Spool::Segment* Spool::segment_of_next() const {
  for (const Segment& segment : segments_) {
    if (segment.first < at_segment_) continue;
    const std::uint64_t behind = segment.first == at_segment_ ? at_byte_ : spool::kHeaderBytes;
    if (segment.last >= segment.first && behind < segment.size) return &segment;
  }
  return nullptr;
}

std::uint64_t Spool::next_number() const {
  const Segment* segment = segment_of_next();
  if (segment == nullptr) return 0;
  return segment->first == at_segment_ ? had_ + 1 : segment->first;
}

std::uint64_t Spool::next() const {
  Lock lock(mutex_);
  return next_number();
}

Spool::Opened& Spool::open_next() {
  std::uint64_t first;
  {
    Lock lock(mutex_);
    const Segment* segment = segment_of_next();
    if (segment == nullptr) throw Error(ErrorCode::internal, "the spool has no record to read");
    first = segment->first;
    if (at_segment_ != first) {
      at_segment_ = first;
      at_byte_ = spool::kHeaderBytes;
      had_ = first - 1;
    }
  }
  if (!in_ || in_->first != first) in_.reset(new Opened{first, spool::Reader(path_of(first), uuid_, first)});
  return *in_;
}

void Spool::step(std::uint64_t number, std::uint64_t size) {
  Lock lock(mutex_);
  at_byte_ += size;
  had_ = number;
}

Spool::Record Spool::read(std::unique_ptr<Batch> spent) {
  Opened& from = open_next();
  std::uint64_t at, number;
  {
    Lock lock(mutex_);
    at = at_byte_;
    number = had_ + 1;
  }
  const spool::Reader::Frame frame = from.reader.read(at, read_);
  const Meta& meta = frame.meta;
  if (meta.number != number)
    spool::throw_lost("the spool is damaged: " + path_of(from.first) + " at byte " + std::to_string(at) +
                      " has another record than number " + std::to_string(number));
  const std::string_view body = unpacked(frame, unpacked_);
  Record record{.number = number};
  if (meta.kind == Kind::shape) {
    record.item = read_shape(body);
  } else if (meta.complete_to <= counting_.after && meta.last_commit < counting_.after) {
    record.skipped = true;
    open_ = false;
  } else {
    auto batch = BatchCodec::decode(body, counting_, open_, std::move(spent));
    open_ = batch->open_tail();
    record.item = std::move(batch);
  }
  step(number, meta.size);
  return record;
}

void Spool::pass(const Batch* had) {
  Opened& from = open_next();
  std::uint64_t at, number;
  {
    Lock lock(mutex_);
    at = at_byte_;
    number = had_ + 1;
  }
  if (had != nullptr) open_ = had->open_tail();
  step(number, from.reader.size_at(at));
}

void Spool::trim(std::uint64_t number) {
  std::vector<std::uint64_t> gone;
  {
    Lock lock(mutex_);
    trimmed_ = std::max(trimmed_, number);
    while (segments_.size() > 1 && segments_.front().last <= trimmed_) {
      gone.push_back(segments_.front().first);
      segments_.pop_front();
    }
  }
  for (const std::uint64_t first : gone)
    if (::unlink(path_of(first).c_str()) != 0 && errno != ENOENT) spool::throw_system("remove " + path_of(first));
}

std::uint64_t Spool::last() const {
  Lock lock(mutex_);
  for (auto segment = segments_.rbegin(); segment != segments_.rend(); ++segment)
    if (segment->last >= segment->first) return segment->last;
  return 0;
}

std::uint64_t Spool::bytes() const {
  Lock lock(mutex_);
  std::uint64_t sum = 0;
  for (const Segment& segment : segments_) sum += segment.size;
  return sum;
}

void Spool::remove(const std::string& directory) {
  std::error_code error;
  std::filesystem::remove_all(directory, error);
  if (error) {
    throw Error(ErrorText{.code = ErrorCode::internal, .message = "cannot remove " + directory + ": " + error.message(),
                          .detail = {}, .hint = {}, .field = {}, .table = {}, .origin = {}, .retry = Retry::later});
  }
}

}  // namespace peerd

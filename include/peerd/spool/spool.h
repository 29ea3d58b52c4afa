#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "peerd/base/mutex.h"
#include "peerd/changes/batch_codec.h"
#include "peerd/changes/new_shape.h"
#include "peerd/changes/progress.h"

namespace peerd {

/// A mirror's own log on local disk (docs/adr/0015): received changes lie in it, fsynced, before the target has them, so that
/// the source's slot can advance. A directory of segments; in these, records of batches and of tables' new shapes, each
/// framed by its length and a CRC-32C. Records are numbered, rising, and no number is given twice.
///
/// One thread appends, one syncs, one reads and trims; figures are for any. Directory 0700, files 0600: they hold rows.
/// Throws Error(position_lost), with file and offset, where what was promised is not there or not as it was written; of the
/// file system disk_full and internal, which are for a later attempt. After a throw only ~Spool may follow.
class Spool {
 public:
  struct Limits {
    std::uint64_t bytes_most = 10ull << 30;  ///< All segments together; never more than four fifths of the disk.
    std::uint64_t segment_bytes = 64 << 20;  ///< A segment that has reached it is followed by another.
    std::uint64_t free_least = 32ull << 20;  ///< Left of the disk for others: the catalog lies there, too.
  };
  struct Sent {
    Lsn commit;
    std::uint32_t xid;
  };
  /// What lies there up to a position.
  struct Content {
    std::vector<NewShape> shapes;        ///< In their order,
    std::vector<std::uint64_t> numbers;  ///< and their records' numbers.
    std::vector<Sent> sent;              ///< Of the transactions in it those that check() was asked for.
    std::uint64_t last = 0;              ///< Number of the record that ends at the position.
  };

  Spool(std::string directory, std::string mirror_uuid, Limits limits);  ///< Touches nothing.
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// Reads and checks every record up to `to`, which an earlier sync() told. Changes nothing. Throws unless it holds all
  /// from `from` to `to`.
  Content check(Lsn from, Lsn to, const std::function<bool(std::uint32_t xid)>& wanted);
  /// From here on records are appended behind `position`, with numbers from `least` on. What lies behind the position that
  /// check() was asked for goes; without a check() before, all goes.
  void begin(Lsn position, std::uint64_t least);

  /// The record's number; 0 when there is no room, and then nothing was written: why_full() says what is full.
  std::uint64_t append(const Batch& batch);
  std::uint64_t append(const NewShape& shape);
  std::string why_full() const;  ///< "": the last record found room.

  /// What was appended before the call is on disk. nullopt: no more whole transactions than at the last call. From the last
  /// one's end on the rest may come again.
  std::optional<Spooled> sync();

  /// Begins again with the oldest record. `counting`: see BatchCodec.
  void rewind(Counting counting);
  std::uint64_t next() const;  ///< Number of the next record; 0: it has yet to come.
  struct Record {
    std::uint64_t number = 0;
    bool skipped = false;  ///< Nothing in it counts, and its position is passed.
    std::variant<std::unique_ptr<Batch>, NewShape> item{};
  };
  Record read(std::unique_ptr<Batch> spent);  ///< REQUIRES: next() != 0.
  void pass(const Batch* had);                ///< As read(), of a record that is at hand; nullptr: a shape.
  /// All up to this record is at the target and stored: segments that hold nothing else go.
  void trim(std::uint64_t number);

  std::uint64_t last() const;   ///< Number of the newest record; 0: none.
  std::uint64_t bytes() const;  ///< On disk.

  /// The directory with all in it; an absent one is no error.
  static void remove(const std::string& directory);

 private:
  struct File;
  struct Pieces;
  struct Segment {
    std::uint64_t first, last, size;  ///< last < first: it is empty.
  };
  std::uint64_t append(std::unique_ptr<Pieces> pieces);
  bool room(std::uint64_t bytes);
  bool roll(std::uint64_t first);
  void full(std::string why);
  std::string path_of(std::uint64_t first) const;
  const Segment* segment_of_next() const PEERD_REQUIRES(mutex_);
  std::uint64_t next_number() const PEERD_REQUIRES(mutex_);
  struct Opened;
  Opened& open_next();
  void step(std::uint64_t number, std::uint64_t size);

  // Constant after construction.
  const std::string directory_, uuid_;
  const Limits limits_;

  // The appending thread's.
  std::shared_ptr<File> out_;
  std::string body_, packed_, frame_;
  Lsn position_;
  std::uint64_t number_ = 0;  ///< The last that was given away.
  std::uint64_t before_ = 0;  ///< That of the last record; number_ may be beyond it.
  bool tail_ = false;         ///< The last batch has an open tail.
  std::optional<std::uint64_t> kept_;  ///< By check(): the number up to which records stay.

  // The reading thread's.
  Counting counting_;
  std::unique_ptr<Opened> in_;
  std::string read_, unpacked_;
  bool open_ = false;  ///< What was given out last ended with an open tail.

  mutable Mutex mutex_;
  std::deque<Segment> segments_ PEERD_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<File>> unsynced_ PEERD_GUARDED_BY(mutex_);
  std::string why_ PEERD_GUARDED_BY(mutex_);
  Lsn closed_ PEERD_GUARDED_BY(mutex_), synced_ PEERD_GUARDED_BY(mutex_);
  std::uint64_t trimmed_ PEERD_GUARDED_BY(mutex_) = 0;
  /// The reading thread's place: in which segment, behind which byte and record of it.
  std::uint64_t at_segment_ PEERD_GUARDED_BY(mutex_) = 0, at_byte_ PEERD_GUARDED_BY(mutex_) = 0, had_ PEERD_GUARDED_BY(mutex_) = 0;
};

}  // namespace peerd

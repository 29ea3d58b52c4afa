#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "clickhouse/block.h"
#include "clickhouse/client.h"
#include "peerd/changes/table.h"
#include "peerd/specs/mirror_spec.h"

namespace peerd::clickhouse {

/// Names of this target's statements: "peerd:<mirror uuid>:<epoch>:<instance>:<table oid>:<n>", so that what is left of
/// an older one can be found and killed (rules.md 21). Thread-safe.
class StatementNames {
 public:
  explicit StatementNames(const Lease& lease);
  std::string next(TableId table) { return own() + std::to_string(table.oid) + ":" + std::to_string(++count_); }
  std::string mirror() const { return "peerd:" + uuid_ + ":"; }
  std::string own() const { return mirror() + std::to_string(epoch_) + ":" + instance_ + ":"; }
  std::uint64_t epoch() const { return epoch_; }

 private:
  const std::string uuid_, instance_;
  const std::uint64_t epoch_;
  std::atomic<std::uint64_t> count_ = 0;
};

/// One INSERT of Native blocks, LZ4-compressed, sent as they come. Dropped before finish(), the server sees a broken
/// body; what it stored until then is harmless, as versions make every repeat so. Owned by one thread; reusable.
class Insert {
 public:
  Insert(Client& client, StatementNames& names);
  ~Insert();
  /// The next blocks go into this table. Nothing is sent before the first row.
  void begin(const TableLayout& layout, std::string_view target_table, TableId id);
  void send(Block& block, const Wait& wait);  ///< Empties the block.
  void finish(const Wait& wait);              ///< On return all of it is acknowledged.
  void abandon() noexcept { upload_.reset(); }
  std::uint64_t sent_bytes() const noexcept { return sent_bytes_; }  ///< Uncompressed, since begin().

 private:
  struct Compressor;
  void open(const Wait& wait);
  void compress(std::string_view bytes, const Wait& wait);
  void flush(std::size_t keep, const Wait& wait);

  Client& client_;
  StatementNames& names_;
  std::string statement_;
  TableId table_;
  std::unique_ptr<Compressor> compressor_;
  std::unique_ptr<net::HttpClient::Upload> upload_;
  std::uint64_t sent_bytes_ = 0;
};

}  // namespace peerd::clickhouse

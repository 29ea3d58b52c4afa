#pragma once

#include <memory>
#include <string>

#include "peerd/targets/chunk_writer.h"
#include "postgres/client.h"
#include "postgres/statements.h"
#include "postgres/verified.h"

namespace peerd::pgtarget {

/// Loads chunks by COPY straight into the target table, or, where something keeps rows apart there already, through a
/// temporary table (rules.md 11, 23): a row whose key stands is passed over, or, of a query that upserts, replaced; a row of another key that clashes with one
/// of the chunk's is of another moment, and goes. Fence, rows and the ledger's note are one transaction. One
/// snapshot worker owns it and its connection. Not thread-safe.
class PostgresChunkWriter final : public ChunkWriter {
 public:
  PostgresChunkWriter(const Site& site, const Verified& verified) : site_(site), verified_(verified) {}
  ~PostgresChunkWriter() override = default;  ///< The server rolls back what was not finished.

  Begun begin(const MirrorTable& table, const Chunk& chunk, const CopyPlan& plan, CopyCounts& known,
              const Wait& wait) override;
  void write(std::span<const std::byte> rows, const Wait& wait) override;
  CopyCounts finish(const Wait& wait) override;

 private:
  void learn(const MirrorTable& table, const Wait& wait);
  std::uint64_t end_copy(const Wait& wait);
  void insert_staged(const Wait& wait);
  std::uint64_t count_absent(std::uint64_t inserted, const Wait& wait);
  [[noreturn]] void throw_left_out(std::uint64_t absent) const;
  std::string on_conflict() const;
  [[noreturn]] void throw_repeated_key(const Error& error) const;
  Begun start(const Chunk& chunk, const CopyPlan& plan, CopyCounts& known, const Wait& wait);
  template <typename Work>
  auto guarded(const Wait& wait, Work work);

  const Site site_;
  const Verified& verified_;
  std::unique_ptr<postgres::Connection> connection_;
  MirrorTable table_;  ///< What those below are for.
  std::string name_, columns_;
  std::string staging_;  ///< "" = straight into the table.
  Shape shape_;
  bool has_key_ = false;  ///< A unique index on the mirror's key stands.
  bool learnt_ = false;

  Chunk chunk_;
  CopyCounts counts_;
  CopyForm form_ = CopyForm::text;
  bool copying_ = false;
};

}  // namespace peerd::pgtarget

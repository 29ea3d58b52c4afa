#pragma once

#include <memory>
#include <string>

#include "peerd/targets/chunk_writer.h"
#include "postgres/client.h"
#include "postgres/verified.h"

namespace peerd::pgtarget {

/// Loads chunks by COPY straight into the target table, or, where a unique index stands already, through a temporary
/// table with ON CONFLICT DO NOTHING (rules.md 11, 23). Fence, rows and the ledger's note are one transaction. One
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
  Begun start(const Chunk& chunk, const CopyPlan& plan, CopyCounts& known, const Wait& wait);
  template <typename Work>
  auto guarded(Work work);

  const Site site_;
  const Verified& verified_;
  std::unique_ptr<postgres::Connection> connection_;
  MirrorTable table_;  ///< What the four below are for.
  std::string name_, columns_;
  std::string arbiter_;  ///< Of ON CONFLICT: " (key)", "" = all.
  std::string staging_;  ///< "" = straight into the table.
  bool learnt_ = false;

  Chunk chunk_;
  CopyCounts counts_;
  CopyForm form_ = CopyForm::text;
  bool copying_ = false;
};

}  // namespace peerd::pgtarget

#pragma once

#include <memory>
#include <vector>

#include "peerd/targets/target.h"
#include "postgres/applier.h"
#include "postgres/client.h"
#include "postgres/resync.h"
#include "postgres/verified.h"

namespace peerd::pgtarget {

/// One connection; each batch is one transaction, which holds the fence row and the checkpoint together with the rows
/// (rules.md 23, 24). While a source transaction goes on in the next batch the target's stays open too.
/// A batch is visible at once and its WAL flushed a little later: once a second, when a long transaction begins, and when
/// settle() is asked for. A server that has synchronous standbys commits each batch as it was told to.
/// After a throw the connection is given up, and with it what was not committed.
class PostgresTarget final : public Target {
 public:
  explicit PostgresTarget(Site site) : site_(std::move(site)) {}

  Problems preflight(std::span<const MirrorTable> tables, const Wait& wait) override;
  void open(const Wait& wait) override;
  TargetIdentity identity(const Wait& wait) override;
  TargetIdentity create(const MirrorTable& table, const Wait& wait) override;
  TargetIdentity recognize(const MirrorTable& table, const Wait& wait) override;
  CopyPlan verify(const MirrorTable& table, const TargetIdentity& noted, const Wait& wait) override;
  void alter(const MirrorTable& from, const MirrorTable& to, const Wait& wait) override;
  void take_back_names(const MirrorTable& from, const MirrorTable& to, const Wait& wait) override;
  std::vector<std::int16_t> dropped(const MirrorTable& table, const Wait& wait) override;
  void restart_copy(const MirrorTable& table, const std::optional<TargetIdentity>& noted, const Wait& wait) override;
  std::string shadow_of(const MirrorTable& table) const override { return pgtarget::shadow_of(table); }
  Problems check_resync(const MirrorTable& table, const std::optional<TargetIdentity>& noted, const Wait& wait) override;
  TargetIdentity create_shadow(const MirrorTable& table, const std::optional<TargetIdentity>& noted, const Wait& wait) override;
  TargetIdentity swap(const MirrorTable& table, const TargetIdentity& shadow, const Wait& wait) override;
  void release(const MirrorTable& table, const Wait& wait) override;
  std::unique_ptr<ChunkWriter> open_writer(const Wait& wait) override;
  void end_copy(const MirrorTable& table, const Wait& wait) override;
  ApplyResult apply(const Batch& batch, const ApplyContext& context) override;
  std::optional<Durable> settle(const Wait& wait) override;
  std::optional<Durable> position(const Wait& wait) override;
  std::optional<Lsn> kept_horizon(const Wait& wait) override;
  void keep_horizon(Lsn horizon, const Wait& wait) override;
  void set_position(Durable start, const Wait& wait) override;
  void forget(const Wait& wait) override;
  std::chrono::milliseconds flush_interval() const noexcept override { return std::chrono::milliseconds(0); }

 private:
  template <typename Work>
  auto guarded(const std::string& table, Work work);
  void connected(const Wait& wait);
  template <typename Work>
  void in_transaction(const MirrorTable& table, const Wait& wait, Work work);

  void apply_part(const Batch& batch, const ApplyContext& context);
  bool apply_at_once(const Batch& batch, const ApplyContext& context);
  void begin(const Batch& batch, const Wait& wait);
  void checkpoint(Lsn position, const char* before, const Wait& wait);
  void commit(const Batch& batch, const Horizons& horizons, bool continued, const Wait& wait);
  void committed(const Batch& batch, const Wait& wait);
  void flush(const Wait& wait);
  void rollback(const Wait& wait);
  [[noreturn]] void give_up_tail(const Batch& batch, const Error& error, const Wait& wait);
  void write(const Batch& batch, const ApplyContext& context, bool continued);

  const Site site_;
  std::unique_ptr<postgres::Connection> connection_;
  std::unique_ptr<Applier> applier_;
  bool opened_ = false;     ///< The fence is ours.
  bool in_tail_ = false;    ///< The transaction of an open tail stands.
  bool lost_tail_ = false;  ///< It stood and was given up: only a new Target can go on, from position().
  Verified verified_;
  Lsn position_;            ///< The last one committed.
  Lsn durable_;             ///< The last one flushed that is known of.
  std::optional<Lsn> kept_horizon_;          ///< As bookkeeping has it, once keep_horizon() was called.
  bool has_standbys_ = true;                 ///< Synchronous ones: each commit waits for them.
  Clock::Instant visible_since_{};           ///< When the first commit after durable_ was made.
  std::chrono::nanoseconds committing_{0};   ///< Waited for commits in the present apply().
  int savepoints_ = 0;      ///< Subtransactions of the transaction that an open tail holds.
};

/// An open-tailed batch cut in two: its whole transactions, and the beginning of its last one. A long run of
/// transactions larger than a batch would else never commit.
std::pair<std::unique_ptr<Batch>, std::unique_ptr<Batch>> split_tail(const Batch& batch);

}  // namespace peerd::pgtarget

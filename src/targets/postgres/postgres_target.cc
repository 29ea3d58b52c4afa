#include "postgres/postgres_target.h"

#include "peerd/base/text.h"
#include "peerd/changes/batch_builder.h"
#include "peerd/targets/postgres_target.h"
#include "postgres/bookkeeping.h"
#include "postgres/chunk_writer.h"
#include "postgres/drop.h"
#include "postgres/errors.h"
#include "postgres/ownership.h"
#include "postgres/parts.h"
#include "postgres/rename.h"

namespace peerd {

std::unique_ptr<Target> make_postgres_target(const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease) {
  return std::make_unique<pgtarget::PostgresTarget>(pgtarget::make_site(peer, mirror, lease));
}

namespace pgtarget {

template <typename Work>
auto PostgresTarget::guarded(const std::string& table, Work work) {
  const auto give_up = [this] {
    applier_.reset();
    connection_.reset();
    lost_tail_ |= in_tail_;
    in_tail_ = false;
  };
  try {
    return work();
  } catch (Error& error) {
    give_up();
    name_place(error, site_, table);
    throw;
  } catch (...) {
    give_up();
    throw;
  }
}

void PostgresTarget::connected(const Wait& wait) {
  if (lost_tail_)
    throw Error(ErrorCode::wrong_state, "the open transaction at the target was lost: the stream starts again");
  if (connection_) return;
  connection_ = connect(site_, wait);
  applier_ = std::make_unique<Applier>(*connection_, site_);
  if (!opened_) return;
  prepare_checkpoint(*connection_, site_, wait);
  Verified::prepare(*connection_, wait);
  position_ = read_position(*connection_, site_, wait).value_or(Lsn{});
  durable_ = Lsn{};
  flush(wait);
}

void PostgresTarget::open(const Wait& wait) {
  guarded("", [&] {
    connected(wait);
    if (opened_) return;
    position_ = take_over(*connection_, site_, wait);
    Verified::prepare(*connection_, wait);
    opened_ = true;
    flush(wait);
  });
}

/// Work on one table in a transaction of its own, or in the one that an open tail holds.
template <typename Work>
void PostgresTarget::in_transaction(const MirrorTable& table, const Wait& wait, Work work) {
  guarded(table.schema.qualified(), [&] {
    connected(wait);
    applier_->forget(table.schema.id, wait);
    if (!in_tail_) begin_fenced(*connection_, site_, wait);
    work();
    if (!in_tail_) connection_->run("COMMIT", wait);
  });
}

TargetIdentity PostgresTarget::identity(const Wait& wait) {
  return guarded("", [&] {
    connected(wait);
    return read_identity(*connection_, wait);
  });
}

TargetIdentity PostgresTarget::create(const MirrorTable& table, const Wait& wait) {
  TargetIdentity identity;
  in_transaction(table, wait, [&] { identity = make_table(*connection_, site_, site_.here(table), wait); });
  return identity;
}

TargetIdentity PostgresTarget::recognize(const MirrorTable& table, const Wait& wait) {
  TargetIdentity identity;
  in_transaction(table, wait, [&] { identity = recognize_table(*connection_, site_, site_.here(table), wait); });
  return identity;
}

CopyPlan PostgresTarget::verify(const MirrorTable& table, const TargetIdentity& noted, const Wait& wait) {
  CopyPlan plan;
  const auto oid = noted.facts.find("table oid");
  std::optional<std::int64_t> sum;
  in_transaction(table, wait, [&] {
    if (oid != noted.facts.end()) sum = column_sum(*connection_, oid->second, wait);
    plan = verify_table(*connection_, site_, site_.here(table), noted, wait);
  });
  if (oid != noted.facts.end()) verified_.know(site_.here(table), oid->second, sum);
  return plan;
}

void PostgresTarget::alter(const MirrorTable& from, const MirrorTable& to, const Wait& wait) {
  site_.mappings.require_apart(to);
  in_transaction(to, wait, [&] { alter_table(*connection_, site_, site_.here(from), site_.here(to), wait); });
  verified_.reshaped(site_.here(to));
}

void PostgresTarget::take_back_names(const MirrorTable& from, const MirrorTable& to, const Wait& wait) {
  in_transaction(from, wait, [&] { pgtarget::take_back_names(*connection_, site_, site_.here(from), site_.here(to), wait); });
}

std::vector<std::int16_t> PostgresTarget::dropped(const MirrorTable& table, const Wait& wait) {
  return guarded(table.schema.qualified(), [&] {
    connected(wait);
    return read_dropped(*connection_, site_, table, wait);
  });
}

void PostgresTarget::restart_copy(const MirrorTable& table, const std::optional<TargetIdentity>&, const Wait& wait) {
  in_transaction(table, wait, [&] { restart_table(*connection_, site_, site_.here(table), wait); });
}

void PostgresTarget::release(const MirrorTable& table, const Wait& wait) {
  in_transaction(table, wait, [&] {
    drop_shadow(*connection_, site_, site_.here(table), wait);
    forget_table(*connection_, site_, site_.here(table), wait);
  });
}

Problems PostgresTarget::check_resync(const MirrorTable& table, const std::optional<TargetIdentity>&, const Wait& wait) {
  return guarded(table.schema.qualified(), [&] {
    connected(wait);
    if (Problems problems = site_.mappings.check_apart(table); !problems.empty()) return problems;
    return at_one_moment(*connection_, wait, [&] { return pgtarget::check_resync(*connection_, site_, site_.here(table), wait); });
  });
}

TargetIdentity PostgresTarget::create_shadow(const MirrorTable& table, const std::optional<TargetIdentity>&, const Wait& wait) {
  TargetIdentity identity;
  in_transaction(table, wait, [&] { identity = make_shadow(*connection_, site_, site_.here(table), wait); });
  return identity;
}

TargetIdentity PostgresTarget::swap(const MirrorTable& table, const TargetIdentity& shadow, const Wait& wait) {
  TargetIdentity identity;
  in_transaction(table, wait, [&] { identity = take_shadow(*connection_, site_, site_.here(table), shadow, wait); });
  return identity;
}

void PostgresTarget::end_copy(const MirrorTable& table, const Wait& wait) {
  in_transaction(table, wait, [&] { build_key(*connection_, site_, site_.here(table), wait); });
}

std::unique_ptr<ChunkWriter> PostgresTarget::open_writer(const Wait&) {
  return std::make_unique<PostgresChunkWriter>(site_, verified_);
}

std::optional<Durable> PostgresTarget::position(const Wait& wait) {
  return guarded("", [&]() -> std::optional<Durable> {
    connected(wait);
    if (!bookkeeping_exists(*connection_, wait)) return std::nullopt;
    const auto found = read_position(*connection_, site_, wait);
    if (!found) return std::nullopt;
    // What this or an earlier process has committed is visible, and perhaps no more than that.
    flush_commits(*connection_, wait);
    return Durable{*found};
  });
}

std::optional<Lsn> PostgresTarget::kept_horizon(const Wait& wait) {
  return guarded("", [&] {
    connected(wait);
    return read_horizon(*connection_, site_, wait);
  });
}

void PostgresTarget::keep_horizon(Lsn horizon, const Wait& wait) {
  guarded("", [&] {
    connected(wait);
    begin_fenced(*connection_, site_, wait);
    write_horizon(*connection_, site_, horizon, wait);
    connection_->run("COMMIT", wait);
    kept_horizon_ = horizon;
  });
}

void PostgresTarget::set_position(Durable start, const Wait& wait) {
  guarded("", [&] {
    connected(wait);
    begin_fenced(*connection_, site_, wait);
    const std::vector<std::optional<std::string>> row{site_.uuid, to_string(start.lsn)};
    connection_->run(
        "INSERT INTO _peerd.positions AS p (mirror, position) VALUES ($1, $2::pg_lsn) ON CONFLICT (mirror)"
        " DO UPDATE SET position = greatest(p.position, excluded.position)",
        row, wait);
    connection_->run("COMMIT", wait);
    position_ = durable_ = std::max(position_, start.lsn);  // Flushed, and with it all that went before.
  });
}

void PostgresTarget::forget(const Wait& wait) {
  guarded("", [&] {
    connected(wait);
    if (bookkeeping_exists(*connection_, wait)) forget_mirror(*connection_, site_, wait);
    opened_ = false;
  });
}

// --- the stream
// -----------------------------------------------------------------------------------------------------------

std::pair<std::unique_ptr<Batch>, std::unique_ptr<Batch>> split_tail(const Batch& batch) {
  BatchBuilder builder;
  const auto add = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      ChangeView change = batch.changes()[i];
      const auto copied = [&](std::span<const CellView> cells) -> std::span<const CellView> {
        const auto out = builder.cells(cells.size());
        for (std::size_t c = 0; c < cells.size(); ++c) out[c] = {cells[c].kind, builder.keep(cells[c].bytes)};
        return out;
      };
      change.row = copied(change.row);
      change.old_key = copied(change.old_key);
      change.old_row = copied(change.old_row);
      change.table = builder.table(batch.tables()[change.table]);
      builder.append(change);
    }
  };
  const std::size_t whole = batch.commit_ends().back();
  builder.begin(batch.oldest_commit_us());
  add(0, whole);
  builder.commit(batch.complete_to());
  auto head = builder.take();
  builder.begin(batch.oldest_commit_us());
  add(whole, batch.size());
  return {std::move(head), builder.take()};
}

ApplyResult PostgresTarget::apply(const Batch& batch, const ApplyContext& context) {
  committing_ = {};
  guarded("", [&] {
    connected(context.wait);
    try {
      if (batch.open_tail() && !batch.commit_ends().empty()) {
        const auto [head, tail] = split_tail(batch);
        apply_part(*head, context);
        apply_part(*tail, context);
      } else {
        apply_part(batch, context);
      }
    } catch (const Error& error) {
      verified_.refuse_firing(*connection_, site_, batch.tables(), error, context.wait);
      if (is_clash(error)) throw_clash(error, error.text.table);
      throw;
    }
  });
  return {.applied = Applied{position_}, .durable = Durable{durable_}, .committing = committing_};
}

std::optional<Durable> PostgresTarget::settle(const Wait& wait) {
  guarded("", [&] {
    connected(wait);
    if (!in_tail_ && durable_ < position_) flush(wait);
  });
  return Durable{durable_};
}

void PostgresTarget::flush(const Wait& wait) {
  has_standbys_ = flush_commits(*connection_, wait);
  durable_ = position_;
}

void PostgresTarget::apply_part(const Batch& batch, const ApplyContext& context) {
  const Wait& wait = context.wait;
  const bool continued = in_tail_;
  if (batch.size() == 0 && batch.open_tail()) return;
  if (batch.size() == 0 && !continued) {
    if (batch.complete_to() <= position_) return;
    checkpoint(batch.complete_to(), "", wait);  // A commit of its own, flushed, and with it all that went before.
    position_ = durable_ = batch.complete_to();
    return;
  }
  if (!continued) applier_->keep_few(wait);
  applier_->learn(batch.tables(), wait);
  if (!continued) savepoints_ = 0;
  // A long transaction keeps the connection: what was committed before it is flushed first.
  if (!continued && batch.open_tail() && durable_ < position_) flush(wait);
  if (!continued && !batch.open_tail() && apply_at_once(batch, context)) return;
  if (!continued) begin(batch, wait);
  if (batch.size() > 0) write(batch, context, continued);
  if (batch.open_tail()) {
    in_tail_ = true;
    return;
  }
  if (continued) checkpoint(batch.complete_to(), "", wait);
  const auto before = Blocked::so_far();
  commit(batch, context.horizons, continued, wait);
  committing_ += Blocked::so_far() - before;
}

/// A batch of few changes in one exchange: nothing of it is read before all of it is sent. Every statement that might do
/// less than it should is an error, after which the server runs no other, so that COMMIT is reached only by the whole. False:
/// it has to go the longer way, which also finds out what was wrong; nothing of it stands.
bool PostgresTarget::apply_at_once(const Batch& batch, const ApplyContext& context) {
  const Wait& wait = context.wait;
  if (kept_horizon_ && context.horizons.highest() > *kept_horizon_) return false;
  std::vector<std::uint64_t> done;
  constexpr std::size_t kBefore = 2;  // BEGIN and the checkpoint.
  std::size_t rows = 0;
  try {
    if (!applier_->all_directly(batch, context)) return false;
    const std::string position = to_string(batch.complete_to());
    const char* const checkpoint[] = {position.c_str(), has_standbys_ ? nullptr : "off"};
    postgres::Pipeline pipeline(*connection_);
    pipeline.run("BEGIN", {});
    pipeline.run_prepared(kSureCheckpoint, checkpoint);
    rows = applier_->send_all(pipeline, batch);
    verified_.send_checks(pipeline, batch.tables());
    pipeline.run("COMMIT", {});
    pipeline.finish(done, wait);
  } catch (const Error& error) {
    if (connection_->broken() || !is_refusal(error)) throw;
    if (done.size() >= kBefore && done.size() < kBefore + rows) applier_->refused(batch, done.size() - kBefore);
    applier_->give_way(error);
    rollback(wait);
    return false;
  }
  committed(batch, wait);
  return true;
}

/// How long what was committed may go without being flushed while more comes: as often a checkpoint can be stored.
constexpr std::chrono::seconds kFlushEvery{1};

void PostgresTarget::commit(const Batch& batch, const Horizons& horizons, bool continued, const Wait& wait) {
  if (kept_horizon_ && horizons.highest() > *kept_horizon_) {
    write_horizon(*connection_, site_, horizons.highest(), wait);
    kept_horizon_ = horizons.highest();
  }
  // What went before in this transaction may have been written to any of them.
  verified_.commit(*connection_, site_, continued ? std::span<const MirrorTable>() : batch.tables(),
                   has_standbys_ ? Verified::Commit::flushed : Verified::Commit::visible, wait);
  committed(batch, wait);
}

void PostgresTarget::committed(const Batch& batch, const Wait& wait) {
  applier_->committed();
  in_tail_ = false;
  const auto now = std::chrono::steady_clock::now();
  if (durable_ >= position_ && !has_standbys_) visible_since_ = now;
  position_ = batch.complete_to();
  if (has_standbys_) durable_ = position_;
  // Also looks whether there are standbys now, or no more.
  if (now - visible_since_ < kFlushEvery) return;
  flush(wait);
  visible_since_ = now;
}

/// A transaction that ends with this batch moves the position at once: one round trip for BEGIN, fence and checkpoint.
void PostgresTarget::begin(const Batch& batch, const Wait& wait) {
  if (batch.open_tail()) return begin_fenced(*connection_, site_, wait);
  checkpoint(batch.complete_to(), "BEGIN; ", wait);
}

void PostgresTarget::checkpoint(Lsn position, const char* before, const Wait& wait) {
  const postgres::Result moved =
      connection_->run(std::string(before) + "EXECUTE " + kCheckpoint + "('" + to_string(position) + "')", wait);
  if (moved.affected() == 1) return;
  // Why not: another epoch, no position yet, or changes that were applied before.
  const auto standing = read_position(*connection_, site_, wait);
  if (!standing || *standing < position) {
    if (!standing)
      throw Error(ErrorCode::wrong_state, "the mirror has no position at the target",
                  "RESYNC MIRROR copies the tables anew");
    throw_fenced(site_);
  }
  throw Error(ErrorCode::wrong_state, "changes up to " + to_string(*standing) + " stand at the target already",
              "the stream starts again from the target's position");
}

void PostgresTarget::rollback(const Wait& wait) {
  connection_->run("ROLLBACK", wait);
  applier_->rolled_back();
}

/// A clash in the middle of a long transaction: it starts again where an index has come that was not known of; else the
/// rows can never stand together.
void PostgresTarget::give_up_tail(const Batch& batch, const Error& error, const Wait& wait) {
  rollback(wait);
  if (!applier_->outdated(batch, wait)) throw;
  throw Error(ErrorText{.code = ErrorCode::wrong_state,
                        .message = "a unique index was added at the target in the middle of a transaction",
                        .detail = error.text.message,
                        .hint = "the transaction starts again",
                        .field = {},
                        .table = {},
                        .origin = {},
                        .retry = Retry::later});
}

/// Each part of a long transaction that goes by COPY costs a subtransaction, released or not. The server keeps 64 of a
/// transaction at hand; with one more, every snapshot of everybody looks the rest up on disk. Parts beyond these are
/// merged, which needs none.
constexpr int kMostSavepoints = 32;

/// Tables of a batch that give way one by one; then all of them do.
constexpr int kMostGivenWay = 4;

/// Inserts go by COPY; where one meets a row that stands (deleted softly before, or an index of the operator's), the
/// batch is merged instead. A clash in a merge comes of the same, or of an index that is younger than what is known of
/// the table: once more with fresh eyes. So does a value that the staging table took and the table does not: its column
/// has changed its type since; and whatever the server says to a row that went directly.
void PostgresTarget::write(const Batch& batch, const ApplyContext& context, bool continued) {
  const Wait& wait = context.wait;
  if (applier_->may_copy(batch, context.horizons) && (!continued || savepoints_ < kMostSavepoints)) {
    if (continued) {
      connection_->run("SAVEPOINT peerd_copy", wait);
      ++savepoints_;
    }
    try {
      applier_->copy(batch, wait);
      if (continued) connection_->run("RELEASE SAVEPOINT peerd_copy", wait);
      return;
    } catch (const Error& error) {
      if (!is_clash(error)) throw;
    }
    applier_->clashed(batch);
    if (continued) {
      connection_->run("ROLLBACK TO SAVEPOINT peerd_copy; RELEASE SAVEPOINT peerd_copy", wait);
    } else {
      rollback(wait);
      begin(batch, wait);
    }
  }
  for (int given_way = 0;; ++given_way) {
    try {
      return applier_->merge(batch, context, !continued);
    } catch (const Error& error) {
      const bool gives_way = applier_->give_way(error);
      if (!is_clash(error) && !is_of_old_staging(error) && !gives_way) throw;
      if (continued) give_up_tail(batch, error, wait);
      if (!gives_way || given_way == kMostGivenWay) break;
    }
    rollback(wait);
    begin(batch, wait);
  }
  rollback(wait);
  applier_->forget(batch, wait);
  applier_->learn(batch.tables(), wait);
  applier_->clashed(batch);
  begin(batch, wait);
  applier_->merge(batch, context, false);
}

}  // namespace pgtarget
}  // namespace peerd

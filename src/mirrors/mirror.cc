#include "mirror.h"

#include <functional>

#include "drop_phase.h"
#include "parked.h"
#include "peerd/base/log.h"
#include "peerd/base/text.h"
#include "peerd/spool/spool.h"
#include "query_phase.h"
#include "resync.h"
#include "slot_given_up.h"
#include "spooled_stream.h"
#include "table_changes.h"

namespace peerd {
namespace {

std::int64_t wall_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// As the target sees it: with the name of the database that its rows come from.
MirrorSpec reading_from(const PeerSpec& source, MirrorSpec mirror) {
  if (const auto named = source.options.find("database"); named != source.options.end()) mirror.source_database = named->second;
  return mirror;
}

/// The embedded catalog has one owner (its lock file), so a lease only has to outlast the process.
constexpr std::chrono::hours kLease{24 * 365};

/// "s.t" -> "\"s\".\"t\"".
std::string postgres_quoted(const std::string& table) {
  const std::size_t dot = table.find('.');
  if (dot == std::string::npos) return quote_identifier(table);
  return quote_identifier(table.substr(0, dot)) + "." + quote_identifier(table.substr(dot + 1));
}

/// A hint that names no mirror, from below, where its name is not known.
void name_mirror(std::string& hint, const std::string& mirror) {
  for (const auto& [said, meant] : {std::pair<std::string, std::string>{" OF the mirror", " OF " + mirror},
                                    {"RESYNC MIRROR copies", "RESYNC MIRROR " + mirror + " copies"}}) {
    if (const std::size_t at = hint.find(said); at != std::string::npos) hint.replace(at, said.size(), meant);
  }
}

/// As it is shown and logged: whatever is to be acted on names its table, and says what to do.
ErrorText in_full(ErrorText error, const std::string& mirror, bool retry) {
  const bool named = error.table.empty() || error.message.find(error.table) != std::string::npos ||
                     error.message.find(postgres_quoted(error.table)) != std::string::npos;
  if (!named) error.message = "table " + error.table + ": " + error.message;
  name_mirror(error.hint, mirror);
  if (error.hint.empty() && !retry)
    error.hint = "cure the cause, then RESUME MIRROR " + mirror + "; SELECT * FROM mirror_logs WHERE mirror = '" + mirror +
                 "' tells what led to it";
  return error;
}

}  // namespace

void announce(MirrorWorld& world, MirrorId mirror, MirrorState from, MirrorState to, std::string_view reason) {
  world.observer.moved(mirror, from, to, reason);
  world.board.update(mirror, [&](MirrorStatus& status) {
    status.state = to;
    status.reason = reason;
  });
  const std::string message = "is " + std::string(to_string(to)) + ", was " + std::string(to_string(from));
  try {
    world.catalog.log(mirror, {.level = "info", .message = message, .detail = std::string(reason), .hint = {}});
  } catch (...) {
    // The state itself is stored: a line that cannot be written does not undo it.
    log(LogLevel::error, current_error().message, {.phase = "catalog"});
  }
}

Mirror::Mirror(MirrorWorld& world, const MirrorRecord& record)
    : world_(world),
      id_(record.id),
      name_(record.spec.name),
      backoff_(world.limits.retry_max, static_cast<unsigned>(std::hash<std::string>{}(record.uuid))),
      thread_([this] { run(); }) {}

Mirror::~Mirror() {
  ask_stop();
  if (thread_.joinable()) thread_.join();
}

void Mirror::wake() {
  Lock lock(mutex_);
  wake_ = true;
  attempt_stop_.request_stop();
  woken_.notify_all();
}

void Mirror::force() { forced_ = true; }

void Mirror::condemn(const ErrorText& error) {
  Lock lock(mutex_);
  condemned_ = error;
  wake_ = true;
  attempt_stop_.request_stop();
  woken_.notify_all();
}

void Mirror::ask_stop() {
  Lock lock(mutex_);
  stopping_ = true;
  attempt_stop_.request_stop();
  woken_.notify_all();
}

/// What was found against the mirror from outside, if its state is one that it still concerns.
std::optional<ErrorText> Mirror::take_condemned(MirrorState state) {
  Lock lock(mutex_);
  std::optional<ErrorText> error = std::exchange(condemned_, std::nullopt);
  const bool concerned = state == MirrorState::snapshot || state == MirrorState::paused;
  return concerned ? error : std::nullopt;
}

std::stop_token Mirror::fresh_stop() {
  Lock lock(mutex_);
  attempt_stop_ = std::stop_source{};
  wake_ = false;
  if (stopping_) attempt_stop_.request_stop();
  return attempt_stop_.get_token();
}

void Mirror::sleep_until_woken(Clock::Instant until) {
  std::unique_lock<Mutex> lock(mutex_);
  woken_.wait_until(lock, until, [&] { return wake_ || stopping_; });
}

void Mirror::run() {
  while (true) {
    {
      Lock lock(mutex_);
      if (stopping_) break;
    }
    // Taken before the state is read: a state stored after the reading stops what is begun on the old one.
    const std::stop_token stop = fresh_stop();
    std::optional<MirrorRecord> record;
    try {
      record = world_.catalog.mirror(id_);
    } catch (...) {
      log(LogLevel::error, current_error().message, {.mirror = name_, .phase = "catalog"});
      sleep_until_woken(std::chrono::steady_clock::now() + backoff_.next());
      continue;
    }
    if (!record) break;
    world_.board.update(id_, [&](MirrorStatus& status) {
      status.state = record->state;
      status.reason = record->reason;
      status.receives = record->receives && record->state == MirrorState::paused;
    });
    if (const auto error = take_condemned(record->state)) {
      failed(*record, *error);
      continue;
    }
    const bool there = follow(*record, stop);
    if (!there) break;
  }
  ended_ = true;
}

bool Mirror::follow(const MirrorRecord& record, const std::stop_token& stop) {
  try {
    switch (record.state) {
      case MirrorState::setup:
      case MirrorState::snapshot:
      case MirrorState::running:
        attempt(record, stop);
        return true;
      case MirrorState::paused:
        if (!record.receives && !gave_slot_up(world_.catalog.progress(id_))) return rest(record);
        attempt(record, stop);
        return true;
      case MirrorState::terminating:
        drop(record, stop);
        return false;
      case MirrorState::terminated:
        forget({});  // A crash came between the last two steps of a drop.
        return false;
      default:
        return rest(record);
    }
  } catch (const Stopped&) {
  } catch (...) {
    const ErrorText error = current_error();
    if (!gives_back(record, error) && !parks(record, error)) failed(record, error);
  }
  return true;
}

bool Mirror::rest(const MirrorRecord& record) {
  if (record.state == MirrorState::pausing) {
    move(record, Step::stopped, pause_reason(record.receives));
    return true;
  }
  world_.board.update(id_, [&](MirrorStatus& status) {
    const char* const paused = record.spec.of_query() ? "paused: nothing is read" : "paused: the slot keeps WAL on the source";
    status.step = record.state == MirrorState::failed      ? "waiting for an operator: cure the cause, then RESUME MIRROR"
                  : record.state == MirrorState::completed ? "completed: nothing is left to do"
                                                           : paused;
    status.next_retry_at_us = 0;
    status.lag_time = {};
    status.spool_full.clear();
  });
  sleep_until_woken(Clock::Instant::max());
  return true;
}

PhaseContext Mirror::context(const MirrorRecord& record, const Lease& lease, Source& source, Target& target) const {
  const std::size_t share = world_.limits.memory_bytes / std::max<std::size_t>(1, world_.mirrors());
  // One batch is built, one applied, and the queue holds a little more than one: see docs/architecture.md.
  constexpr std::size_t kLeastBatch = 1u << 20;
  return PhaseContext{MirrorContext{record, lease, world_.catalog, target, world_.board, world_.observer}, source,
                      std::max(kLeastBatch, share / 16), std::max(kLeastBatch, share / 12)};
}

std::string Mirror::spool_directory(const MirrorRecord& record) const {
  return world_.limits.spools.empty() ? "" : world_.limits.spools + "/" + record.uuid;
}

/// What a stream needs that goes on receiving while its target fails.
void Mirror::prepare_spool(PhaseContext& phase) {
  const MirrorRecord& record = phase.record;
  phase.spool_directory = spool_directory(record);
  phase.retry_most = world_.limits.retry_max;
  phase.renew = [this, &record] {
    const std::optional<Lease> lease = world_.catalog.lease(id_, world_.owner, kLease);
    if (!lease) throw Error(ErrorCode::fenced, "another process holds the lease of mirror \"" + name_ + "\"");
    const auto source = world_.catalog.peer(record.spec.source), target = world_.catalog.peer(record.spec.target);
    if (!source || !target) throw Error(ErrorCode::not_found, "a peer of mirror \"" + name_ + "\" is not in the catalog");
    return PhaseContext::Renewed{*lease, world_.connectors.of(target->kind).target(*target, reading_from(*source, record.spec), *lease)};
  };
  phase.another_source = [this, &record, lease = phase.lease] {
    const auto source = world_.catalog.peer(record.spec.source);
    if (!source) throw Error(ErrorCode::not_found, "the source peer of mirror \"" + name_ + "\" is not in the catalog");
    return world_.connectors.of(source->kind).source(*source, record.spec, lease);
  };
  phase.tell_failure = [this, &record](const ErrorText& error, std::chrono::milliseconds delay) {
    tell_failure(record, in_full(error, name_, true), Verdict::retry, true, delay);
  };
}

void Mirror::attempt(const MirrorRecord& record, const std::stop_token& stop) {
  const std::optional<Lease> lease = world_.catalog.lease(id_, world_.owner, kLease);
  if (!lease) throw Error(ErrorCode::fenced, "another process holds the lease of mirror \"" + name_ + "\"");
  const auto source_peer = world_.catalog.peer(record.spec.source);
  const auto target_peer = world_.catalog.peer(record.spec.target);
  if (!source_peer || !target_peer)
    throw Error(ErrorCode::not_found, "a peer of mirror \"" + name_ + "\" is not in the catalog");
  if (record.spec.of_query()) return attempt_query(record, *lease, *source_peer, *target_peer, stop);
  const auto source = world_.connectors.of(source_peer->kind).source(*source_peer, record.spec, *lease);
  const auto target = world_.connectors.of(target_peer->kind).target(*target_peer, reading_from(*source_peer, record.spec), *lease);
  PhaseContext phase = context(record, *lease, *source, *target);
  prepare_spool(phase);
  switch (record.state) {
    case MirrorState::setup:
      world_.catalog.set_resume_to(id_, MirrorState::setup);
      set_up(phase, stop);
      move(record, Step::set_up, {});
      break;
    case MirrorState::snapshot:
      world_.catalog.set_resume_to(id_, MirrorState::snapshot);
      take_table_changes(phase, stop);
      take_resyncs(phase, stop);
      if (record.spec.boolean("do_initial_copy") || resync_wanted(world_.catalog.progress(id_)))
        copy_tables(phase, stop, [this] { worked(); });
      move(record, Step::copied, {});
      break;
    case MirrorState::paused:
      receive_changes(phase, stop, [this] { worked(); });
      break;
    default:
      if (const MirrorProgress progress = world_.catalog.progress(id_);
          tables_differ(record.spec, progress) || resync_wanted(progress)) {
        move(record, Step::retabled, {});
        return;
      }
      world_.catalog.set_resume_to(id_, MirrorState::running);
      stream_changes(phase, stop, [this] { worked(); });
  }
  worked();
}

void Mirror::attempt_query(const MirrorRecord& record, const Lease& lease, const PeerSpec& source_peer, const PeerSpec& target_peer,
                           const std::stop_token& stop) {
  const auto source = world_.connectors.of(source_peer.kind).query_source(source_peer, record.spec, lease);
  const auto target = world_.connectors.of(target_peer.kind).target(target_peer, reading_from(source_peer, record.spec), lease);
  QueryContext phase{MirrorContext{record, lease, world_.catalog, *target, world_.board, world_.observer}, *source};
  world_.catalog.set_resume_to(id_, record.state);
  if (record.state == MirrorState::setup) {
    set_up_query(phase, stop);
    move(record, Step::set_up, "the target table is there");
  } else {
    const bool first = record.state == MirrorState::snapshot;
    copy_query(phase, first, stop, [this] { worked(); });
    const bool ends = record.spec.boolean("initial_copy_only");
    if (ends) move(record, Step::completed, {});
    else if (first) move(record, Step::copied, "what the query returned is copied");
  }
  worked();
}

void Mirror::drop(const MirrorRecord& record, const std::stop_token& stop) {
  const std::optional<Lease> lease = world_.catalog.lease(id_, world_.owner, kLease);
  if (!lease) throw Error(ErrorCode::fenced, "another process holds the lease of mirror \"" + name_ + "\"");
  world_.board.update(id_, [](MirrorStatus& status) { status.step = "dropping slot, publication and bookkeeping"; });
  const std::vector<std::string> left = drop_mirror(world_, record, *lease, forced_, stop);
  for (const std::string& what : left) log(LogLevel::warning, "left behind " + what, {.mirror = name_});
  if (const std::string spool = spool_directory(record); !spool.empty()) Spool::remove(spool);
  world_.catalog.move(id_, MirrorState::terminating, MirrorState::terminated, transition(MirrorState::terminating, Step::dropped).sentence);
  forget(left);
}

void Mirror::forget(const std::vector<std::string>& left) {
  world_.catalog.delete_mirror(id_);
  world_.observer.moved(id_, MirrorState::terminating, MirrorState::terminated, "dropped");
  log(LogLevel::info, "mirror dropped", {.mirror = name_});
  world_.board.remove(id_, left);
}

void Mirror::move(const MirrorRecord& record, Step step, std::string reason) {
  const Transition row = transition(record.state, step);
  if (row.outcome != Transition::Outcome::moves) return;
  if (reason.empty()) reason = row.sentence;
  try {
    world_.catalog.move(id_, record.state, *row.to, reason);
  } catch (const Error& error) {
    if (error.text.code == ErrorCode::wrong_state) return;  // An operator was quicker: the thread looks again.
    throw;
  }
  announce(world_, id_, record.state, *row.to, reason);
}

bool Mirror::gives_back(const MirrorRecord& record, const ErrorText& thrown) {
  if (record.state != MirrorState::snapshot || verdict_of(thrown) == Verdict::retry) return false;
  try {
    const std::vector<TableMapping> tables = not_taken_up(record.spec, world_.catalog.progress(id_), thrown.table);
    if (tables.empty()) return false;
    std::vector<std::string> sources;
    for (const TableMapping& table : tables) sources.push_back(table.source);
    if (!world_.catalog.unmap(id_, sources)) return false;
    const ErrorText error = in_full(thrown, name_, true);
    const std::string message = "what patterns brought could not be taken up, and is left out for now: " + join(sources, ", ") + ": " + error.message;
    log(LogLevel::warning, message, {.mirror = name_, .phase = to_string(record.state), .hint = error.hint});
    world_.catalog.log(id_, {.level = "warning", .message = message, .detail = error.detail, .hint = error.hint});
  } catch (...) {
    log(LogLevel::error, current_error().message, {.mirror = name_, .phase = "catalog"});
    return false;
  }
  return true;
}

bool Mirror::parks(const MirrorRecord& record, const ErrorText& thrown) {
  try {
    const MirrorProgress progress = world_.catalog.progress(id_);
    const std::optional<TableId> table = table_to_park(record, progress, thrown);
    if (!table) return false;
    const std::optional<Lease> lease = world_.catalog.lease(id_, world_.owner, kLease);
    if (!lease) return false;
    park(world_, record, *lease, progress, *table, in_full(thrown, name_, true));
  } catch (...) {
    failed(record, current_error());  // It is not noted: the same comes again.
  }
  return true;
}

void Mirror::failed(const MirrorRecord& record, const ErrorText& thrown) {
  const Verdict verdict = verdict_of(thrown);
  const auto delay = backoff_.next();
  const bool retry = verdict == Verdict::retry || record.state == MirrorState::terminating;
  ErrorText error = in_full(thrown, name_, retry);
  if (record.spec.of_query() && error.hint.find("RESYNC") != std::string::npos)
    error.hint = "DROP MIRROR " + name_ + " and CREATE MIRROR, with an empty target table, copies all of it anew";
  const bool stored = tell_failure(record, error, verdict, retry, delay);
  try {
    if (stored && !retry) return move(record, Step::failed, error.message);
  } catch (...) {
    log(LogLevel::error, current_error().message, {.mirror = name_, .phase = "catalog"});
  }
  sleep_until_woken(std::chrono::steady_clock::now() + delay);
}

bool Mirror::tell_failure(const MirrorRecord& record, const ErrorText& error, Verdict verdict, bool retry,
                          std::chrono::milliseconds delay) {
  failing_ = true;
  world_.board.update(id_, [&](MirrorStatus& status) {
    status.last_error = error;
    status.last_error_at_us = wall_us();
    status.failing = true;
    status.next_retry_at_us = retry ? wall_us() + delay.count() * 1000 : 0;
    if (retry) status.step = "waiting to try again after an error";
  });
  world_.observer.failed(id_, error, verdict);
  log(retry ? LogLevel::warning : LogLevel::error, error.message,
      {.mirror = name_, .table = error.table, .phase = to_string(record.state), .code = facts(error.code).word, .hint = error.hint});
  try {
    world_.catalog.log(id_, {.level = retry ? "warning" : "error", .message = error.message, .detail = error.detail, .hint = error.hint});
    return true;
  } catch (...) {
    // The catalog itself fails (a full disk): nothing can be stored, so the same is tried again after the delay.
    log(LogLevel::error, current_error().message, {.mirror = name_, .phase = "catalog"});
    return false;
  }
}

void Mirror::worked() {
  // Of several threads that worked, one finds it failing; the mirror's own, which counts failures, waits for them meanwhile.
  if (!failing_.exchange(false)) return;
  backoff_.reset();
  world_.board.update(id_, [](MirrorStatus& status) {
    status.failing = false;
    status.next_retry_at_us = 0;
  });
  world_.observer.recovered(id_);
}

}  // namespace peerd

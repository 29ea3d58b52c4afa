#include "peerd/alerts/alerts.h"

#include <pthread.h>

#include <algorithm>

#include "delivery.h"
#include "peerd/base/log.h"
#include "rules.h"

namespace peerd {
namespace {

constexpr std::chrono::seconds kRound{2}, kTelling{5}, kSending{10};
constexpr std::chrono::seconds kFirstPause{5}, kLongestPause{300};
constexpr unsigned kRefusals = 3;  ///< By some of several channels, until a message counts as told.

Clock::Instant::duration pause_after(unsigned failures) {
  return std::min(kFirstPause * (1u << std::min(failures, 10u)), kLongestPause);
}

std::int64_t wall_us(const Clock& clock) {
  return std::chrono::duration_cast<std::chrono::microseconds>(clock.wall().time_since_epoch()).count();
}

[[noreturn]] void no_such(std::int64_t id) {
  throw Error(ErrorText{.code = ErrorCode::not_found,
                        .message = "there is no alert configuration " + std::to_string(id),
                        .hint = "GET /api/v1/alerts/config and SELECT config FROM alerts list them; the id -1 makes a new one",
                        .field = "config.id"});
}

}  // namespace

Alerts::Alerts(AlertStore& store, Clock& clock) : Alerts(store, clock, deliver) {}
Alerts::Alerts(AlertStore& store, Clock& clock, Send send) : store_(store), clock_(clock), send_(std::move(send)) {}
Alerts::~Alerts() { stop(); }

void Alerts::start(Statuses statuses) {
  statuses_ = std::move(statuses);
  std::promise<void> finished;
  finished_ = finished.get_future();
  thread_ = std::thread([this, finished = std::move(finished)]() mutable {
    pthread_setname_np(pthread_self(), "alerts");
    run(stop_.get_token());
    finished.set_value();
  });
}

void Alerts::ask_to_stop() { stop_.request_stop(); }

void Alerts::stop() {
  ask_to_stop();
  if (thread_.joinable()) thread_.join();
}

bool Alerts::stop(const Wait& wait) {
  ask_to_stop();
  if (thread_.joinable() && finished_.wait_for(std::chrono::milliseconds(wait.remaining_ms())) != std::future_status::ready) return false;
  stop();
  return true;
}

void Alerts::run(const std::stop_token& stop) {
  while (clock_.sleep_until(clock_.now() + kRound, stop)) round(statuses_, stop);
}

void Alerts::load() {
  if (loaded_) return;
  open_.clear();
  for (OpenCause& cause : store_.open_causes()) open_[{cause.config, cause.mirror, cause.cause}] = std::move(cause);
  loaded_ = true;
}

void Alerts::round(const Statuses& statuses, const std::stop_token& stop) noexcept try {
  load();
  const std::vector<AlertConfig> configs = store_.alerts();
  drop_gone(configs);
  if (configs.empty()) return rest();
  const std::vector<AlertPlan> plans = read_plans(configs);
  const std::vector<MirrorStatus> mirrors = statuses();
  const auto with = with_trails(mirrors);
  end_of_gone(mirrors);
  for (const AlertPlan& plan : plans) judge(plan, with);
  store();
  tell(plans, stop);
  failing_ = false;
} catch (const Stopped&) {
} catch (...) {
  if (!std::exchange(failing_, true)) log(LogLevel::error, "alerts cannot be told: " + current_error().message);
}

void Alerts::drop_gone(const std::vector<AlertConfig>& configs) {
  const auto is_gone = [&](std::int64_t id) {
    return std::none_of(configs.begin(), configs.end(), [&](const AlertConfig& config) { return config.id == id; });
  };
  std::erase_if(open_, [&](const auto& entry) { return is_gone(std::get<0>(entry.first)); });
  std::erase_if(unstored_, [&](const Key& key) { return is_gone(std::get<0>(key)); });
  std::erase_if(receivers_, [&](const auto& entry) { return is_gone(entry.first); });
}

/// Nobody looks: what takes looking begins anew with the next configuration.
void Alerts::rest() noexcept {
  const Lock lock(mutex_);
  for (auto& [id, trail] : trails_) {
    trail.applied_since.reset();
    trail.running_since.reset();
  }
}

/// One that cannot be read, as of another version, keeps the others from nothing.
std::vector<AlertPlan> Alerts::read_plans(const std::vector<AlertConfig>& configs) {
  std::vector<AlertPlan> plans;
  for (const AlertConfig& config : configs) {
    Receiver& receiver = receivers_[config.id];
    if (receiver.config != config) {  // What was wrong with the old one says nothing of this.
      if (receiver.config.id == config.id && !same_receiver(receiver.config, config)) tell_anew(config.id);
      receiver = {.config = config};
    }
    try {
      plans.push_back(read_plan(config));
    } catch (const Error& error) {
      if (receiver.failures++ == 0)
        log(LogLevel::error, "alert configuration " + std::to_string(config.id) + " is passed over: " + error.text.message);
    }
  }
  return plans;
}

/// Its messages go to somebody else now, who has heard nothing of what is open, and need not hear of what is over.
void Alerts::tell_anew(std::int64_t config) {
  const auto all = open_;
  for (const auto& [key, stored] : all) {
    OpenCause cause = stored;
    if (cause.config != config) continue;
    cause.told_at_us = 0;
    cause.resolved_at_us != 0 ? forget(cause) : keep(cause);
  }
}

/// What of a mirror can only be seen by looking at it again and again.
std::vector<std::pair<MirrorStatus, MirrorTrail>> Alerts::with_trails(const std::vector<MirrorStatus>& mirrors) {
  const Clock::Instant now = clock_.now();
  std::vector<std::pair<MirrorStatus, MirrorTrail>> all;
  const Lock lock(mutex_);
  for (const MirrorStatus& mirror : mirrors) {
    MirrorTrail& trail = trails_[mirror.id];
    const bool running = mirror.state == MirrorState::running, streams = running && !mirror.failing;
    if (!running) trail.running_since.reset();
    else if (!trail.running_since) trail.running_since = now;
    if (trail.applied_since && mirror.applied != trail.applied) trail.moved_at = now;
    if (!streams || !trail.applied_since || mirror.applied != trail.applied) trail.applied_since = now;
    trail.applied = mirror.applied;
    all.emplace_back(mirror, trail);
  }
  return all;
}

/// A mirror that was dropped has nothing wrong with it any more.
void Alerts::end_of_gone(const std::vector<MirrorStatus>& mirrors) {
  const auto all = open_;
  for (const auto& [key, cause] : all) {
    const std::string& name = cause.mirror;
    const bool there = std::any_of(mirrors.begin(), mirrors.end(), [&](const MirrorStatus& mirror) { return mirror.name == name; });
    if (!there && cause.resolved_at_us == 0) end(cause);
  }
}

void Alerts::judge(const AlertPlan& plan, const std::vector<std::pair<MirrorStatus, MirrorTrail>>& mirrors) {
  for (const auto& [mirror, trail] : mirrors) {
    for (const Finding& finding : judge_mirror(mirror, trail, plan.thresholds, clock_.now())) {
      const auto found = open_.find({plan.id, mirror.name, std::string(finding.cause)});
      if (!plan.covers(mirror.name)) {  // It is not over, but nobody asks for it any more.
        if (found != open_.end()) forget(OpenCause(found->second));
      } else if (found == open_.end()) {
        if (finding.says != Finding::Says::holds) continue;
        keep({.config = plan.id, .mirror = mirror.name, .cause = std::string(finding.cause), .message = finding.message,
              .hint = finding.hint, .since_us = wall_us(clock_), .told_at_us = 0, .resolved_at_us = 0});
      } else if (found->second.resolved_at_us == 0 && finding.says == Finding::Says::over) {
        end(found->second);
      }
    }
  }
}

/// The receiver has it, or one of its channels, though another refuses it.
bool Alerts::is_heard(const OpenCause& cause) const {
  if (cause.told_at_us != 0) return true;
  const auto receiver = receivers_.find(cause.config);
  if (receiver == receivers_.end()) return false;
  const auto refused = receiver->second.refused.find({cause.config, cause.mirror, cause.cause});
  return refused != receiver->second.refused.end() && !refused->second.taken.empty();
}

/// What nobody has heard of need not be called off.
void Alerts::end(OpenCause cause) {
  if (!is_heard(cause)) return forget(cause);
  cause.resolved_at_us = wall_us(clock_);
  if (cause.told_at_us == 0) cause.told_at_us = cause.resolved_at_us;
  if (const auto receiver = receivers_.find(cause.config); receiver != receivers_.end())
    receiver->second.refused.erase({cause.config, cause.mirror, cause.cause});  // Its end waits for no pause of its beginning.
  keep(cause);
}

void Alerts::keep(const OpenCause& cause) {
  const Key key{cause.config, cause.mirror, cause.cause};
  open_[key] = cause;
  unstored_.insert(key);
}

void Alerts::forget(const OpenCause& cause) {
  const Key key{cause.config, cause.mirror, cause.cause};
  open_.erase(key);
  unstored_.insert(key);
  if (const auto receiver = receivers_.find(cause.config); receiver != receivers_.end()) receiver->second.refused.erase(key);
}

/// As far as the catalog takes it; the rest with the next round.
void Alerts::store() noexcept try {
  while (!unstored_.empty()) {
    const auto key = unstored_.begin();
    const auto& [config, mirror, cause] = *key;
    if (const auto found = open_.find(*key); found != open_.end()) store_.put_cause(found->second);
    else store_.drop_cause(config, mirror, cause);
    unstored_.erase(key);
  }
  full_ = false;
} catch (...) {
  if (!std::exchange(full_, true))
    log(LogLevel::error, "the catalog does not take what alerts have told, which a restart will repeat: " + current_error().message);
}

/// The oldest that may be told now.
std::optional<OpenCause> Alerts::next_due(const AlertPlan& plan) const {
  const Clock::Instant now = clock_.now();
  const Receiver& receiver = receivers_.at(plan.id);
  const OpenCause* first = nullptr;
  if (now < receiver.pause_until) return std::nullopt;
  for (auto each = open_.lower_bound({plan.id, "", ""}); each != open_.end() && std::get<0>(each->first) == plan.id; ++each) {
    const OpenCause& cause = each->second;
    if (cause.told_at_us != 0 && cause.resolved_at_us == 0) continue;
    const auto refused = receiver.refused.find(each->first);
    if (refused != receiver.refused.end() && now < refused->second.pause_until) continue;
    if (first == nullptr || cause.since_us < first->since_us) first = &cause;
  }
  return first == nullptr ? std::nullopt : std::optional(*first);
}

/// In turns, a message each, so that one of many or a slow one holds up nobody for long; where the time ends, the next round goes on.
void Alerts::tell(const std::vector<AlertPlan>& plans, const std::stop_token& stop) {
  const Clock::Instant until = clock_.now() + kTelling;
  const auto after = std::find_if(plans.begin(), plans.end(), [&](const AlertPlan& plan) { return plan.id > last_told_; });
  const auto begin = static_cast<std::size_t>(after - plans.begin());
  for (bool more = true; std::exchange(more, false);) {
    for (std::size_t i = 0; i < plans.size(); ++i) {
      const AlertPlan& plan = plans[(begin + i) % plans.size()];
      const auto cause = next_due(plan);
      if (!cause) continue;
      if (clock_.now() >= until) return;
      last_told_ = plan.id;
      tell_one(plan, *cause, stop);
      more = true;
    }
  }
}

void Alerts::tell_one(const AlertPlan& plan, const OpenCause& cause, const std::stop_token& stop) {
  const AlertNotice notice = notice_of(cause);
  Refused& refused = receivers_[plan.id].refused[{cause.config, cause.mirror, cause.cause}];
  if (const std::string message = notice.key + notice.title(); refused.message != message) refused = {.message = message};
  try {
    send_(plan, notice, refused.taken, Wait::at_most(kSending, stop));
    note_told(plan, cause);
  } catch (const Error& error) {
    note_failure(plan, cause, error);
  }
  store();
}

void Alerts::note_told(const AlertPlan& plan, OpenCause cause) {
  Receiver& receiver = receivers_[plan.id];
  receiver.refused.erase({cause.config, cause.mirror, cause.cause});
  const bool failed = std::exchange(receiver.failures, 0) > 0, refused = std::exchange(receiver.refuses, false);
  if (failed || refused) log(LogLevel::info, "alert configuration " + std::to_string(plan.id) + " takes messages again");
  if (cause.resolved_at_us != 0) return forget(cause);
  cause.told_at_us = wall_us(clock_);
  keep(cause);
}

/// Who does not answer gets nothing for a while. Who answers and refuses may take another message, so that this one waits alone; and it
/// has been told, once some have it and the others have refused it often enough.
void Alerts::note_failure(const AlertPlan& plan, const OpenCause& cause, const Error& error) {
  Receiver& receiver = receivers_[plan.id];
  Refused& refused = receiver.refused[{cause.config, cause.mirror, cause.cause}];
  const bool answers = error.text.code != ErrorCode::unreachable && error.text.code != ErrorCode::timeout;
  const bool known = answers ? std::exchange(receiver.refuses, true) : receiver.failures > 0;
  unsigned& times = answers ? refused.times : receiver.failures;
  (answers ? refused.pause_until : receiver.pause_until) = clock_.now() + pause_after(times++);
  if (!known)
    log(LogLevel::warning, "alert configuration " + std::to_string(plan.id) + " (" + plan.service_type + "): " + error.text.message +
                               "; it is tried again", {.mirror = cause.mirror, .hint = error.text.hint});
  if (answers && refused.times >= kRefusals && !refused.taken.empty()) {
    receiver.refused.erase({cause.config, cause.mirror, cause.cause});
    if (cause.resolved_at_us != 0) return forget(cause);
    OpenCause told = cause;
    told.told_at_us = wall_us(clock_);
    keep(told);
  }
}

std::vector<AlertConfig> Alerts::list() {
  std::vector<AlertConfig> all = store_.alerts();
  for (AlertConfig& config : all) config = without_secrets(std::move(config));
  return all;
}

std::int64_t Alerts::put(AlertConfig config) {
  const Lock lock(changing_);
  return put_alone(std::move(config));
}

std::int64_t Alerts::make(std::string service_type, const RawOptions& fields, std::vector<std::string> mirrors) {
  std::string service_config = with_fields(service_type, "{}", fields, {});
  return put({-1, std::move(service_type), std::move(service_config), std::move(mirrors)});
}

void Alerts::change(std::int64_t id, const RawOptions& set, std::span<const std::string> reset,
                    const std::optional<std::vector<std::string>>& mirrors) {
  const Lock lock(changing_);
  const auto stored = store_.alert(id);
  if (!stored) no_such(id);
  AlertConfig config = without_secrets(*stored);  // Those that stay are put back where they may go.
  config.service_config = with_fields(config.service_type, config.service_config, set, reset);
  if (mirrors) config.mirrors = *mirrors;
  put_alone(std::move(config));
}

std::int64_t Alerts::put_alone(AlertConfig config) {
  if (std::find(config.mirrors.begin(), config.mirrors.end(), "") != config.mirrors.end()) {
    throw Error(ErrorText{.code = ErrorCode::invalid_option,
                          .message = "config.alert_for_mirrors holds an empty name",
                          .field = "config.alert_for_mirrors"});
  }
  if (config.id != -1) {
    const auto stored = store_.alert(config.id);
    if (!stored) no_such(config.id);
    config = with_secrets_of(std::move(config), *stored);
  }
  const AlertPlan plan = read_plan(config);
  check_login(plan);
  config.service_config = plan.settings;
  if (config.id == -1) return store_.add_alert(config);
  if (!store_.replace_alert(config)) no_such(config.id);
  return config.id;
}

void Alerts::drop(std::int64_t id) {
  if (!store_.drop_alert(id)) no_such(id);
}

void Alerts::test(std::int64_t id, const Wait& wait) {
  const auto config = store_.alert(id);
  if (!config) no_such(id);
  std::set<std::string> taken;
  send_(read_plan(*config), test_notice(id, wall_us(clock_)), taken, wait.shorter(kSending));
}

// As an observer: without memory for an entry something is told later or not, which hurts no mirror.

void Alerts::worked(MirrorId mirror) noexcept try {
  const Lock lock(mutex_);
  MirrorTrail& trail = trails_[mirror];
  trail.worked = true;
  trail.failing_since.reset();
} catch (...) {
}

void Alerts::failed(MirrorId mirror, const ErrorText&, Verdict) noexcept try {
  const Lock lock(mutex_);
  MirrorTrail& trail = trails_[mirror];
  trail.worked = false;
  if (!trail.failing_since) trail.failing_since = clock_.now();
} catch (...) {
}

void Alerts::slot_seen(MirrorId mirror, const SlotStatus& slot) noexcept try {
  const Clock::Instant now = clock_.now();
  const Lock lock(mutex_);
  MirrorTrail& trail = trails_[mirror];
  trail.slot = slot;
  trail.slot_seen = now;
} catch (...) {
}

/// What an operator stops or has to mend is not tried again meanwhile.
void Alerts::moved(MirrorId mirror, MirrorState from, MirrorState to, std::string_view) noexcept {
  const auto rests = [](MirrorState state) { return state == MirrorState::paused || state == MirrorState::failed; };
  const Lock lock(mutex_);
  const auto found = trails_.find(mirror);
  if (found == trails_.end()) return;
  if (to == MirrorState::terminated) trails_.erase(found);
  else if (rests(from) || rests(to)) found->second.failing_since.reset();
}

}  // namespace peerd

#include "peerd/alerts/alerts.h"

#include <pthread.h>

#include <algorithm>

#include "delivery.h"
#include "peerd/base/log.h"
#include "rules.h"

namespace peerd {
namespace {

constexpr std::chrono::seconds kRound{2}, kSending{10};
constexpr std::chrono::seconds kFirstPause{5}, kLongestPause{300};

std::int64_t wall_us(const Clock& clock) {
  return std::chrono::duration_cast<std::chrono::microseconds>(clock.wall().time_since_epoch()).count();
}

[[noreturn]] void no_such(std::int64_t id) {
  throw Error(ErrorText{.code = ErrorCode::not_found,
                        .message = "there is no alert configuration " + std::to_string(id),
                        .hint = "GET /api/v1/alerts/config lists them; the id -1 makes a new one",
                        .field = "config.id"});
}

}  // namespace

Alerts::Alerts(AlertStore& store, Clock& clock) : Alerts(store, clock, deliver) {}
Alerts::Alerts(AlertStore& store, Clock& clock, Send send) : store_(store), clock_(clock), send_(std::move(send)) {}
Alerts::~Alerts() { stop(); }

void Alerts::start(Statuses statuses) {
  statuses_ = std::move(statuses);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "alerts");
    run(stop_.get_token());
  });
}

void Alerts::stop() {
  stop_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Alerts::run(const std::stop_token& stop) {
  while (clock_.sleep_until(clock_.now() + kRound, stop)) {
    try {
      round(statuses_(), stop);
    } catch (const std::exception& error) {
      log(LogLevel::warning, std::string("alerts were not looked at this time: ") + error.what());
    }
  }
}

void Alerts::load() {
  if (loaded_) return;
  open_.clear();
  for (OpenCause& cause : store_.open_causes()) open_[{cause.config, cause.mirror, cause.cause}] = std::move(cause);
  loaded_ = true;
}

void Alerts::round(const std::vector<MirrorStatus>& mirrors, const std::stop_token& stop) noexcept try {
  load();
  const std::vector<AlertConfig> configs = store_.alerts();
  const auto is_gone = [&](std::int64_t id) {
    return std::none_of(configs.begin(), configs.end(), [&](const AlertConfig& config) { return config.id == id; });
  };
  std::erase_if(open_, [&](const auto& entry) { return is_gone(std::get<0>(entry.first)); });
  std::erase_if(receivers_, [&](const auto& entry) { return is_gone(entry.first); });
  const std::vector<AlertPlan> plans = read_plans(configs);
  const auto with = with_trails(mirrors);
  end_of_gone(mirrors);
  for (const AlertPlan& plan : plans) judge(plan, with);
  for (const AlertPlan& plan : plans) tell(plan, stop);
  failing_ = false;
} catch (const Stopped&) {
} catch (...) {
  loaded_ = false;  // What was stored, and what was not, is read again.
  if (!std::exchange(failing_, true)) log(LogLevel::error, "alerts cannot be told: " + current_error().message);
}

/// One that cannot be read, as of another version, keeps the others from nothing.
std::vector<AlertPlan> Alerts::read_plans(const std::vector<AlertConfig>& configs) {
  std::vector<AlertPlan> plans;
  for (const AlertConfig& config : configs) {
    Receiver& receiver = receivers_[config.id];
    if (receiver.config != config) receiver = {.config = config};  // What was wrong with the old one says nothing of this.
    try {
      plans.push_back(read_plan(config));
    } catch (const Error& error) {
      if (receiver.failures++ == 0)
        log(LogLevel::error, "alert configuration " + std::to_string(config.id) + " is passed over: " + error.text.message);
    }
  }
  return plans;
}

/// What of a mirror can only be seen by looking at it again and again.
std::vector<std::pair<MirrorStatus, MirrorTrail>> Alerts::with_trails(const std::vector<MirrorStatus>& mirrors) {
  const Clock::Instant now = clock_.now();
  std::vector<std::pair<MirrorStatus, MirrorTrail>> all;
  const Lock lock(mutex_);
  for (const MirrorStatus& mirror : mirrors) {
    MirrorTrail& trail = trails_[mirror.id];
    const bool streams = mirror.state == MirrorState::running && !mirror.failing;
    if (trail.applied_since && mirror.applied != trail.applied) trail.moved = true;
    if (!streams || !trail.applied_since || mirror.applied != trail.applied) trail.applied_since = now;
    trail.applied = mirror.applied;
    all.emplace_back(mirror, trail);
  }
  return all;
}

/// A mirror that was dropped has nothing wrong with it any more.
void Alerts::end_of_gone(const std::vector<MirrorStatus>& mirrors) {
  const auto all = open_;
  for (const auto& [key, stored] : all) {
    OpenCause cause = stored;
    const bool there = std::any_of(mirrors.begin(), mirrors.end(), [&](const MirrorStatus& mirror) { return mirror.name == cause.mirror; });
    if (there || cause.resolved_at_us != 0) continue;
    cause.resolved_at_us = wall_us(clock_);
    cause.told_at_us == 0 ? forget(cause) : keep(cause);
  }
}

void Alerts::judge(const AlertPlan& plan, const std::vector<std::pair<MirrorStatus, MirrorTrail>>& mirrors) {
  for (const auto& [mirror, trail] : mirrors) {
    for (const Finding& finding : judge_mirror(mirror, trail, plan.thresholds, clock_.now())) {
      const auto found = open_.find({plan.id, mirror.name, std::string(finding.cause)});
      const bool open = found != open_.end() && found->second.resolved_at_us == 0;
      const bool holds = finding.says == Finding::Says::holds && plan.covers(mirror.name);
      const bool over = finding.says == Finding::Says::over || !plan.covers(mirror.name);
      if (open && over) {
        OpenCause cause = found->second;
        cause.resolved_at_us = wall_us(clock_);
        cause.told_at_us == 0 ? forget(cause) : keep(cause);  // What nobody has heard of need not be called off.
      } else if (holds && found == open_.end()) {
        keep({.config = plan.id, .mirror = mirror.name, .cause = std::string(finding.cause), .message = finding.message,
              .hint = finding.hint, .since_us = wall_us(clock_), .told_at_us = 0, .resolved_at_us = 0});
      }
    }
  }
}

void Alerts::keep(const OpenCause& cause) {
  store_.put_cause(cause);
  open_[{cause.config, cause.mirror, cause.cause}] = cause;
}

void Alerts::forget(const OpenCause& cause) {
  store_.drop_cause(cause.config, cause.mirror, cause.cause);
  open_.erase({cause.config, cause.mirror, cause.cause});
}

void Alerts::tell(const AlertPlan& plan, const std::stop_token& stop) {
  std::vector<OpenCause> due;
  for (const auto& [key, cause] : open_)
    if (cause.config == plan.id && (cause.told_at_us == 0 || cause.resolved_at_us != 0)) due.push_back(cause);
  std::sort(due.begin(), due.end(), [](const OpenCause& one, const OpenCause& other) { return one.since_us < other.since_us; });
  for (const OpenCause& cause : due) {
    if (clock_.now() < receivers_[plan.id].pause_until) return;
    tell_one(plan, cause, stop);
  }
}

void Alerts::tell_one(const AlertPlan& plan, OpenCause cause, const std::stop_token& stop) {
  Receiver& receiver = receivers_[plan.id];
  const AlertNotice notice = notice_of(cause);
  if (const std::string now = notice.key + notice.title(); receiver.telling != now) {
    receiver.telling = now;
    receiver.taken.clear();
  }
  try {
    send_(plan, notice, receiver.taken, Wait::at_most(kSending, stop));
  } catch (const Error& error) {
    const auto longer = kFirstPause * (1u << std::min(receiver.failures, 10u));
    receiver.pause_until = clock_.now() + std::min<Clock::Instant::duration>(longer, kLongestPause);
    if (receiver.failures++ == 0)
      log(LogLevel::warning, "alert configuration " + std::to_string(plan.id) + " (" + plan.service_type + "): " + error.text.message +
                                 "; it is tried again", {.mirror = cause.mirror, .hint = error.text.hint});
    return;
  }
  receiver.telling.clear();
  if (std::exchange(receiver.failures, 0) > 0)
    log(LogLevel::info, "alert configuration " + std::to_string(plan.id) + " takes messages again");
  if (cause.resolved_at_us != 0) return forget(cause);
  cause.told_at_us = wall_us(clock_);
  keep(cause);
}

std::vector<AlertConfig> Alerts::list() {
  std::vector<AlertConfig> all = store_.alerts();
  for (AlertConfig& config : all) config = without_secrets(std::move(config));
  return all;
}

std::int64_t Alerts::put(AlertConfig config) {
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
  config.service_config = read_plan(config).settings;
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

void Alerts::moved(MirrorId mirror, MirrorState, MirrorState to, std::string_view) noexcept {
  if (to != MirrorState::terminated) return;
  const Lock lock(mutex_);
  trails_.erase(mirror);
}

}  // namespace peerd

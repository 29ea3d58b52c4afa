#include "postgres/coverage_watch.h"

#include <algorithm>

#include "peerd/base/log.h"

namespace peerd {
namespace {

using namespace std::chrono_literals;

constexpr auto kEvery = 10s;
constexpr auto kLeastPause = 1s;
constexpr unsigned kIdleShare = 10;  ///< Looks take at most a tenth of the source's time, however many tables are announced.
constexpr auto kPatience = 60s;   ///< For one look.
constexpr unsigned kMostFailures = 3;

}  // namespace

CoverageWatch::CoverageWatch(Coverage coverage, Ask ask, std::string mirror)
    : ask_(std::move(ask)),
      mirror_(std::move(mirror)),
      coverage_(std::move(coverage)),
      noted_(coverage_.take_noted()),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void CoverageWatch::hasten() {
  Lock lock(mutex_);
  hasten_ = true;
  hastened_.notify_all();
}

std::vector<std::pair<TableId, CoverageNote>> CoverageWatch::take_noted() {
  Lock lock(mutex_);
  return std::exchange(noted_, {});
}

void CoverageWatch::rethrow() const {
  Lock lock(mutex_);
  throw Error(failure_);
}

void CoverageWatch::fail(ErrorText error) {
  Lock lock(mutex_);
  failure_ = std::move(error);
  failed_.store(true, std::memory_order_release);
}

void CoverageWatch::run(const std::stop_token& stop) {
  auto pause = std::chrono::steady_clock::duration(kLeastPause);
  while (await_turn(pause, stop)) {
    const auto begin = std::chrono::steady_clock::now();
    if (!look(stop)) return;
    pause = std::max<std::chrono::steady_clock::duration>(kLeastPause, kIdleShare * (std::chrono::steady_clock::now() - begin));
  }
}

/// False on a stop.
bool CoverageWatch::await_turn(std::chrono::steady_clock::duration least, const std::stop_token& stop) {
  const auto begin = std::chrono::steady_clock::now();
  std::unique_lock<Mutex> lock(mutex_);
  hastened_.wait_until(lock, stop, begin + least, [] { return false; });
  hastened_.wait_until(lock, stop, begin + std::max<std::chrono::steady_clock::duration>(least, kEvery), [this] { return hasten_; });
  hasten_ = false;
  return !stop.stop_requested();
}

/// False when the stream has to end, or is stopped: no more looks.
bool CoverageWatch::look(const std::stop_token& stop) {
  try {
    const Wait wait = Wait::at_most(kPatience, stop);
    ask_(wait, [&](postgres::Connection& connection) { coverage_.look(connection, wait); });
    failures_ = 0;
    auto noted = coverage_.take_noted();
    Lock lock(mutex_);
    for (auto& note : noted) noted_.push_back(std::move(note));
    return true;
  } catch (const Stopped&) {
    return false;
  } catch (...) {
    ErrorText error = current_error();
    if (error.code == ErrorCode::schema_changed) {
      fail(std::move(error));
      return false;
    }
    // The next look finds what this one missed. Only when none succeeds is it the mirror's trouble.
    error.message = "the source could not be asked how the tables stand in the publication: " + error.message;
    log(LogLevel::warning, error.message, {.mirror = mirror_, .phase = "coverage"});
    if (++failures_ < kMostFailures) return true;
    error.retry = Retry::later;
    fail(std::move(error));
    return false;
  }
}

}  // namespace peerd

#pragma once

#include <gtest/gtest.h>

#include "alert_plan.h"
#include "notice.h"
#include "peerd/alerts/alerts.h"
#include "peerd/base/secret_box.h"
#include "peerd/catalog/catalog.h"
#include "support/fakes/manual_clock.h"

namespace peerd {

inline constexpr std::int64_t kNow = 1'800'000'000;

template <typename F>
ErrorText error_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.text;
  }
  ADD_FAILURE() << "did not throw";
  return {};
}

inline AlertConfig webhook(std::string more = {}, std::vector<std::string> mirrors = {}) {
  return {.id = -1, .service_type = "webhook", .service_config = R"({"url":"https://hooks.example/x","secret":"s3cret")" + more + "}",
          .mirrors = std::move(mirrors)};
}

/// A mirror that streams and has nothing to bring.
inline MirrorStatus idle(std::int64_t id = 1, std::string name = "m") {
  MirrorStatus status;
  status.id = MirrorId{id};
  status.name = std::move(name);
  status.source = "src";
  status.state = MirrorState::running;
  status.server_end = status.applied = Lsn{1000};
  return status;
}

/// Alerts over a catalog in memory, with a receiver that notes what it gets.
class AlertsTest : public testing::Test {
 protected:
  struct Sent {
    AlertNotice::Kind kind;
    std::string mirror, cause;
    bool operator==(const Sent&) const = default;
  };
  AlertsTest() { restart(); }
  void restart() {
    alerts = std::make_unique<Alerts>(alerts_of(*catalog), clock, [this](const AlertPlan&, const AlertNotice& notice, std::set<std::string>&, const Wait&) {
      ++tries;
      if (down) throw Error(ErrorCode::unreachable, "nobody listens");
      sent.push_back({notice.kind, notice.mirror, notice.cause});
    });
  }
  /// The source answers, and then there is a round.
  void round(const std::vector<MirrorStatus>& mirrors, std::chrono::seconds later = std::chrono::seconds(10)) {
    clock.advance(later);
    for (const MirrorStatus& mirror : mirrors) alerts->slot_seen(mirror.id, slot);
    alerts->round(mirrors, {});
  }
  std::vector<Sent> take() { return std::exchange(sent, {}); }
  static Sent fired(std::string cause, std::string mirror = "m") { return {AlertNotice::Kind::firing, std::move(mirror), std::move(cause)}; }
  static Sent over(std::string cause, std::string mirror = "m") { return {AlertNotice::Kind::resolved, std::move(mirror), std::move(cause)}; }

  fakes::ManualClock clock{kNow};
  std::unique_ptr<Catalog> catalog =
      Catalog::open("sqlite::memory:", SecretBox::from_text("a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), [](std::string_view) { return nullptr; });
  SlotStatus slot{.slot = "peerd_s", .exists = true, .wal_status = "reserved"};
  std::vector<Sent> sent;
  int tries = 0;
  bool down = false;
  std::unique_ptr<Alerts> alerts;
};

}  // namespace peerd

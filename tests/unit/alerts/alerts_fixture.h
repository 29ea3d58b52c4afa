#pragma once

#include <gtest/gtest.h>

#include "alert_plan.h"
#include "notice.h"
#include "peerd/alerts/alerts.h"
#include "peerd/base/secret_box.h"
#include "peerd/catalog/catalog.h"
#include "support/error_of.h"
#include "support/fakes/manual_clock.h"

namespace peerd {

inline constexpr std::int64_t kNow = 1'800'000'000;

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

/// A catalog that takes nothing while it is full.
class FillingStore final : public AlertStore {
 public:
  explicit FillingStore(AlertStore& store) : store_(store) {}
  std::int64_t add_alert(const AlertConfig& config) override { return store_.add_alert(config); }
  bool replace_alert(const AlertConfig& config) override { return store_.replace_alert(config); }
  bool drop_alert(std::int64_t id) override { return store_.drop_alert(id); }
  std::optional<AlertConfig> alert(std::int64_t id) override { return store_.alert(id); }
  std::vector<AlertConfig> alerts() override { return store_.alerts(); }
  std::vector<OpenCause> open_causes() override { return store_.open_causes(); }
  void put_cause(const OpenCause& cause) override {
    check();
    store_.put_cause(cause);
  }
  void drop_cause(std::int64_t config, std::string_view mirror, std::string_view cause) override {
    check();
    store_.drop_cause(config, mirror, cause);
  }
  bool full = false;

 private:
  void check() const {
    if (full) throw Error(ErrorCode::disk_full, "the disk is full");
  }
  AlertStore& store_;
};

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
    alerts = std::make_unique<Alerts>(store, clock, [this](const AlertPlan& plan, const AlertNotice& notice, std::set<std::string>& taken, const Wait&) {
      ++tries;
      if (on_send) on_send(plan, notice, taken);
      if (down) throw Error(ErrorCode::unreachable, "nobody listens");
      sent.push_back({notice.kind, notice.mirror, notice.cause});
    });
  }
  /// The source answers, and then there is a round.
  void round(const std::vector<MirrorStatus>& mirrors, std::chrono::seconds later = std::chrono::seconds(10)) {
    clock.advance(later);
    for (const MirrorStatus& mirror : mirrors) alerts->slot_seen(mirror.id, slot);
    alerts->round([&] { return mirrors; }, {});
  }
  std::vector<Sent> take() { return std::exchange(sent, {}); }
  static Sent fired(std::string cause, std::string mirror = "m") { return {AlertNotice::Kind::firing, std::move(mirror), std::move(cause)}; }
  static Sent over(std::string cause, std::string mirror = "m") { return {AlertNotice::Kind::resolved, std::move(mirror), std::move(cause)}; }

  fakes::ManualClock clock{kNow};
  std::unique_ptr<Catalog> catalog =
      Catalog::open("sqlite::memory:", SecretBox::from_text("a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), [](std::string_view) { return nullptr; });
  FillingStore store{alerts_of(*catalog)};
  std::function<void(const AlertPlan&, const AlertNotice&, std::set<std::string>& taken)> on_send;
  SlotStatus slot{.slot = "peerd_s", .exists = true, .wal_status = "reserved"};
  std::vector<Sent> sent;
  int tries = 0;
  bool down = false;
  std::unique_ptr<Alerts> alerts;
};

}  // namespace peerd

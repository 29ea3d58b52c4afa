#pragma once

#include <map>
#include <optional>
#include <vector>

#include "peerd/mirrors/supervisor.h"
#include "support/fakes/fake_server.h"

namespace peerd::fakes {

/// A Supervisor whose mirrors do at once what is asked, in the catalog, and copy nothing. Operations: start request
/// await.
class FakeSupervisor : public Supervisor, public FakeServer {
 public:
  explicit FakeSupervisor(Catalog& catalog) : catalog_(catalog) {}

  void adopt_all() override {
    for (const MirrorRecord& record : catalog_.mirrors()) start(record.id);
  }
  void start(MirrorId mirror) override {
    enter("start", nullptr);
    const MirrorRecord record = catalog_.mirror(mirror).value();
    Lock lock(mutex_);
    MirrorStatus& status = statuses_[mirror];
    status.id = mirror;
    status.name = record.spec.name;
    status.source = record.spec.source;
    status.target = record.spec.target;
    status.state = record.state;
    status.created_at_us = record.created_at_us;
  }
  /// Moves the mirror to the state that `event` ends in, or to `stuck_in` when the test said so.
  void request(MirrorId mirror, MirrorEvent event) override {
    enter("request", nullptr);
    const MirrorState from = catalog_.mirror(mirror).value().state;
    const MirrorState end = pauses(event) ? MirrorState::paused : drops(event) ? MirrorState::terminated : MirrorState::running;
    const MirrorState to = stuck_in_.value_or(end);
    const bool receives = event == MirrorEvent::pause_receiving;
    catalog_.move(mirror, from, to, "asked for", pauses(event) ? std::optional(receives) : std::nullopt);
    const bool gone = to == MirrorState::terminated;
    if (gone) catalog_.delete_mirror(mirror);
    Lock lock(mutex_);
    if (gone)
      statuses_.erase(mirror);
    else
      statuses_[mirror].state = to;
  }
  void change(const MirrorRecord& mirror, const MirrorSpec& spec) override {
    enter("change", nullptr);
    catalog_.change_mirror(mirror.id, spec);
  }
  void resync(MirrorId mirror, std::span<const TableId> tables) override {
    enter("resync", nullptr);
    catalog_.ask_resync(mirror, tables);
  }
  void show_new_tables(MirrorId mirror, std::vector<NewTable> tables) override {
    show(mirror, [&](MirrorStatus& status) { status.new_tables = std::move(tables); });
  }
  bool await(MirrorId mirror, MirrorState state, const Wait& wait) override {
    enter("await", &wait);
    Lock lock(mutex_);
    const auto found = statuses_.find(mirror);
    return found == statuses_.end() ? state == MirrorState::terminated : found->second.state == state;
  }
  MirrorStatus status(MirrorId mirror) const override {
    Lock lock(mutex_);
    const auto found = statuses_.find(mirror);
    if (found == statuses_.end()) throw Error(ErrorCode::not_found, "the mirror does not exist");
    return found->second;
  }
  std::vector<MirrorStatus> statuses() const override {
    Lock lock(mutex_);
    std::vector<MirrorStatus> all;
    for (const auto& [id, status] : statuses_) all.push_back(status);
    return all;
  }
  bool stop(const Wait&) override { return true; }

  /// What status() shows of the mirror from now on.
  template <typename Change>
  void show(MirrorId mirror, Change change) {
    Lock lock(mutex_);
    change(statuses_[mirror]);
  }
  /// Requests end in this state instead.
  void get_stuck_in(std::optional<MirrorState> state) { stuck_in_ = state; }

 private:
  Catalog& catalog_;
  std::optional<MirrorState> stuck_in_;
  std::map<MirrorId, MirrorStatus> statuses_;
};

}  // namespace peerd::fakes

#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <thread>

#include "peerd/mirrors/supervisor.h"
#include "support/fakes/fake_connectors.h"

namespace peerd {
using fakes::Cells;
using fakes::SourceServer;
using fakes::TargetStore;
using std::chrono::seconds;

class QuietObserver : public MirrorObserver {
 public:
  void moved(MirrorId, MirrorState, MirrorState, std::string_view) noexcept override {}
  void chunk_done(MirrorId, const ChunkRecord&) noexcept override {}
  void batch_done(MirrorId, const BatchRecord&) noexcept override {}
  void slot_seen(MirrorId, const SlotStatus&) noexcept override {}
  void failed(MirrorId, const ErrorText&, Verdict) noexcept override {}
  void recovered(MirrorId) noexcept override { ++recovered_; }
  std::atomic<int> recovered_ = 0;
};

/// Whole mirrors over fake servers and the real catalog.
class SupervisorTest : public testing::Test {
 protected:
  SupervisorTest() {
    char path[] = "/tmp/peerd-supervisor-XXXXXX";
    folder_ = mkdtemp(path);
    source().add_table("public.t", {"id", "value", "large"});
    open();
    catalog_->put_peer({"a", "POSTGRES", {{"host", "x"}}}, Replace::no);
    catalog_->put_peer({"b", "POSTGRES", {{"host", "x"}}}, Replace::no);
    catalog_->put_peer({"c", "CLICKHOUSE", {{"host", "x"}}}, Replace::no);
  }
  ~SupervisorTest() override {
    close();
    std::filesystem::remove_all(folder_);
  }

  void open() {
    catalog_ = Catalog::open("sqlite:" + folder_ + "/catalog.db", SecretBox::from_file(folder_ + "/keys"),
                             [this](std::string_view kind) {
                               const Connector* found = connectors_.find(kind);
                               return found ? found->options : nullptr;
                             });
    supervisor_ = Supervisor::make(*catalog_, connectors_, observer_, {.retry_max = std::chrono::milliseconds(50), .spools = folder_ + "/spool"});
    supervisor_->adopt_all();
  }
  void close() {
    supervisor_.reset();
    catalog_.reset();
  }
  /// peerd stops and starts again.
  void restart() {
    close();
    open();
  }
  MirrorId create(const std::string& target = "b", Options options = {}) {
    options.emplace("idle_timeout_seconds", "1");
    catalog_->put_mirror({"m", "a", target, {{"public.t", "public.t", {}}}, options});
    const MirrorId id = catalog_->mirror("m")->id;
    supervisor_->start(id);
    return id;
  }
  void reach(MirrorId id, MirrorState state) {
    ASSERT_TRUE(supervisor_->await(id, state, Wait::at_most(seconds(60))))
        << to_string(state) << " was not reached: " << to_string(supervisor_->status(id).state) << " "
        << (supervisor_->status(id).last_error ? supervisor_->status(id).last_error->message : "");
  }
  template <typename Done>
  void until(const char* what, Done done) {
    const Wait wait = Wait::at_most(seconds(30));
    while (!done()) {
      wait.check(what);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  SourceServer& source() { return world_.source("a"); }
  TargetStore& target(const std::string& peer = "b") { return world_.target(peer, peer == "b"); }
  void fill(int rows) {
    for (int i = 0; i < rows; ++i) source().insert("public.t", {std::to_string(i), "first", "large"});
  }
  void expect_equal(Lsn end, const std::string& peer = "b") {
    target(peer).wait_until_applied(end);
    EXPECT_EQ(target(peer).rows("public.t"), source().rows("public.t"));
  }

  fakes::FakeWorld world_;
  Connectors connectors_ = world_.connectors();
  QuietObserver observer_;
  std::string folder_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Supervisor> supervisor_;
};

}  // namespace peerd

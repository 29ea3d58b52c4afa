#include <nlohmann/json.hpp>
#include <thread>

#include "mirror_events.h"
#include "peerd/base/encoding.h"
#include "peerd/net/http.h"
#include "peerd/rest/rest_server.h"
#include "unit/control/control_fixture.h"

namespace peerd::rest {
namespace {

using std::chrono::milliseconds;
using Type = View::Column::Type;

/// Mirrors whose rows a test writes itself, and how often they were looked at.
class FakeMirrors {
 public:
  View view() {
    return {"mirrors", "", {{"name", Type::text}, {"lag_bytes", Type::integer}}, [this] { return rows(); }};
  }
  void put(const std::string& name, const std::string& lag) {
    const Lock lock(mutex_);
    rows_[name] = lag;
  }
  void remove(const std::string& name) {
    const Lock lock(mutex_);
    rows_.erase(name);
  }
  void fail(bool failing) {
    const Lock lock(mutex_);
    failing_ = failing;
  }
  int looks() {
    const Lock lock(mutex_);
    return looks_;
  }

 private:
  std::vector<std::vector<View::Cell>> rows() {
    const Lock lock(mutex_);
    ++looks_;
    if (failing_) throw Error(ErrorCode::internal, "the catalog is away");
    std::vector<std::vector<View::Cell>> all;
    for (const auto& [name, lag] : rows_) all.push_back({name, lag});
    return all;
  }
  Mutex mutex_;
  std::map<std::string, std::string> rows_;
  bool failing_ = false;
  int looks_ = 0;
};

/// What one listener got.
class Ear {
 public:
  explicit Ear(MirrorEvents::Joined joined) : listener_(std::move(joined.listener)), text_(joined.beginning) {
    listener_->attach([this](std::string text) {
      const Lock lock(mutex_);
      text_ += text.empty() ? "END" : text;
    });
  }
  ~Ear() { leave(); }
  void leave() {
    if (listener_) listener_->detach();
    listener_.reset();
  }
  bool hears(std::string_view part) {
    for (int i = 0; i < 6000; ++i) {
      if (has(text(), part)) return true;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  }
  std::string text() {
    const Lock lock(mutex_);
    return text_;
  }

 private:
  std::shared_ptr<net::EventListener> listener_;
  Mutex mutex_;
  std::string text_;
};

bool always() { return true; }

TEST(MirrorEvents, BeginWithAllMirrorsAndGoOnWithThoseThatChange) {
  FakeMirrors mirrors;
  mirrors.put("a", "1");
  mirrors.put("b", "2");
  MirrorEvents events(mirrors.view(), milliseconds(20), std::chrono::hours(1));  // No comment comes between.
  Ear ear(events.join(always));
  const std::string beginning =
      "retry: 2000\nevent: mirrors\ndata: [{\"name\":\"a\",\"lag_bytes\":1},{\"name\":\"b\",\"lag_bytes\":2}]\n\n";
  EXPECT_EQ(ear.text(), beginning);
  mirrors.put("b", "3");
  ASSERT_TRUE(ear.hears("3}]\n\n"));
  mirrors.remove("a");
  ASSERT_TRUE(ear.hears("gone"));
  mirrors.put("c", "0");
  ASSERT_TRUE(ear.hears("\"c\""));
  EXPECT_EQ(ear.text(), beginning + "event: mirrors\ndata: [{\"name\":\"b\",\"lag_bytes\":3}]\n\n" +
                            "event: gone\ndata: [\"a\"]\n\n" + "event: mirrors\ndata: [{\"name\":\"c\",\"lag_bytes\":0}]\n\n");
}

TEST(MirrorEvents, TellAWhoComesLaterTheWholeAndTheOthersNothingNew) {
  FakeMirrors mirrors;
  mirrors.put("a", "1");
  MirrorEvents events(mirrors.view(), milliseconds(20), std::chrono::hours(1));
  Ear first(events.join(always));
  mirrors.put("a", "2");
  ASSERT_TRUE(first.hears(":2}"));
  const std::string before = first.text();
  Ear second(events.join(always));
  EXPECT_TRUE(has(second.text(), "[{\"name\":\"a\",\"lag_bytes\":2}]"));
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_EQ(first.text(), before);
}

TEST(MirrorEvents, LookAtMirrorsOnlyWhileSomebodyListens) {
  FakeMirrors mirrors;
  MirrorEvents events(mirrors.view(), milliseconds(10));
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(mirrors.looks(), 0);
  Ear ear(events.join(always));
  while (mirrors.looks() < 5) std::this_thread::sleep_for(milliseconds(5));
  ear.leave();
  int looks = -1;
  for (int i = 0; i < 50 && looks != mirrors.looks(); ++i) {  // The round that goes on may still look.
    looks = mirrors.looks();
    std::this_thread::sleep_for(milliseconds(100));
  }
  EXPECT_EQ(mirrors.looks(), looks);
  mirrors.put("a", "7");
  Ear again(events.join(always));
  EXPECT_TRUE(has(again.text(), ":7}")) << "as it is now, not as it was told last";
  mirrors.put("a", "8");
  EXPECT_TRUE(again.hears(":8}"));
}

TEST(MirrorEvents, SendACommentSoThatTheConnectionIsKnownToStand) {
  FakeMirrors mirrors;
  MirrorEvents events(mirrors.view(), milliseconds(10), milliseconds(50));
  Ear ear(events.join(always));
  EXPECT_TRUE(ear.hears("\n\n: ") && ear.hears("there\n\n: "));
}

TEST(MirrorEvents, EndForWhoMayListenNoLonger) {
  FakeMirrors mirrors;
  MirrorEvents events(mirrors.view(), milliseconds(10));
  std::atomic<bool> allowed = true;
  Ear one(events.join([&] { return allowed.load(); })), other(events.join(always));
  allowed = false;
  ASSERT_TRUE(one.hears("END"));
  mirrors.put("a", "1");
  ASSERT_TRUE(other.hears(":1}"));
  EXPECT_FALSE(has(one.text(), ":1}"));
}

TEST(MirrorEvents, EndWhenTheMirrorsCannotBeLookedAt) {
  FakeMirrors mirrors;
  MirrorEvents events(mirrors.view(), milliseconds(10));
  Ear ear(events.join(always));
  mirrors.fail(true);
  EXPECT_TRUE(ear.hears("END"));
  EXPECT_THROW(events.join(always), std::exception);
  mirrors.put("a", "1");
  mirrors.fail(false);
  EXPECT_TRUE(has(events.join(always).beginning, ":1}"));
}

TEST(MirrorEvents, AreForTwoHundredAtMost) {
  FakeMirrors mirrors;
  MirrorEvents events(mirrors.view());
  std::vector<std::shared_ptr<net::EventListener>> all;
  for (int i = 0; i < 200; ++i) all.push_back(events.join(always).listener);
  EXPECT_NE(all.back(), nullptr);
  EXPECT_EQ(events.join(always).listener, nullptr);
  all.pop_back();
  EXPECT_NE(events.join(always).listener, nullptr);
}

class EventsRoute : public ControlTest {};

TEST_F(EventsRoute, IsAStreamForWhoMayLook) {
  make_peers();
  create(asked("m"));
  net::AttemptLimit attempts;
  const net::HttpHandler handler = make_rest_handler({peers_, mirrors_, *catalog_, "secret", attempts, {}, "look"});
  net::HttpRequest request{"GET", "/api/v1/events", "", {}, "", "test"};
  EXPECT_EQ(handler.admit(request).refusal->status, 401);
  request.headers["authorization"] = "Basic " + base64_encode(":look");
  EXPECT_FALSE(handler.admit(request).refusal);
  const auto reply = handler.handle(request, {});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("content-type"), "text/event-stream");
  ASSERT_NE(reply.events, nullptr);
  ASSERT_TRUE(reply.body.starts_with("retry: 2000\nevent: mirrors\ndata: [")) << reply.body;
  const auto begin = reply.body.find('[');
  const auto rows = nlohmann::json::parse(reply.body.substr(begin, reply.body.find('\n', begin) - begin));
  EXPECT_EQ(rows.at(0).at("name"), "m");
  EXPECT_TRUE(rows.at(0).at("created_at").is_string());
  EXPECT_EQ(rows.at(0).at("consistent"), false);
}

}  // namespace
}  // namespace peerd::rest

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dialogue.h"
#include "login.h"

using namespace peerd;
using namespace peerd::sql;

namespace {

struct Silent final : MirrorObserver {
  void moved(MirrorId, MirrorState, MirrorState, std::string_view) noexcept override {}
  void chunk_done(MirrorId, const ChunkRecord&) noexcept override {}
  void batch_done(MirrorId, const BatchRecord&) noexcept override {}
  void slot_seen(MirrorId, const SlotStatus&) noexcept override {}
  void failed(MirrorId, const ErrorText&, Verdict) noexcept override {}
  void recovered(MirrorId) noexcept override {}
};

struct Sink final : net::Connection {
  void send(std::string) override {}
  void start_tls() override {}
  void close_when_sent() override {}
  void pause_reading() override {}
  void resume_reading() override {}
  bool tls_available() const override { return true; }
  std::string remote() const override { return "fuzz"; }
  std::stop_token gone() const override { return {}; }
};

/// A peerd without peers.
struct World {
  Connectors connectors{{}};
  std::unique_ptr<Catalog> catalog =
      Catalog::open("sqlite::memory:", SecretBox::from_text("a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
                    [](std::string_view) -> const OptionTable* { return nullptr; });
  Silent observer;
  std::unique_ptr<Supervisor> supervisor = Supervisor::make(*catalog, connectors, observer, {});
  PeerControl peers{*catalog, connectors};
  MirrorControl mirrors{*catalog, connectors, *supervisor};
  net::Operators operators{1, 1};
  net::AttemptLimit attempts;
  SqlDeps deps{peers, mirrors, *catalog, operators, "", attempts};
  ScramVerifier verifier = ScramVerifier::of("x");
};

void log_in(World& world, std::string_view bytes) {
  net::AttemptLimit attempts;  // Of its own: nobody is ever turned away unheard.
  Login login(&world.verifier, {"fuzz:1", attempts}, [](const Login::CancelKey&) {});
  Output out;
  while (auto frame = take_frame(bytes, login.stage())) {
    const auto next = login.handle(*frame, out, true);
    if (next == Login::Next::close || next == Login::Next::ready) return;
  }
}

void talk(World& world, std::string_view bytes) {
  Sink connection;
  StatementStop stop{std::stop_token()};
  Dialogue dialogue(world.deps, connection, stop, {"v", "d", "u", 1, {}}, Settings("14.0", "u"));
  while (auto frame = take_frame(bytes, sql::Stage::messages)) {
    if (dialogue.handle(*frame) == Dialogue::Next::close) return;
  }
}

}  // namespace

// Any bytes are messages or an error, never a crash: the first byte chooses between log in and what follows it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    data[0] % 2 ? log_in(world, bytes) : talk(world, bytes);
  } catch (const StatementError&) {
    // An impossible length.
  }
  return 0;
}

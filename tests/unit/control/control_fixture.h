#pragma once

#include <gtest/gtest.h>

#include <string>

#include "peerd/control/control.h"
#include "support/error_of.h"
#include "support/fakes/fake_connectors.h"
#include "support/fakes/fake_supervisor.h"

namespace peerd {

inline bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// Both controls over a catalog in memory, fake servers and a fake supervisor. POSTGRES peers know "t" and "public.t"
/// as one.
class ControlTest : public testing::Test {
 protected:
  ControlTest()
      : catalog_(open()),
        supervisor_(*catalog_),
        peers_(*catalog_, connectors_),
        mirrors_(*catalog_, connectors_, supervisor_) {}

  std::unique_ptr<Catalog> open() {
    return Catalog::open("sqlite::memory:", SecretBox::from_text("a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
                         [this](std::string_view kind) {
                           const Connector* connector = connectors_.find(kind);
                           return connector ? connector->options : nullptr;
                         });
  }
  static Connectors with_keys(const Connectors& plain) {
    std::vector<Connector> all = plain.all();
    all[0].table_key = [](const PeerSpec&, std::string_view table) {
      return table.find('.') == table.npos ? "public." + std::string(table) : std::string(table);
    };
    return Connectors(std::move(all));
  }
  static Wait wait() { return Wait::at_most(std::chrono::seconds(10)); }
  static RawOptions options(const std::string& host) {
    return {{"host", {RawOption::Kind::text, host}}, {"password", {RawOption::Kind::text, "wonderland"}}};
  }
  Done create_peer(const std::string& name, const std::string& host = "h1", Replace replace = Replace::no,
                   IfExists if_not_exists = IfExists::no) {
    return peers_.create(name, "POSTGRES", options(host), replace, if_not_exists, PeerControl::Check::yes, wait());
  }
  Done create_kafka_peer(const std::string& name) {
    return peers_.create(name, "KAFKA", {{"servers", {RawOption::Kind::text, "b:1"}}}, Replace::no, IfExists::no,
                         PeerControl::Check::yes, wait());
  }
  /// Source "src" with public.t and public.u, targets "dst" (POSTGRES) and "ch" (CLICKHOUSE).
  void make_peers() {
    create_peer("src");
    create_peer("dst", "h2");
    peers_.create("ch", "clickhouse", options("h3"), Replace::no, IfExists::no, PeerControl::Check::yes, wait());
    world_.source("src").add_table("public.t", {"id", "name"});
    world_.source("src").add_table("public.u", {"id", "name"});
  }
  static MirrorRequest asked(const std::string& name, const std::string& target = "dst") {
    return {name, "src", target, {{"public.t", "public.t", {}}, {"public.u", "public.u", {}}}, {}};
  }
  Done create(const MirrorRequest& request, IfExists if_not_exists = IfExists::no) {
    return mirrors_.create(request, if_not_exists, wait());
  }
  static Problem problem(const std::string& message, const std::string& cure = {}) {
    Problem problem;
    problem.text.code = ErrorCode::source_unfit;
    problem.text.message = message;
    problem.cure_sql = cure;
    return problem;
  }

  fakes::FakeWorld world_;
  const Connectors connectors_ = with_keys(world_.connectors());
  std::unique_ptr<Catalog> catalog_;
  fakes::FakeSupervisor supervisor_;
  PeerControl peers_;
  MirrorControl mirrors_;
};

}  // namespace peerd

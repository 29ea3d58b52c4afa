#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>

#include "peerd/mirrors/connectors.h"
#include "support/fakes/fake_source.h"
#include "support/fakes/fake_target.h"

namespace peerd::fakes {

inline constexpr std::array kFakePeerOptions = {
    Option{"host", OptionType::text, "localhost", Required::yes, Secret::no, "Server's name or address."},
    Option{"port", OptionType::integer, "5432", Required::no, Secret::no, "Its port.", 1, 65535},
    Option{"password", OptionType::text, "", Required::no, Secret::yes, "Password."},
    Option{"database", OptionType::text, "", Required::no, Secret::no, "Database."},
};
inline constexpr OptionTable kFakePostgresOptions{"POSTGRES peer", kFakePeerOptions};
inline constexpr OptionTable kFakeClickhouseOptions{"CLICKHOUSE peer", kFakePeerOptions};
inline constexpr std::array kFakeKafkaPeerOptions = {
    Option{"servers", OptionType::text, "", Required::yes, Secret::no, "Brokers."},
    Option{"user", OptionType::text, "", Required::no, Secret::no, "Login."},
    Option{"username", OptionType::text, "", Required::no, Secret::no, "Another name of user.", 0, 0, "user"},
    Option{"properties.", OptionType::text, "", Required::no, Secret::yes, "Passed on."},
};
inline constexpr OptionTable kFakeKafkaOptions{"KAFKA peer", kFakeKafkaPeerOptions};
inline constexpr std::array kFakeKafkaMirrorList = {
    Option{"format", OptionType::text, "peerdb", Required::no, Secret::no, "Of messages."},
    Option{"partitions", OptionType::integer, "0", Required::no, Secret::no, "Of topics."},
};
inline constexpr OptionTable kFakeKafkaMirrorOptions{"mirror to KAFKA", kFakeKafkaMirrorList};

/// Sessions answer from it. Operations: check server_version query.
class PeerServer : public FakeServer {
 public:
  void set_problems(Problems problems) {
    Lock lock(mutex_);
    problems_ = std::move(problems);
  }

 private:
  friend class FakeSession;
  Problems problems_;
};

class FakeSession : public PeerSession {
 public:
  explicit FakeSession(std::shared_ptr<PeerServer> server) : server_(std::move(server)) {}
  Problems check(const Wait& wait) override {
    server_->enter("check", &wait);
    Lock lock(server_->mutex_);
    return server_->problems_;
  }
  std::string server_version(const Wait& wait) override {
    server_->enter("server_version", &wait);
    return "15.0 (fake)";
  }
  void query(std::string_view, RowSink& sink, const Wait& wait) override {
    server_->enter("query", &wait);
    const std::string names[] = {"one"};
    const std::optional<std::string_view> cells[] = {"1"};
    sink.columns(names);
    sink.row(cells);
  }

 private:
  std::shared_ptr<PeerServer> server_;
};

/// Fake servers by peer name, made when first asked for, and the Connectors that lead to them: POSTGRES is source and
/// transactional target, CLICKHOUSE a target that keeps no position, KAFKA one with options of its own. Outlives the Connectors. One thread sets it up.
class FakeWorld {
 public:
  SourceServer& source(const std::string& peer) { return *made(sources_, peer); }
  TargetStore& target(const std::string& peer, bool transactional = true) {
    return *made(targets_, peer, transactional);
  }
  PeerServer& peer(const std::string& peer) { return *made(peers_, peer); }

  Connectors connectors() {
    Connector postgres = base("POSTGRES", 3, &kFakePostgresOptions);
    postgres.source = [this](const PeerSpec& peer, const MirrorSpec& mirror, const Lease& lease) {
      return std::make_unique<FakeSource>(made(sources_, peer.name), mirror, lease);
    };
    postgres.target = target_maker(true);
    Connector clickhouse = base("CLICKHOUSE", 8, &kFakeClickhouseOptions);
    clickhouse.target = target_maker(false);
    clickhouse.settings = MappingSettings::all;
    clickhouse.engine = "ReplacingMergeTree";
    Connector kafka = base("KAFKA", 9, &kFakeKafkaOptions);
    kafka.target = target_maker(true);
    kafka.mirror_options = &kFakeKafkaMirrorOptions;
    return Connectors({std::move(postgres), std::move(clickhouse), std::move(kafka)});
  }

 private:
  template <typename Server, typename... Arguments>
  std::shared_ptr<Server> made(std::map<std::string, std::shared_ptr<Server>>& servers, const std::string& peer,
                               Arguments... arguments) {
    Lock lock(mutex_);
    auto& server = servers[peer];
    if (!server) server = std::make_shared<Server>(arguments...);
    return server;
  }
  Connector base(std::string_view kind, int number, const OptionTable* options) {
    Connector connector{};
    connector.kind = kind;
    connector.proto_number = number;
    connector.options = options;
    connector.session = [this](const PeerSpec& peer) { return std::make_unique<FakeSession>(made(peers_, peer.name)); };
    return connector;
  }
  std::function<std::unique_ptr<Target>(const PeerSpec&, const MirrorSpec&, const Lease&)> target_maker(
      bool transactional) {
    return [this, transactional](const PeerSpec& peer, const MirrorSpec&, const Lease& lease) {
      return std::make_unique<FakeTarget>(made(targets_, peer.name, transactional), lease);
    };
  }

  Mutex mutex_;
  std::map<std::string, std::shared_ptr<SourceServer>> sources_;
  std::map<std::string, std::shared_ptr<TargetStore>> targets_;
  std::map<std::string, std::shared_ptr<PeerServer>> peers_;
};

}  // namespace peerd::fakes

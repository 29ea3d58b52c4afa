#pragma once

#include "clickhouse/client.h"
#include "peerd/targets/clickhouse_target.h"
#include "postgres_fixture.h"

namespace peerd::testing_clickhouse {

using namespace std::chrono_literals;
using testing_postgres::Cell;
using testing_postgres::FakeSource;
using testing_postgres::kSame;
using testing_postgres::Row;
using testing_postgres::Rows;
using testing_postgres::sample_table;
using testing_postgres::Writer;

/// http://user:password@host:port/database
inline Options peer_options(const std::string& uri) {
  Options options = testing_postgres::peer_options(uri);
  options["disable_tls"] = "true";
  return options;
}

/// A mirror's target in a database of its own on the server that PEERD_TEST_CLICKHOUSE names.
class RealClickHouse : public testing::Test {
 protected:
  void SetUp() override {
    const char* uri = std::getenv("PEERD_TEST_CLICKHOUSE");
    if (uri == nullptr) GTEST_SKIP() << "PEERD_TEST_CLICKHOUSE names no server";
    static int count = 0;
    const std::string database = "peerd_test_" + std::to_string(getpid()) + "_" + std::to_string(++count);
    peer_ = {"target", "CLICKHOUSE", peer_options(uri)};
    admin_ = std::make_unique<clickhouse::Client>(clickhouse::access_of(peer_));
    admin_->execute("CREATE DATABASE " + database + " ENGINE = Atomic", wait());
    peer_.options["database"] = database;
    server_ = std::make_unique<clickhouse::Client>(clickhouse::access_of(peer_));
    mirror_.name = "m";
    lease_ = {MirrorId{1}, 1, make_uuid()};
    table_ = sample_table("public.sample");
  }
  void TearDown() override {
    target_.reset();
    if (server_) admin_->execute("DROP DATABASE " + peer_.options["database"] + " SYNC", wait());
  }

  static Wait wait() { return Wait::at_most(60s); }
  /// Rows of text cells; a NULL as no value.
  Rows sql(const std::string& text) {
    Rows rows;
    for (const auto& row : server_->query(text, wait(), {{"format_tsv_null_representation", "<null>"}})) {
      rows.emplace_back();
      for (const std::string& cell : row) rows.back().push_back(cell == "<null>" ? Cell{} : Cell{cell});
    }
    return rows;
  }
  std::string value(const std::string& text) { return sql(text).at(0).at(0).value_or("<null>"); }
  Target& target() {
    if (!target_) {
      target_ = make_clickhouse_target(peer_, mirror_, lease_);
      target_->open(wait());
    }
    return *target_;
  }
  void restart() { target_.reset(); }
  void streaming() { prepare_table(target(), table_, wait()); }
  ApplyResult apply(Writer& writer) { return apply(*writer.take()); }
  ApplyResult apply(const Batch& batch) { return target().apply(batch, ApplyContext{source_, horizons_, wait()}); }

  std::string from() const { return " FROM `" + table_.target_name + "` FINAL "; }
  Rows live() { return sql("SELECT id, v, big, u" + from() + "WHERE _PEERDB_IS_DELETED = 0 ORDER BY id"); }
  /// Keys of tombstones that no merge has removed.
  Rows marked() {
    return sql("SELECT id FROM `" + table_.target_name +
               "` GROUP BY id HAVING argMax(_PEERDB_IS_DELETED, _peerdb_version) = 1 ORDER BY id");
  }

  PeerSpec peer_;
  MirrorSpec mirror_;
  Lease lease_;
  MirrorTable table_;
  FakeSource source_;
  Horizons horizons_;
  std::unique_ptr<clickhouse::Client> admin_, server_;
  std::unique_ptr<Target> target_;
};

}  // namespace peerd::testing_clickhouse

#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "peerd/base/text.h"
#include "peerd/changes/batch_builder.h"
#include "peerd/postgres/connection.h"
#include "peerd/postgres/unique_rules.h"
#include "peerd/targets/postgres_target.h"
#include "postgres/postgres_target.h"
#include "support/prepare_table.h"

namespace peerd::testing_postgres {

using namespace std::chrono_literals;
using Cell = std::optional<std::string>;
using Row = std::vector<Cell>;
using Rows = std::vector<Row>;
inline const Cell kSame = std::string("\1same");  ///< A value that was not sent again (unchanged TOAST).

/// postgres://user:password@host:port/database
inline Options peer_options(std::string uri) {
  Options options;
  uri.erase(0, uri.find("://") + 3);
  std::string user = uri.substr(0, uri.find('@'));
  uri.erase(0, user.size() + 1);
  const std::size_t colon = user.find(':');
  if (colon != std::string::npos) options["password"] = user.substr(colon + 1);
  options["user"] = user.substr(0, colon);
  options["host"] = uri.substr(0, uri.find(':'));
  options["port"] = uri.substr(uri.find(':') + 1, uri.find('/') - uri.find(':') - 1);
  options["database"] = uri.substr(uri.find('/') + 1);
  return options;
}

/// id bigint key, v text, big text, u integer.
inline MirrorTable sample_table(const std::string& target, std::uint32_t oid = 70001) {
  MirrorTable table;
  table.schema.id = {oid};
  table.schema.schema = "public";
  table.schema.name = "sample";
  table.schema.columns = {{"id", 20, -1, "bigint", true, false, {}},
                          {"v", 25, -1, "text", false, true, {}},
                          {"big", 25, -1, "text", false, true, {}},
                          {"u", 23, -1, "integer", false, true, {}}};
  table.schema.key = {0};
  table.target_name = target;
  table.start = Lsn{10};
  return table;
}

/// Writes changes as the decoder would. Each transaction has one commit position; changes count up below it.
class Writer {
 public:
  explicit Writer(const MirrorTable& table) : table_(table) {}

  Writer& begin(std::uint64_t commit) {
    builder_.begin(1);
    commit_ = commit;
    change_ = commit;
    return *this;
  }
  Writer& insert(const Row& row) { return add(ChangeView::Kind::insert, row, {}); }
  Writer& update(const Row& row, const Row& old_key = {}) { return add(ChangeView::Kind::update, row, old_key); }
  Writer& remove(const Row& key) {
    Row row(table_.schema.columns.size());
    for (std::size_t i = 0; i < key.size(); ++i) row[table_.schema.key[i]] = key[i];
    return add(ChangeView::Kind::remove, row, {});
  }
  Writer& truncate() { return add(ChangeView::Kind::truncate, {}, {}); }
  Writer& commit() {
    builder_.commit(Lsn{commit_ + 1});
    return *this;
  }
  void idle(std::uint64_t to) { builder_.moved(Lsn{to}); }
  void widen(const MirrorTable& table) { table_ = table; }
  bool in_transaction() const { return builder_.in_transaction(); }
  std::unique_ptr<Batch> take() { return builder_.take(); }

 private:
  std::span<const CellView> cells(const Row& row) {
    const auto out = builder_.cells(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i] == kSame) {
        out[i].kind = CellView::Kind::unchanged;
      } else if (row[i]) {
        out[i] = {CellView::Kind::text, builder_.keep(*row[i])};
      }
    }
    return out;
  }
  Writer& add(ChangeView::Kind kind, const Row& row, const Row& old_key) {
    const std::uint32_t index = builder_.table(table_);
    builder_.append({kind, index, {Lsn{commit_}, Lsn{change_++}}, cells(row), cells(old_key)});
    return *this;
  }
  MirrorTable table_;
  BatchBuilder builder_;
  std::uint64_t commit_ = 0, change_ = 0;
};

/// The source as it is now, by key text.
class FakeSource final : public RowLookup {
 public:
  std::map<std::string, Row> rows;
  Lsn now{1000000};
  std::vector<std::string> asked;

  Lsn fetch(const MirrorTable& table, std::span<const std::span<const CellView>> keys,
            std::span<const std::uint16_t> columns, Lsn batch_end, const Wait&, RowFound& found) override {
    EXPECT_EQ(table.schema.key.size(), 1u);
    EXPECT_GT(batch_end.value, 0u);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::string key(keys[i][0].bytes);
      asked.push_back(key);
      const auto row = rows.find(key);
      if (row == rows.end()) continue;
      std::vector<CellView> cells;
      for (const std::uint16_t column : columns) {
        const Cell& cell = row->second[column];
        cells.push_back(cell ? CellView{CellView::Kind::text, *cell} : CellView{});
      }
      found(i, cells);
    }
    return now;
  }
};

/// A mirror's target in a schema of its own on the server that PEERD_TEST_POSTGRES names.
class RealPostgres : public testing::Test {
 protected:
  void SetUp() override {
    const char* uri = std::getenv("PEERD_TEST_POSTGRES");
    if (uri == nullptr) GTEST_SKIP() << "PEERD_TEST_POSTGRES names no server";
    static int count = 0;
    schema_ = "test_" + std::to_string(getpid()) + "_" + std::to_string(++count);
    peer_ = {"target", "POSTGRES", peer_options(uri)};
    mirror_.name = "m";
    lease_ = {MirrorId{1}, 1, make_uuid()};
    server_ = postgres::Connection::open(postgres::connect_options(peer_.options), wait());
    sql("SET search_path = " + schema_ + ", pg_catalog; SET client_min_messages = warning; CREATE SCHEMA " + schema_);
    table_ = sample_table(schema_ + ".sample");
  }
  void TearDown() override {
    if (!server_) return;
    target_.reset();
    sql("DROP SCHEMA " + schema_ + " CASCADE");
    if (sql("SELECT to_regclass('_peerd.mirrors') IS NOT NULL")[0][0] == "t") {
      for (const char* name : {"chunks", "tables", "positions", "horizons"}) {
        sql(std::string("DELETE FROM _peerd.") + name + " WHERE mirror = " + quote_literal(lease_.uuid));
      }
      sql("DELETE FROM _peerd.mirrors WHERE uuid = " + quote_literal(lease_.uuid));
    }
  }

  static Wait wait() { return Wait::at_most(60s); }
  Rows sql(const std::string& text) {
    const postgres::Result result = server_->run(text, wait());
    Rows rows;
    for (int row = 0; row < result.rows(); ++row) {
      rows.emplace_back();
      for (int column = 0; column < result.columns(); ++column) {
        rows.back().push_back(result.null(row, column) ? Cell{} : Cell{result.string(row, column)});
      }
    }
    return rows;
  }
  void soft(bool on) {
    mirror_.options["soft_delete_col_name"] = on ? "_PEERDB_IS_DELETED" : "";
    soft_ = on;
  }
  Target& target() {
    if (!target_) {
      pgtarget::Site site = pgtarget::make_site(peer_, mirror_, lease_);
      site.direct_rows = direct_rows_;
      target_ = std::make_unique<pgtarget::PostgresTarget>(std::move(site));
      target_->open(wait());
    }
    return *target_;
  }
  /// The process died: what was not committed is gone.
  void restart() { target_.reset(); }
  /// The source keeps apart what the target does now.
  void unique_as_at_target() {
    const auto oid = sql("SELECT '" + table_.target_name + "'::regclass::oid")[0][0];
    table_.unique = postgres::read_unique_rules(*server_, static_cast<std::uint32_t>(std::stoul(*oid)),
                                                postgres::RulesOf::source, wait());
  }
  /// The source has a unique index on the column.
  void unique_at_source(const std::string& column) {
    UniqueRule rule;
    rule.parts = {{quote_identifier(column), "OPERATOR(pg_catalog.=)", "", true, true, true, true}};
    rule.columns = {column};
    table_.unique.push_back(rule);
  }
  /// A table with its key, ready for the stream at `start`.
  void streaming(std::uint64_t start = 10) {
    prepare_table(target(), table_, wait());
    target().end_copy(table_, wait());
    target().set_position(Durable{Lsn{start}}, wait());
  }
  ApplyResult apply(Writer& writer) { return apply(*writer.take()); }
  ApplyResult apply(const Batch& batch) { return target().apply(batch, ApplyContext{source_, horizons_, wait()}); }

  Rows live() {
    return sql("SELECT id, v, big, u FROM " + table_.target_name +
               (soft_ ? " WHERE \"_PEERDB_IS_DELETED\" IS NOT TRUE" : "") + " ORDER BY id");
  }
  Rows marked() {
    return sql("SELECT id, v, big, u FROM " + table_.target_name + " WHERE \"_PEERDB_IS_DELETED\" ORDER BY id");
  }

  std::string schema_;
  PeerSpec peer_;
  MirrorSpec mirror_;
  Lease lease_;
  MirrorTable table_;
  bool soft_ = true;
  std::size_t direct_rows_ = pgtarget::Site{}.direct_rows;  ///< 0 = every row goes by way of a temporary table.
  FakeSource source_;
  Horizons horizons_;
  std::unique_ptr<postgres::Connection> server_;
  std::unique_ptr<Target> target_;
};

}  // namespace peerd::testing_postgres

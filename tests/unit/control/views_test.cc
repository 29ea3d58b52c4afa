#include <filesystem>
#include <fstream>
#include <map>

#include "control_fixture.h"
#include "peerd/catalog/alert_store.h"

namespace peerd {
namespace {

class ViewsTest : public ControlTest {
 protected:
  ViewsTest() {
    make_peers();
    create(asked("m"));
  }
  View view(const std::string& name) {
    for (View& view : views(peers_, mirrors_, *catalog_))
      if (view.name == name) return view;
    throw std::logic_error("no view " + name);
  }
  /// The rows as column name -> cell, NULL as "NULL".
  std::vector<std::map<std::string, std::string>> rows(const std::string& name) {
    const View shown = view(name);
    std::vector<std::map<std::string, std::string>> rows;
    for (const auto& row : shown.rows()) {
      EXPECT_EQ(row.size(), shown.columns.size()) << name;
      auto& into = rows.emplace_back();
      for (std::size_t i = 0; i < row.size(); ++i) into[shown.columns[i].name] = row[i].value_or("NULL");
    }
    return rows;
  }
};

std::string type_word(View::Column::Type type) {
  const char* const words[] = {"text", "integer", "real", "boolean", "timestamp"};
  return words[static_cast<std::size_t>(type)];
}

TEST_F(ViewsTest, PeersShowIdNameAndTypeAsBeforeAndNoSecret) {
  const auto shown = rows("peers");
  ASSERT_EQ(shown.size(), 3u);
  EXPECT_EQ(shown[0].at("name"), "ch");
  EXPECT_EQ(shown[0].at("type"), "8");
  EXPECT_EQ(shown[0].at("id"), "3");
  EXPECT_EQ(shown[2].at("type"), "3");
  EXPECT_EQ(shown[2].at("kind"), "POSTGRES");
  EXPECT_EQ(shown[2].at("options"), R"({"host":"h1","password":"********"})");
}

TEST_F(ViewsTest, MirrorsTellHealthProgressLagAndTheLastError) {
  supervisor_.show(mirrors_.record("m").id, [](MirrorStatus& status) {
    status.state = MirrorState::running;
    status.step = "streaming";
    status.received = Lsn{0x1'0000'0200};
    status.applied = Lsn{0x1'0000'0100};
    status.server_end = Lsn{0x1'0000'0300};
    status.horizon = Lsn{5};
    status.lag_time = std::chrono::milliseconds(1250);
    status.last_error = Error(ErrorCode::disk_full, "the disk is full", "free some space").text;
    status.last_error_at_us = 1'700'000'000'123'456;
    status.created_at_us = 1'700'000'000'000'000;
    TableStatus table;
    table.source = "public.t";
    table.target = "t";
    table.chunks_done = 3;
    table.chunks_total = 4;
    table.rows_copied = 30;
    status.tables = {table, table};
  });
  const auto shown = rows("mirrors").at(0);
  const std::map<std::string, std::string> expected = {{"name", "m"},
                                                       {"source", "src"},
                                                       {"target", "dst"},
                                                       {"state", "RUNNING"},
                                                       {"step", "streaming"},
                                                       {"tables", "2"},
                                                       {"chunks_done", "6"},
                                                       {"chunks_total", "8"},
                                                       {"rows_copied", "60"},
                                                       {"lag_bytes", "512"},
                                                       {"lag_seconds", "1.250"},
                                                       {"received_lsn", "1/200"},
                                                       {"applied_lsn", "1/100"},
                                                       {"confirmed_lsn", "NULL"},
                                                       {"last_error", "the disk is full"},
                                                       {"last_error_hint", "free some space"},
                                                       {"last_error_at", "2023-11-14 22:13:20.123+00"},
                                                       {"next_retry_at", "NULL"},
                                                       {"created_at", "2023-11-14 22:13:20.000+00"},
                                                       {"consistent", "t"}};
  for (const auto& [column, value] : expected) EXPECT_EQ(shown.at(column), value) << column;
  EXPECT_EQ(rows("mirror_tables").at(1).at("chunks_done"), "3");
}

TEST_F(ViewsTest, ChunksBatchesAndLogsComeFromTheCatalog) {
  const MirrorId id = mirrors_.record("m").id;
  const Lease lease = catalog_->lease(id, "me", std::chrono::hours(1)).value();
  MirrorTable table;
  table.schema.id = TableId{9};
  table.start = Lsn{1};
  catalog_->plan(
      lease, table,
      std::vector<Chunk>{{TableId{9}, Lsn{1}, 0, 1, 0, 10}, {TableId{9}, Lsn{1}, 1, 1, 10, Chunk::kNoEndBlock}});
  catalog_->chunk_done(lease, {TableId{9}, Lsn{1}, 0, 1, 0, 10}, {5, 50});
  StageTimes stages;
  stages[Stage::receive] = std::chrono::microseconds(1234);
  stages[Stage::checkpoint] = std::chrono::milliseconds(3'600'000);
  const std::chrono::milliseconds waited{3}, applied{40};
  catalog_->checkpoint(lease, Durable{Lsn{0x20}},
                       {.first = Lsn{0x10}, .end = Lsn{0x20}, .inserts = 7, .waited = waited, .applied = applied, .stages = stages});
  catalog_->log(id, {.level = "warning", .message = "again", .detail = {}, .hint = "do this"});
  supervisor_.show(id, [](MirrorStatus& status) {
    status.tables = {{}};
    status.tables[0].id = TableId{9};
    status.tables[0].source = "public.t";
  });
  const auto chunks = rows("mirror_chunks");
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[0].at("table"), "public.t");
  EXPECT_EQ(chunks[0].at("done"), "t");
  EXPECT_EQ(chunks[0].at("rows"), "5");
  EXPECT_EQ(chunks[1].at("end_block"), "NULL") << "the last chunk has no end";
  EXPECT_EQ(rows("mirror_batches").at(0).at("inserts"), "7");
  EXPECT_EQ(rows("mirror_batches").at(0).at("end_lsn"), "0/20");
  const std::map<std::string, std::string> times{{"waited_ms", "3"}, {"applied_ms", "40"}, {"receive_ms", "1.234"}, {"full_ms", "0.000"}, {"checkpoint_ms", "3600000.000"}};
  for (const auto& [column, value] : times) EXPECT_EQ(rows("mirror_batches").at(0).at(column), value) << column;
  EXPECT_EQ(rows("mirror_logs").at(0).at("hint"), "do this");
  EXPECT_EQ(rows("mirror_logs").at(0).at("detail"), "NULL");
}

TEST_F(ViewsTest, AlertsShowWhatIsOpenAndNoSecret) {
  AlertStore& store = alerts_of(*catalog_);
  const std::int64_t id = store.add_alert({.id = -1, .service_type = "slack", .service_config = R"({"auth_token":"xoxb"})", .mirrors = {"m", "n"}});
  ASSERT_EQ(rows("alerts").size(), 1u);
  EXPECT_EQ(rows("alerts").at(0).at("alert_for_mirrors"), "m,n");
  EXPECT_EQ(rows("alerts").at(0).at("cause"), "NULL");
  store.put_cause({.config = id, .mirror = "m", .cause = "failed", .message = "it has failed", .hint = {}, .since_us = 1, .told_at_us = 0, .resolved_at_us = 0});
  ASSERT_EQ(rows("alerts").size(), 1u);
  EXPECT_EQ(rows("alerts").at(0).at("cause"), "failed");
  EXPECT_EQ(rows("alerts").at(0).at("told_at"), "NULL");
  for (const View& view : views(peers_, mirrors_, *catalog_, "other")) {
    if (view.name == "alerts") {
      EXPECT_TRUE(view.rows().empty());
    }
  }
}

TEST_F(ViewsTest, AMirrorThatRunsNowhereYetIsShown) {
  catalog_->put_mirror({"waiting", "src", "ch", {{"public.t", "x", {}}}, {}});
  EXPECT_EQ(rows("mirrors").at(1).at("name"), "waiting");
  EXPECT_EQ(rows("mirrors").at(1).at("state"), "SETUP");
}

TEST_F(ViewsTest, DocsListEveryViewAndColumnInOrder) {
  const auto root = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path().parent_path();
  std::ifstream docs(root / "docs/views.md");
  ASSERT_TRUE(docs) << root;
  std::vector<std::string> documented, real;
  for (std::string line; std::getline(docs, line);) {
    if (line.starts_with("## ")) documented.push_back(line.substr(3));
    if (!line.starts_with("| `")) continue;
    const std::size_t name_end = line.find('`', 3), type_end = line.find(" |", name_end + 4);
    documented.push_back(line.substr(3, name_end - 3) + " " + line.substr(name_end + 4, type_end - name_end - 4));
  }
  for (const View& view : views(peers_, mirrors_, *catalog_)) {
    real.push_back(view.name);
    EXPECT_FALSE(view.doc.empty());
    for (const View::Column& column : view.columns) real.push_back(column.name + " " + type_word(column.type));
  }
  EXPECT_EQ(documented, real);
}

}  // namespace
}  // namespace peerd

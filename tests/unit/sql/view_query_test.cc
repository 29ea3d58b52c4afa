#include "peerd/sql/view_query.h"

#include "unit/control/control_fixture.h"

namespace peerd {
namespace {

class ViewQueryTest : public ControlTest {
 protected:
  ViewQueryRows ask(const std::string& sql) { return query_(sql, wait()); }
  ViewQueryRefused refused(const std::string& sql) {
    try {
      ask(sql);
    } catch (const ViewQueryRefused& error) {
      return error;
    }
    ADD_FAILURE() << "answered: " << sql;
    return {{}, "", 0};
  }
  ViewQuery query_ = make_view_query(peers_, mirrors_, *catalog_);
};

TEST_F(ViewQueryTest, AnswersWithNamesTypesAndText) {
  make_peers();
  const ViewQueryRows found = ask("SELECT name, type, NULL AS nothing FROM peers WHERE kind = 'POSTGRES' ORDER BY name;");
  ASSERT_EQ(found.columns.size(), 3u);
  EXPECT_EQ(found.columns[1].name, "type");
  EXPECT_EQ(found.columns[1].type, "int8");
  ASSERT_EQ(found.rows.size(), 2u);
  EXPECT_EQ(found.rows[1], (std::vector<std::optional<std::string>>{"src", "3", std::nullopt}));
  EXPECT_FALSE(found.truncated);
}

TEST_F(ViewQueryTest, GivesAThousandRowsAtMost) {
  make_peers();
  create(asked("m"));
  for (int i = 0; i < 40; ++i) catalog_->log(mirrors_.record("m").id, {.level = "info", .message = "x"});
  const ViewQueryRows found = ask("SELECT a.id FROM mirror_logs a CROSS JOIN mirror_logs b");
  EXPECT_EQ(found.rows.size(), 1000u);
  EXPECT_TRUE(found.truncated);
  EXPECT_EQ(ask("SELECT a.id FROM mirror_logs a").rows.size(), 40u);
}

TEST_F(ViewQueryTest, GivesSixteenMebibytesAtMost) {
  make_peers();
  create(asked("m"));
  for (int i = 0; i < 40; ++i) catalog_->log(mirrors_.record("m").id, {.level = "info", .message = "x"});
  const ViewQueryRows found = ask("SELECT repeat('x', 1000000) FROM mirror_logs");
  EXPECT_EQ(found.rows.size(), 16u);
  EXPECT_TRUE(found.truncated);
}

TEST_F(ViewQueryTest, WhatIsNoSelectOverViewsIsRefused) {
  make_peers();
  EXPECT_EQ(refused("DROP PEER src").sqlstate, "0A000");
  EXPECT_EQ(refused("BEGIN").sqlstate, "0A000");
  EXPECT_EQ(refused("SELECT 1; SELECT 2").sqlstate, "42601");
  EXPECT_EQ(refused("").sqlstate, "42601");
  EXPECT_EQ(refused("SELECT $1").sqlstate, "42P02");
  EXPECT_EQ(refused("SELECT '\xff'").sqlstate, "22021");
  EXPECT_EQ(refused("SELECT * FROM peers FOR UPDATE").sqlstate, "0A000");
  EXPECT_TRUE(has(refused("SELECT * FROM src.public.t").text.message, "src"));
  const ViewQueryRefused unknown = refused("SELECT x FROM peers");
  EXPECT_EQ(unknown.sqlstate, "42703");
  EXPECT_EQ(unknown.position, 8u);
  EXPECT_EQ(peers_.list().size(), 3u);
}

}  // namespace
}  // namespace peerd

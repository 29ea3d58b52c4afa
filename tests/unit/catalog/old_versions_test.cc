// Catalogs that older versions wrote are opened by this one, with all that they hold.
#include <fstream>
#include <sstream>

#include "catalog_fixture.h"
#include "peerd/sqlite/sqlite.h"

namespace peerd {
namespace {

class OldVersionsTest : public CatalogTest {
 protected:
  void load(const std::string& file) {
    std::stringstream sql;
    sql << std::ifstream(std::filesystem::path(__FILE__).parent_path() / file).rdbuf();
    ASSERT_FALSE(sql.str().empty());
    sqlite::Database(path_).run(sql.str());
  }
};

TEST_F(OldVersionsTest, Version1IsOpenedWhole) {
  load("catalog_v1.sql");
  EXPECT_EQ(catalog().peer("src"), peer("src"));
  const MirrorRecord record = catalog().mirror("orders").value();
  EXPECT_EQ(record.spec, mirror("orders"));
  EXPECT_EQ(record.state, MirrorState::snapshot);
  EXPECT_EQ(record.resume_to, MirrorState::snapshot);
  const MirrorProgress progress = catalog().progress(record.id);
  EXPECT_EQ(progress.slot->slot, "peerd_slot");
  EXPECT_EQ(progress.slot->consistent_point, Lsn{0x16B374D848});
  EXPECT_EQ(progress.identity, (SourceIdentity{7123456789012345678ull, 3}));
  EXPECT_EQ(progress.checkpoint->lsn, Lsn{0x16B374DB00});
  EXPECT_EQ(progress.shaped_at, Lsn{0x16B374D901});
  EXPECT_EQ(progress.tables, (std::vector{table(16384, "t", Lsn{0x16B374D900}), table(16390, "u", Lsn{0x16B374D900})}));
  EXPECT_TRUE(progress.notes.at(1).copied);
  EXPECT_EQ(progress.notes.at(1).horizon, Lsn{0x16B374DA00});
  EXPECT_EQ(done_chunks(record.id), 2u);
  EXPECT_EQ(catalog().batches(record.id).at(0).batch.deletes, 3u);
  EXPECT_EQ(catalog().logs(record.id).at(0).hint, "wait");
  EXPECT_EQ(catalog().lease(record.id, "me", std::chrono::hours(1))->epoch, 2u);
  catalog().put_peer(peer("new"), Replace::no);
  EXPECT_EQ(catalog().peer_records().size(), 3u);
}

}  // namespace
}  // namespace peerd

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

TEST_F(OldVersionsTest, ChunksOfVersion1AreCutByBlocks) {
  load("catalog_v1.sql");
  const MirrorRecord record = catalog().mirror("orders").value();
  for (const ChunkRecord& chunk : catalog().chunks(record.id)) EXPECT_FALSE(chunk.chunk.range);
  EXPECT_EQ(catalog().progress(record.id).notes.at(0).moves, 0u);
}

TEST_F(OldVersionsTest, Version2KeepsRangesOfTheKeyAndCountsMoves) {
  load("catalog_v2.sql");
  const MirrorRecord record = catalog().mirror("orders").value();
  EXPECT_EQ(record.spec, mirror("orders"));
  const std::vector<ChunkRecord> chunks = catalog().chunks(record.id);
  ASSERT_EQ(chunks.size(), 3u);
  EXPECT_EQ(chunks[0].chunk.range, (Chunk::KeyRange{{}, {"100", "ä"}, -7}));
  EXPECT_EQ(chunks[1].chunk.range, (Chunk::KeyRange{{"100", "ä"}, {}, -7}));
  EXPECT_FALSE(chunks[2].chunk.range);
  EXPECT_EQ(catalog().progress(record.id).notes.at(0).moves, 2u);
  EXPECT_EQ(catalog().progress(record.id).notes.at(1).moves, 0u);
}

}  // namespace
}  // namespace peerd

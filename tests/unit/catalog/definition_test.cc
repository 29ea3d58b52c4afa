#include <fstream>
#include <sstream>

#include "catalog_fixture.h"

namespace peerd {
namespace {

class DefinitionTest : public CatalogTest {};

TEST_F(DefinitionTest, PeersAndMirrorsAreThereAfterARestart) {
  const Lease lease = made();
  const MirrorRecord before = catalog().mirror("m").value();
  EXPECT_EQ(before.state, MirrorState::setup);
  EXPECT_EQ(before.uuid.size(), 36u);
  EXPECT_GT(before.created_at_us, 0);
  reopen();
  EXPECT_EQ(catalog().peer("src"), peer("src"));
  const MirrorRecord after = catalog().mirror(lease.mirror).value();
  EXPECT_EQ(after.spec, mirror("m"));
  EXPECT_EQ(after.uuid, before.uuid);
  EXPECT_EQ(after.created_at_us, before.created_at_us);
}

TEST_F(DefinitionTest, SettingsOfColumnsAreThereAfterARestart) {
  MirrorSpec spec = mirror("m");
  spec.tables[0].columns = {{"a", "b", "Decimal(18, 2)", 1, 2, true}, {"c", "", "", 0, 0, false}, {"d"}};
  spec.tables[0].engine = "MergeTree";
  spec.tables[0].partition_by = "a % 3";
  catalog().put_peer(peer("src"), Replace::no);
  catalog().put_peer(peer("dst"), Replace::no);
  catalog().put_mirror(spec);
  reopen();
  const MirrorSpec after = catalog().mirror("m")->spec;
  EXPECT_EQ(after, spec);
  EXPECT_EQ(after.tables[0].columns[1].nullable, false);
  EXPECT_EQ(after.tables[0].columns[2].nullable, std::nullopt);
}

TEST_F(DefinitionTest, NamesCompareExactly) {
  catalog().put_peer(peer("Src"), Replace::no);
  EXPECT_FALSE(catalog().peer("src"));
  EXPECT_EQ(catalog().put_peer(peer("src"), Replace::no), Catalog::Put::created);
  EXPECT_EQ(catalog().peers().size(), 2u);
}

TEST_F(DefinitionTest, PeerIdsAreNotReused) {
  catalog().put_peer(peer("a"), Replace::no);
  catalog().put_peer(peer("b"), Replace::no);
  const std::int64_t id = catalog().peer_records().at(1).id;
  catalog().drop_peer("b");
  catalog().put_peer(peer("b"), Replace::no);
  EXPECT_GT(catalog().peer_records().at(1).id, id);
}

TEST_F(DefinitionTest, TheSamePeerAgainIsUnchanged) {
  catalog().put_peer(peer("src"), Replace::no);
  EXPECT_EQ(catalog().put_peer(peer("src"), Replace::no), Catalog::Put::unchanged);
  PeerSpec with_default = peer("src");
  with_default.options["port"] = "5432";
  EXPECT_EQ(catalog().put_peer(with_default, Replace::no), Catalog::Put::unchanged)
      << "a default spelt out is no difference";
}

TEST_F(DefinitionTest, AnotherPeerOfThatNameIsRefusedNamingWhatDiffersButNoSecret) {
  catalog().put_peer(peer("src"), Replace::no);
  PeerSpec other = peer("src", "h2");
  other.options["password"] = "looking-glass";
  const ErrorText text = error_of([&] { catalog().put_peer(other, Replace::no); });
  EXPECT_EQ(text.code, ErrorCode::already_exists);
  EXPECT_TRUE(has(text.message, "host ('h1' there, 'h2' asked)")) << text.message;
  EXPECT_TRUE(has(text.message, "password"));
  EXPECT_FALSE(has(text.message, "wonderland") || has(text.message, "looking-glass"));
  EXPECT_EQ(catalog().put_peer(other, Replace::yes), Catalog::Put::replaced);
  EXPECT_EQ(catalog().peer("src"), other);
}

TEST_F(DefinitionTest, APeerInUseIsNeitherDroppedNorMadeAnotherKind) {
  made();
  const ErrorText text = error_of([&] { catalog().drop_peer("src"); });
  EXPECT_EQ(text.code, ErrorCode::wrong_state);
  EXPECT_TRUE(has(text.message, "mirror m"));
  PeerSpec other = peer("src");
  other.kind = "CLICKHOUSE";
  EXPECT_EQ(error_of([&] { catalog().put_peer(other, Replace::yes); }).code, ErrorCode::wrong_state);
  EXPECT_EQ(error_of([&] { catalog().drop_peer("nobody"); }).code, ErrorCode::not_found);
}

TEST_F(DefinitionTest, TheSameMirrorAgainIsUnchangedAndAnotherIsRefused) {
  made();
  EXPECT_EQ(catalog().put_mirror(mirror("m")), Catalog::Put::unchanged);
  MirrorSpec other = mirror("m");
  other.options["max_batch_size"] = "7";
  other.tables.pop_back();
  const ErrorText text = error_of([&] { catalog().put_mirror(other); });
  EXPECT_EQ(text.code, ErrorCode::already_exists);
  EXPECT_TRUE(has(text.message, "the mapping of public.u")) << text.message;
  EXPECT_TRUE(has(text.message, "max_batch_size ('5000' there, '7' asked)")) << text.message;
}

TEST_F(DefinitionTest, AMirrorNeedsBothPeers) {
  catalog().put_peer(peer("src"), Replace::no);
  const ErrorText text = error_of([&] { catalog().put_mirror(mirror("m")); });
  EXPECT_EQ(text.code, ErrorCode::not_found);
  EXPECT_TRUE(has(text.message, "\"dst\""));
}

TEST_F(DefinitionTest, AMoveFromAnotherStateIsRefusedAndSaysWhich) {
  const MirrorId id = made().mirror;
  catalog().move(id, MirrorState::setup, MirrorState::snapshot, "copying");
  const ErrorText text = error_of([&] { catalog().move(id, MirrorState::setup, MirrorState::running, ""); });
  EXPECT_EQ(text.code, ErrorCode::wrong_state);
  EXPECT_TRUE(has(text.message, "is SNAPSHOT, not SETUP")) << text.message;
  catalog().set_resume_to(id, MirrorState::snapshot);
  reopen();
  const MirrorRecord record = catalog().mirror(id).value();
  EXPECT_EQ(record.state, MirrorState::snapshot);
  EXPECT_EQ(record.resume_to, MirrorState::snapshot);
  EXPECT_EQ(record.reason, "copying");
  EXPECT_EQ(error_of([&] { catalog().move(MirrorId{77}, MirrorState::setup, MirrorState::running, ""); }).code,
            ErrorCode::not_found);
}

TEST_F(DefinitionTest, ADeletedMirrorLeavesNothingAndItsSuccessorIsAnother) {
  const Lease lease = made();
  const MirrorTable t = table(1, "t", Lsn{5});
  catalog().set_tables(lease, std::vector{t}, Lsn{});
  catalog().plan(lease, t, chunks_of(t, 3));
  catalog().checkpoint(lease, Durable{Lsn{9}}, {.first = {}, .end = {}, .inserts = 1});
  catalog().log(lease.mirror, {.level = "info", .message = "m", .detail = {}, .hint = {}});
  catalog().delete_mirror(lease.mirror);
  EXPECT_FALSE(catalog().mirror("m"));
  EXPECT_TRUE(catalog().chunks(lease.mirror).empty());
  EXPECT_TRUE(catalog().logs(lease.mirror).empty());
  EXPECT_TRUE(catalog().batches(lease.mirror).empty());
  const Lease next = made();
  EXPECT_NE(next.uuid, lease.uuid);
  EXPECT_NE(next.mirror, lease.mirror);
  EXPECT_TRUE(catalog().progress(next.mirror).tables.empty());
  catalog().log(lease.mirror, {.level = "info", .message = "late", .detail = {}, .hint = {}});
  EXPECT_TRUE(catalog().logs(lease.mirror).empty()) << "a late line of a dropped mirror is dropped too";
}

TEST_F(DefinitionTest, NoSecretLiesInTheFileInPlain) {
  made();
  PeerSpec unknown = peer("other");
  unknown.kind = "KAFKA";
  unknown.options["token"] = "caterpillar";
  catalog().put_peer(unknown, Replace::no);
  reopen();
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    std::stringstream bytes;
    bytes << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    EXPECT_FALSE(has(bytes.str(), "wonderland")) << entry.path();
    EXPECT_FALSE(has(bytes.str(), "caterpillar")) << "what no table calls public is sealed";
    EXPECT_EQ(entry.status().permissions() & std::filesystem::perms::others_all, std::filesystem::perms::none)
        << entry.path();
  }
  EXPECT_EQ(catalog().peer("other"), unknown);
}

TEST_F(DefinitionTest, AWrongKeyIsToldWhenTheCatalogIsOpened) {
  catalog().put_peer(peer("src"), Replace::no);
  const ErrorText text = error_of([&] { reopen(kKeyB); });
  EXPECT_TRUE(has(text.message, "peer \"src\"")) << text.message;
  EXPECT_TRUE(has(text.message, path_)) << text.message;
  EXPECT_TRUE(has(text.hint, "PEERD_KEYS")) << text.hint;
  reopen();
}

TEST_F(DefinitionTest, AReplacedPeerIsSealedWithTheFirstKeySoThatTheOldOneCanGo) {
  catalog().put_peer(peer("src"), Replace::no);
  reopen(std::string(kKeyB) + "," + kKeyA);
  EXPECT_EQ(catalog().put_peer(peer("src"), Replace::yes), Catalog::Put::unchanged);
  reopen(kKeyB);
  EXPECT_EQ(catalog().peer("src"), peer("src"));
}

TEST_F(DefinitionTest, ANameThatIsNotUtf8IsRefused) {
  PeerSpec bad = peer("src");
  bad.options["host"] = "\xff";
  EXPECT_EQ(error_of([&] { catalog().put_peer(bad, Replace::no); }).code, ErrorCode::bad_value);
  EXPECT_FALSE(catalog().peer("src"));
}

}  // namespace
}  // namespace peerd

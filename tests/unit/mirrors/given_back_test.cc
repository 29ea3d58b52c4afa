// Tables that came by a pattern while the mirror ran stop nothing when they cannot be taken up.
#include "supervisor_fixture.h"
#include "table_changes.h"

namespace peerd {
namespace {

class GivenBackTest : public SupervisorTest {
 protected:
  /// As control adds what a pattern names.
  void add(MirrorId id, const std::string& table) {
    MirrorSpec spec = catalog_->mirror(id)->spec;
    spec.patterns = {{"public.*", "public.*", {}}};
    spec.tables.push_back({table, table, {}});
    spec.tables.back().by_pattern = spec.tables.back().came_later = true;
    supervisor_->change(*catalog_->mirror(id), spec);
  }
  void add_by_name(MirrorId id, const std::string& table) {
    MirrorSpec spec = catalog_->mirror(id)->spec;
    spec.tables.push_back({table, table, {}});
    supervisor_->change(*catalog_->mirror(id), spec);
  }
  bool told(MirrorId id, const std::string& words) {
    for (const LogRecord& line : catalog_->logs(id))
      if (line.message.find(words) != std::string::npos) return true;
    return false;
  }
};

TEST_F(GivenBackTest, OneThatIsGoneBeforeItIsTakenUpLeavesTheMirrorAndNothingStops) {
  fill(5);
  const MirrorId id = create();
  reach(id, MirrorState::running);
  source().add_table("public.there", {"id"});
  add(id, "public.gone");
  until("the table to be given back", [&] { return told(id, "public.gone"); });
  until("the mirror to run", [&] { return supervisor_->status(id).state == MirrorState::running; });
  EXPECT_EQ(catalog_->mirror(id)->spec.tables.size(), 1u);
  EXPECT_EQ(catalog_->mirror(id)->spec.patterns.size(), 1u);
  add(id, "public.there");
  until("the other to be taken up", [&] { return catalog_->progress(id).tables.size() == 2; });
  reach(id, MirrorState::running);
  EXPECT_TRUE(catalog_->mirror(id)->spec.tables.back().came_later) << "it is stored";
}

TEST(NotTakenUp, TheTableThatFailedOrAllThatHadSomethingElseLookedAt) {
  MirrorSpec spec{"m", "a", "b", {{"public.old", "old", {}}, {"public.copying", "copying", {}}, {"public.x", "x", {}}, {"public.y", "y", {}}}, {}};
  for (std::size_t i = 1; i < 4; ++i) spec.tables[i].came_later = true;
  MirrorProgress progress;
  for (const char* name : {"old", "copying"}) {
    MirrorTable table;
    table.schema.schema = "public";
    table.schema.name = table.target_name = name;
    table.schema.id = TableId{static_cast<std::uint32_t>(progress.tables.size() + 1)};
    progress.tables.push_back(table);
  }
  const auto of = [&](const std::string& table) {
    std::string names;
    for (const TableMapping& mapping : not_taken_up(spec, progress, table)) names += mapping.target + " ";
    return names;
  };
  EXPECT_EQ(of("public.x"), "x ");
  EXPECT_EQ(of("copying"), "copying ") << "by the target's name, in the midst of its copy";
  EXPECT_EQ(of("public.old"), "x y ") << "a parked table that is gone stops only additions";
  EXPECT_EQ(of(""), "x y ");
  progress.notes.push_back({.table = TableId{2}, .copied = true});
  spec.tables.resize(2);
  EXPECT_EQ(of("public.copying"), "") << "it was taken up";
}

TEST_F(GivenBackTest, OneThatAnOperatorNamedStopsTheMirrorAsEver) {
  const MirrorId id = create();
  reach(id, MirrorState::running);
  add_by_name(id, "public.gone");
  reach(id, MirrorState::failed);
  EXPECT_EQ(catalog_->mirror(id)->spec.tables.size(), 2u);
}

}  // namespace
}  // namespace peerd

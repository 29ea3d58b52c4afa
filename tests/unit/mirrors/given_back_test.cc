// Tables that came by a pattern while the mirror ran stop nothing when they cannot be taken up.
#include "supervisor_fixture.h"

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

TEST_F(GivenBackTest, OneThatAnOperatorNamedStopsTheMirrorAsEver) {
  const MirrorId id = create();
  reach(id, MirrorState::running);
  add_by_name(id, "public.gone");
  reach(id, MirrorState::failed);
  EXPECT_EQ(catalog_->mirror(id)->spec.tables.size(), 2u);
}

}  // namespace
}  // namespace peerd

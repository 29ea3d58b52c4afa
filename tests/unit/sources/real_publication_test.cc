#include "real_source.h"

namespace peerd {
namespace {

class RealPublication : public RealSource {
 protected:
  std::string problems() {
    source_.reset();
    std::string text;
    for (const Problem& problem : source().preflight(wait_))
      text += problem.text.message + " | " + problem.cure_sql + " | " + problem.text.table + "\n";
    return text;
  }
};

TEST_F(RealPublication, ANamedPublicationIsReadUnderItsOwnName) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY)");
  map("public.t");
  mirror_.options["publication_name"] = "The-irs";
  const std::string cure = "CREATE PUBLICATION \"The-irs\" FOR TABLE ONLY \"public\".\"t\"";
  const std::string text = problems();
  EXPECT_NE(text.find("publication \"The-irs\" does not exist"), std::string::npos) << text;
  EXPECT_NE(text.find(cure), std::string::npos) << text;
  EXPECT_THROW(source().ensure_publication(wait_), Error);
  EXPECT_EQ(sql("SELECT count(*) FROM pg_publication").integer(0, 0), 0) << "a typo makes none";
  sql(cure);
  EXPECT_EQ(problems(), "");
  source().ensure_publication(wait_);
  source().drop(true, wait_);
  EXPECT_EQ(sql("SELECT count(*) FROM pg_publication").integer(0, 0), 1) << "not ours to drop";
}

TEST_F(RealPublication, AnOwnPublicationIsMadeWidenedAndDropped) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY); CREATE TABLE public.u (id int PRIMARY KEY)");
  map("public.t");
  EXPECT_EQ(problems(), "");
  source().ensure_publication(wait_);
  map("public.u");
  source_.reset();
  source().ensure_publication(wait_);
  EXPECT_EQ(sql("SELECT count(*) FROM pg_publication_tables").integer(0, 0), 2);
  source().drop(true, wait_);
  EXPECT_EQ(sql("SELECT count(*) FROM pg_publication").integer(0, 0), 0);
}

TEST_F(RealPublication, ATableThatItLacksIsNamedAsTheSubject) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY); CREATE PUBLICATION theirs");
  map("public.t");
  mirror_.options["publication_name"] = "theirs";
  EXPECT_NE(problems().find("ADD TABLE ONLY \"public\".\"t\" | public.t\n"), std::string::npos) << problems();
}

}  // namespace
}  // namespace peerd

#include "real_stream.h"

// A column of a mirrored table is dropped, seen at the stream.
namespace peerd {
namespace {

TEST_F(RealStream, ADroppedColumnIsGoneFromWhereItWasDropped) {
  sql("SET search_path = public; CREATE TABLE t (id int PRIMARY KEY, p int, q text, b text)");
  map("public.t");
  tables_ = set_up();
  open(tables_);
  sql("INSERT INTO t VALUES (1, 1, 'q', 'b')");
  sql("ALTER TABLE t DROP q");
  sql("INSERT INTO t VALUES (2, 2, 'b')");
  EXPECT_EQ(read(), "i t 1 1 q b\nshape: id integer p integer b text\ni t 2 2 b\n");
  EXPECT_EQ(notes_.excluded, (std::vector<CatalogNotes::Excluded>{{"q", -3}}));
  // What was sent comes again: in the shape that the target has.
  stream_.reset();
  builder_ = BatchBuilder();
  shaped_at_ = shaped_commit_;
  open({shaped_});
  EXPECT_EQ(read(), "i t 1 1 b\ni t 2 2 b\n");
  sql("BEGIN; INSERT INTO t VALUES (3, 3, 'b'); ALTER TABLE t DROP p; INSERT INTO t VALUES (4, 'b'); COMMIT");
  EXPECT_EQ(read(), "i t 3 3 b\nshape: id integer b text\ni t 4 b\n");
  const Lsn from = builder_.complete_to();
  // In the middle of that transaction: its first change comes again, of when the column was there.
  stream_.reset();
  builder_ = BatchBuilder();
  shaped_at_ = shaped_commit_;
  open({shaped_});
  EXPECT_EQ(read(), "i t 1 b\ni t 2 b\ni t 3 b\ni t 4 b\n");
  EXPECT_GE(builder_.complete_to(), from);
  sql("ALTER TABLE t ADD c int DEFAULT 5; INSERT INTO t VALUES (5, 'b')");
  EXPECT_EQ(read(), "shape: id integer b text c integer=5\ni t 5 b 5\n");
  EXPECT_TRUE(words_.empty()) << words_[0];
}

// Both are gone when anybody looks, and which of them a row has is told by its name alone.
TEST_F(RealStream, OfSeveralDroppedColumnsNoneIsGuessed) {
  sql("SET search_path = public; CREATE TABLE t (id int PRIMARY KEY, p int, q int, b text)");
  map("public.t");
  tables_ = set_up();
  open(tables_);
  sql("INSERT INTO t VALUES (1, 1, 1, 'b')");
  sql("ALTER TABLE t DROP p; INSERT INTO t VALUES (2, 2, 'b')");
  sql("ALTER TABLE t DROP q; INSERT INTO t VALUES (3, 'b')");
  EXPECT_EQ(read(), "i t 1 1 1 b\nshape: id integer b text\ni t 2 b\ni t 3 b\n");
  sql("ALTER TABLE t ADD q int; INSERT INTO t VALUES (4, 'b', 4)");
  EXPECT_EQ(read(), "shape: id integer b text q integer\ni t 4 b 4\n") << "whether the name is free, the target knows";
}

// One that was excluded may go, too; it is not counted for ever.
TEST_F(RealStream, AnExcludedColumnThatIsDroppedIsNobodysLoss) {
  sql("SET search_path = public; CREATE TABLE t (id int PRIMARY KEY, s text, p int, b text)");
  map("public.t", {"s"});
  tables_ = set_up();
  open(tables_);
  sql("INSERT INTO t VALUES (1, 's', 1, 'b')");
  sql("ALTER TABLE t DROP s; INSERT INTO t VALUES (2, 2, 'b')");
  EXPECT_EQ(read(), "i t 1 1 b\ni t 2 2 b\n");
  sql("ALTER TABLE t DROP p; INSERT INTO t VALUES (3, 'b')");
  EXPECT_EQ(read(), "shape: id integer b text\ni t 3 b\n");
  EXPECT_EQ(notes_.excluded, (std::vector<CatalogNotes::Excluded>{{"s", -2}, {"p", -3}}));
}

// DROP and ADD in one go leave as many columns as before: the last one is either, by all that the stream tells.
TEST_F(RealStream, AColumnInTheTurnOfADroppedOneStopsTheMirrorUnlessItIsSure) {
  sql("SET search_path = public");
  map("public.t");
  const std::string make = "DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, p int, q int)";
  sql(make);
  open_anew();
  sql("ALTER TABLE t DROP q, ADD r int; INSERT INTO t VALUES (1, 1, 1)");
  EXPECT_NE(error().message.find("has lost column \"q\""), std::string::npos);
  sql(make);
  open_anew();
  sql("INSERT INTO t VALUES (0, 0, 0); ALTER TABLE t DROP q, ADD r int; INSERT INTO t VALUES (1, 1, 1)");
  EXPECT_NE(error().message.find("has lost column \"q\""), std::string::npos);
  sql(make);
  open_anew();
  sql("ALTER TABLE t DROP q; INSERT INTO t VALUES (1, 1); ALTER TABLE t ADD r int; INSERT INTO t VALUES (2, 2, 2)");
  EXPECT_EQ(read(), "shape: id integer p integer\ni t 1 1\nshape: id integer p integer r integer\ni t 2 2 2\n");
  // The stream has come by all that was before: what it brings has the columns that the catalog has.
  sql(make);
  open_anew();
  stream_.reset();
  sql("ALTER TABLE t DROP q, ADD r int");
  open(tables_);
  sql("INSERT INTO t VALUES (1, 1, 1)");
  EXPECT_EQ(read(), "shape: id integer p integer\nshape: id integer p integer r integer\ni t 1 1 1\n");
}

}  // namespace
}  // namespace peerd

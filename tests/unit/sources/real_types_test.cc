#include "real_stream.h"

// A mirrored table whose columns get other types, or lose their NOT NULL, seen at the stream.
namespace peerd {
namespace {

// None of these writes the table anew: the values are what they were.
TEST_F(RealStream, AColumnOfAnotherTypeIsFollowed) {
  const std::string p5 = "p character varying(5)", p9 = "p character varying(9)", q = " q numeric(6,2)";
  const std::vector<std::pair<std::string, std::string>> changes = {
      {"ALTER TABLE t ALTER p TYPE varchar(9); INSERT INTO t VALUES (7, 2, '123456789', 4)", "shape: id integer " + p9 + q + "\ni t 7 123456789 4.00\n"},
      {"ALTER TABLE t ALTER p TYPE varchar(9); INSERT INTO t VALUES (2, 2, '12345678', 4); ALTER TABLE t ALTER p TYPE text, ALTER q TYPE numeric;"
       "INSERT INTO t VALUES (7, 2, '12345678901', 1.125)",
       "shape: id integer " + p9 + q + "\ni t 2 12345678 4.00\nshape: id integer p text q numeric\ni t 7 12345678901 1.125\n"},
      {"ALTER TABLE t ALTER s TYPE bigint; INSERT INTO t VALUES (7, 2, 'x', 4)", "i t 7 x 4.00\n"},
      {"ALTER TABLE t ALTER p TYPE text; ALTER TABLE t RENAME p TO x; INSERT INTO t VALUES (7, 2, '12345678901', 4)",
       "shape: id integer x character varying(5)" + q + "\nshape: id integer x text" + q + "\ni t 7 12345678901 4.00\n"},
      {"ALTER TABLE t ADD n small5; INSERT INTO t VALUES (2, 2, 'x', 4, 5); ALTER TABLE t ALTER n TYPE int; INSERT INTO t VALUES (7, 2, 'x', 4, 6)", ""},
      {"ALTER TABLE t ALTER q TYPE numeric(9,2); ALTER TABLE t ALTER q TYPE numeric; INSERT INTO t VALUES (7, 2, 'x', 1.5)",
       "shape: id integer " + p5 + " q numeric\ni t 7 x 1.5\n"}};
  sql("SET search_path = public; CREATE DOMAIN small5 AS int");
  map("public.t", {"s"});
  for (const auto& [change, told] : changes) {
    for (const bool at_once : {false, true}) {
      sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, s int, p varchar(5), q numeric(6,2)); INSERT INTO t VALUES (0)");
      shaped_at_ = Lsn{};
      open_anew();
      words_.clear();
      sql("INSERT INTO t VALUES (1, 1, 'x', 1)");
      shaped_ = tables_[0];
      if (at_once) {
        sql("BEGIN; " + change + "; COMMIT");
      } else {
        for (const std::string& statement : split(change, ';')) sql(statement);
      }
      if (told.empty()) {  // It was added as another type than it has by now: nobody knows what older rows hold.
        EXPECT_NE(error().message.find("gained column \"n\""), std::string::npos);
        continue;
      }
      EXPECT_EQ(read(), "i t 1 x 1.00\n" + told) << change;
      EXPECT_TRUE(words_.empty()) << words_[0];
      expect_all_again("i t 1 x 1.00", change);
    }
  }
  shaped_at_ = Lsn{};
}

// What USING has made of the values is in no message: where the table was written anew, all rows come once more.
TEST_F(RealStream, WhatIsWrittenAnewWithAnotherTypeIsReadAgain) {
  const std::vector<std::string> changes = {
      "ALTER TABLE t ALTER n TYPE bigint USING n * 10000000000", "ALTER TABLE t ALTER n TYPE bigint",
      "ALTER TABLE t ALTER n TYPE bigint; INSERT INTO t VALUES (60, 1, 'ok'); ALTER TABLE t ALTER n TYPE text USING n || ' pieces'",
      "ALTER TABLE t ALTER m TYPE text USING m || '!'", "BEGIN; UPDATE t SET n = n + 1; ALTER TABLE t ALTER n TYPE numeric; UPDATE t SET n = n + 0.5 WHERE id < 9; COMMIT"};
  sql("SET search_path = public; CREATE TYPE mood AS ENUM ('sad', 'ok')");
  map("public.t");
  for (const std::string& change : changes) {
    for (const bool live : {true, false}) {
      sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, n int, m mood); INSERT INTO t SELECT g, g, 'ok' FROM generate_series(1, 50) g");
      open_anew();
      rows_ = shown();
      words_.clear();
      if (!live) stream_.reset();
      for (const std::string& statement : split(change, ';')) sql(statement);
      if (!live) open(tables_);
      sql("INSERT INTO t VALUES (51, 1, 'sad')");
      do read();
      while (notes_.read_again != Lsn{});
      read();
      EXPECT_EQ(rows_, shown()) << change << live;
      ASSERT_FALSE(words_.empty()) << change << live;
      EXPECT_NE(words_[0].find("TYPE ... USING"), std::string::npos) << words_[0];
    }
  }
}

// Of NOT NULL no message tells. The first NULL does, before it is handed out.
TEST_F(RealStream, ANullShowsThatNotNullWasDropped) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY, a int NOT NULL, b text NOT NULL)");
  map("public.t");
  open(set_up());
  sql("INSERT INTO public.t VALUES (1, 1, 'x'); ALTER TABLE public.t ALTER a DROP NOT NULL; INSERT INTO public.t VALUES (2, 2, 'x')");
  EXPECT_EQ(read(), "i t 1 1 x\ni t 2 2 x\n");
  sql("INSERT INTO public.t VALUES (3, NULL, 'x'); UPDATE public.t SET a = NULL WHERE id = 1");
  EXPECT_EQ(read(), "shape: id integer a integer b text\ni t 3 null x\nu t 1 null x\n");
  EXPECT_TRUE(shaped_.schema.columns[1].nullable);
  EXPECT_FALSE(shaped_.schema.columns[2].nullable);
}

}  // namespace
}  // namespace peerd

#include <algorithm>
#include <atomic>

#include "real_stream.h"

// Tables without a key: what their snapshot shows, and what the stream sends, are all that there is, each row once.
namespace peerd {
namespace {

class RealHeldSnapshot : public RealStream {
 protected:
  void SetUp() override {
    RealStream::SetUp();
    if (!connection_) return;
    sql("CREATE TABLE public.t (v text, n int); ALTER TABLE public.t REPLICA IDENTITY FULL; INSERT INTO public.t VALUES ('old', 1), ('old', 1)");
    map("public.t");
  }
  /// The table with the snapshot's start, and its chunks.
  std::vector<Chunk> planned(MirrorTable& table, const HeldSnapshot& held) {
    table.start = held.start();
    std::vector<Chunk> chunks = source().plan(table, CutBy::blocks, 50, wait_);
    for (Chunk& chunk : chunks) chunk.snapshot = held.name();
    return chunks;
  }
  std::vector<std::string> copied(const MirrorTable& table, const std::vector<Chunk>& chunks) {
    const auto reader = source().open_reader(wait_);
    std::string rows;
    for (const Chunk& chunk : chunks) {
      EXPECT_EQ(reader->open(table, chunk, {CopyForm::text, {}}, wait_), ChunkReader::Opened::ready);
      for (auto piece = reader->read(wait_); !piece.empty(); piece = reader->read(wait_))
        rows.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    }
    return split_lines(rows);
  }
  static std::vector<std::string> split_lines(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) lines.push_back(text.substr(at, end - at));
    return lines;
  }
};

TEST_F(RealHeldSnapshot, EachRowIsCopiedOrStreamedAndNeverBoth) {
  sql("INSERT INTO public.t SELECT 'old', 1 FROM generate_series(1, 2000)");
  const std::vector<MirrorTable> tables = set_up();
  std::atomic<int> written = 0;
  std::vector<std::jthread> writers;
  for (int w = 0; w < 3; ++w) {
    writers.push_back(in_background([&, w](const std::stop_token& stop) {
      const auto session = connect();
      if (w == 0) session->run("SET synchronous_commit = off", Wait::at_most(9s));
      for (int i = 0; !stop.stop_requested(); ++i) {
        const std::string row = "('" + std::to_string(w) + "." + std::to_string(i) + "', 2)";
        session->run("BEGIN; INSERT INTO public.t VALUES " + row + (i % 5 == 4 ? "; ROLLBACK" : "; COMMIT"), Wait::at_most(9s));
        ++written;
        std::this_thread::sleep_for(1ms);  // The snapshot's maker reads the WAL, and must not fall behind.
      }
    }));
  }
  struct Copy {
    MirrorTable table;
    std::vector<std::string> rows;
  };
  std::vector<Copy> copies;
  for (int round = 0; round < 6; ++round) {
    const int goal = written + 40;
    while (written < goal) std::this_thread::sleep_for(1ms), wait_.check("waiting for the writers");
    MirrorTable table = tables.at(0);
    const auto held = source().hold_snapshot({}, wait_);
    const int later = written + 30;
    while (written < later) std::this_thread::sleep_for(1ms), wait_.check("waiting for the writers");
    const auto chunks = planned(table, *held);
    copies.push_back({table, copied(table, chunks)});
    EXPECT_GT(chunks.size(), 1u);
  }
  writers.clear();
  const auto all = sql("SELECT v || E'\\t' || n FROM public.t");
  std::vector<std::string> expected;
  for (int row = 0; row < all.rows(); ++row) expected.push_back(all.string(row, 0));
  std::ranges::sort(expected);
  for (Copy& copy : copies) {
    stream_.reset();
    builder_ = BatchBuilder();
    open({copy.table});
    std::vector<std::string> found = copy.rows;
    for (const std::string& line : split_lines(read())) {
      const std::size_t blank = line.rfind(' ');
      found.push_back(line.substr(4, blank - 4) + "\t" + line.substr(blank + 1));
    }
    EXPECT_GT(found.size(), copy.rows.size());
    std::ranges::sort(found);
    EXPECT_EQ(found, expected);
  }
}

TEST_F(RealHeldSnapshot, WhatCannotBeReadInItIsNotReadAtAll) {
  const MirrorTable described = set_up().at(0);
  const auto reader = source().open_reader(wait_);
  const auto opened = [&](const MirrorTable& table, const Chunk& chunk) { return reader->open(table, chunk, {}, wait_); };
  auto held = source().hold_snapshot({}, wait_);
  MirrorTable table = described;
  Chunk chunk = planned(table, *held).at(0);
  EXPECT_EQ(opened(table, chunk), ChunkReader::Opened::ready);
  Chunk stored = chunk;
  stored.snapshot.clear();  // As a process that has stopped in between finds it.
  EXPECT_EQ(opened(table, stored), ChunkReader::Opened::table_moved);
  held.reset();
  EXPECT_EQ(opened(table, chunk), ChunkReader::Opened::table_moved);
  // Rows that were written anew are not the snapshot's, also when the chunk was measured after it.
  for (const char* change : {"ALTER TABLE public.t ALTER n TYPE bigint", "ALTER TABLE public.t ADD late float8 DEFAULT random()", "TRUNCATE public.t",
                             "VACUUM FULL public.t", "ALTER TABLE public.t ADD b int", "ALTER TABLE public.t ADD PRIMARY KEY (n)"}) {
    table = source().describe(wait_).at(0);
    held = source().hold_snapshot({}, wait_);
    sql(change);
    chunk = planned(table, *held).at(0);
    EXPECT_EQ(opened(table, chunk), ChunkReader::Opened::table_moved) << change;
  }
}

TEST_F(RealHeldSnapshot, ChangesComeWithBothRowsWhole) {
  sql("ALTER TABLE public.t ALTER v SET STORAGE EXTERNAL");
  tables_ = set_up();
  open(tables_);
  sql("INSERT INTO public.t SELECT " + std::string(kBig) + ", 7; UPDATE public.t SET n = 8 WHERE n = 7; DELETE FROM public.t WHERE n = 8;"
      "UPDATE public.t SET v = NULL WHERE ctid = (SELECT ctid FROM public.t LIMIT 1); DELETE FROM public.t WHERE v IS NULL");
  EXPECT_EQ(read(), "i t 128000B 7\nu t 128000B 8 old 128000B 7\nd t 128000B 8\nu t null 1 old old 1\nd t null 1\n");
  sql("ALTER TABLE public.t ADD PRIMARY KEY (n)");
  std::string before;
  EXPECT_NE(error_in_time(before).message.find("has a key at the source now: (n), and had none"), std::string::npos);
}

}  // namespace
}  // namespace peerd

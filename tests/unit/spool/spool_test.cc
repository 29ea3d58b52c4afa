#include "peerd/spool/spool.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "crc32c.h"
#include "peerd/base/error.h"
#include "support/random_batches.h"

namespace peerd {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write_file(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes; }

class SpoolTest : public testing::Test {
 protected:
  SpoolTest() {
    char path[] = "/tmp/peerd-spool-XXXXXX";
    folder_ = mkdtemp(path);
    directory_ = folder_ + "/spool/5c0e2f5e-0000-4000-8000-000000000001";
  }
  ~SpoolTest() override { fs::remove_all(folder_); }

  std::unique_ptr<Spool> make(Spool::Limits limits = {.segment_bytes = 4096, .free_least = 0}) {
    return std::make_unique<Spool>(directory_, "5c0e2f5e-0000-4000-8000-000000000001", limits);
  }
  std::vector<fs::path> files() {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(directory_)) found.push_back(entry.path());
    std::sort(found.begin(), found.end());
    return found;
  }
  /// All records that are there, as text.
  static std::vector<std::string> all(Spool& spool, Counting counting = {}) {
    std::vector<std::string> found;
    spool.rewind(std::move(counting));
    while (spool.next() != 0) {
      Spool::Record record = spool.read(nullptr);
      if (record.skipped) continue;
      found.push_back(text_of(record));
    }
    return found;
  }
  static std::string text_of(const Spool::Record& record) {
    if (const auto* batch = std::get_if<std::unique_ptr<Batch>>(&record.item)) return told_by(**batch);
    return shape_json(std::get<NewShape>(record.item));
  }
  /// Appends `count` records, batches and some shapes; the texts, and behind which of them a whole transaction ends.
  struct Written {
    std::vector<std::string> texts;
    Lsn closed;             ///< As sync() would tell.
    std::size_t to_closed;  ///< How many records that are,
    std::uint64_t bytes_promised;  ///< and bytes of all.
    std::vector<std::string> promised() const { return {texts.begin(), texts.begin() + static_cast<std::ptrdiff_t>(to_closed)}; }
  };
  /// Small, and with something behind what is promised.
  Written fill_one_file() {
    batches_ = RandomBatches(11, 100, 300);
    const auto spool = make({.segment_bytes = 1 << 30, .free_least = 0});
    spool->begin(Lsn{}, 1);
    Written written = fill(*spool, 4);
    while (written.to_closed < 3) {
      const Written more = fill(*spool, 1);
      const std::size_t before = written.texts.size();
      written.texts.insert(written.texts.end(), more.texts.begin(), more.texts.end());
      if (more.to_closed == 0) continue;
      written.to_closed = before + more.to_closed;
      written.closed = more.closed;
      written.bytes_promised = more.bytes_promised;
    }
    spool->sync();
    EXPECT_NE(spool->append(NewShape{.table = batches_.tables()[0], .commit = Lsn{1}}), 0u);
    return written;
  }
  Written fill(Spool& spool, int count) {
    Written written{{}, Lsn{}, 0, 0};
    while (count > 0) {
      const auto batch = batches_.next();
      EXPECT_NE(spool.append(*batch), 0u);
      written.texts.push_back(told_by(*batch));
      --count;
      if (!batch->open_tail()) {
        written.closed = batch->complete_to();
        written.to_closed = written.texts.size();
        written.bytes_promised = spool.bytes();
      }
      if (batches_.below(6) == 0) {
        const NewShape shape{.table = batches_.tables()[0], .commit = batch->complete_to()};
        EXPECT_NE(spool.append(shape), 0u);
        written.texts.push_back(shape_json(shape));
      }
    }
    return written;
  }
  static const std::function<bool(std::uint32_t)> kNone;

  RandomBatches batches_{3};
  std::string folder_, directory_;
};
const std::function<bool(std::uint32_t)> SpoolTest::kNone = [](std::uint32_t) { return false; };

TEST(Crc32c, IsTheOneOfCastagnoli) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c("6789", crc32c("12345")), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
}

TEST_F(SpoolTest, WhatWasAppendedIsReadInOrderAndStandsForItsOwnerAlone) {
  const auto spool = make();
  spool->begin(Lsn{}, 1);
  const Written written = fill(*spool, 60);
  EXPECT_EQ(all(*spool), written.texts);
  EXPECT_EQ(all(*spool), written.texts) << "once more from the beginning";
  const auto synced = spool->sync();
  ASSERT_TRUE(synced);
  EXPECT_EQ(synced->lsn(), written.closed);
  EXPECT_FALSE(spool->sync());
  EXPECT_GT(files().size(), 3u);
  struct stat found {};
  ASSERT_EQ(::stat(directory_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700u);
  for (const auto& file : files()) {
    ASSERT_EQ(::stat(file.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0600u);
  }
}

TEST_F(SpoolTest, AnotherProcessGoesOnWhereAWholeTransactionEnded) {
  std::vector<std::string> expected;
  Lsn position;
  std::uint64_t highest = 0;
  for (unsigned round = 0; round < 6; ++round) {
    const auto spool = make();
    std::uint64_t last = 0;
    if (round > 0) last = spool->check(Lsn{}, position, kNone).last;
    spool->begin(position, last + 1);
    batches_ = RandomBatches(round + 20, position.value + 100);
    const Written written = fill(*spool, 12);
    const auto promised = written.promised();
    expected.insert(expected.end(), promised.begin(), promised.end());
    if (round % 2 == 0) spool->sync();  // A crash may leave more on disk than was told.
    position = written.closed;
    EXPECT_GT(spool->last(), highest);
    highest = last;
  }
  const auto spool = make();
  spool->check(Lsn{}, position, kNone);
  EXPECT_EQ(all(*spool), expected);
  const auto anew = make();
  anew->begin(position, 1);
  EXPECT_TRUE(all(*anew).empty());
  EXPECT_EQ(files().size(), 1u);
}

TEST_F(SpoolTest, OfATornFileWhatWasPromisedIsReadOrMissed) {
  const Written written = fill_one_file();
  const fs::path path = files().at(0);
  const std::string bytes = read_file(path);
  std::size_t read = 0, missed = 0;
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    fs::resize_file(path, size);
    const auto spool = make();
    try {
      spool->check(Lsn{}, written.closed, kNone);
      if (size % 64 == 0) {
        EXPECT_EQ(all(*spool), written.promised()) << "torn at " << size;
      }
      ++read;
    } catch (const Error& error) {
      EXPECT_EQ(error.text.code, ErrorCode::position_lost);
      EXPECT_NE(error.text.message.find(directory_), std::string::npos) << error.text.message;
      ++missed;
    }
    write_file(path, bytes);
  }
  EXPECT_GT(read, 0u);
  EXPECT_GT(missed, 0u);
}

TEST_F(SpoolTest, AFlippedBitIsFoundOrLiesInWhatIsCut) {
  const Written written = fill_one_file();
  const fs::path path = files().at(0);
  const std::string bytes = read_file(path);
  std::size_t found = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
    write_file(path, flipped);
    const auto spool = make();
    try {
      spool->check(Lsn{}, written.closed, kNone);
      if (at % 64 == 0) {
        EXPECT_EQ(all(*spool), written.promised()) << "flipped at " << at;
      }
      EXPECT_GE(at, written.bytes_promised) << "flipped at " << at;
    } catch (const Error& error) {
      ++found;
      EXPECT_TRUE(error.text.code == ErrorCode::position_lost || error.text.code == ErrorCode::not_supported) << error.text.message;
      EXPECT_NE(error.text.message.find(directory_), std::string::npos) << error.text.message;
    }
  }
  EXPECT_EQ(found, written.bytes_promised);
}

TEST_F(SpoolTest, ARecordThatIsDamagedAfterTheCheckIsNotGivenOut) {
  const auto spool = make();
  spool->begin(Lsn{}, 1);
  fill(*spool, 5);
  const fs::path path = files().at(0);
  std::string bytes = read_file(path);
  bytes[100] = static_cast<char>(bytes[100] ^ 1);
  write_file(path, bytes);
  spool->rewind({});
  EXPECT_THROW(while (spool->next() != 0) spool->read(nullptr), Error);
}

TEST_F(SpoolTest, ASegmentThatIsGoneIsMissed) {
  Written written;
  {
    const auto spool = make();
    spool->begin(Lsn{}, 1);
    written = fill(*spool, 60);
    spool->sync();
  }
  const auto there = files();
  ASSERT_GT(there.size(), 3u);
  for (const auto& path : there) {
    const std::string bytes = read_file(path);
    fs::remove(path);
    bool needed = true;
    const auto spool = make();
    try {
      spool->check(Lsn{}, written.closed, kNone);
      // Only behind the position nothing is missed.
      EXPECT_EQ(all(*spool), written.promised());
      needed = false;
    } catch (const Error& error) {
      EXPECT_EQ(error.text.code, ErrorCode::position_lost);
    }
    EXPECT_TRUE(needed || path >= there[there.size() - 3]);
    write_file(path, bytes);
  }
  fs::remove_all(directory_);
  EXPECT_THROW(make()->check(Lsn{}, written.closed, kNone), Error);
}

TEST_F(SpoolTest, SegmentsOfWhatIsAppliedGo) {
  const auto spool = make();
  spool->begin(Lsn{}, 1);
  fill(*spool, 40);
  const std::size_t before = files().size();
  const std::uint64_t last = spool->last();
  spool->rewind({});
  while (spool->next() != 0) spool->read(nullptr);
  spool->trim(last / 2);
  EXPECT_LT(files().size(), before);
  spool->trim(last);
  EXPECT_EQ(files().size(), 1u);
  const Written more = fill(*spool, 3);
  std::vector<std::string> read;
  while (spool->next() != 0) read.push_back(text_of(spool->read(nullptr)));
  EXPECT_EQ(read, more.texts);
}

TEST_F(SpoolTest, WhatIsAtHandIsPassed) {
  const auto spool = make();
  spool->begin(Lsn{}, 1);
  spool->rewind({});
  for (int i = 0; i < 40; ++i) {
    const auto batch = batches_.next();
    const std::uint64_t number = spool->append(*batch);
    ASSERT_EQ(spool->next(), number);
    if (i % 3 != 0) {
      spool->pass(batch.get());
      continue;
    }
    EXPECT_EQ(text_of(spool->read(nullptr)), told_by(*batch)) << "the open head is known of";
  }
  EXPECT_EQ(spool->next(), 0u);
}

TEST_F(SpoolTest, AFullSpoolTakesNothingUntilSomethingIsApplied) {
  const auto spool = make({.bytes_most = 30'000, .segment_bytes = 4096, .free_least = 0});
  spool->begin(Lsn{}, 1);
  BatchBuilder builder;
  const auto one = [&](std::uint64_t commit) {
    builder.begin(1, 1);
    ChangeView change{};
    change.table = builder.table(batches_.tables()[0]);
    change.version = {Lsn{commit}, Lsn{commit}};
    const auto cells = builder.cells(2);
    std::string noise;
    for (int i = 0; i < 3000; ++i) noise += static_cast<char>(batches_.below(256));
    cells[0] = cells[1] = {CellView::Kind::text, builder.keep(noise)};
    change.row = cells;
    builder.append(change);
    builder.commit(Lsn{commit + 1});
    return builder.take();
  };
  std::uint64_t last = 0, commit = 10;
  while (const std::uint64_t number = spool->append(*one(commit += 10))) last = number;
  EXPECT_NE(spool->why_full().find("spool_max_bytes"), std::string::npos);
  EXPECT_LE(spool->bytes(), 30'000u);
  spool->trim(last / 2);
  EXPECT_NE(spool->append(*one(commit)), 0u);
  EXPECT_EQ(spool->why_full(), "");
  spool->trim(spool->last());
  const auto large = make({.bytes_most = 100, .segment_bytes = 4096, .free_least = 0});
  large->begin(Lsn{}, 1);
  EXPECT_NE(large->append(*one(commit + 10)), 0u) << "an empty one takes one record, however large";
}

// The file system says so in the middle of a record.
TEST_F(SpoolTest, AFullDiskLeavesNoHalfARecordAndGoesOnWhenThereIsRoom) {
  const auto spool = make({.segment_bytes = 1 << 30, .free_least = 0});
  spool->begin(Lsn{}, 1);
  Written written = fill(*spool, 3);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit tight = before;
  tight.rlim_cur = spool->bytes() + 200;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const auto batch = batches_.next();
  const std::uint64_t refused = spool->append(*batch);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(refused, 0u);
  EXPECT_NE(spool->why_full().find("full"), std::string::npos);
  EXPECT_EQ(all(*spool), written.texts);
  EXPECT_NE(spool->append(*batch), 0u);
  written.texts.push_back(told_by(*batch));
  EXPECT_EQ(all(*spool), written.texts);
}

TEST_F(SpoolTest, TransactionsAndShapesAreToldUpToThePosition) {
  Written written;
  std::uint64_t last;
  {
    const auto spool = make();
    spool->begin(Lsn{}, 41);
    written = fill(*spool, 40);
    spool->sync();
    last = spool->last();
  }
  std::set<std::uint32_t> asked;
  const Spool::Content content = make()->check(Lsn{}, written.closed, [&](std::uint32_t xid) {
    asked.insert(xid);
    return xid == 3;
  });
  EXPECT_EQ(content.last, 40 + written.to_closed);
  EXPECT_LE(content.last, last);
  EXPECT_GT(asked.size(), 4u);
  EXPECT_FALSE(content.sent.empty());
  for (const auto& sent : content.sent) EXPECT_EQ(sent.xid, 3u);
  ASSERT_FALSE(content.shapes.empty());
  EXPECT_EQ(content.shapes.size(), content.numbers.size());
  for (const std::uint64_t number : content.numbers) EXPECT_LE(number, content.last);
}

TEST_F(SpoolTest, AnotherMirrorsIsRefused) {
  Lsn closed;
  {
    const auto spool = make();
    spool->begin(Lsn{}, 1);
    closed = fill(*spool, 10).closed;
    spool->sync();
  }
  Spool other(directory_, "5c0e2f5e-0000-4000-8000-000000000002", {});
  EXPECT_THROW(other.check(Lsn{}, closed, kNone), Error);
  Spool::remove(directory_);
  EXPECT_FALSE(fs::exists(directory_));
  Spool::remove(directory_);
}

}  // namespace
}  // namespace peerd

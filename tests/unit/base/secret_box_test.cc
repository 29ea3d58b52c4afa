#include "peerd/base/secret_box.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "peerd/base/error.h"

namespace peerd {
namespace {

// base64 of 32 bytes each.
const std::string kA = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const std::string kB = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

TEST(SecretBox, OpensWhatItSealed) {
  const SecretBox box = SecretBox::from_text("a:" + kA);
  for (const std::string& plain : {std::string(), std::string("p"), std::string("a\0b", 3), std::string(10000, 'x')})
    EXPECT_EQ(box.open(box.seal(plain, "peer/a/password"), "peer/a/password"), plain);
}

TEST(SecretBox, TheSameSecretIsSealedDifferently) {
  const SecretBox box = SecretBox::from_text("a:" + kA);
  const std::string one = box.seal("secret", "c"), two = box.seal("secret", "c");
  EXPECT_NE(one, two);
  EXPECT_TRUE(one.starts_with("v1:a:"));
  EXPECT_EQ(one.find("secret"), std::string::npos);
}

TEST(SecretBox, ASecretMovedElsewhereDoesNotOpen) {
  const SecretBox box = SecretBox::from_text("a:" + kA);
  EXPECT_THROW(box.open(box.seal("secret", "peer/a/password"), "peer/b/password"), Error);
}

TEST(SecretBox, EveryChangedByteIsFound) {
  const SecretBox box = SecretBox::from_text("a:" + kA);
  const std::string sealed = box.seal("secret", "c");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = changed[i] == 'B' ? 'C' : 'B';
    EXPECT_THROW(box.open(changed, "c"), Error) << i;
    EXPECT_THROW(box.open(std::string_view(sealed).substr(0, i), "c"), Error) << i;
  }
}

TEST(SecretBox, TheFirstKeySealsAndAllOpen) {
  const std::string old = SecretBox::from_text("a:" + kA).seal("secret", "c");
  const SecretBox box = SecretBox::from_text("b:" + kB + ", a:" + kA + "\n");
  EXPECT_EQ(box.open(old, "c"), "secret");
  EXPECT_TRUE(box.seal("secret", "c").starts_with("v1:b:"));
}

TEST(SecretBox, AnotherKeyUnderTheSameIdDoesNotOpen) {
  const std::string sealed = SecretBox::from_text("a:" + kA).seal("secret", "c");
  try {
    SecretBox::from_text("a:" + kB).open(sealed, "c");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.text.code, ErrorCode::internal);
    EXPECT_NE(error.text.hint.find("PEERD_KEYS"), std::string::npos);
  }
}

TEST(SecretBox, BadKeysAreRefusedWithoutRepeatingThem) {
  const std::string cases[] = {"", ",", kA, ":" + kA, "a:", "a:short", "a:" + kA + "AAAA", "a b:" + kA,
                               "a:" + kA + ",a:" + kB, "a:" + std::string(43, 'A') + "!"};
  for (const std::string& keys : cases) {
    try {
      SecretBox::from_text(keys);
      FAIL() << keys;
    } catch (const Error& error) {
      EXPECT_EQ(error.text.code, ErrorCode::invalid_option) << keys;
      EXPECT_EQ((error.text.message + error.text.hint).find("AAAA"), std::string::npos) << error.text.message;
    }
  }
}

class KeyFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "peerd-keys-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ / "keys"; }
  std::filesystem::path folder_;
};

TEST_F(KeyFile, IsMadeOnceForItsOwnerAlone) {
  const std::string sealed = SecretBox::from_file(path()).seal("secret", "c");
  struct stat facts;
  ASSERT_EQ(stat(path().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  EXPECT_EQ(SecretBox::from_file(path()).open(sealed, "c"), "secret");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(KeyFile, HoldsOneKeyALine) {
  std::ofstream(path()) << "b:" << kB << "\na:" << kA << "\n";
  chmod(path().c_str(), 0600);
  EXPECT_EQ(SecretBox::from_file(path()).open(SecretBox::from_text("a:" + kA).seal("secret", "c"), "c"), "secret");
}

TEST_F(KeyFile, OpenToOthersIsRefused) {
  SecretBox::from_file(path());
  chmod(path().c_str(), 0640);
  try {
    SecretBox::from_file(path());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.text.hint, "chmod 600 " + path());
  }
}

TEST_F(KeyFile, AMissingDirectoryIsNamed) {
  try {
    SecretBox::from_file(folder_ / "absent" / "keys");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.text.message.find("absent/keys"), std::string::npos);
  }
}

}  // namespace
}  // namespace peerd

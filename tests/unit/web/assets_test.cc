#include "peerd/web/assets.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace peerd::web {
namespace {

std::string content(const char* name) {
  const Asset* asset = find_asset(name);
  return asset == nullptr ? "" : std::string(asset->bytes);
}

TEST(Assets, HoldEveryFileOfThePage) {
  const auto root = std::filesystem::path(__FILE__).parent_path() / "../../../src/web/page";
  std::size_t found = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    std::ostringstream text;
    text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    const std::string name = std::filesystem::relative(entry.path(), root).generic_string();
    EXPECT_EQ(content(name.c_str()), text.str()) << name;
    ++found;
  }
  EXPECT_GE(found, 1u);
  std::size_t libraries = 0;
  for (const Asset& asset : assets()) libraries += asset.name.starts_with("lib/");
  EXPECT_EQ(assets().size(), found + libraries);
}

TEST(Assets, HaveTheLibrariesThatAreNamedInTheContract) {
  const std::string hooks = content("lib/hooks.js");
  EXPECT_NE(hooks.find("from\"./preact.js\""), std::string::npos);
  EXPECT_NE(content("lib/preact.js").find("export{"), std::string::npos);
  EXPECT_NE(content("lib/htm.js").find("export default"), std::string::npos);
  EXPECT_NE(content("lib/uplot.js").find("export { uPlot as default }"), std::string::npos);
  EXPECT_NE(content("lib/uplot.css").find(".uplot"), std::string::npos);
  const std::string licenses = content("lib/LICENSES.txt");
  for (const char* part : {"preact 10.", "htm 3.", "uplot 1.6.", "MIT", "Apache License", "Leon Sorokin"})
    EXPECT_NE(licenses.find(part), std::string::npos) << part;
}

TEST(Assets, AskTheBrowserForNothingThatIsNotThere) {
  for (const Asset& asset : assets()) {
    if (!asset.name.ends_with(".js")) continue;
    EXPECT_EQ(asset.bytes.find("sourceMappingURL"), std::string_view::npos) << asset.name;
    for (const char* bare : {"from\"preact", "from \"preact", "from 'preact"})
      EXPECT_EQ(asset.bytes.find(bare), std::string_view::npos) << asset.name;
  }
}

TEST(Assets, AreTheSameUnderGzip) {
  const std::string path = testing::TempDir() + "asset.gz";
  for (const Asset& asset : assets()) {
    std::ofstream(path, std::ios::binary) << asset.gzip;
    FILE* unpacked = popen(("gzip -dc " + path).c_str(), "r");
    ASSERT_NE(unpacked, nullptr);
    std::string text(asset.bytes.size() + 1, '\0');
    text.resize(fread(text.data(), 1, text.size(), unpacked));
    EXPECT_EQ(pclose(unpacked), 0) << asset.name;
    EXPECT_TRUE(text == asset.bytes) << asset.name;
  }
}

TEST(Assets, AreToldApartByTheirTags) {
  std::set<std::string_view> tags;
  for (const Asset& asset : assets()) {
    tags.insert(asset.etag);
    EXPECT_TRUE(asset.etag.starts_with("W/\"") && asset.etag.ends_with('"')) << asset.etag;
    EXPECT_FALSE(asset.type.empty()) << asset.name;
  }
  EXPECT_EQ(tags.size(), assets().size());
  EXPECT_EQ(find_asset("lib/hooks.js")->type, "text/javascript; charset=utf-8");
  for (const char* name : {"", "lib", "lib/", "index.htm", "index.html2", "../index.html", "zzz"})
    EXPECT_EQ(find_asset(name), nullptr) << name;
}

}  // namespace
}  // namespace peerd::web

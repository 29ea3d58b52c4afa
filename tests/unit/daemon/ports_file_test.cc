#include "ports_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace peerd::daemon {
namespace {

struct TemporaryDir {
  std::string path = "/tmp/peerd-ports-XXXXXX";
  TemporaryDir() { EXPECT_NE(mkdtemp(path.data()), nullptr); }
  ~TemporaryDir() { std::filesystem::remove_all(path); }
};

TEST(PortsFile, TellsWhatWasWrittenUntilRemoved) {
  const TemporaryDir dir;
  EXPECT_FALSE(read_ports(dir.path));
  write_ports(dir.path, {9900, 3000});
  write_ports(dir.path, {9901, 3001});
  EXPECT_EQ(read_ports(dir.path), (Ports{9901, 3001}));
  remove_ports(dir.path);
  EXPECT_FALSE(read_ports(dir.path));
  EXPECT_TRUE(std::filesystem::is_empty(dir.path));
}

TEST(PortsFile, TakesAnotherTextForNone) {
  const TemporaryDir dir;
  std::ofstream(dir.path + "/ports.json") << "{}\n";
  EXPECT_FALSE(read_ports(dir.path));
}

}  // namespace
}  // namespace peerd::daemon

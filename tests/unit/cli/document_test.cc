#include "document.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "peerd/base/error.h"
#include "references.h"
#include "support/error_of.h"

namespace peerd::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string refused(const std::string& yaml) {
  return error_of([&] { read_document(yaml); }).message;
}

TEST(Document, BecomesWhatTheApiTakes) {
  const Json read = read_document(R"(
peers:
  src: {type: Postgres, host: h, port: 5432, user: "true", password: '${kept}'}
mirrors:
  m: {source: src, target: dst, do_initial_copy: false, tables: ['public."a:b":c', {from: x.y, to: z, exclude: [n]}]}
)");
  EXPECT_EQ(read["peers"], Json::parse(R"([{"peer": {"name": "src", "type": "POSTGRES", "postgres_config":
      {"host": "h", "port": "5432", "user": "true"}}, "keep": ["password"]}])"));
  EXPECT_EQ(read["mirrors"], Json::parse(R"([{"flow_job_name": "m", "source_name": "src", "destination_name": "dst", "do_initial_snapshot": false,
      "table_mappings": [{"source_table_identifier": "public.\"a:b\"", "destination_table_identifier": "c"},
                         {"source_table_identifier": "x.y", "destination_table_identifier": "z", "exclude": ["n"]}]}])"));
}

TEST(Document, IsReadBackFromWhatIsWritten) {
  const Json declared = read_document(R"(
peers: {p: {type: kafka, servers: 'a:1,b:2', password: '${kept}', note: "line\n'\"$${x}"}}
mirrors: {m: {source: p, target: q, tables: [{from: '"A b".t', to: 'x:y'}], sync: false}}
)");
  EXPECT_EQ(read_document(write_document(declared)), declared) << write_document(declared);
  EXPECT_EQ(read_document(write_document(Json::object())), read_document("peers:\nmirrors:\n"));
}

TEST(Document, SaysWhereItIsWrong) {
  EXPECT_NE(refused("peers: [1]").find("peers: it is a map by name"), std::string::npos);
  EXPECT_NE(refused("peers: {a: {host: x}}").find("peers.a.type: it is missing"), std::string::npos);
  EXPECT_NE(refused("peers: {a: {type: postgres, host: }}").find("peers.a.host: it has no value"), std::string::npos);
  EXPECT_NE(refused("mirrors: {m: {source: a, target: b, tables: x}}").find("mirrors.m.tables: tables are a list"), std::string::npos);
  EXPECT_NE(refused("mirrors: {m: {source: a, target: b, tables: ['a:b:c']}}").find("mirrors.m.tables[0]: a table is source:target"), std::string::npos);
  EXPECT_NE(refused("peer: {}").find("there is no such part"), std::string::npos);
  EXPECT_NE(refused("").find("declares nothing"), std::string::npos);
  EXPECT_NE(refused("a: b: c").find("line 1"), std::string::npos);
}

TEST(References, AreFilledIn) {
  ::setenv("PEERD_TEST_REFERENCE", "v", 1);
  const std::string path = testing::TempDir() + "/peerd_reference";
  std::ofstream(path) << "from a file\r\n";
  EXPECT_EQ(filled_in("a${env:PEERD_TEST_REFERENCE}b${file:" + path + "}c", "f"), "avbfrom a filec");
  EXPECT_EQ(filled_in("$${env:X} $5 {}", "f"), "${env:X} $5 {}");
  for (const std::string wrong : {"${env:PEERD_TEST_NOT_THERE}", "${file:/nowhere}", "${x}", "${", "${env:PEERD_TEST_REFERENCE"}) {
    const ErrorText error = error_of([&] { filled_in(wrong, "peers.a.b"); });
    EXPECT_EQ(error.field, "peers.a.b") << wrong;
  }
}

}  // namespace
}  // namespace peerd::cli

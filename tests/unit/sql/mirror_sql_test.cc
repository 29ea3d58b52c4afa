// What GET mirrors/{name}/definition prints as SQL is read back by the SQL face.
#include "peerd/control/mirror_sql.h"

#include "parser.h"
#include "unit/control/control_fixture.h"

namespace peerd::sql {
namespace {

/// Kinds that read a table's name as POSTGRES, KAFKA and CLICKHOUSE do.
Connectors kinds() {
  static constexpr Option kOwn[] = {{"partitions", OptionType::integer, "0", Required::no, Secret::no, ""},
                                    {"format", OptionType::text, "", Required::no, Secret::no, ""}};
  static constexpr OptionTable kMore{"mirror to KAFKA", kOwn};
  Connector postgres{}, kafka{}, clickhouse{};
  postgres.kind = "POSTGRES";
  postgres.table_key = [](const PeerSpec&, std::string_view name) {
    return name.find('.') < name.find('"') ? std::string(name) : "public." + std::string(name);
  };
  kafka.kind = "KAFKA";
  kafka.table_key = [](const PeerSpec&, std::string_view name) {
    std::string topic(name);
    std::erase(topic, '"');
    return topic;
  };
  kafka.mirror_options = &kMore;
  clickhouse.kind = "CLICKHOUSE";
  return Connectors({postgres, kafka, clickhouse});
}

std::string printed(const MirrorSpec& mirror, const std::string& kind) {
  static const Connectors all = kinds();
  return create_mirror_sql(mirror, {"s", "POSTGRES", {}}, {"t", kind, {}}, all);
}

MirrorRequest read_back(const MirrorSpec& mirror, const std::string& kind) {
  const std::string sql = printed(mirror, kind);
  const auto tokens = tokenize(sql);
  const auto statements = split_statements(tokens);
  EXPECT_EQ(statements.size(), 1u) << sql;
  return std::get<CreateMirror>(parse_statement(statements.at(0))).request;
}

TEST(MirrorSql, NamesComeBackAsTheyWere) {
  for (const char* name : {"m", "M1", "from", "if", "with-dash", "_x", "Größe"}) {
    const MirrorSpec mirror{name, name, name, {{"public.t", "t", {}}}, {}};
    const MirrorRequest request = read_back(mirror, "CLICKHOUSE");
    EXPECT_EQ(request.name, name);
    EXPECT_EQ(request.source, name);
    EXPECT_EQ(request.target, name);
  }
}

TEST(MirrorSql, TablesAndColumnsComeBackAsTheyWere) {
  const std::vector<TableMapping> mappings = {
      {"public.t", "public.t", {}},
      {"public.Orders", "shop.Orders_2", {"a", "B c", "d\"e", "from"}},
      {"My Schema.my-table", "x.1st", {"1"}},
      {"public.\"a.b\"", "\"q\"\"q\".t", {}},
      {"t", "t", {"Größe"}},
  };
  for (const char* kind : {"POSTGRES", "KAFKA"})
    EXPECT_EQ(read_back({"m", "s", "t", mappings, {}}, kind).tables, mappings) << printed({"m", "s", "t", mappings, {}}, kind);
}

TEST(MirrorSql, SettingsComeBackAsTheyWere) {
  TableMapping mapping{"public.t", "t", {"x"}};
  mapping.columns = {{"a", "B c", "DateTime64(3, 'UTC')", 2, 1, true}, {"from", "", "", 0, 0, false}, {"d", "d\"e", "", 1, 0, {}}};
  mapping.engine = "MergeTree";
  mapping.partition_by = "it's";
  const auto back = read_back({"m", "s", "t", {mapping}, {}}, "CLICKHOUSE").tables;
  EXPECT_EQ(back, std::vector<TableMapping>{mapping});
  EXPECT_EQ(back[0].columns[1].nullable, false);
}

TEST(MirrorSql, ADottedNameInQuotesIsNotTakenForSchemaAndTable) {
  const MirrorSpec mirror{"m", "s", "t", {{"\"a.b\"", "\"c.d\"", {}}}, {}};
  EXPECT_EQ(read_back(mirror, "POSTGRES").tables, (std::vector<TableMapping>{{"public.\"a.b\"", "public.\"c.d\"", {}}}));
  EXPECT_EQ(read_back(mirror, "KAFKA").tables[0].target, "c.d");
}

/// Where quotes are letters, they stand in quotes; control takes them off again (control/mirror_check.cc).
TEST(MirrorSql, QuotesThatAreLettersStandInQuotes) {
  const MirrorSpec mirror{"m", "s", "t", {{"public.t", "q\"q", {}}, {"public.u", "\"x\"", {}}, {"public.v", "a..b", {}}}, {}};
  const auto tables = read_back(mirror, "CLICKHOUSE").tables;
  EXPECT_EQ(tables[0].target, "\"q\"\"q\"");
  EXPECT_EQ(tables[1].target, "\"\"\"x\"\"\"");
  EXPECT_EQ(tables[2].target, "\"a..b\"");
}

TEST(MirrorSql, OptionsComeBackInTheirTypes) {
  const MirrorSpec mirror{"m", "s", "t", {{"public.t", "t", {}}},
                          {{"do_initial_copy", "false"},
                           {"max_batch_size", "5000"},
                           {"soft_delete_col_name", ""},
                           {"publication_name", "it's"},
                           {"partitions", "3"},
                           {"format", "flat"},
                           {"a.B", "x"}}};
  const RawOptions options = read_back(mirror, "KAFKA").options;
  ASSERT_EQ(options.size(), mirror.options.size());
  for (const auto& [name, value] : mirror.options) EXPECT_EQ(options.at(name).text, value) << name;
  EXPECT_EQ(options.at("do_initial_copy").kind, RawOption::Kind::boolean);
  EXPECT_EQ(options.at("partitions").kind, RawOption::Kind::number);
}

TEST(MirrorSql, PatternsComeBackAsTheyWereAndWhatTheyBroughtDoesNot) {
  MirrorSpec mirror{"m", "s", "t", {{"public.t", "t", {}}, {"public.u", "u", {}}}, {}};
  mirror.tables[1].by_pattern = true;
  TableMapping all{"app_*.\"a.b_\"*", "*_*", {}};
  all.except = {"app_1.t", "app_2.*", "x.\"a*b\""};
  mirror.patterns = {{"public.ev_*_2024", "public.*", {}}, {"public.*2024", "\"My.x_\"*", {}}, all};
  for (const char* kind : {"POSTGRES", "KAFKA", "CLICKHOUSE"}) {
    const auto tables = read_back(mirror, kind).tables;
    ASSERT_EQ(tables.size(), 4u) << printed(mirror, kind);
    EXPECT_EQ(tables[0], mirror.tables[0]);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(tables[i + 1], mirror.patterns[i]) << printed(mirror, kind);
  }
}

class MirrorSqlRun : public ControlTest {};

TEST_F(MirrorSqlRun, AfterADropTheStatementMakesTheSameMirror) {
  make_peers();
  MirrorRequest request = asked("M-1", "ch");
  request.tables[0].target = "Odd \"name\"";
  request.tables[1].exclude = {"name"};
  request.options = {{"max_batch_size", {RawOption::Kind::number, "5"}}, {"synced_at_col_name", {RawOption::Kind::text, ""}}};
  create(request);
  const MirrorSpec before = mirrors_.record("M-1").spec;
  const std::string sql = create_mirror_sql(before, peers_.get("src"), peers_.get("ch"), connectors_);
  mirrors_.request("M-1", MirrorEvent::drop, IfExists::no, wait());
  const auto tokens = tokenize(sql);
  create(std::get<CreateMirror>(parse_statement(split_statements(tokens).at(0))).request);
  EXPECT_EQ(mirrors_.record("M-1").spec, before) << sql;
}

}  // namespace
}  // namespace peerd::sql

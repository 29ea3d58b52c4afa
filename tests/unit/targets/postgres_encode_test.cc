#include <gtest/gtest.h>

#include "peerd/changes/batch_builder.h"
#include "postgres/encode.h"
#include "postgres/postgres_target.h"
#include "postgres/schema.h"
#include "postgres/statements.h"

namespace peerd::pgtarget {
namespace {

std::string escaped(std::string_view value) {
  std::string out;
  append_escaped(out, value);
  return out;
}

Shape sample_shape() {
  Shape shape;
  shape.table = "\"s\".\"t\"";
  shape.rows = "ONLY \"s\".\"t\"";
  shape.staging = "pg_temp.\"peerd_1\"";
  shape.columns = {"\"a\"", "\"b\"", "\"c\""};
  shape.types = {"text", "bigint", "ext.citext"};
  shape.key = {{1, {" OPERATOR(ext.=) ", ""}}};
  return shape;
}

TableSchema sample_schema() {
  TableSchema schema;
  schema.id = {1};
  schema.columns = {{"a", 25, -1, "text", false, true, {}},
                    {"b", 20, -1, "bigint", true, false, {}},
                    {"c", 25, -1, "text", false, true, "x'y"}};
  schema.key = {1};
  return schema;
}

TEST(PostgresCopyText, EscapesWhatCopyReadsOtherwise) {
  EXPECT_EQ(escaped("plain"), "plain");
  EXPECT_EQ(escaped(""), "");
  EXPECT_EQ(escaped("a\tb\nc\rd\\e"), "a\\tb\\nc\\rd\\\\e");
  EXPECT_EQ(escaped("\\N"), "\\\\N");
  EXPECT_EQ(escaped("\\."), "\\\\.");
  EXPECT_EQ(escaped("\xc3\xa9\x0b\x08"), "\xc3\xa9\x0b\x08");
}

TEST(PostgresCopyText, TheBinaryFrameIsPostgress) {
  EXPECT_EQ(binary_copy_header().size(), 19u);
  EXPECT_EQ(binary_copy_header().substr(0, 11), std::string_view("PGCOPY\n\377\r\n\0", 11));
  EXPECT_EQ(binary_copy_trailer(), "\377\377");
}

TEST(PostgresStatements, AnUpdateLeavesTheKeyAndWhatWasNotSentAlone) {
  EXPECT_EQ(
      update_in_place(sample_shape(), 2, {false, false, true}),
      "UPDATE ONLY \"s\".\"t\" t SET \"a\" = s.c0 FROM pg_temp.\"peerd_1\" s WHERE s.a = 3 AND s.m = 2 AND"
      " t.\"b\" OPERATOR(ext.=) s.c1");
}

TEST(PostgresStatements, AMarkedRowIsNotUpdated) {
  Shape shape = sample_shape();
  shape.soft_delete = "\"gone\"";
  shape.synced_at = "\"at\"";
  const std::string sql = update_in_place(shape, 0, {false, false, false});
  EXPECT_NE(sql.find("\"at\" = now()"), std::string::npos) << sql;
  EXPECT_NE(sql.find("t.\"gone\" IS NOT TRUE"), std::string::npos) << sql;
}

TEST(PostgresStatements, APlacedRowSetsEveryColumnAndClearsTheMark) {
  Shape shape = sample_shape();
  shape.soft_delete = "\"gone\"";
  EXPECT_EQ(insert_placed(shape),
            "INSERT INTO \"s\".\"t\" AS t (\"a\", \"b\", \"c\", \"gone\") OVERRIDING SYSTEM VALUE SELECT s.c0, s.c1, s.c2, false "
            "FROM pg_temp.\"peerd_1\" s"
            " WHERE s.a IN (4, 5) ON CONFLICT (\"b\") DO UPDATE SET \"a\" = excluded.\"a\", \"b\" = excluded.\"b\", "
            "\"c\" = excluded.\"c\", \"gone\" = false");
  shape.other_unique = true;
  EXPECT_EQ(insert_placed(shape).find("ON CONFLICT"), std::string::npos);
}

TEST(PostgresStatements, CarriedValuesComeFromTheBaseKey) {
  EXPECT_EQ(fill_from_base(sample_shape(), 1, {false, false, true}),
            "UPDATE pg_temp.\"peerd_1\" s SET m = 0, c2 = t.\"c\" FROM ONLY \"s\".\"t\" t WHERE s.a = 4 AND s.m = 1 AND "
            "t.\"b\" OPERATOR(ext.=) s.b0");
}

TEST(PostgresStatements, ATableOfKeyColumnsAloneCanBeUpdated) {
  Shape shape = sample_shape();
  shape.columns = {"\"a\"", "\"b\""};
  shape.key = {{0, {" = ", ""}}, {1, {" = ", ""}}};
  EXPECT_EQ(update_in_place(shape, 0, {false, false}), "");
  EXPECT_NE(insert_placed(shape).find("ON CONFLICT (\"a\", \"b\") DO UPDATE SET \"a\" = excluded.\"a\""), std::string::npos);
  shape.always = {0, 1};
  EXPECT_NE(insert_placed(shape).find("ON CONFLICT (\"a\", \"b\") DO NOTHING"), std::string::npos);
}

TEST(PostgresStatements, AnIdentityColumnIsSetByInsertAlone) {
  Shape shape = sample_shape();
  shape.always = {0};
  EXPECT_EQ(update_in_place(shape, 0, {false, false, false}).find("\"a\" ="), std::string::npos);
  EXPECT_EQ(insert_placed(shape).find("\"a\" = excluded"), std::string::npos);
}

TEST(PostgresStatements, TheStagingTableHasTheTypesUnderDomains) {
  EXPECT_EQ(create_staging(sample_shape()),
            "DROP TABLE IF EXISTS pg_temp.\"peerd_1\"; CREATE TEMPORARY TABLE pg_temp.\"peerd_1\" (o integer, a smallint,"
            " m integer, b0 bigint, c0 text, c1 bigint, c2 ext.citext)");
}

TEST(PostgresSchema, AnAddedColumnBringsItsMissingValueAndNoDefault) {
  Standing standing;
  standing.oid = 1;
  standing.columns = {{"a", "text", 25, -1, false, false, false}, {"b", "bigint", 20, -1, true, false, false}};
  const std::vector<TargetType> types{{"text", 25}, {"bigint", 20}, {"text", 25}};
  EXPECT_EQ(widen_table({"s", "t"}, sample_schema(), types, standing),
            (std::vector<std::string>{"ALTER TABLE \"s\".\"t\" ADD COLUMN \"c\" text DEFAULT 'x''y'",
                                      "ALTER TABLE \"s\".\"t\" ALTER COLUMN \"c\" DROP DEFAULT"}));
}

TEST(PostgresSchema, OneColumnOfAnotherTypeMakesTextTheForm) {
  Standing standing;
  standing.columns = {{"a", "text", 25, -1, false, false, false},
                      {"b", "bigint", 20, -1, true, false, false},
                      {"c", "text", 25, -1, false, false, false}};
  EXPECT_EQ(copy_plan(sample_schema(), standing).form, CopyForm::binary);
  TableSchema other = sample_schema();
  other.columns[2].type_oid = 40000;
  EXPECT_EQ(copy_plan(other, standing).form, CopyForm::text);
  EXPECT_EQ(copy_plan(other, standing).select_casts, (std::vector<std::string>(3)));
}

TEST(PostgresSchema, OnlyAPlainImmediateIndexOfExactlyTheKeyIsTheKeys) {
  Standing standing;
  standing.unique = {{1, false, true, true, true, {"b", "a"}},
                     {2, false, false, true, true, {"b"}},
                     {3, true, true, false, true, {"b"}}};
  EXPECT_EQ(key_index(sample_schema(), standing), nullptr);
  standing.unique.push_back({4, true, true, true, true, {"b"}});
  EXPECT_EQ(key_index(sample_schema(), standing)->oid, 4u);
}

UniqueRule rule_of(const std::vector<std::string>& columns) {
  UniqueRule rule;
  for (const std::string& column : columns)
    rule.parts.push_back({"\"" + column + "\"", "OPERATOR(pg_catalog.=)", "", true, true, true, true});
  rule.columns = columns;
  return rule;
}

TEST(PostgresSchema, AUniqueIndexThatHoldsTheKeyNeedsNoCare) {
  MirrorTable table;
  table.schema = sample_schema();
  Standing standing;
  standing.rules = {rule_of({"b"}), rule_of({"a", "b"})};
  const Site site;
  EXPECT_TRUE(shape_of(site, {"s", "t"}, table, standing).clashes.empty());
  EXPECT_FALSE(stricter_than_source(site, table, "t", standing.rules));
  standing.rules.push_back(rule_of({"c"}));
  EXPECT_TRUE(stricter_than_source(site, table, "t", standing.rules));
  table.unique = {rule_of({"c"})};
  EXPECT_FALSE(stricter_than_source(site, table, "t", standing.rules));
  const Shape shape = shape_of(site, {"s", "t"}, table, standing);
  EXPECT_EQ(shape.clashes.size(), 1u);
  EXPECT_EQ(shape.watched, (std::vector<std::uint16_t>{2}));
}

TEST(PostgresSchema, ADeferrableConstraintOfTheSourceNeedsOneAtTheTarget) {
  MirrorTable table;
  table.schema = sample_schema();
  table.unique = {rule_of({"c"})};
  table.unique[0].deferrable = true;
  std::vector<UniqueRule> rules{rule_of({"c"})};
  EXPECT_TRUE(stricter_than_source({}, table, "t", rules));
  rules[0].deferrable = true;
  EXPECT_FALSE(stricter_than_source({}, table, "t", rules));
}

TEST(PostgresSplit, AnOpenTailIsCutOffBehindTheWholeTransactions) {
  MirrorTable table;
  table.schema = sample_schema();
  BatchBuilder builder;
  const auto insert = [&](std::uint64_t commit, const char* key) {
    const auto cells = builder.cells(3);
    cells[1] = {CellView::Kind::text, builder.keep(key)};
    const std::uint32_t index = builder.table(table);
    builder.append({ChangeView::Kind::insert, index, {Lsn{commit}, Lsn{commit}}, cells, {}});
  };
  builder.begin(1);
  insert(100, "1");
  builder.commit(Lsn{110});
  builder.begin(2);
  insert(200, "2");
  insert(200, "3");
  const auto [head, tail] = split_tail(*builder.take());
  EXPECT_EQ(head->size(), 1u);
  EXPECT_EQ(head->complete_to(), Lsn{110});
  EXPECT_FALSE(head->open_tail());
  EXPECT_EQ(tail->size(), 2u);
  EXPECT_TRUE(tail->open_tail());
  EXPECT_EQ(tail->changes()[1].row[1].bytes, "3");
}

}  // namespace
}  // namespace peerd::pgtarget

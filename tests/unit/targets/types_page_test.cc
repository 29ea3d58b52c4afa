// docs/types.md shows what the code decides of each type. PEERD_WRITE_DOCS=1 writes the page's tables anew.
#include <filesystem>
#include <fstream>
#include <set>
#include <span>
#include <sstream>

#include "clickhouse/asked_type.h"
#include "clickhouse/block.h"
#include "kafka/encode.h"
#include "postgres/schema.h"
#include "postgres_fixture.h"

namespace peerd::testing_postgres {
namespace {

using postgres::Connection;

/// A type as a column is declared with, and a value as it is typed in. Both are Postgres's to read and to write.
struct Sample {
  const char* type;
  const char* value;
};

constexpr Sample kScalars[] = {
    {"boolean", "true"},
    {"smallint", "-32768"},
    {"integer", "2147483647"},
    {"bigint", "9223372036854775807"},
    {"real", "0.1"},
    {"double precision", "1e100"},
    {"numeric(10,2)", "12.5"},
    {"numeric(3,-2)", "12300"},
    {"numeric(2,4)", "0.0012"},
    {"numeric(76,0)", "7"},
    {"numeric(77,0)", "7"},
    {"numeric", "1.50"},
    {"money", "1234.5"},
    {"text", "a\"b"},
    {"character varying(9)", "ab"},
    {"character(3)", "ab"},
    {"\"char\"", "a"},
    {"name", "ab"},
    {"bytea", "\\x00ff"},
    {"uuid", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"},
    {"date", "2026-01-31"},
    {"time without time zone", "15:30:00.5"},
    {"time(3) without time zone", "15:30:00.5"},
    {"time with time zone", "15:30:00.5+02"},
    {"timestamp without time zone", "2026-01-31 12:00:00.5"},
    {"timestamp(3) without time zone", "2026-01-31 12:00:00.5"},
    {"timestamp with time zone", "2026-01-31 12:00:00.5+00"},
    {"interval", "1 year 2 days 03:04:05.6"},
    {"json", "{\"a\":  1}"},
    {"jsonb", "{\"a\":  1}"},
    {"jsonpath", "$.a[*]"},
    {"xml", "<a>b</a>"},
    {"bit(1)", "1"},
    {"bit(12)", "000000000101"},
    {"bit varying", "0101"},
    {"inet", "10.0.0.1/8"},
    {"cidr", "10.0.0.0/8"},
    {"macaddr", "08:00:2b:01:02:03"},
    {"macaddr8", "08:00:2b:01:02:03:04:05"},
    {"point", "(1,-2.5)"},
    {"line", "{1,-1,0}"},
    {"lseg", "[(0,0),(1,1)]"},
    {"box", "(1,1),(0,0)"},
    {"path", "[(0,0),(1,1)]"},
    {"polygon", "((0,0),(1,1),(1,0))"},
    {"circle", "<(0,0),2>"},
    {"tsvector", "'a':1 'b':2A"},
    {"tsquery", "'a' & !'b'"},
    {"int4range", "[1,5)"},
    {"int8range", "[1,5)"},
    {"numrange", "(1.5,)"},
    {"daterange", "[2026-01-01,infinity)"},
    {"tsrange", "[2026-01-01 00:00:00,)"},
    {"tstzrange", "[2026-01-01 00:00:00+00,)"},
    {"int4multirange", "{[1,5),[7,9)}"},
    {"int8multirange", "{[1,5)}"},
    {"nummultirange", "{(1.5,)}"},
    {"datemultirange", "{[2026-01-01,2026-01-03)}"},
    {"tsmultirange", "{[2026-01-01 00:00:00,)}"},
    {"tstzmultirange", "{[2026-01-01 00:00:00+00,)}"},
    {"oid", "4294967295"},
    {"xid", "4294967295"},
    {"xid8", "18446744073709551615"},
    {"cid", "4294967295"},
    {"tid", "(4294967295,65535)"},
    {"pg_lsn", "FFFFFFFF/FFFFFFFF"},
    {"pg_snapshot", "10:20:10,14,15"},
    {"txid_snapshot", "10:20:10,14,15"},
    {"int2vector", "1 2"},
    {"oidvector", "1 2"},
    {"regclass", "pg_class"},
    {"regtype", "integer"},
    {"regproc", "now"},
    {"regprocedure", "abs(integer)"},
    {"regoper", "pg_catalog.||/"},
    {"regoperator", "+(integer,integer)"},
    {"regnamespace", "pg_catalog"},
    {"regrole", "pg_monitor"},
    {"regcollation", "\"C\""},
    {"regconfig", "simple"},
    {"regdictionary", "simple"},
    {"refcursor", "c"},
    {"aclitem", "pg_monitor=r/pg_monitor"},
    {"gtsvector", nullptr},
    {"pg_node_tree", nullptr},
    {"pg_ndistinct", nullptr},
    {"pg_dependencies", nullptr},
    {"pg_mcv_list", nullptr},
    {"pg_brin_bloom_summary", nullptr},
    {"pg_brin_minmax_multi_summary", nullptr},
};

/// Types of users and of extensions. What is decided of them goes by their names alone, so that a stand-in of an
/// extension's name does.
constexpr const char* kOwnTypes =
    "CREATE TYPE mood AS ENUM ('fine', 'so, so'); CREATE TYPE pair AS (n integer, t text);"
    "CREATE DOMAIN price AS numeric(10,2); CREATE DOMAIN prices AS price[]; CREATE DOMAIN cheap AS price CHECK (VALUE < 9);"
    "CREATE TYPE floatrange AS RANGE (subtype = float8);";
constexpr const char* kExtensions[] = {"hstore",    "citext", "ltree",   "isbn13",    "geometry",
                                       "geography", "vector", "halfvec", "sparsevec", "unheard_of"};
constexpr Sample kOwn[] = {
    {"mood", "so, so"},
    {"pair", "(1,\"a b\")"},
    {"price", "1.5"},
    {"cheap", "1.5"},
    {"prices", "{1.5}"},
    {"floatrange", "[1,2.5)"},
    {"hstore", "\"a\"=>\"1\", \"b\"=>NULL"},
    {"citext", "aB"},
    {"ltree", "a.b"},
    {"isbn13", "978-0-11-000533-4"},
    {"geometry", "0101000000000000000000F03F0000000000000040"},
    {"geography", "0101000020E6100000000000000000F03F0000000000000040"},
    {"vector", "[1,2.5]"},
    {"halfvec", "[1,2.5]"},
    {"sparsevec", "{1:1.5}/3"},
    {"unheard_of", "its text"},
};

/// Values that not every target holds, or that are easily changed on the way.
constexpr Sample kEdges[] = {
    {"numeric(10,2)", "NaN"},
    {"numeric", "NaN"},
    {"numeric", "Infinity"},
    {"double precision", "NaN"},
    {"double precision", "-0"},
    {"real", "-Infinity"},
    {"date", "infinity"},
    {"date", "1899-12-31"},
    {"date", "4000-01-01"},
    {"date", "0044-03-15 BC"},
    {"timestamp without time zone", "infinity"},
    {"timestamp without time zone", "4000-01-01 00:00:00"},
    {"timestamp with time zone", "-infinity"},
    {"timestamp with time zone", "0044-03-15 12:00:00+00 BC"},
    {"timestamp without time zone", "294276-12-31 23:59:59.999999"},
    {"time with time zone", "24:00:00+01"},
    {"interval", "178000000 years"},
    {"integer[]", "{}"},
    {"integer[]", "{NULL}"},
    {"integer[]", "{{1,2},{3,4}}"},
    {"integer[]", "[0:1]={1,2}"},
    {"text[]", "[2:2][1:1]={{a}}"},
    {"inet[]", "[0:0]={10.0.0.1}"},
    {"box[]", "{(1,1),(0,0);(2,2),(0,0)}"},
};

struct Described {
  Column column;
  std::string value;  ///< As Postgres writes it.
  std::string shown;  ///< Of the type.
};

std::string code(std::string_view text) {
  if (text.empty()) return "";
  std::string out;
  for (const char c : text) out += c == '|' ? "\\|" : c == '\n' ? " " : std::string(1, c);
  const std::string fence = out.find('`') == std::string::npos ? "`" : "``";
  return fence + out + fence;
}

class TypesPage : public RealPostgres {
 protected:
  void SetUp() override {
    RealPostgres::SetUp();
    if (IsSkipped()) return;
    run("SET search_path = " + schema_ + ", pg_catalog; " + kOwnTypes);
    for (const std::string name : kExtensions) stand_in(name, name.starts_with("geo") ? ":" : ",");
  }
  void stand_in(const std::string& name, const std::string& delimiter) {
    const std::string internal = " LANGUAGE internal IMMUTABLE STRICT AS ";
    run("CREATE TYPE " + name);
    run("CREATE FUNCTION " + name + "_in(cstring) RETURNS " + name + internal + "'textin'");
    run("CREATE FUNCTION " + name + "_out(" + name + ") RETURNS cstring" + internal + "'textout'");
    run("CREATE TYPE " + name + " (INPUT = " + name + "_in, OUTPUT = " + name + "_out, LIKE = text, DELIMITER = '" + delimiter + "')");
  }
  postgres::Result run(const std::string& statement) { return server_->run(statement, wait()); }

  Described describe(const Sample& sample, bool own, const std::string& shown = {}) {
    run("DROP TABLE IF EXISTS one; CREATE TABLE one (v " + std::string(sample.type) + ")");
    const auto found = run(
        "SELECT a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod), t.typtype = 'd', t.typbasetype, t.typtypmod,"
        " format_type(t.typbasetype, t.typtypmod) FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
        " WHERE attrelid = 'one'::regclass AND attnum = 1");
    Described out;
    out.column = {.name = "v", .type_oid = static_cast<std::uint32_t>(found.integer(0, 0)),
                  .type_modifier = static_cast<std::int32_t>(found.integer(0, 1)), .type_name = found.string(0, 2), .nullable = false};
    out.shown = shown.empty() ? sample.type : shown;
    if (sample.value == nullptr) return out;
    const std::string value = "CAST(" + quote_literal(sample.value) + " AS " + sample.type + ")";
    out.value = run("SELECT format('%s', " + value + ")").string(0, 0);
    if (!own) return out;
    out.column.type_name = schema_ + "." + sample.type;
    return out;
  }
  /// As sources/postgres/base_types.cc finds it.
  void set_base(Column& column) {
    std::int64_t oid = column.type_oid;
    std::string suffix;
    for (;;) {
      const auto found = run("SELECT t.typtype, t.typbasetype, t.typtypmod, format_type(t.typbasetype, t.typtypmod),"
                             " coalesce((SELECT typarray FROM pg_type b WHERE b.oid = t.typbasetype), 0) FROM pg_type t WHERE oid = " +
                             std::to_string(oid));
      if (found.string(0, 0) != "d") return;
      oid = found.integer(0, 1);
      column.base = {static_cast<std::uint32_t>(oid), static_cast<std::int32_t>(found.integer(0, 2)), found.string(0, 3)};
    }
  }

  static TableSchema schema_of(Column column, bool key) {
    TableSchema schema;
    schema.schema = "public";
    schema.name = "t";
    schema.columns = {{.name = "id", .type_oid = 23, .type_name = "integer", .nullable = false}, std::move(column)};
    schema.key = {static_cast<std::uint16_t>(key ? 1 : 0)};
    return schema;
  }

  static std::string at_clickhouse(const Described& one, bool key) {
    return code(clickhouse::table_layout(schema_of(one.column, key), "", "").types[1].name);
  }
  static bool fits_clickhouse(const Described& one, bool key) {
    clickhouse::Block block(clickhouse::table_layout(schema_of(one.column, key), "", ""));
    try {
      block.add_text("1");
      block.add_text(one.value);
      return true;
    } catch (const Error&) {
      return false;
    }
  }
  std::string at_postgres(const Described& one) {
    Column absent = one.column;
    if (absent.type_oid >= 16384) absent.type_name = "nowhere.t";
    const std::string with = pgtarget::target_types(*server_, MirrorTable{schema_of(one.column, false), "t", {}, {}}, wait())[1].name;
    const std::string without = pgtarget::target_types(*server_, MirrorTable{schema_of(absent, false), "t", {}, {}}, wait())[1].name;
    if (with == without) return with == one.column.type_name ? "the same" : code(with);
    return "the same, or " + code(without);
  }
  static std::string as_json(const Described& one, kafka::Format format) {
    const CellView cells[] = {{CellView::Kind::text, "1"}, {CellView::Kind::text, one.value}};
    std::string out;
    try {
      make_encoder(schema_of(one.column, false), format, {})->value({.kind = kafka::Kind::read, .row = cells}, out);
    } catch (const Error& error) {
      const auto holds = error.text.message.find(" holds ");
      return "*refused:* " + error.text.message.substr(holds + 7);
    }
    const std::size_t from = out.find("\"v\":") + 4;
    return code(out.substr(from, out.find(format == kafka::Format::debezium ? "},\"source\":" : ",\"_peerdb_kind\":") - from));
  }

  std::string row(const Described& one) {
    const std::string plain = at_clickhouse(one, false), key = at_clickhouse(one, true);
    const bool known = !one.value.empty();
    return "| " + code(one.shown) + " | " + plain + (plain == key ? "" : ", in a key " + key) + " | " + at_postgres(one) + " | " +
           (known ? code(one.value) : "") + " | " + (known ? as_json(one, kafka::Format::flat) : "string") + " | " +
           (known ? as_json(one, kafka::Format::debezium) : "string") + " |\n";
  }
  std::string edge(const Described& one) {
    const auto stored = [&](bool key) { return fits_clickhouse(one, key) ? "held" : "**stops**"; };
    return "| " + code(one.shown) + " | " + code(one.value) + " | " + stored(false) + " | " + stored(true) + " | " +
           as_json(one, kafka::Format::flat) + " | " + as_json(one, kafka::Format::debezium) + " |\n";
  }
  /// One of the value and a NULL.
  Described array_of(const Sample& sample, bool own) {
    const std::string type = std::string(sample.type) + "[]";
    const std::string text = run("SELECT '{\"' || replace(replace(format('%s', CAST(" + quote_literal(sample.value) + " AS " + sample.type +
                                 ")), '\\', '\\\\'), '\"', '\\\"') || '\"' || typdelim::text || 'NULL}' FROM pg_type WHERE oid = " +
                                 quote_literal(sample.type) + "::regtype")
                                 .string(0, 0);
    return describe({type.c_str(), text.c_str()}, own);
  }
  std::string rows(std::span<const Sample> samples, bool own, bool arrays) {
    std::string out;
    for (const Sample& sample : samples) {
      if (arrays && sample.value == nullptr) continue;  // Most of them have no arrays, and none takes a value.
      Described one = arrays ? array_of(sample, own) : describe(sample, own);
      if (own) arrays ? set_element_base(sample, one.column) : set_base(one.column);
      out += row(one);
    }
    return out;
  }
  void set_element_base(const Sample& sample, Column& array) {
    Column element = describe(sample, true).column;
    set_base(element);
    if (element.base.oid == 0) return;
    const auto found = run("SELECT typarray, format_type(typarray, " + std::to_string(element.base.modifier) + ") FROM pg_type WHERE oid = " +
                           std::to_string(element.base.oid));
    if (found.integer(0, 0) != 0)
      array.base = {static_cast<std::uint32_t>(found.integer(0, 0)), element.base.modifier, found.string(0, 1)};
  }

  /// What a mapping may ask for, of the types that may become more than a String.
  std::string asked() {
    std::string out = "| Postgres | ClickHouse on request | in a key |\n|---|---|---|\n";
    const auto listed = [](Column column, bool key) {
      column.in_key = key;
      std::string types;
      for (const std::string& type : clickhouse::possible_types(column)) types += (types.empty() ? "" : ", ") + code(type);
      return types;
    };
    const std::string text = listed({.name = "v", .type_oid = 25}, false);
    for (const Sample& sample : kScalars) {
      if (std::string_view(sample.type) == "numeric(3,-2)" || std::string_view(sample.type) == "numeric(2,4)") continue;
      const Described one = describe(sample, false);
      const std::string plain = listed(one.column, false), key = listed(one.column, true);
      if (plain != text) out += "| " + code(sample.type) + " | " + plain + " | " + (plain == key ? "the same" : key) + " |\n";
    }
    return out + "| all others | " + text + " | the same |\n";
  }

  std::string tables() {
    const std::string head = "| Postgres | ClickHouse | Postgres | a value | in peerdb and flat | in debezium |\n|---|---|---|---|---|---|\n";
    std::string edges = "| type | value | ClickHouse | there in a key | in peerdb and flat | in debezium |\n|---|---|---|---|---|---|\n";
    for (const Sample& sample : kEdges) edges += edge(describe(sample, false));
    return "## Types\n\n" + head + rows(kScalars, false, false) + "\n## Types of your own, and of extensions\n\n" + head +
           rows(kOwn, true, false) + "\n## Types that a mapping may ask for at ClickHouse\n\n" + asked() + "\n## Arrays\n\n" + head + rows(kScalars, false, true) + rows(kOwn, true, true) +
           "\n## Values at the edge\n\n" + edges;
  }
};

/// The tree that this binary was built in.
std::filesystem::path page() {
  for (auto folder = std::filesystem::read_symlink("/proc/self/exe"); folder.has_relative_path(); folder = folder.parent_path())
    if (std::filesystem::exists(folder / "docs/types.md")) return folder / "docs/types.md";
  throw std::runtime_error("docs/types.md is in no folder above this binary");
}

TEST_F(TypesPage, SaysWhatTheCodeDecides) {
  constexpr std::string_view kBegin = "<!-- printed by types_page_test.cc -->\n\n", kEnd = "\n<!-- end -->\n";
  std::ostringstream whole;
  whole << std::ifstream(page()).rdbuf();
  const std::string text = whole.str();
  const std::size_t from = text.find(kBegin) + kBegin.size(), to = text.find(kEnd, from);
  ASSERT_NE(text.find(kBegin), std::string::npos);
  ASSERT_NE(to, std::string::npos);
  std::string printed = tables();
  for (std::size_t at = 0; (at = printed.find(schema_ + ".", at)) != std::string::npos;) printed.erase(at, schema_.size() + 1);
  if (std::getenv("PEERD_WRITE_DOCS") != nullptr) std::ofstream(page()) << text.substr(0, from) << printed << text.substr(to);
  else EXPECT_EQ(text.substr(from, to - from), printed) << "PEERD_WRITE_DOCS=1 writes it anew";
}

TEST_F(TypesPage, HasEachTypeOfTheServerThatAColumnCanHave) {
  std::set<std::string> shown;
  for (const Sample& sample : kScalars) {
    const std::string name = sample.type;
    shown.insert(run("SELECT to_regtype(" + quote_literal(name) + ")::oid::regtype::text").string(0, 0));
  }
  const auto all = run("SELECT oid::regtype::text FROM pg_type t WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm')"
                       " AND typname NOT LIKE '\\_%' ORDER BY 1");
  ASSERT_GT(all.rows(), 60);
  for (int row = 0; row < all.rows(); ++row) EXPECT_TRUE(shown.contains(all.string(row, 0))) << all.string(row, 0);
}

}  // namespace
}  // namespace peerd::testing_postgres

"""What a mapping asks of columns and of the table at ClickHouse: types, names, ORDER BY, PARTITION BY; and what it is refused."""
import pytest

from support.compare import compare_postgres
from support.kafka_consumer import compare_kafka
from support.process import wait_for

TABLE = """CREATE TABLE orders (id bigint, day date, at timestamptz, seen timestamp, price numeric, parts numeric(12,2)[], stock int, ref oid,
  flag boolean, code uuid, note text, big text, body jsonb, tag text NOT NULL, born date, raw bytea, PRIMARY KEY (id, day));
  ALTER TABLE orders ALTER big SET STORAGE EXTERNAL"""
ROWS = """INSERT INTO orders SELECT g, '2026-01-01'::date + g % 90, '2026-01-01 10:00:00.123+00'::timestamptz + g * interval '1 hour',
  '2026-01-01'::timestamp + g * interval '1 minute', g + 0.5, ARRAY[g, NULL, 0.25], g * 3, 4294967295 - g, g % 2 = 0,
  md5(g::text)::uuid, CASE WHEN g % 5 > 0 THEN 'note ' || g % 3 END, repeat('b' || g, 3000), jsonb_build_object('g', g), 'tag', '1970-01-01'::date + g,
  decode(md5(g::text), 'hex') FROM generate_series({first}, {last}) g"""
COLUMNS = """{source: id, target: order_id, type: 'UInt64', ordering: 2}, {source: day, type: 'Date', ordering: 1},
  {source: at, target: "At", type: 'DateTime64(3, ''Europe/Berlin'')'}, {source: seen, type: 'DateTime(''UTC'')'}, {source: price, type: 'Decimal(38, 6)'},
  {source: parts, type: 'Array(Decimal128(4))'}, {source: stock, type: 'Int128'}, {source: ref, type: 'UInt32'}, {source: flag, type: 'UInt8'},
  {source: code, target: "co`de", type: 'String'}, {source: note, type: 'LowCardinality(String)'}, {source: big, target: larger},
  {source: tag, nullable: true}, {source_name: born, destination_name: birth, destination_type: 'Nullable(Date)'}"""
TYPES = {"order_id": "UInt64", "day": "Date", "At": "Nullable(DateTime64(3, 'Europe/Berlin'))", "seen": "Nullable(DateTime('UTC'))",
         "price": "Nullable(Decimal(38, 6))", "parts": "Array(Nullable(Decimal(38, 4)))", "_peerdb_null_parts": "Bool", "stock": "Nullable(Int128)",
         "ref": "Nullable(UInt32)", "flag": "Nullable(UInt8)", "co`de": "Nullable(String)", "note": "LowCardinality(Nullable(String))",
         "larger": "Nullable(String)", "body": "Nullable(String)", "tag": "Nullable(String)", "birth": "Nullable(Date)", "raw": "Nullable(String)"}
# The same text of a column at both ends.
SOURCE = ["id::text", "day::text", "trunc(extract(epoch FROM at) * 1000)::text", "seen::text", "trim_scale(price)::text",
          "CASE WHEN parts IS NOT NULL THEN array_to_string(ARRAY(SELECT trim_scale(p) FROM unnest(parts) WITH ORDINALITY u(p, n) ORDER BY n), ',', '-') END",
          "stock::text", "ref::text", "flag::int::text", "code::text", "note", "md5(big)", "body::text", "tag", "born::text", "encode(raw, 'hex')"]
TARGET = ["toString(order_id)", "toString(day)", "toString(toUnixTimestamp64Milli(At))", "toString(seen)", "toString(price)",
          "if(_peerdb_null_parts, NULL, arrayStringConcat(arrayMap(p -> ifNull(toString(p), '-'), parts), ','))", "toString(stock)", "toString(ref)",
          "toString(flag)", "`co``de`", "note", "lower(hex(MD5(assumeNotNull(larger))))", "body", "tag", "toString(birth)", "lower(hex(raw))"]


def create(world, columns="", more="", table="public.orders", **options):
    """A mirror of one table to `orders`."""
    world.tables = [table]
    asked = f", columns: [{columns}]" if columns else ""
    named = " WITH (" + ", ".join(f"{key} = {value}" for key, value in options.items()) + ")" if options else ""
    world.peerd.sql(f"CREATE MIRROR {world.mirror_name} FROM {world.source_peer} TO {world.target_peer} WITH TABLE MAPPING "
                    f"({{from: {table}, to: {world.target_name(table)}{asked}{more}}}){named}")


def refusal(world, columns="", more="", **options):
    """What CREATE MIRROR says when nothing has been made."""
    with pytest.raises(Exception) as told:
        create(world, columns, more, **options)
    assert world.mirror() is None and not world.slots() and not world.publications()
    if world.kind == "clickhouse":
        assert not world.at_target("SELECT name FROM system.tables WHERE database = currentDatabase()"), told.value
    return str(told.value)


def contents(world, final=True):
    """Rows as texts: of the source, and of the target."""
    source = world.sql(f"SELECT {', '.join(SOURCE)} FROM orders")
    target = world.at_target(f"SELECT {', '.join(f'{cell} AS c{i}' for i, cell in enumerate(TARGET))} FROM orders{' FINAL' if final else ''}")
    found = sorted(tuple(row[f"c{i}"] for i in range(len(TARGET))) for row in target)
    return sorted((tuple(row) for row in source), key=str), sorted(found, key=str)


def compare(world):
    world.wait_caught_up()
    source, target = contents(world)
    assert source == target
    return len(source)


def test_types_names_order_and_partitions_are_as_asked_in_snapshot_and_stream(new_world):
    world = new_world("clickhouse")
    world.sql(TABLE)
    world.sql(ROWS.format(first=1, last=400))
    world.create_peers()
    create(world, COLUMNS, ", partition_by: 'toYYYYMM(day)'", snapshot_num_rows_per_partition=100)
    world.wait_state("RUNNING")
    assert compare(world) == 400
    shown = {row["name"]: row["type"] for row in world.at_target(
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = 'orders'")}
    assert {name: shown[name] for name in TYPES} == TYPES, shown
    table = world.at_target("SELECT sorting_key, partition_key FROM system.tables WHERE database = currentDatabase() AND name = 'orders'")[0]
    assert table == {"sorting_key": "day, order_id", "partition_key": "(toYYYYMM(day))"}, table
    # Deletes, keys that change (within a partition, into another one, and back), values that the stream does not send.
    world.sql("DELETE FROM orders WHERE id % 10 = 0")
    world.sql("UPDATE orders SET id = id + 1000 WHERE id % 10 = 1")
    world.sql("UPDATE orders SET day = day + 60, price = price * 2 WHERE id % 10 = 2")
    world.sql("BEGIN; UPDATE orders SET day = day + 400 WHERE id % 10 = 3; UPDATE orders SET day = day - 400, stock = NULL WHERE id % 10 = 3; COMMIT")
    world.sql("UPDATE orders SET parts = NULL, note = NULL, at = NULL, flag = NULL, born = NULL, code = NULL WHERE id % 10 = 4")
    assert compare(world) == 360
    world.pause()
    world.sql("UPDATE orders SET day = day - 30, id = id + 5000 WHERE id % 10 = 5; DELETE FROM orders WHERE id % 10 = 6")
    world.sql(ROWS.format(first=20001, last=20100))
    world.peerd.kill9()
    world.peerd.start()
    world.resume()
    assert compare(world) == 420
    # What the source adds keeps being followed; a dropped NOT NULL, of a renamed column too.
    world.sql("ALTER TABLE orders ADD extra numeric(8,2) DEFAULT 1.5")
    world.sql("UPDATE orders SET extra = 7 WHERE id % 10 = 7; UPDATE orders SET tag = 'x' WHERE id % 10 = 8")
    assert compare(world) == 420
    assert world.at_target("SELECT sum(extra) AS s FROM orders FINAL")[0]["s"] == pytest.approx(
        float(world.sql("SELECT sum(extra) FROM orders")[0][0]))
    world.sql("DELETE FROM orders WHERE id % 10 = 7")
    kept = compare(world)
    world.target.text("OPTIMIZE TABLE orders FINAL", world.target_db)
    assert contents(world)[0] == contents(world)[1] and len(contents(world)[0]) == kept
    world.sql("TRUNCATE orders")
    world.sql(ROWS.format(first=1, last=20))
    assert compare(world) == 20
    # The same statement asks for nothing new, and another one is told apart.
    create(world, COLUMNS, ", partition_by: 'toYYYYMM(day)', engine: ReplacingMergeTree", snapshot_num_rows_per_partition=100)
    with pytest.raises(Exception, match="the mapping of public.orders"):
        create(world, COLUMNS, ", partition_by: 'toYYYYMMDD(day)'", snapshot_num_rows_per_partition=100)


REFUSED = [
    # (columns, the rest of the mapping) → words of the refusal
    ("{source: nothing, type: String}", "", "has no column"),
    ("{source: ordr_id}", "", "has no column"),
    ("{source: price, type: 'Float64'}", "", "it may become Int8 to Int256"),
    ("{source: note, type: 'UInt8'}", "", "it may become String"),
    ("{source: note, type: 'FixedString(3)'}", "", "it may become String"),
    ("{source: seen, type: 'DateTime64(6)'}", "", "DateTime64(0 to 9, 'UTC')"),
    ("{source: seen, type: 'DateTime64(6, ''Asia/Tokyo'')'}", "", "DateTime64(0 to 9, 'UTC')"),
    ("{source: at, type: 'DateTime64(3, ''Nowhere/At_all'')'}", "", "ClickHouse does not make the table"),
    ("{source: body, type: 'JSON'}", "", "it may become String"),
    ("{source: parts, type: 'Decimal(9, 2)'}", "", "Array(Decimal(P, S))"),
    ("{source: price, type: 'Decimal(77, 2)'}", "", "Decimal(P, S)"),
    ("{source: price, type: 'Decimal(9, 2'}", "", "is no type"),
    ("{source: id, nullable: true}", "", "in the key, which holds no NULL"),
    ("{source: id, type: 'Nullable(Int64)'}", "", "in the key, which holds no NULL"),
    ("{source: price, nullable: false}", "", "SET NOT NULL at the source"),
    ("{source: price, ordering: 1}, {source: id, ordering: 2}, {source: day, ordering: 3}", "", "not in the key"),
    ("{source: id, ordering: 1}", "", "leaves out columns of the key"),
    ("{source: id, ordering: 1}, {source: day, ordering: 1}", "", "one place of ordering"),
    ("{source: price, partitioning: 1}", "", "the row would come back"),
    ("{source: note, target: id}", "", "two columns"),
    ("{source: note, target: _peerdb_version}", "", "peerd's own"),
    ("{source: note, type: String}, {source: note, type: String}", "", "is set twice"),
    ("{source: note, type: String}", ", exclude: [note]", "is excluded, and set"),
    ("", ", partition_by: 'toYYYYMM(at)'", "the row would come back"),
    ("{source: at, target: a}", ", partition_by: 'toYYYYMM(a)'", "the row would come back"),
    ("", ", partition_by: 'id % 3, \"price\"'", "the row would come back"),
    ("", ", partition_by: '_peerdb_version'", "the row would come back"),
    ("", ", partition_by: 'cityHash64(COLUMNS(''.*''))'", "the row would come back"),
    ("", ", partition_by: 'toYYYYMM(now())'", "ClickHouse does not make the table"),
    ("", ", partition_by: 'nothing(id)'", "ClickHouse does not make the table"),
    ("", ", partition_by: 'cityHash64(*)'", "ClickHouse does not make the table"),
    ("", ", partition_by: 'id) ORDER BY (price'", "no single expression"),
    ("", ", partition_by: 'id -- no'", "no single expression"),
    ("", ", engine: MergeTree", "deleted ones for ever"),
    ("", ", engine: 'Null'", "keeps no rows"),
    ("", ", engine: CoalescingMergeTree", "removes no deleted row"),
    ("", ", engine: ReplicatedReplacingMergeTree", "taken over"),
    ("", ", engine: Memory", "makes no tables of it"),
]


def test_what_would_lose_or_bend_a_row_is_refused_before_anything_is_made(new_world):
    world = new_world("clickhouse")
    world.sql(TABLE)
    world.create_peers()
    for columns, more, word in REFUSED:
        told = refusal(world, columns, more)
        assert word in told, (columns, more, told)
    # A table of the operator's has an order and partitions of its own.
    own = "(id Int64, v String, `_peerdb_synced_at` DateTime64(9) DEFAULT now64(9), `_PEERDB_IS_DELETED` UInt8, `_peerdb_version` UInt128)"
    world.sql("CREATE TABLE small (id int, k bigint, v text NOT NULL, PRIMARY KEY (id, k))")
    world.target.text(f"CREATE TABLE small {own.replace('id Int64', 'id Int64, k UInt64')} ENGINE = ReplacingMergeTree(_peerdb_version, _PEERDB_IS_DELETED) "
                      "PARTITION BY k % 2 ORDER BY (k, id)", world.target_db)
    types = "{source: id, type: Int64, ordering: %d}, {source: k, type: UInt64, ordering: %d}"
    for columns, more, word in [(types % (1, 2), "", "is ordered by (k, id)"), ("", "", "needs Int32"), (types % (2, 1), ", partition_by: 'id'", "PARTITION BY stays")]:
        with pytest.raises(Exception) as told:
            create(world, columns, more, table="public.small")
        assert word in str(told.value), told.value
    create(world, types % (2, 1), table="public.small")
    world.sql("INSERT INTO small SELECT g, g, 'v' || g FROM generate_series(1, 30) g; DELETE FROM small WHERE id = 3; UPDATE small SET k = k + 1 WHERE id = 4")
    world.wait_state("RUNNING")
    world.wait_caught_up()
    found = {(row["id"], row["k"], row["v"]) for row in world.at_target("SELECT id, k, v FROM small FINAL")}
    assert found == {tuple(row) for row in world.sql("SELECT id, k, v FROM small")} and len(found) == 29


@pytest.mark.parametrize("kind", ["postgres", "kafka"])
def test_other_targets_refuse_what_they_do_not_do(new_world, kind):
    world = new_world(kind)
    world.sql(TABLE)
    world.create_peers()
    for columns, more, word in [("{source: note, type: text}", "", 'type of column "note"'), ("{source: id, ordering: 1}", "", 'ordering of column "id"'),
                                ("{source: id, partitioning: 1}", "", 'partitioning of column "id"'), ("{source: tag, nullable: true}", "", 'nullable of column "tag"'),
                                ("", ", engine: ReplacingMergeTree", "engine"), ("", ", partition_by: 'id'", "partition_by")]:
        told = refusal(world, columns, more)
        assert word in told and f"is not offered by mirrors to {kind.upper()}" in told, told
    for columns, word in [("{source: nothing, target: other}", "has no column"), ("{source: note, target: tag}", "two columns")]:
        told = refusal(world, columns)
        assert word in told, told


RENAMED = """{source: id, target: nr}, {source: a, target: b}, {source: b, target: a}, {source: note, target: "Re mark"}, {source: big, target: larger}"""
AS_RENAMED = 'SELECT id AS nr, k, a AS b, b AS a, note AS "Re mark", big AS larger'


@pytest.mark.parametrize("kind,options", [("postgres", {}), ("kafka", {}), ("kafka", {"format": "'debezium'"}), ("kafka", {"format": "'flat'"})])
def test_columns_have_other_names_at_every_target(new_world, kind, options):
    """Also names that change places, of key and of unique columns, and a column that is not sent."""
    world = new_world(kind)
    world.options = {key: value.strip("'") for key, value in options.items()}
    world.sql("""CREATE TABLE v (id int, k int, a int UNIQUE, b int NOT NULL, note text, big text, PRIMARY KEY (k, id));
      CREATE UNIQUE INDEX ON v (lower(note)) WHERE a > 0; ALTER TABLE v ALTER big SET STORAGE EXTERNAL;
      INSERT INTO v SELECT g, g % 7, g, -g, 'note ' || g, repeat('b' || g, 2000) FROM generate_series(1, 300) g""")
    world.create_peers()
    create(world, RENAMED, table="public.v", snapshot_num_rows_per_partition=100, **options)
    world.wait_state("RUNNING")
    more = ""

    def compare():
        world.wait_caught_up()
        world.sql(f"DROP TABLE IF EXISTS w; CREATE TABLE w AS {AS_RENAMED}{more} FROM v")
        if kind == "kafka":
            topic = world.consumer().topics[world.target_name("public.v")]
            return compare_kafka(topic, world.source, "public.w", world.source_db, world.target_db)
        return compare_postgres(world.source, "public.w", world.target, "public.v", world.source_db, world.target_db, live='NOT "_PEERDB_IS_DELETED"')

    assert compare() == 300
    world.sql("DELETE FROM v WHERE id % 10 = 0; UPDATE v SET id = id + 1000 WHERE id % 10 = 1; UPDATE v SET k = k + 1, note = note || '!' WHERE id % 10 = 2")
    world.sql("BEGIN; UPDATE v SET a = -a WHERE id IN (3, 4); UPDATE v SET a = 7 + a WHERE id IN (3, 4); COMMIT; UPDATE v SET b = 5, note = NULL WHERE id % 10 = 5")
    assert compare() == 270
    world.pause()
    world.sql("UPDATE v SET b = b + 1; INSERT INTO v SELECT g, g, g, g, 'n' || g, 'b' FROM generate_series(2001, 2100) g; DELETE FROM v WHERE id % 10 = 6")
    world.peerd.kill9()
    world.peerd.start()
    world.resume()
    kept = compare()
    world.sql("ALTER TABLE v ADD extra int DEFAULT 3; UPDATE v SET extra = 4 WHERE id % 10 = 7; UPDATE v SET big = 'x' WHERE id % 10 = 8")
    more = ", extra"
    if kind == "postgres":
        assert compare() == kept
    world.sql("TRUNCATE v; INSERT INTO v VALUES (1, 2, 3, 4, 'n', 'b', 5)")
    assert compare() == 1


def test_a_value_that_its_type_cannot_hold_stops_the_mirror_until_it_is_mended(new_world):
    world = new_world("clickhouse")
    world.sql("CREATE TABLE orders (id int PRIMARY KEY, u bigint, d numeric, t timestamptz); INSERT INTO orders VALUES (1, -1, 1, now())")
    world.create_peers()
    create(world, "{source: u, type: UInt32}, {source: d, type: 'Decimal(6, 2)'}, {source: t, type: 'DateTime64(3)'}")

    def stopped(column, cure):
        row = wait_for("the mirror to stop", lambda: (m := world.mirror()) and m["last_error"] and f'"{column}"' in m["last_error"] and m)
        assert "public.orders" in row["last_error"] and "-1" not in row["last_error"], row
        world.sql(cure)
        if world.mirror()["state"] == "FAILED":
            world.resume()

    stopped("u", "UPDATE orders SET u = 4294967295, t = '2026-01-01 00:00:00.5+00'")
    world.wait_state("RUNNING")
    world.wait_caught_up()
    for column, bad in (("d", "1.001"), ("d", "10000"), ("t", "'2026-01-01 00:00:00.0001+00'"), ("u", "4294967296")):
        world.sql(f"INSERT INTO orders (id, {column}) VALUES (2, {bad})")
        stopped(column, "SELECT 1")
        # The stream has the value for good: the table is copied anew.
        world.drop()
        world.sql(f"DELETE FROM orders WHERE id = 2; UPDATE orders SET d = -9999.99")
        world.target.text("DROP TABLE orders SYNC", world.target_db)
        create(world, "{source: u, type: UInt32}, {source: d, type: 'Decimal(6, 2)'}, {source: t, type: 'DateTime64(3)'}")
        world.wait_state("RUNNING")
    assert world.at_target("SELECT id, u, toString(d) AS d FROM orders FINAL") == [{"id": 1, "u": 4294967295, "d": "-9999.99"}]


def test_a_table_that_is_added_may_have_settings_and_rest_tells_them(new_world):
    world = new_world("clickhouse")
    world.sql("CREATE TABLE first (id int PRIMARY KEY); CREATE TABLE orders (id int, k int, v numeric, PRIMARY KEY (id, k)); INSERT INTO orders SELECT g, g, g FROM generate_series(1, 50) g")
    world.start_mirror(["public.first"])
    mapping = """{from: public.orders, to: orders, columns: [{source: v, target: value, type: 'Int64'}, {source: k, ordering: 1, partitioning: 1},
      {source: id, ordering: 2}]}"""
    with pytest.raises(Exception, match="the row would come back"):
        world.peerd.sql(f"ALTER MIRROR {world.mirror_name} ADD TABLE " + mapping.replace("{source: v,", "{source: v, partitioning: 2,"))
    world.peerd.sql(f"ALTER MIRROR {world.mirror_name} ADD TABLE {mapping}")
    wait_for("the copy", lambda: world.at_target("SELECT count() AS n FROM system.tables WHERE database = currentDatabase() AND name = 'orders' AND total_rows = 50")[0]["n"])
    world.wait_state("RUNNING")
    world.sql("UPDATE orders SET k = k + 100 WHERE id < 10; DELETE FROM orders WHERE id > 40")
    world.wait_caught_up()
    rows = {(row["id"], row["k"], row["value"]) for row in world.at_target("SELECT id, k, value FROM orders FINAL")}
    assert rows == {(id, k, int(v)) for id, k, v in world.sql("SELECT id, k, v FROM orders")} and len(rows) == 40
    told = world.peerd.rest("GET", f"/api/v1/mirrors/{world.mirror_name}/definition")[1]
    assert "columns: [{source: v, target: value, type: 'Int64'}, {source: k, ordering: 1, partitioning: 1}, {source: id, ordering: 2}]" in told["sql"]
    settings = told["rest"]["connection_configs"]["table_mappings"][1]["columns"]
    assert settings == [{"source_name": "v", "destination_name": "value", "destination_type": "Int64"},
                        {"source_name": "k", "ordering": 1, "partitioning": 1}, {"source_name": "id", "ordering": 2}], settings
    # The statement that is shown makes the same mirror.
    world.drop()
    world.target.text("DROP TABLE orders SYNC", world.target_db)
    world.peerd.sql(told["sql"].rstrip(";"))
    world.wait_state("RUNNING")
    assert world.peerd.rest("GET", f"/api/v1/mirrors/{world.mirror_name}/definition")[1]["sql"] == told["sql"]


def test_a_column_that_is_never_to_hold_null_stops_where_the_source_s_does(new_world):
    world = new_world("clickhouse")
    world.sql("CREATE TABLE orders (id int PRIMARY KEY, v text NOT NULL, w text NOT NULL); INSERT INTO orders VALUES (1, 'a', 'a')")
    world.create_peers()
    create(world, "{source: v, nullable: false}")
    world.wait_state("RUNNING")
    world.sql("ALTER TABLE orders ALTER w DROP NOT NULL; INSERT INTO orders VALUES (2, 'b', NULL)")  # followed, where nothing was asked
    world.wait_caught_up()
    world.sql("ALTER TABLE orders ALTER v DROP NOT NULL; INSERT INTO orders VALUES (3, NULL, 'c')")
    stopped = world.wait_state("FAILED", 60)
    assert '"v"' in stopped["last_error"] and "nullable: false" in stopped["last_error"], stopped
    assert "SET NOT NULL" in stopped["last_error_hint"] and f"RESYNC TABLE public.orders OF {world.mirror_name}" in stopped["last_error_hint"], stopped
    world.sql("UPDATE orders SET v = 'c' WHERE v IS NULL; ALTER TABLE orders ALTER v SET NOT NULL")
    world.peerd.sql(f"RESYNC TABLE public.orders OF {world.mirror_name}")
    world.wait_state("RUNNING")
    world.wait_caught_up()
    assert world.at_target("SELECT id, v, w FROM orders FINAL ORDER BY id") == [{"id": 1, "v": "a", "w": "a"}, {"id": 2, "v": "b", "w": None}, {"id": 3, "v": "c", "w": "c"}]
    types = world.at_target("SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = 'orders' AND name IN ('v', 'w')")
    assert {row["name"]: row["type"] for row in types} == {"v": "String", "w": "Nullable(String)"}

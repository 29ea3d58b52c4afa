"""What an operator's CREATE TABLE at ClickHouse may hold, what a source may do to its columns, and how they may be called."""
import pytest

from support.clickhouse_server import ClickHouseServer
from support.process import wait_for
from support.world import clickhouse_options, options_text, postgres_options

OWN = "`_peerdb_synced_at` DateTime64(9) DEFAULT now64(9), `_PEERDB_IS_DELETED` UInt8, `_peerdb_version` UInt128"
COLUMNS = "id Int32, k Int32, at DateTime64(6, 'UTC'), n Int64, v Nullable(String)"
ENGINE = "ENGINE = ReplacingMergeTree(_peerdb_version, _PEERDB_IS_DELETED)"

# (what follows the columns, the engine and its clauses) → a word of the refusal, the ALTER that cures it or None.
REFUSED = [
    ("", f"{ENGINE} ORDER BY (intDiv(id, 100), k)", "ordered by", None),
    ("", f"{ENGINE} ORDER BY (id)", "ordered by", None),
    ("", f"{ENGINE} ORDER BY (id, k, n)", "ordered by", None),
    ("", f"{ENGINE} ORDER BY tuple()", "ordered by", None),
    ("", f"{ENGINE} PARTITION BY toYYYYMM(at) ORDER BY (id, k)", "partition", None),
    ("", f"{ENGINE} PARTITION BY (id % 3, n) ORDER BY (id, k)", "partition", None),
    ("", f"{ENGINE} ORDER BY (id, k) TTL toDateTime(at) + INTERVAL 1 DAY", "TTL", "REMOVE TTL"),
    ("", f"{ENGINE} ORDER BY (id, k) TTL toDateTime(_peerdb_synced_at) + INTERVAL 9 DAY DELETE WHERE n > 5", "TTL", "REMOVE TTL"),
    (", CONSTRAINT `po s` CHECK n > 0", f"{ENGINE} ORDER BY (id, k)", "constraint", "DROP CONSTRAINT `po s`"),
    (", CONSTRAINT c ASSUME n > 0", f"{ENGINE} ORDER BY (id, k)", "constraint", "DROP CONSTRAINT `c`"),
    (", PROJECTION p (SELECT id ORDER BY n)", f"{ENGINE} ORDER BY (id, k) SETTINGS deduplicate_merge_projection_mode = 'rebuild'",
     "projection", "DROP PROJECTION `p`"),
    (", seen Int64 MATERIALIZED _peerdb_version", "ENGINE = ReplacingMergeTree(seen) ORDER BY (id, k)", "version column", None),
    ("", "ENGINE = ReplacingMergeTree(_peerdb_version) ORDER BY (id, k)", "version column", None),
    ("", "ENGINE = MergeTree ORDER BY (id, k)", "MergeTree", None),
    ("", "ENGINE = Memory", "Memory", None),
]
COLUMN_REFUSED = [
    (COLUMNS.replace("n Int64", "n Int64 MATERIALIZED id"), "computed"),
    (COLUMNS.replace("n Int64", "n Int64 ALIAS id"), "computed"),
    (COLUMNS.replace("n Int64", "n Int64 EPHEMERAL"), "computed"),
    (COLUMNS.replace("n Int64", "n Int64 TTL toDateTime(at) + INTERVAL 1 DAY"), "TTL"),
    (COLUMNS.replace("v Nullable(String)", "v String"), "NULL"),
]


def source_table(world, rows=200):
    world.sql(f"""CREATE TABLE t (id int, k int, at timestamptz NOT NULL, n bigint NOT NULL, v text, PRIMARY KEY (id, k));
      INSERT INTO t SELECT g, g % 7, '2001-01-01'::timestamptz + g * interval '1 day', g, 'v' || g FROM generate_series(1, {rows}) g""")


def test_definitions_that_would_lose_rows_are_refused_before_anything_is_made(new_world):
    world = new_world("clickhouse")
    source_table(world)
    world.create_peers()

    def refusal():
        with pytest.raises(Exception) as told:
            world.create_mirror(["public.t"])
        assert world.mirror() is None and not world.slots() and not world.publications()
        return str(told.value)

    cases = [(COLUMNS, more, engine, word, cure) for more, engine, word, cure in REFUSED]
    cases += [(columns, "", f"{ENGINE} ORDER BY (id, k)", word, None) for columns, word in COLUMN_REFUSED]
    for columns, more, engine, word, cure in cases:
        world.target.text("DROP TABLE IF EXISTS t SYNC", world.target_db)
        world.target.text(f"CREATE TABLE t ({columns}, {OWN}{more}) {engine}", world.target_db)
        told = refusal()
        assert word in told, (engine, told)
        assert ("ALTER TABLE `t` " + cure if cure else "`t`") in told, (engine, told)
    # A cure that is printed works.
    world.target.text("DROP TABLE t SYNC", world.target_db)
    world.target.text(f"CREATE TABLE t ({COLUMNS}, {OWN}, CONSTRAINT c CHECK n > 0) {ENGINE} ORDER BY (k, id) TTL toDateTime(at) + INTERVAL 1 DAY",
                      world.target_db)
    for cure in ("REMOVE TTL", "DROP CONSTRAINT `c`"):
        assert f"ALTER TABLE `t` {cure}" in refusal()
        world.target.text(f"ALTER TABLE `t` {cure}", world.target_db)
    world.create_mirror(["public.t"], "RUNNING")
    assert world.settle_and_compare() == 200


def test_definitions_that_keep_every_row_are_taken_and_kept(new_world):
    world = new_world("clickhouse")
    source_table(world)
    world.sql("CREATE TABLE r (id int PRIMARY KEY, v text NOT NULL); INSERT INTO r SELECT g, 'r' || g FROM generate_series(1, 100) g")
    columns = COLUMNS.replace("v Nullable(String)", "v LowCardinality(Nullable(String)) CODEC(ZSTD(3))").replace("n Int64", "n Int64 DEFAULT 7 CODEC(Delta, LZ4)")
    world.target.text(f"""CREATE TABLE t ({columns}, {OWN}, year UInt16 MATERIALIZED toYear(at), note String DEFAULT 'o''k TTL ( PROJECTION', INDEX i n TYPE minmax)
      {ENGINE} PARTITION BY (id % 5, k) PRIMARY KEY k ORDER BY (k, id) TTL toDateTime(at) + INTERVAL 1 DAY TO DISK 'default'
      SETTINGS index_granularity = 512""", world.target_db)
    world.target.text(f"CREATE TABLE r (id Int32, v LowCardinality(String), {OWN}) {ENGINE} ORDER BY id DESC SETTINGS allow_experimental_reverse_key = 1",
                      world.target_db)
    before = world.at_target("SELECT name, uuid FROM system.tables WHERE database = currentDatabase() ORDER BY name")
    world.start_mirror(["public.t", "public.r"])
    world.sql("DELETE FROM t WHERE id % 2 = 0; UPDATE t SET k = k + 1 WHERE id % 3 = 0; DELETE FROM r WHERE id < 50; UPDATE r SET v = 'x' WHERE id = 60")
    assert world.settle_and_compare() == 100 + 51
    for table in ("t", "r"):
        world.target.text(f"OPTIMIZE TABLE {table} FINAL", world.target_db)
    assert world.compare() == 100 + 51
    # Its NOT NULL goes at the source: LowCardinality stays. A rewrite in another shape would not drop an operator's table.
    world.sql("ALTER TABLE r ALTER v DROP NOT NULL; INSERT INTO r VALUES (1000, NULL)")
    assert world.settle_and_compare() == 100 + 52
    assert world.at_target("SELECT type FROM system.columns WHERE database = currentDatabase() AND table = 'r' AND name = 'v'")[0]["type"] == "LowCardinality(Nullable(String))"
    assert world.at_target("SELECT name, uuid FROM system.tables WHERE database = currentDatabase() ORDER BY name") == before


def test_a_dropped_not_null_is_followed(new_world):
    world = new_world("clickhouse")
    world.sql("""CREATE TABLE t (id int PRIMARY KEY, i int NOT NULL, x text NOT NULL, a int[] NOT NULL, ts timestamptz NOT NULL, big text NOT NULL);
      ALTER TABLE t ALTER big SET STORAGE EXTERNAL;
      INSERT INTO t SELECT g, g, 'x' || g, ARRAY[g, NULL], now(), repeat('b', 9000) FROM generate_series(1, 50) g""")
    world.start_mirror(["public.t"])
    world.wait_caught_up()
    # While it streams; it is the default for new rows only.
    world.sql("ALTER TABLE t ALTER i DROP NOT NULL; UPDATE t SET i = NULL WHERE id < 10; INSERT INTO t VALUES (51, NULL, 'x', '{}', now(), 'b')")
    assert world.settle_and_compare() == 51
    # While it is paused, and set again before the mirror sees it.
    world.pause()
    world.sql("""ALTER TABLE t ALTER x DROP NOT NULL, ALTER a DROP NOT NULL, ALTER ts DROP NOT NULL;
      UPDATE t SET x = NULL, a = NULL, ts = NULL WHERE id IN (3, 4);
      UPDATE t SET x = 'back', a = '{7}', ts = now() WHERE id = 4;
      INSERT INTO t SELECT g, g, NULL, NULL, NULL, 'b' FROM generate_series(60, 70) g;
      DELETE FROM t WHERE x IS NULL AND id > 65""")
    world.peerd.restart()
    world.resume()
    assert world.settle_and_compare() == 57
    world.sql("UPDATE t SET x = 'x', a = '{}', ts = now() WHERE x IS NULL OR a IS NULL OR ts IS NULL; ALTER TABLE t ALTER x SET NOT NULL, ALTER a SET NOT NULL, ALTER ts SET NOT NULL")
    assert world.settle_and_compare() == 57
    world.sql("ALTER TABLE t ALTER big DROP NOT NULL; UPDATE t SET a = NULL WHERE false; UPDATE t SET big = NULL WHERE id = 8; UPDATE t SET i = 9 WHERE id = 9")
    assert world.settle_and_compare() == 57
    rows = {row["id"]: row for row in world.at_target("SELECT id, i, x, a, _peerdb_null_a AS absent FROM t FINAL WHERE id IN (3, 4, 60)")}
    assert rows[4]["x"] == "back" and rows[4]["a"] == [7] and not rows[4]["absent"] and not rows[3]["absent"], rows


ODD = ["_i", "_k0", "_k1", "_r", "_keys", "t", "v", "s", "k", "i", "k1", "o", "a", "m", "b0", "c0", "c1", "c2", "excluded", "copy", "copies", "peerd n", "peerd c",
       "_keys_format", "peerd_copy", "_peerd", "n", "e", "count", "ctid_", "query"]


@pytest.mark.parametrize("name", ["_keys", "excluded"])
def test_columns_and_tables_called_as_our_own_names_get_their_own_values(world, name):
    columns = ", ".join(f'"{column}" text' for column in ODD)
    values = ", ".join(f"'{column} ' || g" for column in ODD)
    world.sql(f'CREATE TABLE public."{name}" ("_k1" int, "k1" int, {columns.replace(chr(34) + "_k1" + chr(34) + " text, ", "").replace(chr(34) + "k1" + chr(34) + " text, ", "")}, '
              'long text, PRIMARY KEY ("_k1", "k1"))')
    rest = [column for column in ODD if column not in ("_k1", "k1")]
    for column in (*rest[:6], "long"):
        world.sql(f'ALTER TABLE public."{name}" ALTER "{column}" SET STORAGE EXTERNAL')
    listed = ", ".join(f'"{column}"' for column in rest)
    world.sql(f'INSERT INTO public."{name}" ("_k1", "k1", {listed}, long) SELECT g, g, '
              + ", ".join(f"'{column} ' || g" if n > 5 else f"repeat('{column} ' || g, 900)" for n, column in enumerate(rest))
              + ", repeat('l' || g, 3000) FROM generate_series(1, 40) g")
    world.start_mirror([f"public.{name}"])
    world.wait_caught_up()
    # Unsent values are looked up at the target, rows move, go, and come again.
    world.sql(f'UPDATE public."{name}" SET "copy" = \'new\' WHERE "k1" % 2 = 0; UPDATE public."{name}" SET "k1" = "k1" + 100 WHERE "_k1" % 5 = 0; '
              f'DELETE FROM public."{name}" WHERE "_k1" = 7; UPDATE public."{name}" SET "_keys" = \'k\' WHERE "_k1" = 9')
    world.wait_caught_up()
    names = ["_k1", "k1", *rest, "long"]
    expected = sorted(tuple(str(cell) for cell in row) for row in world.sql(
        "SELECT " + ", ".join(f'"{column}"' for column in names) + f' FROM public."{name}"'))
    if world.kind == "clickhouse":
        tuples = ", ".join(f"`{column}`" for column in names)
        found = world.target.rows(f"SELECT {tuples} FROM `{name}` FINAL", world.target_db)
        found = sorted(tuple(str(row[column]) for column in names) for row in found)
    else:
        found = sorted(tuple(str(cell) for cell in row) for row in world.at_target(
            "SELECT " + ", ".join(f'"{column}"' for column in names) + f' FROM public."{name}" WHERE NOT "_PEERDB_IS_DELETED"'))
    assert len(expected) == 39 and found == expected


LEAN = """<lean><password>p</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
  <grants>{grants}</grants></lean>"""


def test_exactly_the_rights_that_the_hint_asks_for_are_enough(new_world):
    """And a SELECT over a peer only reads."""
    server = ClickHouseServer("rights", start=False)
    users = open(f"{server.dir}/users.xml").read()

    def serve(grants):
        if server.child:
            server.stop()
        with open(f"{server.dir}/users.xml", "w") as file:
            file.write(users.replace("</users>", LEAN.format(grants="".join(f"<query>{grant}</query>" for grant in grants)) + "</users>"))
        server.start()

    serve(["GRANT SELECT ON default.*"])
    world = new_world("clickhouse", target=server)
    source_table(world, 50)
    world.peerd.sql(f"CREATE PEER {world.source_peer} FROM POSTGRES WITH ({options_text(postgres_options(world.source, world.source_db))})")
    options = options_text({**clickhouse_options(server, world.target_db), "user": "lean", "password": "p"})
    granted, told = [], ""
    for _ in range(3):
        try:
            world.peerd.sql(f"CREATE PEER {world.target_peer} FROM CLICKHOUSE WITH ({options})")
            break
        except Exception as error:
            told = str(error)
        assert "it'" not in told, told
        grant = told[told.index("GRANT SELECT"):]
        granted.append(grant[:grant.index(" TO `lean`")])
        serve([f"GRANT SELECT ON default.*", *granted])
    assert len(granted) == 1, (granted, told)  # all that is missing is told at once
    world.create_mirror(["public.t"], "RUNNING")
    world.sql("UPDATE t SET n = n + 1; DELETE FROM t WHERE id = 3; ALTER TABLE t ADD c int DEFAULT 5; INSERT INTO t VALUES (99, 1, now(), 1, 'v', 6); ALTER TABLE t ALTER n DROP NOT NULL; INSERT INTO t (id, k, at) VALUES (100, 1, now())")
    assert world.settle_and_compare() == 51
    world.peerd.kill9()  # What it leaves behind is looked for, and killed.
    world.peerd.start()
    world.sql("TRUNCATE t; INSERT INTO t (id, k, at) VALUES (101, 1, now())")
    wait_for("the stream to go on", lambda: world.wait_caught_up())
    assert world.compare() == 1
    shown = world.peerd.sql(f"SELECT getSetting('readonly') AS r FROM {world.target_peer}.{world.target_db}.t")
    assert shown and str(shown[0]["r"]) == "2", shown
    world.drop()


def test_names_of_our_own_columns_that_cannot_be_are_refused_before_anything_is_made(new_world):
    world = new_world("clickhouse")
    world.sql("CREATE TABLE t (id int PRIMARY KEY, a int[])")
    world.create_peers()
    for option, name in (("soft_delete_col_name", "_row_exists"), ("soft_delete_col_name", "_peerdb_version"), ("soft_delete_col_name", "_peerdb_null_a"),
                         ("soft_delete_col_name", "_block_offset"), ("synced_at_col_name", "_block_number"), ("synced_at_col_name", "_peerdb_version"),
                         ("synced_at_col_name", "_peerdb_null_a")):
        with pytest.raises(Exception) as told:
            world.create_mirror(["public.t"], **{option: name})
        assert option in str(told.value) and name in str(told.value), told.value
        assert world.mirror() is None and not world.slots() and not world.publications()


def test_quotes_of_a_target_are_not_part_of_its_name(new_world):
    world = new_world("clickhouse")
    world.sql("; ".join(f"CREATE TABLE i{i} (id int PRIMARY KEY); INSERT INTO i{i} VALUES (1)" for i in range(1, 6)))
    world.create_peers()
    world.peerd.sql(f"""CREATE MIRROR {world.mirror_name} FROM {world.source_peer} TO {world.target_peer} WITH TABLE MAPPING
        (public.i1:"My table", public.i2:"my.table", public.i3:"q""q", {{from: public.i4, to: "d.o""t"}}, public.i5:s."a.b")""")
    world.wait_state("RUNNING")
    names = {row["name"] for row in world.at_target("SELECT name FROM system.tables WHERE database = currentDatabase() AND total_rows = 1")}
    assert names == {"My table", "my.table", 'q"q', 'd.o"t', "s.a.b"}

"""A partitioned source table is one table at the target, whatever its partitions are and become."""
import random

import psycopg2
import pytest

from support.postgres_server import PostgresServer
from support.process import wait_for
from support.writer import FILL, Writer

full = pytest.mark.full
ALL_KINDS = ["postgres", "clickhouse", "kafka"]

# Ranges, one of them parted again by hash; one partition has its columns in another order and lost one; one is REPLICA IDENTITY FULL.
TREE = """
CREATE TABLE items (id bigint, n int NOT NULL, price numeric(12,2), ratio float8, name text, ok boolean, at timestamptz,
  tags text[], body text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
ALTER TABLE items ALTER body SET STORAGE EXTERNAL;
CREATE TABLE low PARTITION OF items FOR VALUES FROM (MINVALUE) TO (1000);
CREATE TABLE middle PARTITION OF items FOR VALUES FROM (1000) TO (2000) PARTITION BY HASH (id);
CREATE TABLE "middle.a" PARTITION OF middle FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE middle_b PARTITION OF middle FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE turned (body text, gone int, tags text[], at timestamptz, ok boolean, name text, ratio float8, price numeric(12,2),
  n int NOT NULL, id bigint PRIMARY KEY);
ALTER TABLE turned DROP gone;
ALTER TABLE turned ALTER body SET STORAGE EXTERNAL;
ALTER TABLE items ATTACH PARTITION turned FOR VALUES FROM (2000) TO (3000);
CREATE TABLE rest PARTITION OF items DEFAULT;
ALTER TABLE rest ALTER body SET STORAGE EXTERNAL;
ALTER TABLE rest REPLICA IDENTITY FULL;
"""


def make_tree(world, rows=4000):
    world.sql(TREE)
    world.sql(FILL.format(table="items"), (1000, 10_000, 1, rows))
    world.sql("VACUUM ANALYZE")
    return world


def said(world, words):
    return [row for row in world.peerd.rows("SELECT message, hint FROM mirror_logs WHERE mirror = %s", (world.mirror_name,))
            if words in row["message"]]


def wait_said(world, words):
    return wait_for(f"the log to say {words!r}", lambda: said(world, words), 60,
                    broken=lambda: world.mirror()["last_error"] if world.mirror()["state"] == "FAILED" else None)


def settle(world):
    """Until all rows that had to be read again were."""
    world.wait_caught_up()
    wait_for("consistency", lambda: world.mirror()["consistent"], 60)
    return world.settle_and_compare()


def refused(world, *words, **options):
    with pytest.raises(psycopg2.Error) as error:
        world.create_mirror(world.tables, **options)
    for word in words:
        assert word in error.value.pgerror, error.value.pgerror
    assert world.slots() == []
    return error.value


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_partitioned_table_is_one_table(new_world, kind):
    world = make_tree(new_world(kind))
    writer = Writer(world.source, "public.items", world.source_db, seed=7, rate=120)
    world.start_mirror(["public.items"], snapshot_num_rows_per_partition=300)
    assert len(world.copies()) >= 12  # Each partition is cut by itself.
    world.sql("UPDATE items SET id = 1500000 + id WHERE id IN (3, 1003, 2003, 3003)")  # From one partition to another.
    world.sql("UPDATE items SET n = -1 WHERE id IN (1000, 2000, 3000, 4000)")  # Beside long values that do not change.
    world.sql("CREATE TABLE far PARTITION OF items FOR VALUES FROM (5000000000) TO (6000000000)")
    world.sql("INSERT INTO items (id, n) SELECT 5000000000 + g, g FROM generate_series(1, 300) g")
    world.peerd.restart()
    world.sql("DELETE FROM items WHERE id % 5 = 0 AND id < 900")
    writer.stop()
    assert world.settle_and_compare() > 1000
    world.sql("TRUNCATE items; INSERT INTO items (id, n) SELECT g * 700, g FROM generate_series(1, 9) g")
    assert world.settle_and_compare() == 9
    if kind != "kafka":
        assert not said(world, "TRUNCATE of the partition")
    publication = world.sql("SELECT pubviaroot FROM pg_publication")
    assert publication == [(True,)]
    world.drop()
    assert world.slots() == [] and world.publications() == []


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_rows_that_come_with_a_partition_arrive(new_world, kind):
    world = make_tree(new_world(kind), 3000)
    world.start_mirror(["public.items"])
    world.wait_caught_up()
    make = ("CREATE TABLE {0} (LIKE items INCLUDING ALL); INSERT INTO {0} (id, n, body) SELECT {1} + g, g, repeat(md5(g::text), 100)"
            " FROM generate_series(1, 400) g;")
    world.sql(make.format("streamed", 7_000_000_000))
    world.sql("ALTER TABLE items ATTACH PARTITION streamed FOR VALUES FROM (7000000000) TO (8000000000)")
    world.sql("UPDATE items SET n = -2 WHERE id BETWEEN 7000000001 AND 7000000050; DELETE FROM items WHERE id = 7000000100")
    wait_said(world, "partition public.streamed of table public.items is new")
    wait_said(world, "were read once more")
    assert world.settle_and_compare() == 3399
    world.pause()
    world.sql(make.format("paused", 8_000_000_000))
    world.sql("ALTER TABLE items ATTACH PARTITION paused FOR VALUES FROM (8000000000) TO (9000000000)")
    world.sql("UPDATE items SET id = 8500000000 WHERE id = 8000000001")
    world.resume()
    wait_said(world, "partition public.paused of table public.items is new")
    world.peerd.kill9()  # Before, in, or after the reading.
    world.peerd.start()
    assert settle(world) == 3799


@pytest.mark.parametrize("rewritten", [False, True])
@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_partitions_come_and_go_in_the_middle_of_the_copy(new_world, kind, rewritten):
    world = new_world(kind)
    world.hold_copy(3)
    make_tree(world, 4000)
    world.start_mirror(["public.items"], wait=None, snapshot_num_rows_per_partition=300)
    world.wait_chunks(3)
    world.pause()
    world.gate.open()
    world.sql("CREATE TABLE came (LIKE items INCLUDING ALL); INSERT INTO came (id, n) SELECT 9000000000 + g, g FROM generate_series(1, 70) g;"
              "ALTER TABLE items ATTACH PARTITION came FOR VALUES FROM (9000000000) TO (9500000000)")
    world.sql("ALTER TABLE items DETACH PARTITION turned")
    if rewritten:
        world.sql("VACUUM FULL rest")  # The whole table starts anew, with the partitions that it has by then.
    world.resume()
    world.wait_state("RUNNING")
    world.sql("DELETE FROM turned; UPDATE items SET n = 3 WHERE id % 9 = 0")
    if not rewritten:
        wait_said(world, "partition public.came of table public.items is new")
        wait_said(world, "partition public.turned of table public.items was detached or dropped")
    settle(world)
    assert world.compare(where="true" if rewritten else "id NOT BETWEEN 2000 AND 2999") == 3070


@pytest.mark.parametrize("kind", ["postgres", pytest.param("clickhouse", marks=pytest.mark.full)])
def test_what_the_stream_does_not_tell_of_partitions_is_said(new_world, kind):
    world = make_tree(new_world(kind), 4000)
    world.start_mirror(["public.items"])
    world.wait_caught_up()
    world.sql("TRUNCATE low")
    world.sql("DROP TABLE middle_b")
    world.sql("ALTER TABLE items DETACH PARTITION turned; DELETE FROM turned WHERE id < 2100;"
              "ALTER TABLE items ATTACH PARTITION turned FOR VALUES FROM (2000) TO (3000)")
    row = wait_said(world, "partition public.low of table public.items was written anew")[0]
    assert "TRUNCATE of the partition itself" in row["message"] and row["hint"]
    wait_said(world, "partition public.middle_b of table public.items was detached or dropped")
    wait_said(world, "partition public.turned of table public.items was detached and attached again")
    assert world.mirror()["state"] == "RUNNING"
    assert world.settle_and_compare(where="id >= 3000 OR id BETWEEN 2100 AND 2999") > 1000
    # Its rows are there still: what nobody deleted in the WAL is not deleted.
    count = "SELECT count(*) AS n FROM items" + (" FINAL" if kind == "clickhouse" else "")
    left = world.at_target(f"{count} WHERE id < 1000 OR id BETWEEN 2000 AND 2099")
    assert (left[0][0] if kind == "postgres" else int(left[0]["n"])) == 1099


@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_columns_are_added_with_what_older_rows_show(new_world, kind):
    world = make_tree(new_world(kind), 3000)
    world.start_mirror(["public.items"])
    world.wait_caught_up()
    world.sql("ALTER TABLE items ADD plain int; UPDATE items SET plain = 1 WHERE id = 1")
    world.sql("ALTER TABLE items ADD seven int DEFAULT 7; ALTER TABLE items ALTER seven SET DEFAULT 8; UPDATE items SET n = 5 WHERE id = 2")
    settle(world)
    world.sql("ALTER TABLE items ADD volatile float8 DEFAULT random(); UPDATE items SET n = 6 WHERE id = 3")
    settle(world)
    world.sql("ALTER TABLE items ADD known int DEFAULT 3")
    world.sql("VACUUM FULL turned")
    world.sql("INSERT INTO items (id, n) VALUES (99999, 1)")
    settle(world)


@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_kills_lose_nothing_of_partitions(new_world, kind):
    world = make_tree(new_world(kind), 3000)
    moments = random.Random(5)
    writer = Writer(world.source, "public.items", world.source_db, seed=5, rate=120)
    world.start_mirror(["public.items"], wait=None, snapshot_num_rows_per_partition=100)
    for i in range(6):
        wait_for("something to be done", lambda: (world.mirror()["chunks_done"] or 0) >= 3 * (i + 1) or world.mirror()["state"] == "RUNNING", 60)
        if i > 2:
            world.sql(f"CREATE TABLE more_{i} (LIKE items INCLUDING ALL); INSERT INTO more_{i} (id, n) SELECT {i}00000000000 + g, g FROM generate_series(1, 200) g;"
                      f"ALTER TABLE items ATTACH PARTITION more_{i} FOR VALUES FROM ({i}00000000000) TO ({i}99999999999)")
            wait_for("the next look", lambda: said(world, f"public.more_{i} of") or moments.random() < 0.02, 60, 0.05)
        world.peerd.kill9()
        world.peerd.start()
    world.wait_state("RUNNING")
    writer.stop()
    for i in range(3, 6):
        wait_said(world, f"public.more_{i} of")
    settle(world)


def test_what_cannot_be_followed_is_refused_before_anything_is_made(new_world):
    world = make_tree(new_world("postgres"), 10)
    world.create_peers()
    world.tables = ["public.items"]
    world.sql("ALTER TABLE low SET UNLOGGED")
    assert "SET LOGGED" in refused(world, "partition public.low, which is unlogged").pgerror
    world.sql("ALTER TABLE low SET LOGGED; CREATE UNIQUE INDEX odd ON turned (id, n); ALTER TABLE turned REPLICA IDENTITY USING INDEX odd")
    assert "REPLICA IDENTITY DEFAULT" in refused(world, "partition public.turned, whose replica identity").pgerror
    world.sql("ALTER TABLE turned REPLICA IDENTITY DEFAULT")
    world.sql("CREATE EXTENSION postgres_fdw; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw;"
              "CREATE TABLE bare (id bigint, v text) PARTITION BY RANGE (id);"
              "CREATE FOREIGN TABLE strange PARTITION OF bare FOR VALUES FROM (1) TO (2) SERVER s")
    world.tables = ["public.bare"]
    refused(world, "partition public.strange, which is a foreign table")
    world.sql("DROP FOREIGN TABLE strange; CREATE TABLE b1 PARTITION OF bare FOR VALUES FROM (1) TO (2)")
    refused(world, "has no primary key")
    world.tables = ["public.items", "public.low"]
    refused(world, "public.low", "is a partition of public.items, which is mapped too")
    world.tables = ["public.items", "public.middle_b"]
    refused(world, "is a partition of public.items, which is mapped too")
    world.tables = ["public.items"]
    world.sql("CREATE PUBLICATION by_parts FOR TABLE items")
    assert "publish_via_partition_root = true" in refused(world, "publishes partitions by their own names", publication_name="by_parts").pgerror
    world.sql("CREATE PUBLICATION by_root FOR TABLE items WITH (publish_via_partition_root = true)")
    world.tables = ["public.low"]
    refused(world, "publishes, under its root's name, partition", publication_name="by_root")
    world.sql("CREATE PUBLICATION everything FOR ALL TABLES WITH (publish_via_partition_root = true)")
    refused(world, "publishes, under its root's name, partition", publication_name="everything")


def test_rights_on_each_partition_are_asked_for(new_world):
    world = make_tree(new_world("postgres"), 10)
    world.sql("CREATE ROLE reader LOGIN REPLICATION PASSWORD 'reader'; GRANT SELECT ON items, low, \"middle.a\", middle_b, rest TO reader;"
              "CREATE PUBLICATION p FOR TABLE items WITH (publish_via_partition_root = true)")
    world.create_peers()
    world.peerd.sql(f"CREATE PEER reader FROM POSTGRES WITH (host = '127.0.0.1', port = {world.source.port}, user = 'reader', "
                    f"password = 'reader', database = '{world.source_db}')")
    world.source_peer, world.tables = "reader", ["public.items"]
    assert 'GRANT SELECT ON public.turned TO "reader"' in refused(world, "partition public.turned", publication_name="p").pgerror
    world.sql("GRANT SELECT ON turned TO reader")
    world.create_mirror(["public.items"], "RUNNING", publication_name="p")
    assert world.settle_and_compare() == 10
    world.drop()
    world.sql("DROP OWNED BY reader; DROP ROLE reader")


@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_a_value_is_not_taken_from_an_old_row_that_a_partition_does_not_send(new_world, kind):
    world = new_world(kind)
    # The identity of the whole is not that of its partitions, which send their key alone.
    world.sql(TREE + "ALTER TABLE items REPLICA IDENTITY FULL")
    world.sql(FILL.format(table="items"), (1, 3000, 1, 4000))  # Every row has a long value.
    world.start_mirror(["public.items"])
    world.wait_caught_up()
    world.sql("UPDATE items SET id = id - 1000 WHERE id BETWEEN 4 AND 40; UPDATE items SET n = -7 WHERE id BETWEEN 900 AND 950;"
              "UPDATE items SET id = id + 10000 WHERE id BETWEEN 3900 AND 3950; DELETE FROM items WHERE id BETWEEN 700 AND 720")
    assert settle(world) == 3979


@pytest.mark.parametrize("kind", ["postgres", pytest.param("clickhouse", marks=pytest.mark.full)])
def test_a_column_that_came_before_a_partition_has_the_partitions_values(new_world, kind):
    world = make_tree(new_world(kind), 3000)
    world.start_mirror(["public.items"])
    world.wait_caught_up()
    # Nothing of the table comes in the stream, so the columns are announced after the partition was seen and read.
    world.sql("ALTER TABLE items ADD x int; ALTER TABLE items ADD v float8 DEFAULT random();"
              "CREATE TABLE came (LIKE items INCLUDING ALL); INSERT INTO came (id, n, x) SELECT 9000000000 + g, g, 5 FROM generate_series(1, 70) g;"
              "ALTER TABLE items ATTACH PARTITION came FOR VALUES FROM (9000000000) TO (9500000000)")
    wait_said(world, "partition public.came of table public.items is new")
    wait_said(world, "were read once more")
    looks = world.peerd.rows("SELECT now() AS t")  # And the next look has passed as well: a file is judged by the second.
    wait_for("two more looks", lambda: world.sql("SELECT 1") and
             (world.peerd.rows("SELECT now() AS t")[0]["t"] - looks[0]["t"]).total_seconds() > 32, 60, 1)
    world.sql("UPDATE items SET n = 6 WHERE id = 3")
    settle(world)


def test_a_mapped_table_that_was_a_partition_for_a_while_stops(new_world):
    world = make_tree(new_world("postgres"), 100)
    world.sql("CREATE TABLE other (LIKE items INCLUDING ALL)")
    world.start_mirror(["public.items", "public.other"])
    world.wait_caught_up()
    world.pause()
    world.sql("ALTER TABLE items ATTACH PARTITION other FOR VALUES FROM (7000000000) TO (8000000000);"
              "INSERT INTO items (id, n) VALUES (7000000001, 1); ALTER TABLE items DETACH PARTITION other")
    world.resume()
    row = world.wait_state("FAILED", 40)
    assert "public.other is a partition at the source, or was for a while" in row["last_error"], row


@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_a_partition_that_came_and_went_unseen_is_said(new_world, kind):
    world = make_tree(new_world(kind), 100)
    world.start_mirror(["public.items"])
    world.wait_caught_up()
    world.pause()
    world.sql("CREATE TABLE hour PARTITION OF items FOR VALUES FROM (7000000000) TO (8000000000);"
              "INSERT INTO items (id, n) SELECT 7000000000 + g, g FROM generate_series(1, 9) g; DROP TABLE hour")
    world.resume()
    wait_said(world, "partition public.hour of table public.items was detached or dropped")
    assert world.settle_and_compare(where="id < 7000000000") == 100


def test_what_a_partition_was_for_a_while_stops_the_mirror(new_world):
    first = new_world("postgres")
    for world, change, words in [
            (first, "CREATE UNIQUE INDEX odd ON low (n); ALTER TABLE low REPLICA IDENTITY USING INDEX odd; UPDATE low SET id = id + 500 WHERE id = 7;"
                    "ALTER TABLE low REPLICA IDENTITY DEFAULT", "replica identity named its rows by other columns"),
            (new_world("postgres", peerd=first.peerd), "ALTER TABLE low SET UNLOGGED; UPDATE low SET n = 3 WHERE id = 7; ALTER TABLE low SET LOGGED",
             "as SET UNLOGGED and SET LOGGED do")]:
        make_tree(world, 100)
        world.start_mirror(["public.items"])
        world.wait_caught_up()
        world.pause()
        world.sql(change)
        world.resume()
        assert words in world.wait_state("FAILED", 40)["last_error"], world.mirror()


def test_the_whole_of_a_mapped_partition_is_not_added(new_world):
    world = make_tree(new_world("postgres"), 100)
    world.start_mirror(["public.low"])
    for table in ("public.items", "public.middle"):
        add = f"ALTER MIRROR {world.mirror_name} ADD TABLE {table}:{table}"
        if table == "public.middle":
            world.peerd.sql(add)
            continue
        with pytest.raises(psycopg2.Error) as error:
            world.peerd.sql(add)
        assert "the mirror has that one already" in error.value.pgerror, error.value.pgerror


def test_a_partition_that_cannot_be_followed_later_stops_the_mirror(new_world):
    world = make_tree(new_world("postgres"), 100)
    world.start_mirror(["public.items"])
    world.wait_caught_up()
    world.sql("ALTER TABLE rest SET UNLOGGED")
    row = world.wait_state("FAILED", 40)
    assert "partition public.rest, which is unlogged" in row["last_error"] and row["last_error_hint"], row


@pytest.mark.parametrize("publication", ["FOR ALL TABLES", "FOR TABLE items, plain", "FOR TABLES IN SCHEMA public"])
def test_a_publication_by_root_as_peerdb_makes_it_is_followed(new_world, publication):
    world = make_tree(new_world("clickhouse"), 500)
    world.sql("CREATE TABLE plain (id int PRIMARY KEY, v text); INSERT INTO plain SELECT g, 'v' FROM generate_series(1, 50) g;"
              f"CREATE PUBLICATION p {publication} WITH (publish_via_partition_root = true)")
    world.start_mirror(["public.items", "public.plain"], publication_name="p")
    world.sql("UPDATE items SET n = 3 WHERE id % 3 = 0; DELETE FROM plain WHERE id > 40; INSERT INTO items (id, n) VALUES (123456, 1)")
    assert world.settle_and_compare() == 541


@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_a_partition_and_a_part_of_the_tree_are_tables_of_their_own_where_they_alone_are_mapped(new_world, kind):
    world = make_tree(new_world(kind), 4000)
    world.start_mirror(["public.turned", "public.middle"], snapshot_num_rows_per_partition=200)
    world.sql("UPDATE items SET n = -4 WHERE id % 7 = 0; UPDATE items SET id = id + 1000000 WHERE id IN (1500, 2500);"
              "UPDATE items SET id = 2500 WHERE id = 11; TRUNCATE turned; INSERT INTO items (id, n) VALUES (2001, 1), (1500, 2)")
    assert world.settle_and_compare() == 1001
    assert [row["canMirror"] for row in world.peerd.rest("GET", f"/api/v1/peers/tables?peer_name={world.source_peer}&schema_name=public")[1]["tables"]
            if row["tableName"] == "items"] == [True]


@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_without_partitions_and_without_rows(new_world, kind):
    world = new_world(kind)
    world.sql("CREATE TABLE items (id bigint PRIMARY KEY, n int) PARTITION BY RANGE (id)")
    world.start_mirror(["public.items"])
    world.sql("CREATE TABLE one PARTITION OF items DEFAULT; INSERT INTO items SELECT g, g FROM generate_series(1, 100) g")
    assert world.settle_and_compare() == 100


@pytest.mark.parametrize("major", [14, pytest.param(16, marks=full), pytest.param(17, marks=full), 18])
def test_other_versions(new_world, major):
    world = make_tree(new_world("clickhouse", source=PostgresServer("source", major)), 4000)
    writer = Writer(world.source, "public.items", world.source_db, seed=major, rate=100)
    world.start_mirror(["public.items"], snapshot_num_rows_per_partition=500)
    world.sql("CREATE TABLE came (LIKE items INCLUDING ALL); INSERT INTO came (id, n) SELECT 9000000000 + g, g FROM generate_series(1, 70) g;"
              "ALTER TABLE items ATTACH PARTITION came FOR VALUES FROM (9000000000) TO (9500000000)")
    world.sql("ALTER TABLE items ADD extra int DEFAULT 4; UPDATE items SET id = id + 10000000 WHERE id % 500 = 0")
    wait_said(world, "partition public.came of table public.items is new")
    writer.stop()
    settle(world)

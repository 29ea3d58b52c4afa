"""Other major versions of Postgres as source and as target."""
import pytest

from support.postgres_server import PostgresServer
from support.process import wait_for
from support.writer import Writer, create_table

full = pytest.mark.full


@pytest.mark.parametrize("major", [pytest.param(14, marks=full), pytest.param(16, marks=full), pytest.param(17, marks=full), 18])
@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_snapshot_and_stream(new_world, major, kind):
    source = PostgresServer("source", major)
    world = new_world(kind, source=source, target=PostgresServer("target", major) if kind == "postgres" else None)
    create_table(source, "public.items", 20_000, world.source_db)
    writer = Writer(source, "public.items", world.source_db, seed=major, rate=100)
    world.start_mirror(["public.items"], snapshot_num_rows_per_partition=2000)
    before = writer.counts()["transactions"]
    wait_for("changes in the stream", lambda: writer.counts()["transactions"] > before + 200)
    writer.stop()
    world.sql("ALTER TABLE items ADD extra int; UPDATE items SET extra = 1 WHERE id % 2 = 0")
    world.settle_and_compare()
    world.drop()
    assert world.slots() == []


@pytest.mark.parametrize("major, kind", [(14, "postgres"), (18, "clickhouse"),
                                         *[pytest.param(major, kind, marks=full) for major, kind in
                                           [(14, "clickhouse"), (16, "postgres"), (16, "clickhouse"), (18, "postgres")]]])
def test_columns_are_renamed_retyped_and_dropped(new_world, major, kind):
    world = new_world(kind, source=PostgresServer("source", major))
    world.sql("CREATE TABLE items (id int PRIMARY KEY, n smallint, a varchar(20), b numeric(10,0), c text, d int[]);"
              "INSERT INTO items SELECT g, g, 'a' || g, g, repeat(md5(g::text), 100), ARRAY[g, NULL] FROM generate_series(1, 200) g")
    world.start_mirror(["public.items"], dropped_columns="drop")
    world.sql("BEGIN; UPDATE items SET n = n + 1; ALTER TABLE items RENAME a TO was_a; UPDATE items SET was_a = 'b' WHERE id < 9;"
              "ALTER TABLE items ALTER n TYPE int; UPDATE items SET n = 100000 WHERE id < 20; COMMIT")
    world.settle_and_compare()
    world.peerd.kill9()
    world.sql("UPDATE items SET n = n + 1; ALTER TABLE items RENAME b TO tmp; ALTER TABLE items RENAME was_a TO b; ALTER TABLE items RENAME tmp TO was_a;"
              "ALTER TABLE items ALTER b TYPE text; UPDATE items SET b = repeat('b', 50), was_a = -1 WHERE id < 30;"
              "INSERT INTO items (id, n, b) VALUES (301, 1, 'new'); DELETE FROM items WHERE id = 5")
    world.peerd.start()
    world.settle_and_compare()
    world.sql("UPDATE items SET c = 'late' WHERE id < 40; ALTER TABLE items DROP c; UPDATE items SET n = n + 1 WHERE id > 20")
    world.settle_and_compare()
    world.sql("ALTER TABLE items ADD c int DEFAULT 5; UPDATE items SET c = 6 WHERE id < 50; ALTER TABLE items ALTER n TYPE numeric")
    # The table was written anew, which takes what older rows hold in the new column out of the catalog: they are read once more.
    wait_for("the mirror to be consistent", lambda: world.wait_caught_up()["consistent"], 60)
    assert world.settle_and_compare() == 200

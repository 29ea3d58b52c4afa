"""A source column is dropped: the target keeps it and goes on without it, wherever the stream stands; what is uncertain stops."""
import pytest

from support.process import wait_for
from support.writer import Writer, create_table

TARGETS = ["postgres", "clickhouse", "kafka"]
# No insert: it names all columns of the table that it was written for.
MIX = {"update": 4, "touch": 4, "move": 4, "swap": 3, "chain": 2, "again": 2, "delete": 2}
LONG = "repeat(md5(g::text), 100)"


def make(world, rows=200):
    world.sql("CREATE TABLE items (id int PRIMARY KEY, n int, q text, more int, body text, last int);"
              "ALTER TABLE items ALTER body SET STORAGE EXTERNAL, ALTER q SET STORAGE EXTERNAL;"
              f"INSERT INTO items SELECT g, g, 'q' || g, g * 2, {LONG}, -g FROM generate_series(1, {rows}) g")


def rows_at(world, columns, where="true"):
    """Of the target's table, dropped columns too."""
    if world.kind == "postgres":
        return sorted(world.at_target(f"SELECT {columns} FROM items WHERE {where}"))
    names = columns.split(", ")
    found = world.at_target(f"SELECT {columns} FROM items FINAL WHERE ({where}) AND _PEERDB_IS_DELETED = 0")
    return sorted(tuple(int(row[name]) if name == "id" else row[name] for name in names) for row in found)


def write(world, first):
    """Every kind of change, long values that are not sent again among them."""
    world.sql(f"INSERT INTO items (id, n, body) SELECT g, g, {LONG} FROM generate_series({first}, {first} + 20) g;"
              f"UPDATE items SET n = n + 1; UPDATE items SET id = {first} + 500 + id WHERE id BETWEEN {first} + 10 AND {first} + 15;"
              f"DELETE FROM items WHERE id = {first} + 1; UPDATE items SET body = 'short' WHERE id = {first} + 2")


@pytest.mark.parametrize("kind", TARGETS)
def test_a_dropped_column_is_followed(new_world, kind):
    world = new_world(kind)
    make(world)
    world.start_consistent()
    write(world, 1000)
    world.sql("ALTER TABLE items DROP q")
    write(world, 2000)
    assert world.settle_and_compare() == 240
    world.sql("BEGIN; UPDATE items SET n = 7 WHERE id < 50; ALTER TABLE items DROP last; UPDATE items SET n = n + 1; COMMIT")
    world.settle_and_compare()
    world.peerd.restart()
    write(world, 3000)
    world.settle_and_compare()
    world.sql("ALTER TABLE items ADD r int DEFAULT 5")
    write(world, 4000)
    assert world.settle_and_compare() == 280
    assert any("has lost columns \"q\"" in line for line in world.logs()), world.logs()


@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_what_was_written_before_the_drop_keeps_its_value(new_world, kind):
    world = new_world(kind)
    make(world)
    world.start_consistent()
    world.pause()
    world.sql("INSERT INTO items (id, q) VALUES (1001, 'before'); UPDATE items SET q = 'changed' WHERE id = 2")
    world.sql("ALTER TABLE items DROP q")
    world.sql("INSERT INTO items (id, n) VALUES (1002, 1)")
    world.resume()
    world.settle_and_compare()
    assert rows_at(world, "id, q", "id IN (1, 2, 1001, 1002)") == [(1, "q1"), (2, "changed"), (1001, "before"), (1002, None)]


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("how", ["paused", "killed"])
def test_columns_dropped_while_nobody_looks(new_world, kind, how):
    """Two of them, one after the other; and unchanged long values of a column that is there no more are looked for nowhere."""
    world = new_world(kind)
    make(world)
    world.start_consistent()
    world.pause() if how == "paused" else world.peerd.kill9()
    write(world, 1000)
    world.sql("UPDATE items SET n = n + 1 WHERE id < 100")
    world.sql("ALTER TABLE items DROP q")
    write(world, 2000)
    world.sql("ALTER TABLE items DROP more")
    world.sql("UPDATE items SET n = n + 1")
    world.resume() if how == "paused" else world.peerd.start()
    assert world.settle_and_compare() == 240
    write(world, 3000)
    world.settle_and_compare()


@pytest.mark.parametrize("kind", TARGETS)
def test_a_long_value_that_is_gone_with_its_column_holds_nothing_up(new_world, kind):
    world = new_world(kind)
    make(world)
    world.start_consistent()
    world.peerd.kill9()
    world.sql("UPDATE items SET n = n + 1; UPDATE items SET id = id + 5000 WHERE id < 20")
    world.sql("ALTER TABLE items DROP body")
    world.sql("UPDATE items SET n = n + 1 WHERE id > 50")
    world.peerd.start()
    world.wait_caught_up()
    world.sql("UPDATE items SET n = n + 1")
    assert world.settle_and_compare() == 200


@pytest.mark.parametrize("kind", TARGETS)
def test_a_column_dropped_in_mid_snapshot(new_world, kind):
    world = new_world(kind)
    create_table(world.source, "public.items", 20_000, world.source_db)
    writer = Writer(world.source, "public.items", world.source_db, seed=7, rate=30, long_bytes=20_000, mix=MIX)
    world.hold_copy(4)
    world.create_peers()
    world.create_mirror(["public.items"], snapshot_num_rows_per_partition=1000, snapshot_max_parallel_workers=2)
    world.wait_chunks(4)
    world.sql("ALTER TABLE items DROP ratio")
    during = world.mirror()
    world.gate.open()
    world.wait_state("RUNNING", 120)
    world.sql("ALTER TABLE items DROP tags")
    writer.stop()
    assert during["state"] == "SNAPSHOT", "the column was dropped too late to say anything"
    world.sql("UPDATE items SET n = n + 1")  # of before, Kafka has messages with the column
    world.settle_and_compare()


@pytest.mark.parametrize("kind", TARGETS)
def test_columns_dropped_between_kills(new_world, kind):
    world = new_world(kind)
    create_table(world.source, "public.items", 2000, world.source_db, long_every=20)
    world.start_consistent()
    writer = Writer(world.source, "public.items", world.source_db, seed=11, rate=60, long_bytes=20_000, mix=MIX)
    for column in ("ratio", "price", "tags", "ok"):
        world.sql(f"ALTER TABLE items DROP {column}")
        world.peerd.kill9()
        world.peerd.start()
        world.wait_caught_up()
    writer.stop()
    world.sql("UPDATE items SET n = n + 1")
    world.settle_and_compare()


@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_a_name_that_the_target_keeps_is_not_given_to_another_column(new_world, kind):
    world = new_world(kind)
    make(world)
    world.start_mirror(["public.items"])
    world.sql("ALTER TABLE items DROP q; INSERT INTO items (id) VALUES (1001)")
    world.settle_and_compare()
    before = rows_at(world, "id, q")
    world.sql("ALTER TABLE items ADD q text; INSERT INTO items (id, q) VALUES (1002, 'new')")
    stopped = world.wait_state("FAILED", 60)
    assert "keeps the old one's values" in stopped["last_error"] and "DROP COLUMN" in stopped["last_error_hint"], stopped
    assert rows_at(world, "id, q") == before
    cure = stopped["last_error_hint"].split("run at the target: ")[1].split(";")[0]
    world.at_target(cure) if kind == "postgres" else world.target.text(cure.replace("TABLE `", f"TABLE `{world.target_db}`.`"))
    world.resume()
    world.wait_state("RUNNING")
    world.sql("INSERT INTO items (id, q) VALUES (1003, 'newer')")
    assert world.settle_and_compare() == 203
    world.peerd.restart()
    world.sql("UPDATE items SET q = 'last' WHERE id < 5")
    world.settle_and_compare()


@pytest.mark.parametrize("change", ["ALTER TABLE items DROP q, ADD r text", "ALTER TABLE items DROP q, ADD q text"])
def test_what_cannot_be_told_apart_stops_the_mirror(new_world, change):
    world = new_world("postgres")
    make(world)
    world.start_consistent()
    before = rows_at(world, "id, n, q, last")
    world.sql(change)
    world.sql("INSERT INTO items (id, n) VALUES (1001, 1); UPDATE items SET n = 0")
    stopped = world.wait_state("FAILED", 60)
    assert '"q"' in stopped["last_error"] and stopped["last_error_hint"], stopped
    assert rows_at(world, "id, n, q, last") == before
    world.resume()
    wait_for("the mirror to stop again", lambda: world.mirror()["state"] == "FAILED" and world.mirror()["last_error"], 60)
    assert rows_at(world, "id, n, q, last") == before


def test_a_column_of_the_key_that_is_dropped_stops_the_mirror(new_world):
    world = new_world("clickhouse")
    world.sql("CREATE TABLE items (id int, k int, n int, PRIMARY KEY (id, k)); INSERT INTO items VALUES (1, 1, 1), (2, 2, 2)")
    world.start_consistent()
    world.sql("ALTER TABLE items DROP k; INSERT INTO items VALUES (3, 3)")
    stopped = world.wait_state("FAILED", 60)
    assert "public.items" in stopped["last_error"] and stopped["last_error_hint"], stopped


def test_a_table_of_the_operators_lets_rows_come_without_the_column(new_world):
    """There it is NOT NULL; a column that was excluded may go as well."""
    world = new_world("postgres")
    world.sql("CREATE TABLE items (id int PRIMARY KEY, secret text, q int NOT NULL, d int NOT NULL, n int);"
              "INSERT INTO items VALUES (1, 's', 1, 1, 1)")
    world.at_target("CREATE TABLE items (id int PRIMARY KEY, q int NOT NULL, d int NOT NULL DEFAULT 7, n int)")
    world.create_peers()
    world.tables = ["public.items"]
    world.peerd.sql(f"CREATE MIRROR {world.mirror_name} FROM {world.source_peer} TO {world.target_peer} WITH TABLE MAPPING "
                    "({from: public.items, to: public.items, exclude: [secret]})")
    world.wait_state("RUNNING")
    world.sql("ALTER TABLE items DROP secret; UPDATE items SET n = 2")
    world.sql("ALTER TABLE items DROP q, DROP d; INSERT INTO items VALUES (2, 2)")
    world.settle_and_compare()
    assert rows_at(world, "id, q, d, n", "id = 1") == [(1, 1, 1, 2)]
    assert rows_at(world, "id, q, d, n", "id = 2") == [(2, None, 7, 2)]
    world.at_target("ALTER TABLE items DROP q")  # It is the operator's now.
    world.sql("INSERT INTO items VALUES (3, 3)")
    world.settle_and_compare()


@pytest.mark.full
@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_a_drop_that_no_change_follows_is_noticed(new_world, kind):
    """And rows that are to be read once more wait for it."""
    world = new_world(kind)
    make(world)
    world.start_consistent()
    world.sql("ALTER TABLE items DROP q; ALTER TABLE items ALTER n TYPE int USING n + 1000")
    wait_for("rows to be read again", lambda: any("were read once more" in line for line in world.logs()), 90)
    assert any("has lost columns \"q\"" in line for line in world.logs()), world.logs()
    world.settle_and_compare()

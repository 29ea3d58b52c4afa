"""Source columns are renamed, also in chains and circles and to names that others had: the target follows from the commit on,
and no value comes under another column's name."""
import pytest

from support.process import wait_for
from support.writer import create_table

TARGETS = ["postgres", "clickhouse", "kafka"]
MOST = ["postgres", "clickhouse", pytest.param("kafka", marks=pytest.mark.full)]
LONG = "repeat(md5(g::text), 100)"


def make(world, rows=200):
    world.sql("CREATE TABLE items (id int PRIMARY KEY, n int, a text, b int, body text, tags text[]);"
              "ALTER TABLE items ALTER body SET STORAGE EXTERNAL, ALTER a SET STORAGE EXTERNAL;"
              f"INSERT INTO items SELECT g, g, 'a' || g, g * 2, {LONG}, CASE WHEN g % 2 = 0 THEN ARRAY['t', NULL] END"
              f" FROM generate_series(1, {rows}) g")


def rename(*pairs):
    return "; ".join(f"ALTER TABLE items RENAME COLUMN {old} TO {new}" for old, new in pairs)


SWAP = rename(("a", "tmp"), ("body", "a"), ("tmp", "body"))


def write(world, first):
    """Every kind of change that names no other column than n and the key, long values that are not sent again among them."""
    world.sql(f"INSERT INTO items (id, n) SELECT g, g FROM generate_series({first}, {first} + 20) g;"
              f"UPDATE items SET n = n + 1; UPDATE items SET id = {first} + 500 + id WHERE id BETWEEN {first} + 10 AND {first} + 15;"
              f"DELETE FROM items WHERE id = {first} + 1")


def columns_at(world):
    if world.kind == "postgres":
        return {row[0] for row in world.at_target("SELECT attname FROM pg_attribute WHERE attrelid = 'items'::regclass"
                                                  " AND attnum > 0 AND NOT attisdropped")}
    return {row["name"] for row in world.at_target(
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'items'")}


def settle(world, **more):
    """A topic's older messages have the older names: each row comes once more."""
    if world.kind == "kafka":
        world.sql("UPDATE items SET n = n")
    return world.settle_and_compare(**more)


@pytest.mark.parametrize("kind", TARGETS)
def test_a_renamed_column_is_followed(new_world, kind):
    world = new_world(kind)
    make(world)
    world.start_consistent()
    world.sql(rename(("a", "was_a")))
    write(world, 1000)
    world.sql("UPDATE items SET was_a = 'new' WHERE id % 3 = 0")
    assert settle(world) == 220
    world.sql("BEGIN; UPDATE items SET was_a = 'before' WHERE id % 5 = 0; " + rename(("was_a", "a"), ("tags", "labels")) +
              "; UPDATE items SET a = 'after' WHERE id % 7 = 0; COMMIT")
    settle(world)
    # Names in a circle, with changes before, between and after; long values stay where they are.
    world.sql("UPDATE items SET n = n + 1; " + SWAP)
    write(world, 2000)
    world.sql("UPDATE items SET a = 'a' || id WHERE id % 4 = 0")
    assert settle(world) == 240
    world.sql("BEGIN; UPDATE items SET n = n + 1; " + SWAP + "; UPDATE items SET n = n + 1 WHERE id < 100; COMMIT")
    settle(world)
    # The name goes to a new column at once.
    world.sql("BEGIN; " + rename(("b", "b_old")) + "; ALTER TABLE items ADD b text DEFAULT 'fresh'; COMMIT")
    world.sql("UPDATE items SET b = 'x' WHERE id % 2 = 0; UPDATE items SET b_old = -1 WHERE id % 3 = 0")
    settle(world)
    world.peerd.restart()
    write(world, 3000)
    assert settle(world) == 260
    assert any('"a" is "was_a" now' in line for line in world.logs()), world.logs()
    if kind != "kafka":
        assert not {name for name in columns_at(world) if "renaming" in name or name in ("tmp", "was_a", "tags")}, columns_at(world)


def test_a_renamed_column_of_the_key_is_followed(new_world):
    world = new_world("postgres")
    make(world)
    world.start_consistent()
    world.sql("UPDATE items SET id = id + 5000 WHERE id < 10; ALTER TABLE items RENAME id TO code;"
              "UPDATE items SET code = code + 7000 WHERE code BETWEEN 10 AND 20; DELETE FROM items WHERE code = 30;"
              "UPDATE items SET n = n + 1")
    assert world.settle_and_compare() == 199
    world.peerd.restart()
    world.sql("INSERT INTO items (code, n) VALUES (9001, 1); UPDATE items SET n = n + 1; DELETE FROM items WHERE code = 31")
    assert world.settle_and_compare() == 199


@pytest.mark.parametrize("kind", MOST)
@pytest.mark.parametrize("how", [pytest.param("paused", marks=pytest.mark.full), "killed"])
def test_columns_renamed_while_nobody_looks(new_world, kind, how):
    """A second rename while the first is still behind, one that goes round, and one back."""
    world = new_world(kind)
    make(world)
    world.start_consistent()
    world.pause() if how == "paused" else world.peerd.kill9()
    write(world, 1000)
    world.sql(rename(("a", "a2")))
    write(world, 2000)
    world.sql(rename(("a2", "a3"), ("b", "a")))
    write(world, 3000)
    world.sql(rename(("a3", "tmp"), ("body", "a3"), ("tmp", "body")))
    world.sql("UPDATE items SET a3 = 'x' WHERE id % 3 = 0; UPDATE items SET body = 'y' WHERE id % 5 = 0")
    world.sql("ALTER TABLE items DROP tags")
    write(world, 4000)
    world.resume() if how == "paused" else world.peerd.start()
    assert settle(world) == 280
    write(world, 5000)
    settle(world)


@pytest.mark.parametrize("kind", ["postgres", *[pytest.param(kind, marks=pytest.mark.full) for kind in TARGETS[1:]]])
def test_columns_renamed_between_kills(new_world, kind):
    world = new_world(kind)
    make(world)
    world.start_consistent()
    for turn in range(6):
        write(world, 1000 * (turn + 1))
        if turn % 2 == 0:
            world.sql("BEGIN; UPDATE items SET n = n + 1; " + SWAP + "; UPDATE items SET n = n + 1; COMMIT")
        else:
            world.sql("BEGIN; " + rename(("b", f"b{turn}"), ("a", "b")) + "; UPDATE items SET n = n + 1; " +
                      rename(("b", "a"), (f"b{turn}", "b")) + "; UPDATE items SET n = n + 1; COMMIT")
        if turn % 3 == 0:
            wait_for("the rename to be there", lambda: any("has renamed columns" in line for line in world.logs()), 60)
        world.peerd.kill9()
        world.peerd.start()
    assert settle(world) == 320


@pytest.mark.parametrize("kind", ["postgres", *[pytest.param(kind, marks=pytest.mark.full) for kind in TARGETS[1:]]])
def test_a_column_renamed_in_mid_snapshot(new_world, kind):
    world = new_world(kind)
    make(world, 20_000)
    world.hold_copy(4)
    world.create_peers()
    world.create_mirror(["public.items"], snapshot_num_rows_per_partition=1000, snapshot_max_parallel_workers=2)
    world.wait_chunks(4)
    world.sql("UPDATE items SET n = n + 1 WHERE id % 3 = 0; " + rename(("a", "was_a"), ("b", "a")) +
              "; UPDATE items SET was_a = 'new' WHERE id % 5 = 0; UPDATE items SET id = -id WHERE id % 100 = 0")
    during = world.mirror()
    world.gate.open()
    world.wait_state("RUNNING", 120)
    assert during["state"] == "SNAPSHOT", "the column was renamed too late to say anything"
    write(world, 30_000)
    assert settle(world) == 20_020


@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_a_name_that_is_taken_at_the_target_stops_the_mirror_until_it_is_free(new_world, kind):
    """By a column that the target keeps, and by the operator's own."""
    world = new_world(kind)
    make(world)
    world.start_consistent()
    world.sql("ALTER TABLE items DROP b; UPDATE items SET n = 0")
    world.settle_and_compare()
    world.at_target("ALTER TABLE items ADD mine int DEFAULT 5") if kind == "postgres" else \
        world.target.text("ALTER TABLE items ADD COLUMN mine Nullable(Int32)", world.target_db)
    for name, words in (("b", "keeps the old one's values"), ("mine", "has another column of that name")):
        world.sql(f"ALTER TABLE items RENAME {'a' if name == 'b' else 'b'} TO {name}; UPDATE items SET n = n + 1")
        stopped = world.wait_state("FAILED", 60)
        assert words in stopped["last_error"] and "run at the target: " in stopped["last_error_hint"], stopped
        world.resume()
        wait_for("the mirror to stop again", lambda: world.mirror()["state"] == "FAILED" and world.mirror()["last_error"], 60)
        statement = world.mirror()["last_error_hint"].split("run at the target: ")[1].split(";")[0].replace("…", "mine_now")
        world.at_target(statement) if kind == "postgres" else world.target.text(statement, world.target_db)
        world.resume()
        world.wait_state("RUNNING")
        world.settle_and_compare()
    assert "mine_now" in columns_at(world)


@pytest.mark.parametrize("kind, words", [("clickhouse", "renames no column of a table's key"), ("kafka", "is of the key")])
def test_a_column_of_the_key_that_cannot_be_renamed_stops_the_mirror(new_world, kind, words):
    world = new_world(kind)
    make(world)
    world.start_consistent()
    world.sql("ALTER TABLE items RENAME id TO code; UPDATE items SET n = n + 1")
    stopped = world.wait_state("FAILED", 60)
    assert words in stopped["last_error"] and "RESYNC TABLE public.items" in stopped["last_error_hint"], stopped
    assert kind == "kafka" or "id" in columns_at(world)
    world.peerd.sql(f"RESYNC TABLE public.items OF {world.mirror_name}")
    world.wait_state("RUNNING", 60)
    world.sql("INSERT INTO items (code, n) VALUES (777, 1); DELETE FROM items WHERE code = 5")
    assert world.settle_and_compare() == 200
    assert kind == "kafka" or ("code" in columns_at(world) and "id" not in columns_at(world))


@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_the_mapping_follows_the_column(new_world, kind):
    """Names at the target, exclusions: they are the column's, whatever it is called; a new one may have its name."""
    world = new_world(kind)
    world.sql("CREATE TABLE items (id int PRIMARY KEY, secret text, price int, n int);"
              "INSERT INTO items SELECT g, 's' || g, g, g FROM generate_series(1, 50) g")
    world.create_peers()
    world.tables = ["public.items"]
    world.peerd.sql(f"CREATE MIRROR {world.mirror_name} FROM {world.source_peer} TO {world.target_peer} WITH TABLE MAPPING "
                    "({from: public.items, to: items, exclude: [secret], columns: [{source: price, target: preis}]})")
    world.wait_state("RUNNING")
    world.wait_caught_up()
    world.sql("ALTER TABLE items RENAME price TO price_old; ALTER TABLE items ADD price int DEFAULT 7;"
              "ALTER TABLE items RENAME secret TO s2; ALTER TABLE items RENAME n TO secret;"
              "INSERT INTO items VALUES (51, 'hidden', 1, 2, 3); UPDATE items SET price = 8 WHERE id < 10")
    world.wait_caught_up()

    def same():
        want = [tuple(row) for row in world.sql("SELECT id, price_old, secret, price FROM items ORDER BY id")]
        rows = world.at_target("SELECT id, preis, secret, price FROM items " + ("FINAL " if kind == "clickhouse" else "") + "ORDER BY id")
        assert [tuple(row) if kind == "postgres" else tuple(row.values()) for row in rows] == want
        assert not {"s2", "price_old", "n"} & columns_at(world), columns_at(world)
    same()
    assert any('excluded column "secret"' in line and "stays excluded" in line for line in world.logs()), world.logs()
    world.peerd.restart()
    world.sql("UPDATE items SET price_old = price_old + 1, secret = 5")
    world.wait_caught_up()
    same()


def test_a_partitioned_tables_columns_are_renamed(new_world):
    """Leaves have their columns in other orders, and the names of the whole."""
    world = new_world("postgres")
    world.sql("CREATE TABLE items (id int, n int, a text, b int, PRIMARY KEY (id)) PARTITION BY RANGE (id);"
              "CREATE TABLE low PARTITION OF items FOR VALUES FROM (0) TO (100);"
              "CREATE TABLE high (b int, gone int, a text, n int, id int NOT NULL); ALTER TABLE high DROP gone;"
              "ALTER TABLE items ATTACH PARTITION high FOR VALUES FROM (100) TO (10000);"
              "INSERT INTO items SELECT g, g, 'a' || g, -g FROM generate_series(1, 200) g")
    world.start_consistent()
    world.sql("BEGIN; " + rename(("a", "tmp"), ("b", "a"), ("tmp", "b")) + "; COMMIT; UPDATE items SET b = 'x' WHERE id % 3 = 0;"
              "UPDATE items SET id = id + 300 WHERE id < 50")
    assert world.settle_and_compare() == 200


def test_generated_and_identity_columns_and_names_of_case_and_length(new_world):
    world = new_world("clickhouse")
    longest = "x" * 63
    world.sql("CREATE TABLE items (k int PRIMARY KEY, id int GENERATED ALWAYS AS IDENTITY, a int, g int GENERATED ALWAYS AS (1) STORED, b text);"
              "INSERT INTO items (k, a, b) SELECT g, g, 'b' || g FROM generate_series(1, 50) g")
    world.start_mirror(["public.items"])
    world.sql(rename(("a", '"A"'), ("g", "h"), ("b", longest), ("id", "number")) + "; INSERT INTO items (k, \"A\") VALUES (51, 7)")
    world.settle_and_compare(exclude=("h",))
    world.sql(rename(('"A"', "g"), (longest, '"A"')) + "; UPDATE items SET \"A\" = 'z' WHERE g < 10")
    assert world.settle_and_compare(exclude=("h",)) == 51


def test_what_depends_on_the_column_at_the_target(new_world):
    world = new_world("postgres")
    make(world)
    world.start_consistent()
    world.at_target("CREATE VIEW seen AS SELECT id, a FROM items; CREATE INDEX ON items (a)")
    world.sql(rename(("a", "z")) + "; UPDATE items SET z = 'new' WHERE id = 1")
    world.settle_and_compare()
    assert world.at_target("SELECT a FROM seen WHERE id = 1") == [("new",)]


def test_a_materialized_view_that_reads_the_column_stops_the_mirror(new_world):
    world = new_world("clickhouse")
    make(world)
    world.start_consistent()
    world.target.text("CREATE MATERIALIZED VIEW mv ENGINE = MergeTree ORDER BY id AS SELECT id, a FROM items", world.target_db)
    world.sql(rename(("a", "z")) + "; UPDATE items SET z = 'new' WHERE id = 1")
    stopped = world.wait_state("FAILED", 60)
    assert "materialized view" in stopped["last_error"], stopped
    world.target.text(stopped["last_error_hint"].split("run at the target: ")[1].split(";")[0], world.target_db)
    world.resume()
    world.wait_state("RUNNING")
    world.settle_and_compare()


@pytest.mark.full
@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_a_rename_that_no_change_follows_is_noticed(new_world, kind):
    """And rows that are to be read once more wait for it."""
    world = new_world(kind)
    make(world)
    world.start_consistent()
    world.sql(rename(("a", "z")) + "; ALTER TABLE items ALTER n TYPE int USING n + 1000")
    wait_for("rows to be read again", lambda: any("were read once more" in line for line in world.logs()), 90)
    world.settle_and_compare()


@pytest.mark.parametrize("kind", ["postgres", pytest.param("clickhouse", marks=pytest.mark.full)])
def test_a_column_renamed_while_the_table_is_copied_anew(new_world, kind):
    world = new_world(kind)
    create_table(world.source, "public.items", 20_000, world.source_db)
    world.start_mirror(["public.items"], snapshot_num_rows_per_partition=1000, snapshot_max_parallel_workers=1)
    world.wait_caught_up()
    world.hold_copy(3)
    world.peerd.sql(f"RESYNC TABLE public.items OF {world.mirror_name}")
    world.wait_state("SNAPSHOT")
    world.sql("ALTER TABLE items RENAME name TO title; UPDATE items SET title = 'x' WHERE id % 10 = 0")
    world.gate.open()
    world.wait_state("RUNNING", 120)
    world.sql("ALTER TABLE items RENAME title TO heading; UPDATE items SET heading = 'y' WHERE id % 7 = 0")
    assert world.settle_and_compare() == 20_000

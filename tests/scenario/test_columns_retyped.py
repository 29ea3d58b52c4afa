"""Source columns get other types, and their NOT NULL comes and goes: the target follows where every value keeps its text, and
rows that the table was written anew with are read again; what cannot be followed stops the mirror with the cure."""
import contextlib
import json
import sqlite3

import pytest

from support.process import wait_for

TARGETS = ["postgres", "clickhouse", "kafka"]
MOST = ["postgres", "clickhouse", pytest.param("kafka", marks=pytest.mark.full)]


def make(world, rows=200):
    types = "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN few AS int CHECK (VALUE < 100000)"
    world.sql(types + """; CREATE TABLE items (id int PRIMARY KEY, n int, small smallint, price numeric(8,2), v varchar(10), body varchar,
        at timestamp(3), tags int[], m mood, must int NOT NULL DEFAULT 0, d few);
        ALTER TABLE items ALTER body SET STORAGE EXTERNAL;""" + f"""
        INSERT INTO items SELECT g, g, g, g + 0.5, 'v' || g, repeat(md5(g::text), 100), '2020-01-01 00:00:00.12'::timestamp + g * interval '1 s',
        ARRAY[g, NULL], 'ok', g, g FROM generate_series(1, {rows}) g""")


def retype(*pairs):
    return "; ".join(f"ALTER TABLE items ALTER {column} TYPE {kind}" for column, kind in pairs)


def write(world, first):
    """Long values that are not sent again among them."""
    world.sql(f"INSERT INTO items (id, n, m) SELECT g, 7, 'sad' FROM generate_series({first}, {first} + 20) g;"
              f"UPDATE items SET must = must + 1; UPDATE items SET id = {first} + 500 + id WHERE id BETWEEN {first} + 10 AND {first} + 15;"
              f"DELETE FROM items WHERE id = {first} + 1")


def settle(world):
    """A topic's older messages stay: each row comes once more."""
    if world.kind == "kafka":
        world.sql("UPDATE items SET must = must")
    wait_for("all rows to be read", lambda: world.wait_caught_up() and world.mirror()["consistent"], 90)
    return world.compare()


def types_at(world):
    if world.kind == "postgres":
        return dict(world.at_target("SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
                                    " WHERE attrelid = 'items'::regclass AND attnum > 0 AND NOT attisdropped"))
    return {row["name"]: row["type"] for row in world.at_target(
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = 'items'")}


@pytest.mark.parametrize("kind", TARGETS)
def test_changes_of_type_are_followed(new_world, kind):
    world = new_world(kind)
    make(world)
    world.start_consistent()
    # None of these writes the table anew.
    world.sql("UPDATE items SET price = price + 1 WHERE id < 9; " +
              retype(("v", "varchar(20)"), ("price", "numeric(12,2)"), ("at", "timestamp"), ("body", "text"), ("d", "int")))
    write(world, 1000)
    world.sql("UPDATE items SET v = 'longer than ' || id, price = 1234567890.25, at = '2020-01-01 00:00:00.123456' WHERE id % 3 = 0")
    assert settle(world) == 220
    assert not any("read once more" in line for line in world.logs()), world.logs()
    # These do, and what they made of the rows is in no message.
    world.sql(retype(("n", "bigint"), ("small", "int USING small * 100000"), ("tags", "bigint[]")))
    world.sql("UPDATE items SET n = 5000000000, tags = '{5000000000}' WHERE id % 5 = 0")
    settle(world)
    assert any("were read once more" in line for line in world.logs()), world.logs()
    world.sql("BEGIN; UPDATE items SET must = must + 1; " + retype(("n", "numeric")) + "; UPDATE items SET n = n + 0.5 WHERE id % 7 = 0;"
              + retype(("v", "text"), ("m", "text USING m::text || '!'")) + "; INSERT INTO items (id, m) VALUES (3000, 'any'); "
              + retype(("n", "text")) + "; UPDATE items SET n = 'many' WHERE id < 20; COMMIT")
    world.sql("ALTER TABLE items ALTER must DROP NOT NULL; UPDATE items SET must = NULL WHERE id % 4 = 0")
    assert settle(world) == 221
    assert any('"n" is bigint now, which was integer' in line for line in world.logs()), world.logs()
    world.peerd.restart()
    write(world, 4000)
    assert settle(world) == 241
    if kind == "postgres":
        at = types_at(world)
        assert {name: at[name] for name in ("n", "small", "price", "v", "body", "tags", "m")} == {
            "n": "text", "small": "integer", "price": "numeric(12,2)", "v": "text", "body": "text", "tags": "bigint[]", "m": at["m"]}
    elif kind == "clickhouse":
        at = types_at(world)
        assert {name: at[name] for name in ("n", "small", "price", "must", "tags")} == {
            "n": "Nullable(String)", "small": "Nullable(Int32)", "price": "Nullable(Decimal(12, 2))", "must": "Nullable(Int32)",
            "tags": "Array(Nullable(Int64))"}


@pytest.mark.parametrize("kind", MOST)
@pytest.mark.parametrize("how", [pytest.param("paused", marks=pytest.mark.full), "killed"])
def test_types_changed_while_nobody_looks(new_world, kind, how):
    """A second change while the first is still behind, rows of each between."""
    world = new_world(kind)
    make(world)
    world.start_consistent()
    world.pause() if how == "paused" else world.peerd.kill9()
    write(world, 1000)
    world.sql(retype(("small", "int"), ("v", "varchar(15)")))
    write(world, 2000)
    world.sql("UPDATE items SET small = 70000, v = 'twelve chars' WHERE id % 3 = 0; " +
              retype(("small", "bigint"), ("v", "text"), ("n", "text USING n || ' pieces'"), ("price", "numeric(20,2)")))
    world.sql("ALTER TABLE items RENAME tags TO labels; ALTER TABLE items ALTER must DROP NOT NULL")
    world.sql("INSERT INTO items (id, must, small, n) VALUES (5000, NULL, 5000000000, 'x')")
    write(world, 3000)
    world.resume() if how == "paused" else world.peerd.start()
    assert settle(world) == 261
    write(world, 6000)
    settle(world)


@pytest.mark.parametrize("kind", ["clickhouse", *[pytest.param(kind, marks=pytest.mark.full) for kind in ("postgres", "kafka")]])
def test_types_changed_between_kills(new_world, kind):
    world = new_world(kind)
    make(world)
    world.start_consistent()
    wider = [("small", "int"), ("v", "varchar(30)"), ("small", "bigint"), ("price", "numeric(18,2)"), ("small", "numeric"), ("v", "text")]
    for turn, change in enumerate(wider):
        write(world, 1000 * (turn + 1))
        before, after = "UPDATE items SET must = must + 1", "UPDATE items SET must = must + 2 WHERE id % 2 = 0"
        world.sql(f"BEGIN; {before}; {retype(change)}; {after}; COMMIT" if turn % 2 == 0 else f"{retype(change)}; {after}")
        if turn % 3 == 0:
            wait_for("the new type", lambda: any(f'"{change[0]}" is' in line for line in world.logs()), 60)
        world.peerd.kill9()
        world.peerd.start()
    assert settle(world) == 320


def test_an_alter_that_a_crash_has_cut_off_is_known_again(new_world):
    """The column has its new type at the target, and the catalog knows only that it was to get it."""
    world = new_world("clickhouse")
    make(world)
    world.start_consistent()
    world.peerd.kill9()
    world.sql("UPDATE items SET small = 7 WHERE id < 50; " + retype(("small", "int")) + "; UPDATE items SET small = 70000 WHERE id < 20")
    world.target.text("ALTER TABLE items MODIFY COLUMN small Nullable(Int32)", world.target_db)
    world.peerd.start()
    stopped = world.wait_state("FAILED", 60)  # An operator's own ALTER is no such thing.
    assert "needs Nullable(Int16)" in stopped["last_error"], stopped
    world.peerd.kill9()
    with contextlib.closing(sqlite3.connect(f"{world.peerd.data}/catalog.db")) as catalog:
        (rowid, text), = catalog.execute("SELECT rowid, spec FROM mirror_tables").fetchall()
        table = json.loads(text)
        small, = (column for column in table["columns"] if column["name"] == "small")
        table["notes"]["retyping"] = [{**small, "type": 23, "type_name": "integer"}]
        catalog.execute("UPDATE mirror_tables SET spec = ? WHERE rowid = ?", (json.dumps(table), rowid))
        catalog.commit()
    world.peerd.start()
    world.resume()
    world.wait_state("RUNNING", 60)
    assert settle(world) == 200
    world.peerd.restart()
    write(world, 1000)
    assert settle(world) == 220


@pytest.mark.parametrize("kind", ["clickhouse", pytest.param("postgres", marks=pytest.mark.full)])
def test_a_key_that_was_written_anew_stops_the_mirror_and_resync_cures_it(new_world, kind):
    """One that was not is followed."""
    world = new_world(kind)
    world.sql("CREATE TABLE items (code varchar(8) PRIMARY KEY, must int); INSERT INTO items SELECT 'c' || g, g FROM generate_series(1, 50) g")
    world.start_consistent()
    world.sql(retype(("code", "varchar(40)")) + "; INSERT INTO items VALUES ('a code that is longer', 1); UPDATE items SET code = code || '+' WHERE must < 9")
    assert settle(world) == 51
    world.sql("ALTER TABLE items ALTER code TYPE varchar(41) USING upper(code); UPDATE items SET must = 5 WHERE code = 'C20'")
    stopped = world.wait_state("FAILED", 60)
    assert '"code" was altered' in stopped["last_error"] and "RESYNC TABLE public.items" in stopped["last_error_hint"], stopped
    world.peerd.sql(f"RESYNC TABLE public.items OF {world.mirror_name}")
    world.wait_state("RUNNING", 60)
    world.sql("INSERT INTO items VALUES ('new', 1); DELETE FROM items WHERE code = 'C30'")
    assert settle(world) == 51


def test_what_clickhouse_would_write_otherwise_stops_the_mirror_and_resync_cures_it(new_world):
    """Decimal to String: 1.50 would be 1.5."""
    world = new_world("clickhouse")
    make(world)
    world.start_consistent()
    world.sql(retype(("price", "numeric")) + "; UPDATE items SET price = 1.125 WHERE id = 1")
    stopped = world.wait_state("FAILED", 60)
    assert "otherwise" in stopped["last_error"] and "RESYNC TABLE public.items" in stopped["last_error_hint"], stopped
    world.peerd.sql(f"RESYNC TABLE public.items OF {world.mirror_name}")
    world.wait_state("RUNNING", 60)
    assert settle(world) == 200
    assert world.at_target("SELECT price FROM items FINAL WHERE id = 2") == [{"price": "2.50"}]


def test_an_operators_own_table_follows_and_what_depends_on_a_column_is_said(new_world):
    world = new_world("postgres")
    world.sql("CREATE TABLE items (id int PRIMARY KEY, n int, must int NOT NULL, c text COLLATE \"C\" NOT NULL, w numeric(8,2));"
              "INSERT INTO items SELECT g, g, g, 'c', g FROM generate_series(1, 50) g")
    world.at_target("CREATE TABLE items (id int PRIMARY KEY, n int, must int NOT NULL, c text COLLATE \"C\" NOT NULL, w numeric(12,2))")
    world.start_consistent()
    world.sql(retype(("w", "numeric(10,2)")) + "; UPDATE items SET w = 12345678.25 WHERE id < 9; ALTER TABLE items ALTER must DROP NOT NULL;"
              "UPDATE items SET must = NULL WHERE id < 5")
    assert settle(world) == 50
    assert types_at(world)["w"] == "numeric(12,2)", "it was wide enough"
    world.at_target("CREATE VIEW seen AS SELECT n FROM items")
    world.sql(retype(("n", "bigint")) + "; UPDATE items SET n = 5000000000 WHERE id = 1")
    stopped = world.wait_state("FAILED", 60)
    assert "view" in stopped["last_error"] and "made of the column" in stopped["last_error_hint"], stopped
    world.at_target("DROP VIEW seen")
    world.resume()
    world.wait_state("RUNNING")
    assert settle(world) == 50
    assert types_at(world)["n"] == "bigint"


@pytest.mark.full
@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_a_change_of_type_that_no_change_follows_is_noticed(new_world, kind):
    world = new_world(kind)
    make(world)
    world.start_consistent()
    world.sql(retype(("n", "bigint USING n + 1000000"), ("v", "text")))
    wait_for("rows to be read again", lambda: any("were read once more" in line for line in world.logs()), 90)
    settle(world)
    assert types_at(world)["n"] in ("bigint", "Nullable(Int64)")


def test_a_partitioned_tables_column_gets_another_type(new_world):
    """Leaves have their columns in other orders; one of them is written anew."""
    world = new_world("postgres")
    world.sql("CREATE TABLE items (id int, must int, v varchar(5), PRIMARY KEY (id)) PARTITION BY RANGE (id);"
              "CREATE TABLE low PARTITION OF items FOR VALUES FROM (0) TO (100);"
              "CREATE TABLE high (v varchar(5), gone int, must int, id int NOT NULL); ALTER TABLE high DROP gone;"
              "ALTER TABLE items ATTACH PARTITION high FOR VALUES FROM (100) TO (10000);"
              "INSERT INTO items SELECT g, g, 'v' || g FROM generate_series(1, 200) g")
    world.start_consistent()
    world.sql(retype(("v", "varchar(20)")) + "; UPDATE items SET v = 'a longer one' WHERE id % 3 = 0; UPDATE items SET id = id + 300 WHERE id < 50")
    assert settle(world) == 200
    world.sql(retype(("must", "bigint USING must * 10000000000")) + "; UPDATE items SET v = 'x' WHERE id % 5 = 0")
    assert settle(world) == 200

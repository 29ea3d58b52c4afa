"""What the WAL does not tell of a table that is altered: followed with the right values, or said, never guessed."""
import contextlib
import json
import sqlite3

import pytest

from support.postgres_server import PostgresServer
from support.process import wait_for

def test_a_column_that_is_another_one_now_stops_the_mirror_before_a_wrong_value(world):
    """Dropped, and added again under its name. What is renamed is followed: test_columns_renamed.py."""
    world.sql("CREATE TABLE items (id int PRIMARY KEY, secret text, p int, q int);"
              "INSERT INTO items SELECT g, 's', g, -g FROM generate_series(1, 100) g")
    world.create_peers()
    world.tables = ["public.items"]
    world.peerd.sql(f"CREATE MIRROR {world.mirror_name} FROM {world.source_peer} TO {world.target_peer} WITH TABLE MAPPING "
                    f"({{from: public.items, to: {world.target_name('public.items')}, exclude: [secret]}})")
    world.wait_state("RUNNING")
    world.settle_and_compare(exclude=["secret"])
    columns = "id, p, q"
    before = sorted(map(str, world.at_target(f"SELECT {columns} FROM items")))
    world.sql("ALTER TABLE items DROP q; ALTER TABLE items ADD q int")
    world.sql("INSERT INTO items (id) VALUES (1001); UPDATE items SET id = id WHERE id < 10")
    stopped = world.wait_state("FAILED", 60)
    assert "public.items" in stopped["last_error"] and '"' in stopped["last_error"], stopped
    assert stopped["last_error_hint"], stopped
    after = sorted(map(str, world.at_target(f"SELECT {columns} FROM items")))
    assert after == before
    world.resume()  # nothing was cured: nothing is followed
    wait_for("the mirror to stop again", lambda: world.mirror()["state"] == "FAILED" and world.mirror()["last_error"], 60)
    assert sorted(map(str, world.at_target(f"SELECT {columns} FROM items"))) == before


# table: what gives it its column `c`, older rows being there.
GAINED = {
    "box": "ADD c box DEFAULT '((1,2),(3,4))'",
    "boxes": "ADD c box[] DEFAULT '{(1,1),(0,0);(2,2),(1,1)}'",
    "pairs": "ADD c pair DEFAULT '(\"a,b\",\"c \"\"d\")'",
    "matrix": "ADD c int[] DEFAULT '{{1,2},{3,4}}'",
    "quoted": "ADD c text DEFAULT 'a,\"b\\{}'",
    "padded": "ADD c char(5) DEFAULT 'x'",
    "domain": "ADD c positive DEFAULT 7",
    "uuids": "ADD c uuid NOT NULL DEFAULT gen_random_uuid(); ALTER TABLE {t} ALTER c DROP DEFAULT",
    "serials": "ADD c serial",
    "identities": "ADD c bigint GENERATED ALWAYS AS IDENTITY",
    "dropped_default": "ADD c int DEFAULT 5; ALTER TABLE {t} ALTER c DROP DEFAULT",
    "later_default": "ADD c int; ALTER TABLE {t} ALTER c SET DEFAULT 4",
    "vacuumed": "ADD c int DEFAULT 5; VACUUM FULL {t}",
    "converted": "ADD c int DEFAULT 5; ALTER TABLE {t} ALTER c TYPE int USING c + id",
    "own": "ADD c int; UPDATE {t} SET c = id WHERE id % 2 = 0",
    "not_null_later": "ADD c int; INSERT INTO {t} VALUES (500, 'null'); UPDATE {t} SET c = 3; ALTER TABLE {t} ALTER c SET NOT NULL",
    "plain": "ADD c int GENERATED ALWAYS AS (id + 1) STORED; ALTER TABLE {t} ALTER c DROP EXPRESSION",
}


# What a new row has to say itself in a column that is NOT NULL and has no default.
SAID = {"uuids": "gen_random_uuid()", "not_null_later": "1"}
# The source's side is the same whatever the target is, and the target's whatever the source's version: not all is run twice.
SERVERS = [("postgres", 18), ("clickhouse", 15), ("kafka", 15), pytest.param("postgres", 14, marks=pytest.mark.full),
           pytest.param("postgres", 15, marks=pytest.mark.full), pytest.param("clickhouse", 18, marks=pytest.mark.full)]


def alter(world, table):
    for statement in f"ALTER TABLE {table} {GAINED[table]}".replace("{t}", table).split("; "):
        world.sql(statement)
    columns, values = ("id, a, c", f"1001, 'new', {SAID[table]}") if table in SAID else ("id, a", "1001, 'new'")
    world.sql(f"INSERT INTO {table} ({columns}) VALUES ({values}); DELETE FROM {table} WHERE id = 3")


@pytest.mark.parametrize("kind, major", SERVERS)
def test_older_rows_of_an_added_column_show_what_the_source_shows(new_world, kind, major):
    world = new_world(kind, **({} if major == 15 else {"source": PostgresServer("source", major)}))
    types = "CREATE TYPE pair AS (a text, b text); CREATE DOMAIN positive AS int CHECK (VALUE > 0)"
    world.sql(types)
    if kind == "postgres":
        world.target.sql(types, dbname=world.target_db)
    gained = [table for table in GAINED if (kind, table) != ("clickhouse", "matrix")]  # refused there: arrays of arrays
    if kind == "kafka":  # a constant that older rows show is in no message: consumers have it from the column's default
        gained = ["uuids", "serials", "identities", "converted", "plain"]
    world.sql(";".join(f"CREATE TABLE {table} (id int PRIMARY KEY, a text); "
                       f"INSERT INTO {table} SELECT g, 'x' FROM generate_series(1, 200) g" for table in gained))
    world.start_mirror([f"public.{table}" for table in gained])
    world.wait_caught_up()
    world.pause()
    for table in gained[::2]:  # found at a start
        alter(world, table)
    world.resume()
    world.wait_caught_up()  # RUNNING it is at once: the start may yet find what is half done.
    for table in gained[1::2]:  # met in the stream
        alter(world, table)
    wait_for("all rows to be read", lambda: world.wait_caught_up() and world.mirror()["consistent"], 120)
    if kind == "clickhouse":  # text there, of which the comparison knows nothing
        world.tables.remove("public.boxes")
        rows = world.at_target("SELECT c, count() AS n FROM boxes FINAL WHERE _PEERDB_IS_DELETED = 0 GROUP BY c")
        assert [(row["c"], int(row["n"])) for row in rows] == [("{(1,1),(0,0);(2,2),(1,1)}", 200)], rows
    assert world.settle_and_compare() >= 200 * len(world.tables)
    logs = [row["message"] for row in world.peerd.rows("SELECT message FROM mirror_logs")]
    assert any("public.uuids has gained column" in line for line in logs), logs


def test_values_that_change_behind_the_wal_are_read_again(new_world):
    """An enum's label, a composite's attribute, a rewrite that keeps the type: of none of them a row tells."""
    worlds = [new_world(kind) for kind in ("clickhouse", "postgres")]

    def all_do(*statements):
        for world in worlds:
            for statement in statements:
                world.sql(statement)

    def all_read_again(words):
        for world in worlds:
            def is_read_again(world=world):
                logs = [row["message"] for row in world.peerd.rows("SELECT message FROM mirror_logs")]
                said = next((at for at, line in enumerate(logs) if words in line), len(logs))
                return any("were read once more at the source" in line for line in logs[said:]) and world.mirror()["consistent"]
            wait_for(f"rows to be read again: {words}", is_read_again, 60)
            world.settle_and_compare()

    all_do("CREATE TYPE mood AS ENUM ('sad', 'ok')", "CREATE TYPE pair AS (m int, n int)",
           "CREATE TABLE items (id int PRIMARY KEY, n int, m mood, p pair); "
           "INSERT INTO items SELECT g, g, 'ok', '(1,2)' FROM generate_series(1, 500) g")
    for world in worlds:
        world.start_mirror(["public.items"])
        world.settle_and_compare()
    all_do("ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'")
    all_read_again("label 'ok' is now 'fine'")  # while nothing is written: found by the time's passing
    all_do("ALTER TABLE items ALTER n TYPE int USING n + 1000", "UPDATE items SET n = 1 WHERE id = 1")
    all_read_again("TYPE ... USING")
    for world in worlds:
        world.pause()
    all_do("ALTER TYPE pair ADD ATTRIBUTE o int", "ALTER TYPE mood RENAME VALUE 'sad' TO 'x'",
           "ALTER TYPE mood RENAME VALUE 'fine' TO 'sad'", "UPDATE items SET p = '(3,4,5)' WHERE id = 4", "DELETE FROM items WHERE id = 2")
    for world in worlds:
        world.resume()
    all_read_again("label 'sad' is now 'x'")


def test_a_table_that_is_locked_while_it_is_to_be_read_holds_up_no_other(new_world):
    world = new_world("postgres")
    world.sql("CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items SELECT generate_series(1, 100);"
              "CREATE TABLE others (id int PRIMARY KEY); INSERT INTO others VALUES (1)")
    world.start_mirror(["public.others", "public.items"])
    world.settle_and_compare()
    wait_for("the mirror to be consistent", lambda: world.mirror()["consistent"], 60)
    world.pause()
    world.sql("ALTER TABLE items ADD c float DEFAULT random()")
    world.sql("INSERT INTO items VALUES (101, 1)")
    with contextlib.closing(world.source.connect(world.source_db, autocommit=False)) as holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLE items")
        world.resume()
        world.wait_state("RUNNING")
        world.sql("INSERT INTO others VALUES (2)")
        world.wait_caught_up()
        assert world.at_target("SELECT id FROM others ORDER BY id") == [(1,), (2,)]
        assert world.at_target("SELECT count(*) FROM items WHERE c IS NULL") == [(100,)]
        assert not world.mirror()["consistent"]
    wait_for("the mirror to be consistent", lambda: world.mirror()["consistent"], 60)
    world.settle_and_compare()


def test_maintenance_and_a_restart_leave_the_mirror_alone(new_world):
    world = new_world("postgres")
    world.sql("CREATE TABLE items (id int PRIMARY KEY, n int, m int); INSERT INTO items SELECT g, g FROM generate_series(1, 100) g")
    world.start_mirror(["public.items"])
    world.settle_and_compare()
    for statement in ("VACUUM FULL items", "ANALYZE items", "ALTER TABLE items ALTER m SET STATISTICS 5", "CREATE INDEX ON items (n)"):
        world.sql(statement)
        world.sql("UPDATE items SET n = n + 1 WHERE id < 5")
        world.settle_and_compare()
    world.peerd.restart()
    world.sql("VACUUM FULL items")
    world.sql("UPDATE items SET n = n + 1 WHERE id < 5")
    world.settle_and_compare()
    logs = [row["message"] for row in world.peerd.rows("SELECT message FROM mirror_logs")]
    assert not any("read once more" in line for line in logs), logs


def test_a_catalog_of_an_older_version_is_learnt(new_world):
    """Tables that were stored without their columns' numbers: known by names at the start, by numbers from then on."""
    world = new_world("postgres")
    world.sql("CREATE TABLE items (id int PRIMARY KEY, p int, q int); INSERT INTO items SELECT g, g, -g FROM generate_series(1, 100) g")
    world.start_mirror(["public.items"])
    world.settle_and_compare()
    world.peerd.terminate()
    with contextlib.closing(sqlite3.connect(f"{world.peerd.data}/catalog.db")) as catalog:
        for rowid, text in catalog.execute("SELECT rowid, spec FROM mirror_tables").fetchall():
            table = json.loads(text)
            del table["notes"]
            for each in table["columns"]:
                del each["number"]
            catalog.execute("UPDATE mirror_tables SET spec = ? WHERE rowid = ?", (json.dumps(table), rowid))
        catalog.commit()
    world.peerd.start()
    world.sql("ALTER TABLE items ADD r int DEFAULT 5; UPDATE items SET p = 0 WHERE id < 10")
    world.settle_and_compare()
    world.sql("ALTER TABLE items RENAME p TO x; ALTER TABLE items RENAME q TO p; ALTER TABLE items RENAME x TO q")
    world.sql("UPDATE items SET id = id")
    world.settle_and_compare()


def test_an_identity_index_that_is_gone_is_said_with_its_cure(new_world):
    world = new_world("postgres")
    world.sql("CREATE TABLE items (id int PRIMARY KEY, u int NOT NULL); CREATE UNIQUE INDEX items_u ON items (u);"
              "ALTER TABLE items REPLICA IDENTITY USING INDEX items_u; INSERT INTO items VALUES (1, 1)")
    world.start_mirror(["public.items"])
    world.settle_and_compare()
    world.sql("DROP INDEX items_u; INSERT INTO items VALUES (2, 2)")
    stopped = world.wait_state("FAILED", 60)
    assert "replica identity" in stopped["last_error"] and "REPLICA IDENTITY DEFAULT" in stopped["last_error_hint"], stopped
    world.drop()
    with pytest.raises(Exception, match="REPLICA IDENTITY DEFAULT"):
        world.create_mirror(["public.items"])
    world.sql("ALTER TABLE items REPLICA IDENTITY DEFAULT")
    world.at_target("DROP TABLE items")
    world.create_mirror(["public.items"], "RUNNING")
    world.sql("UPDATE items SET u = 3 WHERE id = 2")
    world.settle_and_compare()


def test_a_gained_column_that_the_target_has_already(world):
    """Its values pass for the source's from then on: they are what older rows show, or the mirror stops."""
    world.sql("CREATE TABLE items (id int PRIMARY KEY, v text); INSERT INTO items SELECT g, 'x' FROM generate_series(1, 50) g")
    world.start_mirror(["public.items"])
    world.settle_and_compare()
    kinds = {"postgres": ("int", "int DEFAULT 7", "text"), "clickhouse": ("Nullable(Int32)", "Int32 DEFAULT 7", "Nullable(String)")}
    fits, differs, text = kinds[world.kind]

    def at_target(statement):
        world.at_target(statement) if world.kind == "postgres" else world.target.text(statement, world.target_db)

    at_target(f"ALTER TABLE items ADD COLUMN later {fits}")  # As operators do who alter the target first.
    world.sql("ALTER TABLE items ADD later int; UPDATE items SET later = id WHERE id < 10")
    world.settle_and_compare()
    at_target(f"ALTER TABLE items ADD COLUMN said {text} DEFAULT 'a''b'")
    world.sql("ALTER TABLE items ADD said text DEFAULT 'a''b'; UPDATE items SET said = NULL WHERE id < 5")
    world.settle_and_compare()
    for name, default in (("mine", ""), ("known", " DEFAULT 5")):
        at_target(f"ALTER TABLE items ADD COLUMN {name} {differs}")
        world.sql(f"ALTER TABLE items ADD {name} int{default}; UPDATE items SET {name} = 1 WHERE id < 10")
        stopped = world.wait_state("FAILED", 60)
        assert f'gained column "{name}"' in stopped["last_error"] and "not the mirror's" in stopped["last_error"], stopped
        assert f"DROP COLUMN" in stopped["last_error_hint"] and name in stopped["last_error_hint"], stopped
        at_target(f"ALTER TABLE items RENAME COLUMN {name} TO own_{name}")
        world.resume()
        world.wait_state("RUNNING")
        assert world.settle_and_compare() == 50


def test_a_shape_that_was_lost_with_its_transaction_is_followed_again(new_world):
    """At a Postgres target the table is altered in the transaction that its rows come in, which may never end."""
    world = new_world("postgres")
    world.sql("CREATE TABLE items (id int PRIMARY KEY, v text, gone int NOT NULL DEFAULT 3, w int, must int NOT NULL DEFAULT 1); "
              "INSERT INTO items SELECT g, 'x' FROM generate_series(1, 50) g; CREATE TABLE one (id int PRIMARY KEY)")
    world.at_target("CREATE TABLE items (id int PRIMARY KEY, v text, gone int NOT NULL, w int, must int NOT NULL)")
    world.start_mirror(["public.items", "public.one"])
    world.settle_and_compare()
    for shape in ("ADD more int DEFAULT 5", "DROP gone", "ALTER w TYPE bigint", "ALTER must DROP NOT NULL"):
        world.at_target("ALTER TABLE items ADD CONSTRAINT no CHECK (v <> 'no') NOT VALID")
        world.sql(f"BEGIN; UPDATE items SET v = 'y' WHERE id < 9; ALTER TABLE items {shape}; UPDATE items SET v = 'z' WHERE id < 5; "
                  f"UPDATE items SET {'must = NULL' if 'NULL' in shape else 'w = 7'} WHERE id < 4; "
                  "INSERT INTO items (id, v) SELECT coalesce(max(id), 0) + 1, 'no' FROM items; COMMIT")
        stopped = world.wait_state("FAILED", 60)
        assert "DROP CONSTRAINT" in stopped["last_error_hint"], stopped
        world.peerd.kill9()
        world.peerd.start()
        world.at_target("ALTER TABLE items DROP CONSTRAINT no")
        world.resume()
        world.wait_state("RUNNING")
        world.settle_and_compare()

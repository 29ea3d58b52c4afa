"""dropped_columns = 'drop': what is dropped at the source is dropped at the target, in the order of the WAL, and nothing else is."""
import psycopg2
import pytest

from support.process import wait_for

TARGETS = ["postgres", "clickhouse"]
LONG = "repeat(md5(g::text), 100)"


def make(world, rows=100):
    world.sql("CREATE TABLE items (id int PRIMARY KEY, n int, q text, secret text, more int, body text, last int[]);"
              "ALTER TABLE items ALTER body SET STORAGE EXTERNAL, ALTER q SET STORAGE EXTERNAL;"
              f"INSERT INTO items SELECT g, g, 'q' || g, 's', g * 2, {LONG}, CASE WHEN g % 2 = 0 THEN ARRAY[g, NULL] END"
              f" FROM generate_series(1, {rows}) g")


def start(world, **options):
    world.create_peers()
    world.tables = ["public.items"]
    settings = ", ".join(f"{name} = '{value}'" for name, value in {"dropped_columns": "drop", **options}.items())
    name = world.target_name("public.items")
    world.peerd.sql(f"CREATE MIRROR {world.mirror_name} FROM {world.source_peer} TO {world.target_peer} WITH TABLE MAPPING "
                    f"({{from: public.items, to: {name}, exclude: [secret]}}) WITH ({settings})")
    world.wait_state("RUNNING")


def write(world, first):
    world.sql(f"INSERT INTO items (id, n) SELECT g, g FROM generate_series({first}, {first} + 20) g; UPDATE items SET n = n + 1;"
              f"UPDATE items SET id = {first} + 500 + id WHERE id BETWEEN {first} + 10 AND {first} + 15; DELETE FROM items WHERE id = {first} + 1")


def change(world, statement):
    """At the target; {} stands before its names."""
    world.at_target(statement.format("")) if world.kind == "postgres" else world.target.text(statement.format(f"`{world.target_db}`."))


def set_to(world, word):
    world.pause()
    world.peerd.sql(f"ALTER MIRROR {world.mirror_name} SET (dropped_columns = '{word}')")
    world.resume()
    world.wait_state("RUNNING")


def refused(world, statement):
    with pytest.raises(psycopg2.Error) as error:
        world.peerd.sql(statement)
    return str(error.value)


def columns_at(world):
    """All but peerd's own."""
    found = world.at_target("SELECT attname AS name FROM pg_attribute WHERE attrelid = 'items'::regclass AND attnum > 0 AND NOT attisdropped"
                            if world.kind == "postgres" else
                            "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'items'")
    names = {row[0] if world.kind == "postgres" else row["name"] for row in found}
    return {name for name in names if "peerd" not in name.lower()}


def settle(world, *columns):
    """The source's columns, and `columns`."""
    rows = world.settle_and_compare(exclude=("secret",))
    here = {row[0] for row in world.sql("SELECT attname FROM pg_attribute WHERE attrelid = 'items'::regclass AND attnum > 0 AND NOT attisdropped")}
    assert columns_at(world) == (here - {"secret"}) | set(columns)
    return rows


def cured_by(world, statement, *words):
    stopped = world.wait_state("FAILED", 60)
    assert all(word in stopped["last_error"] for word in words), stopped
    assert "dropped_columns = 'keep'" in stopped["last_error_hint"], stopped
    world.resume()
    wait_for("the mirror to stop again", lambda: world.mirror()["state"] == "FAILED" and world.mirror()["last_error"], 60)
    change(world, statement)
    world.resume()
    world.wait_state("RUNNING")


@pytest.mark.parametrize("kind", TARGETS)
def test_a_dropped_column_is_dropped_at_the_target(new_world, kind):
    world = new_world(kind)
    make(world)
    start(world)
    change(world, f"ALTER TABLE {{}}items ADD COLUMN mine {'int' if kind == 'postgres' else 'Int32'} DEFAULT 7")
    write(world, 1000)
    world.sql("BEGIN; UPDATE items SET q = 'before'; ALTER TABLE items DROP q; UPDATE items SET n = n + 1; COMMIT")
    write(world, 2000)
    assert settle(world, "mine") == 140
    # Several at once, and one that was renamed before.
    world.sql("BEGIN; UPDATE items SET n = 7 WHERE id < 50; ALTER TABLE items RENAME more TO less; UPDATE items SET less = 1 WHERE id < 20;"
              "ALTER TABLE items DROP less, DROP last; UPDATE items SET n = n + 1; COMMIT")
    settle(world, "mine")
    # Under its old name a column is another one.
    world.sql("ALTER TABLE items ADD q int DEFAULT 5; UPDATE items SET q = 6 WHERE id < 30")
    settle(world, "mine")
    world.sql("ALTER TABLE items DROP q; UPDATE items SET n = n + 1")
    settle(world, "mine")
    world.pause()
    write(world, 3000)
    world.sql("ALTER TABLE items DROP body, DROP secret")
    write(world, 4000)
    world.resume()
    settle(world, "mine")
    assert any('has lost columns "body": the target drops them' in line for line in world.logs()), world.logs()
    # What was kept under 'keep' stays, and its name stays taken.
    set_to(world, "keep")
    world.sql("ALTER TABLE items ADD kept text DEFAULT 'k', ADD r int; UPDATE items SET r = 1")
    settle(world, "mine")
    world.sql("ALTER TABLE items DROP kept; UPDATE items SET n = n + 1")
    settle(world, "mine", "kept")
    set_to(world, "drop")
    world.sql("ALTER TABLE items DROP r; UPDATE items SET n = n + 1")
    settle(world, "mine", "kept")
    world.sql("ALTER TABLE items ADD kept text; INSERT INTO items (id, kept) VALUES (9001, 'new')")
    stopped = world.wait_state("FAILED", 60)
    assert "keeps the old one's values" in stopped["last_error"], stopped
    change(world, "ALTER TABLE {}items DROP COLUMN kept")
    world.resume()
    world.wait_state("RUNNING")
    assert settle(world, "mine") == 181


@pytest.mark.parametrize("kind", TARGETS)
def test_what_is_made_of_a_dropped_column_stops_the_mirror(new_world, kind):
    world = new_world(kind)
    make(world)
    start(world)
    if kind == "postgres":
        world.at_target("CREATE VIEW seen AS SELECT id, q FROM items; CREATE INDEX alone ON items (more); CREATE INDEX shared ON items (n, last)")
    else:
        change(world, "CREATE TABLE {}seen_rows (id Int32, q Nullable(String)) ENGINE = MergeTree ORDER BY id")
        change(world, "CREATE MATERIALIZED VIEW {0}seen TO {0}seen_rows AS SELECT id, q FROM {0}items")
        change(world, "ALTER TABLE {}items ADD INDEX shared length(last) TYPE minmax")
    write(world, 1000)
    world.sql("ALTER TABLE items DROP q; INSERT INTO items (id, n) VALUES (5001, 1)")
    cured_by(world, "DROP VIEW {}seen", "seen")
    settle(world)
    world.sql("UPDATE items SET n = n + 1; ALTER TABLE items DROP more, DROP last; UPDATE items SET n = n + 1")
    cured_by(world, "DROP INDEX shared" if kind == "postgres" else "ALTER TABLE {}items DROP INDEX shared", "shared")
    assert settle(world) == 121


@pytest.mark.parametrize("kind", TARGETS)
def test_a_kill_behind_the_drop_and_before_the_checkpoint(new_world, kind):
    """One transaction goes in many batches, and the kill comes while it is open at the target."""
    world = new_world(kind)
    make(world, 3000)
    start(world, max_batch_size=500)
    world.sql("BEGIN; UPDATE items SET q = 'late', n = -1; ALTER TABLE items RENAME q TO was_q; UPDATE items SET was_q = 'later' WHERE id < 600;"
              "ALTER TABLE items DROP was_q; UPDATE items SET n = -2; ALTER TABLE items RENAME more TO q; UPDATE items SET q = -3; COMMIT")
    if kind == "postgres":
        held = "SELECT 1 FROM pg_locks WHERE relation = (SELECT oid FROM pg_class WHERE relname = 'items') AND mode = 'AccessExclusiveLock' AND granted"
        wait_for("the ALTER in an open transaction, or its end", lambda: world.at_target(held) or world.mirror()["rows_streamed"] > 9500, 60, 0.01)
    else:
        wait_for("the column to be gone", lambda: not {"q", "was_q"} & columns_at(world) or "more" not in columns_at(world), 60, 0.01)
    world.peerd.kill9()
    if kind == "clickhouse":
        print("columns at the kill:", sorted(columns_at(world)), world.at_target("SELECT n, count() AS c FROM items FINAL WHERE n < 0 GROUP BY n"))
    world.peerd.start()
    assert settle(world) == 3000
    write(world, 5000)
    world.sql("ALTER TABLE items DROP q; UPDATE items SET n = n + 1")
    world.peerd.kill9()
    world.peerd.start()
    settle(world)


@pytest.mark.parametrize("kind", TARGETS)
def test_columns_dropped_in_mid_snapshot_and_before_a_copy_anew(new_world, kind):
    world = new_world(kind)
    make(world, 5000)
    world.hold_copy(4)
    world.create_peers()
    world.create_mirror(["public.items"], dropped_columns="drop", snapshot_num_rows_per_partition=500, snapshot_max_parallel_workers=1)
    world.wait_chunks(4)
    world.sql("ALTER TABLE items DROP q, DROP secret")
    world.gate.open()
    world.wait_state("RUNNING", 120)
    world.settle_and_compare()
    assert columns_at(world) == {"id", "n", "more", "body", "last"}
    world.sql("ALTER TABLE items DROP last")
    world.peerd.sql(f"RESYNC TABLE public.items OF {world.mirror_name}")
    wait_for("the copy", lambda: any("was copied anew" in line for line in world.logs()), 60)
    world.wait_state("RUNNING")
    assert settle(world) == 5000


def test_where_nothing_can_be_dropped_it_is_refused(new_world):
    world = new_world("kafka")
    make(world, 1)
    world.create_peers()
    create = f"CREATE MIRROR {world.mirror_name} FROM {world.source_peer} TO {world.target_peer} "
    mapping = "WITH TABLE MAPPING (public.items:items) WITH "
    assert "messages come without a dropped column" in refused(world, create + mapping + "(dropped_columns = 'drop')")
    assert "did you mean 'drop'?" in refused(world, create + mapping + "(dropped_columns = 'dropp')")
    query = ("FOR $$SELECT id, n FROM public.items WHERE id BETWEEN {{.start}} AND {{.end}}$$ WITH (dropped_columns = 'drop', "
             "destination_table_name = 'q', watermark_table_name = 'public.items', watermark_column = 'id')")
    assert "dropped_columns" in refused(world, create + query)

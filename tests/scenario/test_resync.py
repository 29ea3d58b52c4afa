"""RESYNC: tables are copied anew while readers keep what is there, and the copy takes their place at once."""
import random
import threading
import time

import psycopg2
import pytest

from support.process import wait_for
from support.writer import Writer, create_table


def anew(world):
    """How many copies anew have come to their end."""
    return sum("was copied anew" in row["message"] for row in world.peerd.rows(
        "SELECT message FROM mirror_logs WHERE mirror = %s", (world.mirror_name,)))


def resync(world, *tables):
    what = f"TABLE {', '.join(tables)} OF" if tables else "MIRROR"
    world.peerd.sql(f"RESYNC {what} {world.mirror_name}")


def wait_resynced(world, copies, timeout=90):
    def there():
        return world.mirror()["state"] == "RUNNING" and anew(world) >= copies
    wait_for(f"{copies} copies anew", there, timeout,
             broken=lambda: world.mirror()["last_error"] if world.mirror()["state"] == "FAILED" else None)


def resync_and_wait(world, *tables):
    before = anew(world)
    resync(world, *tables)
    wait_resynced(world, before + len(tables or world.tables))


def shadows(world):
    if world.kind == "postgres":
        return [row[0] for row in world.at_target("SELECT relname FROM pg_class WHERE relname LIKE '\\_peerd\\_resync%'")]
    return [row["name"] for row in world.at_target(
        f"SELECT name FROM system.tables WHERE database = '{world.target_db}' AND startsWith(name, '_peerd_resync')")]


def spoil(world, table="items"):
    """At the target: rows that are gone, rows that are others', rows that nobody has."""
    if world.kind == "postgres":
        world.at_target(f"DELETE FROM {table} WHERE id % 3 = 0; UPDATE {table} SET n = -77 WHERE id % 5 = 1; "
                        f"INSERT INTO {table} (id, n) VALUES (-5, 5)")
    else:
        world.target.text(f"ALTER TABLE {table} DELETE WHERE id % 3 = 0 SETTINGS mutations_sync = 2", world.target_db)
        world.target.text(f"INSERT INTO {table} (id, n, _peerdb_version) SELECT -5, 5, max(_peerdb_version) FROM {table}", world.target_db)


class Reader:
    """Counts a target table's rows as fast as it can: it is never missing, and never has fewer rows than `least`."""

    def __init__(self, world, table, least):
        self.world, self.least, self.looks, self.wrong = world, least, 0, []
        self.statement = (f"SELECT count(*) FROM {table}" if world.kind == "postgres" else f"SELECT count() AS n FROM {table} FINAL")
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def count(self):
        if self.world.kind == "postgres":
            return self.world.at_target(self.statement)[0][0]
        return self.world.at_target(self.statement)[0]["n"]

    def run(self):
        while not self.ended.is_set():
            try:
                seen = self.count()
                if seen < self.least:
                    self.wrong.append(seen)
            except Exception as error:  # Whatever a reader would see.
                self.wrong.append(error)
            self.looks += 1

    def end(self):
        self.ended.set()
        self.thread.join()
        assert not self.wrong, self.wrong[:3]
        assert self.looks > 10


@pytest.mark.parametrize("kind", ["postgres", "clickhouse", "kafka"])
def test_a_table_and_then_all_of_them_while_they_are_written_to(new_world, kind):
    world = new_world(kind)
    tables = ["public.items", "public.more"]
    for table in tables:
        create_table(world.source, table, 3000, world.source_db)
    writers = [Writer(world.source, table, world.source_db, seed=i, rate=60) for i, table in enumerate(tables)]
    world.start_mirror(tables, snapshot_num_rows_per_partition=500)
    world.wait_caught_up()
    slot = world.slots()
    if kind != "kafka":
        spoil(world)
        reader = Reader(world, "items", 1500)
    resync_and_wait(world, "public.items")
    assert world.slots() == slot
    if kind != "kafka":
        spoil(world, "more")
    resync_and_wait(world)
    if kind != "kafka":
        reader.end()
    for writer in writers:
        writer.stop()
    world.settle_and_compare()
    assert kind == "kafka" or shadows(world) == []
    assert len(world.slots()) == 1
    world.peerd.restart()
    world.sql("UPDATE more SET n = -5 WHERE id % 4 = 0; DELETE FROM items WHERE id % 5 = 0")
    world.settle_and_compare()
    world.drop()
    assert world.slots() == [] and world.publications() == []


@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_a_kill_at_any_moment_leaves_the_old_or_the_new_table(new_world, kind):
    world = new_world(kind)
    create_table(world.source, "public.items", 4000, world.source_db)
    create_table(world.source, "public.more", 500, world.source_db)
    writer = Writer(world.source, "public.items", world.source_db, seed=3, rate=60)
    world.start_mirror(["public.items", "public.more"], snapshot_num_rows_per_partition=400)
    world.wait_caught_up()
    spoil(world)
    reader = Reader(world, "items", 2000)
    moments = random.Random(17)
    swaps = 0
    for i in range(10):
        resync(world, *(["public.items"] if i % 3 else []))
        if i % 2:  # Aimed at the swap, or at what lies behind it.
            wait_for("the swap", lambda: "into its place" in world.mirror()["step"] or world.mirror()["state"] == "RUNNING", 60, 0.001)
            swaps += "into its place" in world.mirror()["step"]
        else:
            time.sleep(moments.uniform(0, 0.6))  # Where the kill falls is what varies.
        world.peerd.kill9()
        world.peerd.start()
        if i % 4 == 3:
            wait_for("the stream", lambda: world.mirror()["state"] == "RUNNING", 60)
    print(f"{swaps} kills were aimed at a swap that was seen")
    wait_for("the stream", lambda: world.mirror()["state"] == "RUNNING", 60)
    reader.end()
    writer.stop()
    world.settle_and_compare()
    assert shadows(world) == []


@pytest.mark.parametrize("kind", ["postgres", "clickhouse", "kafka"])
@pytest.mark.parametrize("change", ["ALTER TABLE items ALTER n TYPE smallint USING n % 100", "ALTER TABLE items DROP COLUMN ratio",
                                    "ALTER TABLE items DROP CONSTRAINT items_pkey, ADD PRIMARY KEY (id, n)"])
def test_the_cure_of_a_change_of_shape(new_world, kind, change):
    world = new_world(kind)
    create_table(world.source, "public.items", 500, world.source_db)
    create_table(world.source, "public.more", 500, world.source_db)
    world.start_mirror(["public.items", "public.more"])
    world.wait_caught_up()
    world.sql(change)
    world.sql("INSERT INTO items (id, n) VALUES (9001, 1); UPDATE more SET n = -1 WHERE id < 100")
    if "DROP COLUMN" not in change:
        assert "RESYNC TABLE public.items" in world.wait_state("FAILED", 60)["last_error_hint"]
    resync_and_wait(world, "public.items")
    world.sql("UPDATE items SET name = 'again' WHERE id < 50; DELETE FROM items WHERE id = 60; DELETE FROM more WHERE id = 7")
    world.settle_and_compare()
    if kind != "kafka":
        assert shadows(world) == []


@pytest.mark.parametrize("kind", ["postgres", "clickhouse", "kafka"])
def test_a_lost_slot_is_cured_for_all_tables_together(new_world, kind):
    world = new_world(kind)
    for table in ("public.items", "public.more"):
        create_table(world.source, table, 500, world.source_db)
    world.start_mirror(["public.items", "public.more"])
    world.wait_caught_up()
    world.peerd.terminate()
    world.drop_slots()
    world.sql("UPDATE items SET n = -1 WHERE id < 100; DELETE FROM more WHERE id % 2 = 0")
    world.peerd.start()
    assert f"RESYNC MIRROR {world.mirror_name}" in world.wait_state("FAILED", 60)["last_error_hint"]
    resync(world, "public.items")
    world.wait_state("FAILED", 60)
    resync_and_wait(world)
    world.sql("UPDATE items SET n = -2 WHERE id < 50")
    world.settle_and_compare()
    assert len(world.slots()) == 1
    # The publication goes as well: whatever stands in the WAL, the slot begins behind it.
    world.sql(f"DROP PUBLICATION \"{world.publications()[0]}\"")
    world.sql("UPDATE more SET n = -3 WHERE id < 50")
    world.wait_state("FAILED", 60)
    # A table that is added before has nothing that the old slot holds.
    create_table(world.source, "public.third", 100, world.source_db)
    world.peerd.sql(f"ALTER MIRROR {world.mirror_name} ADD TABLE {{from: public.third, to: {world.target_name('public.third')}}}")
    resync_and_wait(world)
    world.tables.append("public.third")
    if kind == "kafka":
        world._consumer.close()
        world._consumer = None  # Of one topic more.
    world.sql("UPDATE more SET n = -4 WHERE id < 20")
    world.settle_and_compare()
    world.drop()
    assert world.slots() == [] and world.publications() == []


@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_tables_that_are_gone_at_either_end_come_back(new_world, kind):
    world = new_world(kind)
    for table in ("public.items", "public.more"):
        create_table(world.source, table, 300, world.source_db)
    world.start_mirror(["public.items", "public.more"])
    world.wait_caught_up()
    world.sql("DROP TABLE items")
    create_table(world.source, "public.items", 200, world.source_db)
    world.wait_state("FAILED", 60)
    resync_and_wait(world, "public.items")
    world.sql("UPDATE items SET n = -1 WHERE id < 100; UPDATE more SET n = -1 WHERE id < 100")
    world.settle_and_compare()
    if kind == "postgres":
        world.at_target("DROP TABLE more")
    else:
        world.target.text("DROP TABLE more SYNC", world.target_db)
    world.sql("UPDATE more SET n = -2 WHERE id < 50")
    world.wait_state("FAILED", 60)
    resync_and_wait(world, "public.more")
    world.sql("DELETE FROM more WHERE id < 10")
    world.settle_and_compare()
    world.peerd.restart()
    world.sql("UPDATE more SET n = -3 WHERE id < 30")
    world.settle_and_compare()


def test_what_hangs_on_a_postgres_table_stays(new_world):
    world = new_world("postgres")
    create_table(world.source, "public.items", 300, world.source_db)
    world.start_mirror(["public.items"])
    world.wait_caught_up()
    world.at_target("""CREATE VIEW v AS SELECT id, n FROM items; CREATE INDEX by_n ON items (n); GRANT SELECT ON items TO public;
        CREATE TABLE child (id bigint REFERENCES items); INSERT INTO child VALUES (5); COMMENT ON TABLE items IS 'ours';
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER t AFTER INSERT ON items
        FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE items ADD mine int DEFAULT 7""")
    stands = """SELECT c.oid, relacl::text, obj_description(c.oid), array(SELECT indexrelid FROM pg_index WHERE indrelid = c.oid ORDER BY 1)::text,
        (SELECT count(*) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal) FROM pg_class c WHERE relname = 'items'"""
    before = world.at_target(stands)
    spoil(world)
    resync_and_wait(world)
    world.sql("UPDATE items SET n = -1 WHERE id < 100")
    world.settle_and_compare()
    assert world.at_target(stands) == before
    assert world.at_target("SELECT count(*) FROM v") == [(300,)]
    # What is made of a column that changes stands in the way, and is named before anything is made.
    world.sql("ALTER TABLE items ALTER n TYPE text; INSERT INTO items (id, n) VALUES (9001, 'x')")
    world.wait_state("FAILED", 60)
    with pytest.raises(psycopg2.Error) as refused:
        resync(world)
    assert "view public.v depends on column \"n\"" in refused.value.pgerror, refused.value.pgerror
    assert world.mirror()["state"] == "FAILED" and shadows(world) == []
    world.at_target("DROP VIEW v")
    resync_and_wait(world)
    world.settle_and_compare()


def test_a_clickhouse_table_of_the_operators_own_make_stays_so(new_world):
    world = new_world("clickhouse")
    create_table(world.source, "public.items", 300, world.source_db)
    world.target.text("""CREATE TABLE items (id Int64, n Int32, price Nullable(Decimal(12, 2)) CODEC(ZSTD(3)), ratio Nullable(Float64),
        name Nullable(String), ok Nullable(Bool), at Nullable(DateTime64(6, 'UTC')), tags Array(Nullable(String)), `_peerdb_null_tags` Bool,
        body Nullable(String), mine String DEFAULT 'x', _PEERDB_SYNCED_AT DateTime64(9) DEFAULT now64(9), _PEERDB_IS_DELETED UInt8,
        _peerdb_version UInt128) ENGINE = ReplacingMergeTree(_peerdb_version, _PEERDB_IS_DELETED) PARTITION BY id % 3 ORDER BY id""",
                      world.target_db)
    try:
        world.start_mirror(["public.items"])
    except psycopg2.Error as error:
        pytest.fail(error.pgerror)
    world.wait_caught_up()
    definition = "SELECT create_table_query AS q FROM system.tables WHERE database = currentDatabase() AND name = 'items'"
    before = world.at_target(definition)
    spoil(world)
    resync_and_wait(world)
    world.sql("UPDATE items SET n = -1 WHERE id < 100")
    world.settle_and_compare()
    after = world.at_target(definition)
    assert [row["q"].split(" UUID ")[0].split("(", 1)[1] for row in after] == [row["q"].split(" UUID ")[0].split("(", 1)[1] for row in before]


def test_what_cannot_be_copied_anew_is_refused_and_changes_nothing(world):
    create_table(world.source, "public.items", 100, world.source_db)
    world.create_peers()
    world.create_mirror(["public.items"], "RUNNING")
    world.wait_caught_up()
    m = world.mirror_name
    shadow = "CREATE TABLE _peerd_resync_items (id int PRIMARY KEY)"
    if world.kind == "postgres":
        world.at_target(shadow)
    else:
        world.target.text(shadow + " ENGINE = MergeTree", world.target_db)
    for statement, words in [
            (f"RESYNC TABLE public.item OF {m}", "did you mean public.items"),
            (f"RESYNC TABLE public.items OF {m}", "_peerd_resync_items"),
            (f"RESYNC MIRROR {m}", "_peerd_resync_items"),
            ("RESYNC MIRROR nothing", "does not exist"),
            (f"RESYNC MIRROR {m} WITH (query_string = 'x')", "takes no options")]:
        with pytest.raises(psycopg2.Error) as refused:
            world.peerd.sql(statement)
        assert words in refused.value.pgerror, (statement, refused.value.pgerror)
    world.peerd.sql("RESYNC MIRROR IF EXISTS nothing")
    assert world.mirror()["state"] == "RUNNING"
    if world.kind == "postgres":
        world.at_target("DROP TABLE _peerd_resync_items")
    else:
        world.target.text("DROP TABLE _peerd_resync_items", world.target_db)
    resync_and_wait(world, "public.items")
    world.settle_and_compare()


def test_a_paused_mirror_begins_when_it_is_resumed(world):
    create_table(world.source, "public.items", 300, world.source_db)
    world.start_mirror(["public.items"])
    world.wait_caught_up()
    world.pause()
    spoil(world)
    resync(world, "public.items")
    world.sql("UPDATE items SET n = -1 WHERE id < 50")
    world.peerd.restart()
    assert world.mirror()["state"] == "PAUSED" and anew(world) == 0
    world.resume()
    wait_resynced(world, 1)
    world.settle_and_compare()


def test_what_a_copy_anew_has_begun_goes_with_the_mirror(world):
    create_table(world.source, "public.items", 3000, world.source_db)
    world.hold_copy(100)
    world.start_mirror(["public.items"], snapshot_num_rows_per_partition=500)
    world.wait_caught_up()
    world.gate.let(2)
    resync(world, "public.items")
    wait_for("the shadow", lambda: shadows(world), 60)
    assert wait_for("the step", lambda: (step := world.mirror()["step"]).startswith("copying anew") and step, 60)
    world.drop()
    assert shadows(world) == []
    world.gate.open()


def test_over_rest(new_world):
    world = new_world("postgres")
    create_table(world.source, "public.items", 300, world.source_db)
    world.start_mirror(["public.items"])
    world.wait_caught_up()
    spoil(world)
    body = {"flow_job_name": world.mirror_name, "requested_flow_state": "STATUS_RESYNC"}
    code, answer = world.peerd.rest("POST", "/api/v1/mirrors/state_change", {**body, "flow_config_update": {
        "cdc_flow_config_update": {"batch_size": 7}}})
    assert code == 400, answer
    assert world.peerd.rest("POST", "/api/v1/mirrors/state_change", body) == (200, {})
    wait_resynced(world, 1)
    world.settle_and_compare()
    code, answer = world.peerd.rest("POST", "/api/v1/mirrors/state_change", {**body, "flow_job_name": "nothing"})
    assert code == 404, answer

"""A mirror with a spool receives while it copies tables: the source lets go of the WAL of all that time."""
import pytest

from support.peerd import lsn
from support.process import wait_for
from support.proxy import Gate
from support.writer import Writer, create_table


class TableGate(Gate):
    """Holds the copies of one table alone."""

    def __init__(self, port, table):
        self.table = f'"{table}" IN ACCESS SHARE MODE'.encode()
        super().__init__(port, 0)

    def _look_at(self, data):
        if self.table in data or self.table.replace(b'"', b"") in data:
            with self.changed:
                self.changed.wait_for(lambda: self.left > 0)


def slot(world, column):
    return lsn(world.sql(f"SELECT {column}::text FROM pg_replication_slots WHERE database = current_database()")[0][0])


def wait_told(world):
    """Until the source was told that all it has now is safe, while tables are copied."""
    end = world.sql("SELECT pg_current_wal_insert_lsn()::text")[0][0]
    world.sql("SELECT pg_logical_emit_message(true, 'peerd_test', 'mark'); UPDATE items SET n = n WHERE id = (SELECT min(id) FROM items)")

    def told():
        row = world.mirror()
        assert row["state"] == "SNAPSHOT", row
        return slot(world, "confirmed_flush_lsn") >= lsn(end)
    wait_for(f"the slot to be told of {end}", told, 60, 0.1)
    return lsn(end)


@pytest.mark.parametrize("kind", ["postgres", "clickhouse", pytest.param("kafka", marks=pytest.mark.full)])
def test_the_slot_advances_during_the_first_copy_and_nothing_is_lost(new_world, kind):
    world = new_world(kind)
    create_table(world.source, "public.items", 4000, world.source_db, long_every=20)
    writer = Writer(world.source, "public.items", world.source_db, seed=9, rate=60)
    world.hold_copy(3)
    world.create_peers()
    world.create_mirror(["public.items"], spool="always", snapshot_num_rows_per_partition=500, snapshot_max_parallel_workers=1,
                        max_batch_size=200, idle_timeout_seconds=1)
    world.wait_chunks(3)
    # Values that are not in the WAL, of rows that are copied and of such as are not.
    world.sql("UPDATE items SET n = n + 1 WHERE id % 20 = 0; UPDATE items SET id = id + 1000000 WHERE id % 40 = 0 AND id < 400000")
    end = wait_told(world)
    wait_for("the step", lambda: (step := world.mirror()["step"]) and step.startswith("copying public.items") and "receiving into the spool" in step, 30)

    def let_go():
        world.sql("CHECKPOINT")
        return slot(world, "restart_lsn") > end
    wait_for("the source to let go of its WAL", let_go, 60, 0.5)
    world.peerd.kill9()
    world.peerd.start()
    world.sql("DELETE FROM items WHERE id % 7 = 0")
    wait_told(world)
    world.pause()
    world.resume()
    world.wait_state("SNAPSHOT")
    if kind != "kafka":  # Whose messages of before stay as they were.
        world.sql("ALTER TABLE items ADD COLUMN extra int DEFAULT 7; UPDATE items SET extra = id % 5 WHERE id % 3 = 0")
    else:
        world.sql("ALTER TABLE items ALTER price TYPE numeric(13,2)")
    wait_told(world)
    world.gate.let(2)  # The table is found to be another, and begins anew.
    wait_for("the copy to start anew", lambda: world.peerd.rows("SELECT id FROM mirror_logs WHERE detail LIKE '%%starts anew%%'"), 60)
    wait_for("chunks of the new copy", lambda: (row := world.mirror())["chunks_done"] > 0 and "copying" in row["step"], 60, 0.1)
    world.sql("UPDATE items SET n = n + 1 WHERE id % 20 = 1")
    wait_told(world)
    world.peerd.kill9()
    world.gate.open()
    world.peerd.start()
    world.wait_state("RUNNING", 120)
    world.peerd.kill9()  # While it drains.
    world.peerd.start()
    writer.stop()
    assert world.settle_and_compare(240) > 2000


@pytest.mark.parametrize("kind", [pytest.param("postgres", marks=pytest.mark.full), "clickhouse"])
def test_shapes_and_partitions_change_while_another_table_is_copied(new_world, kind):
    world = new_world(kind)
    for table in ("public.items", "public.more"):
        create_table(world.source, table, 400, world.source_db, long_every=20)
    world.sql("CREATE TABLE parts (id int PRIMARY KEY, n int, body text) PARTITION BY RANGE (id); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (1000); "
              "INSERT INTO parts SELECT g, g, 'old' FROM generate_series(1, 50) g")
    world.gate = TableGate(world.source.port, "more")
    world.create_peers()
    world.create_mirror(["public.items", "public.parts", "public.more"], spool="always", snapshot_max_parallel_workers=1, idle_timeout_seconds=1)
    world.wait_chunks(2)
    wait_told(world)
    world.sql("ALTER TABLE items ADD COLUMN extra int DEFAULT 7; UPDATE items SET extra = id % 5 WHERE id % 3 = 0; UPDATE items SET n = n + 1 WHERE id % 20 = 0")
    world.sql("CREATE TABLE filled (id int PRIMARY KEY, n int, body text); INSERT INTO filled SELECT g, g, 'filled' FROM generate_series(1001, 1040) g; "
              "ALTER TABLE parts ATTACH PARTITION filled FOR VALUES FROM (1000) TO (2000); UPDATE parts SET n = n + 1 WHERE id % 4 = 0; "
              "CREATE TABLE parts_3 PARTITION OF parts FOR VALUES FROM (2000) TO (3000); INSERT INTO parts SELECT g, g, 'new' FROM generate_series(2001, 2010) g")
    wait_told(world)
    world.peerd.kill9()
    world.peerd.start()
    world.sql("UPDATE items SET extra = 9, id = -id WHERE id % 40 = 0; UPDATE more SET n = n + 1")
    world.sql("VACUUM FULL more")
    wait_told(world)
    world.gate.open()
    world.wait_state("RUNNING")
    world.settle_and_compare()
    # Tables that are copied anew, and added.
    world.gate.let(0)
    world.peerd.sql(f"RESYNC TABLE public.more OF {world.mirror_name}")
    world.wait_state("SNAPSHOT")
    world.sql("UPDATE items SET n = n + 1; DELETE FROM more WHERE id % 3 = 0; UPDATE more SET n = 5 WHERE id % 5 = 0; INSERT INTO parts VALUES (2100, 1, 'later')")
    wait_told(world)
    world.peerd.kill9()
    world.peerd.start()
    world.gate.open()
    world.wait_state("RUNNING")
    world.settle_and_compare()
    world.gate.let(0)
    world.peerd.sql(f"RESYNC MIRROR {world.mirror_name}")  # With another slot.
    world.wait_state("SNAPSHOT")
    world.sql("UPDATE items SET n = n + 2; UPDATE more SET n = 6 WHERE id % 5 = 1")
    wait_for("the copies of the others", lambda: sum(line.endswith("was copied anew") for line in world.logs()) >= 3, 60)
    world.sql("UPDATE items SET n = n + 3 WHERE id % 2 = 0; UPDATE parts SET body = 'changed' WHERE id % 3 = 0")
    wait_told(world)
    world.gate.open()
    world.wait_state("RUNNING")
    assert world.settle_and_compare() > 600


def test_a_full_spool_leaves_the_copy_alone_and_a_lost_slot_is_noticed(new_world):
    world = new_world("postgres")
    create_table(world.source, "public.items", 400, world.source_db)
    world.hold_copy(0)
    world.create_peers()
    world.create_mirror(["public.items"], spool="always", spool_max_bytes=1_000_000, max_batch_size=20, idle_timeout_seconds=1)
    world.wait_state("SNAPSHOT")
    wait_told(world)
    for i in range(10):
        world.sql("INSERT INTO items (id, n, body) SELECT g, 1, (SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 100) WHERE g > 0) "
                  "FROM generate_series(%s, %s) g", (1000 + i * 100, 1099 + i * 100))
    row = wait_for("the spool to be full", lambda: "until the tables are copied" in (row := world.mirror())["step"] and row, 60)
    assert row["state"] == "SNAPSHOT" and row["health"] in ("copying", "ok") and row["spool_bytes"] <= 1_000_000, row
    world.gate.open()
    world.wait_state("RUNNING")
    assert world.settle_and_compare() == 1400
    world.gate.let(0)
    world.peerd.sql(f"RESYNC MIRROR {world.mirror_name}")
    world.wait_state("SNAPSHOT")
    wait_told(world)
    world.sql("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = current_database() AND active; "
              "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database() AND NOT active")
    world.drop_slots()
    row = world.wait_state("FAILED", 30)
    assert "slot" in row["last_error"] and "RESYNC MIRROR" in row["last_error_hint"], row
    world.drop()
    assert world.slots() == []

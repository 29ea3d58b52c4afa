"""A million rows in chunks under a writer, then the stream, both compared row by row."""
import pytest

from support.process import wait_for
from support.writer import Writer, create_table

ROWS = 1_000_000


@pytest.fixture(scope="module")
def million(source):
    """A database with the filled table, copied for each test."""
    source.create_database("million")
    create_table(source, "public.items", ROWS, "million", long_every=10_000, long_bytes=100_000)
    return "million"


@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_a_million_rows_arrive_while_they_change(new_world, million, kind):
    world = new_world(kind, template=million)
    writer = Writer(world.source, "public.items", world.source_db, seed=11, rate=100, long_bytes=100_000)
    wait_for("the writer to write", lambda: writer.counts().get("transactions", 0) > 20)
    since = world.source.log_size()
    world.create_peers()
    world.create_mirror(["public.items"], snapshot_num_rows_per_partition=100_000, snapshot_max_parallel_workers=4)
    in_copy = world.wait_state("SNAPSHOT")
    assert in_copy["health"] in ("copying", "ok"), in_copy
    at_once = wait_for("several chunks at once", lambda: world.source.value(
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%%peerd chunk%%' AND state = 'active' AND pid <> pg_backend_pid()") > 1
        or world.mirror()["state"] == "RUNNING", 60, 0.01)
    assert at_once
    world.wait_state("RUNNING", 120)
    running = world.mirror()
    assert running["chunks_total"] >= 8 and running["chunks_done"] == running["chunks_total"], running
    copies = world.copies(since)
    assert len(copies) == running["chunks_total"], "each chunk is read once"
    before = writer.counts()["transactions"]
    wait_for("changes in the stream", lambda: writer.counts()["transactions"] > before + 500, 60)
    counts = writer.stop()
    assert all(counts[kind] > 10 for kind in ("insert", "update", "touch", "move", "swap", "chain", "again", "delete")), counts
    rows = world.settle_and_compare()
    assert rows > ROWS * 0.9
    world.peerd.terminate()


def test_several_tables_and_an_empty_one(world):
    for number, rows in ((1, 30_000), (2, 0), (3, 1)):
        create_table(world.source, f"public.t{number}", rows, world.source_db)
    world.start_mirror(["public.t1", "public.t2", "public.t3"], snapshot_num_tables_in_parallel=2,
                       snapshot_num_rows_per_partition=5000)
    assert world.settle_and_compare() == 30_001
    world.sql("INSERT INTO t2 (id, n) VALUES (1, 1); UPDATE t3 SET n = 5; DELETE FROM t1 WHERE id % 2 = 0")
    assert world.settle_and_compare() == 15_002


def test_without_initial_copy_only_new_changes_arrive(world):
    create_table(world.source, "public.items", 100, world.source_db)
    world.start_mirror(["public.items"], do_initial_copy=False)
    world.sql("INSERT INTO items (id, n) SELECT g, g FROM generate_series(1001, 1010) g")
    world.wait_caught_up()
    assert world.compare(where="id > 1000") == 10

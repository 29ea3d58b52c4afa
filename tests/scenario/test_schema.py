"""A source table changes its shape, or is rewritten, in the snapshot and in the stream."""
import contextlib
import threading

import pytest

from support.process import wait_for
from support.writer import Writer, create_table


def test_an_added_column_is_followed(world):
    create_table(world.source, "public.items", 1000, world.source_db)
    world.start_mirror(["public.items"])
    world.sql("ALTER TABLE items ADD extra numeric(10,2); UPDATE items SET extra = 1.5 WHERE id < 100")
    world.sql("INSERT INTO items (id, n, extra) VALUES (5001, 1, 2.25)")
    world.sql("BEGIN; ALTER TABLE items ADD more text; INSERT INTO items (id, n, more) VALUES (5002, 1, 'm'); COMMIT")
    assert world.settle_and_compare() == 1002
    world.peerd.restart()
    world.sql("UPDATE items SET more = 'n' WHERE id = 7")
    world.settle_and_compare()


@pytest.mark.parametrize("change", ["ALTER TABLE items ALTER n TYPE smallint USING n % 100"])
def test_what_is_not_followed_stops_the_mirror_with_the_reason(world, change):
    create_table(world.source, "public.items", 100, world.source_db)
    world.start_mirror(["public.items"])
    world.wait_caught_up()
    world.sql(change)
    world.sql("INSERT INTO items (id, n) VALUES (1001, 1)")
    stopped = world.wait_state("FAILED", 60)
    assert "items" in stopped["last_error"] and stopped["last_error_hint"], stopped
    assert stopped["health"] == "stopped", stopped


REWRITES = {"vacuum full": "VACUUM FULL items", "type": "ALTER TABLE items ALTER n TYPE bigint USING n + 1000",
            "default": "ALTER TABLE items ADD extra text DEFAULT md5(clock_timestamp()::text)"}


@pytest.mark.parametrize("rewrite", list(REWRITES))
def test_a_rewrite_in_mid_snapshot_loses_nothing(world, rewrite):
    create_table(world.source, "public.items", 200_000, world.source_db)
    writer = Writer(world.source, "public.items", world.source_db, seed=5, rate=50, long_bytes=20_000)
    world.hold_copy(4)
    world.create_peers()
    world.create_mirror(["public.items"], snapshot_num_rows_per_partition=4000, snapshot_max_parallel_workers=2)
    world.wait_chunks(4)
    world.sql(REWRITES[rewrite])
    after = world.mirror()
    world.gate.open()
    writer.stop()
    assert after["state"] == "SNAPSHOT", "the rewrite came too late to say anything"
    world.wait_state("RUNNING", 120)
    world.settle_and_compare()


@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_a_table_rewritten_again_and_again_arrives_all_the_same(new_world, kind):
    """After two plans by ctid the table is cut by key ranges, which no rewrite disturbs (rule 9)."""
    world = new_world(kind)
    create_table(world.source, "public.items", 20_000, world.source_db)
    ended, rewrites = threading.Event(), []

    def rewrite():
        with contextlib.closing(world.source.connect(world.source_db)) as connection, connection.cursor() as cursor:
            while not ended.is_set():
                cursor.execute("VACUUM FULL items")
                rewrites.append(world.mirror())
                world.gate.let(2)  # However fast the copy is, it is rewritten as often.

    world.hold_copy(2)
    world.create_peers()
    rewriter = threading.Thread(target=rewrite)
    rewriter.start()
    writer = Writer(world.source, "public.items", world.source_db, seed=6, rate=20, long_bytes=5_000)
    try:
        world.create_mirror(["public.items"], snapshot_num_rows_per_partition=400, snapshot_max_parallel_workers=1)
        finished = world.wait_state("RUNNING", 120)
    finally:
        ended.set()
        world.gate.open()
        rewriter.join()
        writer.stop()
    during = [row for row in rewrites if row and row["state"] == "SNAPSHOT"]
    assert len(during) >= 10, f"only {len(during)} rewrites during the copy"
    assert finished["chunks_total"] >= 30, finished
    chunks = world.peerd.chunks(world.mirror_name)
    assert all(chunk["first_block"] is None and chunk["done"] for chunk in chunks), chunks
    world.settle_and_compare()


def test_a_rewrite_that_changes_values_voids_ranges_of_the_key_too(new_world):
    """Its rows are not in the WAL: what was copied of before would stay."""
    world = new_world("postgres")
    create_table(world.source, "public.items", 100_000, world.source_db)
    world.hold_copy(3)
    world.create_peers()
    world.create_mirror(["public.items"], snapshot_num_rows_per_partition=500, snapshot_max_parallel_workers=1)

    def by_key():
        chunks = world.peerd.chunks(world.mirror_name)
        return len(chunks) > 10 and chunks[0]["first_block"] is None and sum(chunk["done"] for chunk in chunks) > 3

    def moves():
        return len(world.peerd.rows("SELECT id FROM mirror_logs WHERE message LIKE '%%rewritten or altered%%'"))

    def started_anew_twice():
        world.sql("VACUUM FULL items")
        world.gate.let(3)
        return moves() == 2

    wait_for("two new starts", started_anew_twice, 60, 0.1)
    world.gate.let(6)
    wait_for("chunks by key", by_key, 30, 0.01)
    world.sql("ALTER TABLE items ALTER n TYPE int USING n + 1000")
    assert world.mirror()["state"] == "SNAPSHOT", "the rewrite came too late to say anything"
    world.gate.open()
    world.wait_state("RUNNING", 120)
    assert moves() == 3
    world.settle_and_compare()

"""A source table changes its shape, or is rewritten, in the snapshot and in the stream."""
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


@pytest.mark.parametrize("change", ["ALTER TABLE items DROP COLUMN ratio", "ALTER TABLE items RENAME COLUMN name TO title",
                                    "ALTER TABLE items ALTER n TYPE text"])
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
    world.create_peers()
    world.create_mirror(["public.items"], snapshot_num_rows_per_partition=4000, snapshot_max_parallel_workers=2)
    world.wait_chunks(4)
    world.sql(REWRITES[rewrite])
    after = world.mirror()
    writer.stop()
    assert after["state"] == "SNAPSHOT", "the rewrite came too late to say anything"
    world.wait_state("RUNNING", 120)
    world.settle_and_compare()


def test_a_table_rewritten_again_and_again_arrives_all_the_same(new_world):
    """After two plans by ctid the table is cut by key ranges, which no rewrite disturbs (rule 9)."""
    world = new_world("postgres")
    create_table(world.source, "public.items", 100_000, world.source_db)
    world.create_peers()
    world.create_mirror(["public.items"], snapshot_num_rows_per_partition=2000, snapshot_max_parallel_workers=1)
    for _ in range(4):
        world.wait_chunks(1)
        if world.mirror()["state"] != "SNAPSHOT":
            break
        world.sql("VACUUM FULL items")
    world.wait_state("RUNNING", 120)
    world.settle_and_compare()

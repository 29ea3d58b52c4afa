"""Kill -9 of peerd, of the target and of the source at random instants, in snapshot and stream, under load.

One world per kind of target: one load, one mirror, the kills in a row. Each kill prints where it hit. At the end the
contents are equal, and no chunk that was finished before a kill was read again after it: the source's log tells.
PEERD_TEST_SEED sets the seed, PEERD_TEST_KILLS how many kills each of the three gets.
"""
import pytest

from support.clickhouse_server import ClickHouseServer
from support.killing import SEED, Killing, kills
from support.postgres_server import PostgresServer
from support.process import wait_for
from support.writer import Writer, create_table

KILLS = kills(few=7, many=20)
ROWS, ROWS_PER_CHUNK, WORKERS = 400_000, 1_000, 2

# Which keys were removed, and how, as the source saw it: told apart at the end from rows marked at the target.
REMOVALS = """CREATE TABLE removals (seq bigserial, id bigint, moved boolean);
CREATE FUNCTION removed() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN INSERT INTO removals (id, moved) VALUES (OLD.id, TG_OP = 'UPDATE'); RETURN NULL; END$$;
CREATE TRIGGER removed_rows AFTER DELETE ON items FOR EACH ROW EXECUTE FUNCTION removed();
CREATE TRIGGER moved_rows AFTER UPDATE OF id ON items FOR EACH ROW WHEN (OLD.id <> NEW.id) EXECUTE FUNCTION removed();"""


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_kills_lose_double_and_invent_nothing(new_world, kind):
    source = PostgresServer("source", settings={"max_wal_size": "1GB"})
    target = PostgresServer("target") if kind == "postgres" else ClickHouseServer()
    world = new_world(kind, source=source, target=target)
    create_table(source, "public.items", ROWS, world.source_db, long_every=500, long_bytes=20_000)
    world.sql(REMOVALS)
    writer = Writer(source, "public.items", world.source_db, seed=SEED, rate=60, long_bytes=100_000)
    world.create_peers()
    since = source.log_size()
    world.create_mirror(["public.items"], snapshot_num_rows_per_partition=ROWS_PER_CHUNK, snapshot_max_parallel_workers=WORKERS)
    killing = Killing(world, {"peerd": world.peerd, "target": target, "source": source}, rows=ROWS)
    order = killing.order(KILLS)
    wanted_in_snapshot = len(order) * 2 // 5
    wait_for("the copy to begin", lambda: world.mirror()["chunks_done"] > 0, 120)
    while order and len(killing.hits) < wanted_in_snapshot and killing.in_snapshot(order[-1]):
        order.pop()
    finished = world.wait_state("RUNNING", 240)
    copies = len(world.copies(since))
    while order:
        killing.in_stream(order.pop())
    writer.stop()
    world.wait_caught_up(240)

    snapshot_hits, stream_hits = killing.hits_in()
    print(f"{len(killing.hits)} kills, target={kind} seed={SEED}: {snapshot_hits} in SNAPSHOT with chunks open, {stream_hits} with a "
          f"batch in flight; {finished['chunks_total']} chunks, {copies} COPY", flush=True)
    rows = world.compare()
    assert rows > ROWS * 0.9
    again = killing.read_again()
    assert not again, f"{len(again)} finished chunks were read again: {again[:5]}"
    assert copies <= finished["chunks_total"] + WORKERS * snapshot_hits, "only chunks in flight at a kill are read twice"
    check_marked(world)
    assert snapshot_hits * 3 >= len(killing.hits), "too few kills hit the snapshot with chunks open"
    assert stream_hits * 3 >= len(killing.hits), "too few kills hit a batch in flight"


def check_marked(world):
    """Marked rows are rows that were deleted; every row deleted from now on is marked."""
    removed = {row[0] for row in world.sql("SELECT id FROM removals WHERE NOT moved" if world.kind == "postgres" else "SELECT id FROM removals")}
    live = {row[0] for row in world.sql("SELECT id FROM items")}
    marked = world.marked_keys("public.items")
    assert not marked & live, f"marked, but live at the source: {sorted(marked & live)[:10]}"
    assert marked <= removed, f"marked, but never deleted: {sorted(marked - removed)[:10]}"
    doomed = {row[0] for row in world.sql("DELETE FROM items WHERE id IN (SELECT id FROM items ORDER BY id LIMIT 100) RETURNING id")}
    world.settle_and_compare()
    assert doomed <= world.marked_keys("public.items")

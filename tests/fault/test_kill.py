"""Kill -9 of peerd, of the target and of the source at random instants, in snapshot and stream, under load.

One world per kind of target: one load, one mirror, the kills in a row. Each kill prints where it hit. At the end the
contents are equal, and no chunk that was finished before a kill was read again after it: the source's log tells.
PEERD_TEST_SEED sets the seed, PEERD_TEST_KILLS how many kills each of the three gets.
"""
import os
import random
import time

import pytest

from support.clickhouse_server import ClickHouseServer
from support.peerd import lsn
from support.postgres_server import PostgresServer
from support.process import wait_for
from support.writer import Writer, create_table

SEED = int(os.environ.get("PEERD_TEST_SEED", "20261122"))
KILLS = int(os.environ.get("PEERD_TEST_KILLS", "20" if os.environ.get("PEERD_TEST_FULL") == "1" else "7"))
ROWS, ROWS_PER_CHUNK, WORKERS = 400_000, 1_000, 2

# Which keys were removed, and how, as the source saw it: told apart at the end from rows marked at the target.
REMOVALS = """CREATE TABLE removals (seq bigserial, id bigint, moved boolean);
CREATE FUNCTION removed() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN INSERT INTO removals (id, moved) VALUES (OLD.id, TG_OP = 'UPDATE'); RETURN NULL; END$$;
CREATE TRIGGER removed_rows AFTER DELETE ON items FOR EACH ROW EXECUTE FUNCTION removed();
CREATE TRIGGER moved_rows AFTER UPDATE OF id ON items FOR EACH ROW WHEN (OLD.id <> NEW.id) EXECUTE FUNCTION removed();"""


class Killing:
    """The world of one target and what its kills hit."""

    def __init__(self, world, source, target):
        self.world, self.random = world, random.Random(f"{SEED} {world.kind}")
        self.victims = {"peerd": world.peerd, "target": target, "source": source}
        self.hits, self.finished = [], []  # finished: (log size, chunks done) right before each kill

    def look(self):
        """The mirror as it is right before the kill."""
        mirror = self.world.mirror()
        in_snapshot = mirror["state"] == "SNAPSHOT" and mirror["chunks_done"] < mirror["chunks_total"]
        done = {chunk["number"] for chunk in self.world.peerd.chunks(self.world.mirror_name) if chunk["done"] in (True, "t", 1)}
        received, applied = mirror["received_lsn"], mirror["applied_lsn"]
        in_flight = lsn(received) - lsn(applied) if received and applied else 0
        return mirror, in_snapshot, done, max(in_flight, 0)

    def kill(self, name, seen):
        mirror, in_snapshot, done, in_flight = seen
        self.finished.append((self.world.source.log_size(), done))
        begin = time.monotonic()
        self.victims[name].kill9()
        took = time.monotonic() - begin
        self.hits.append((name, mirror["state"] if in_snapshot or mirror["state"] != "SNAPSHOT" else "SNAPSHOT-end",
                          in_snapshot, in_flight))
        print(f"kill {len(self.hits):3} of {name:6} target={self.world.kind} seed={SEED} phase={mirror['state']} "
              f"lsn={mirror['applied_lsn']} chunks={mirror['chunks_done']}/{mirror['chunks_total']} "
              f"open={mirror['chunks_total'] - mirror['chunks_done']} copied={mirror['rows_copied']} streamed={mirror['rows_streamed']} "
              f"in_flight={in_flight} bytes killed in {took * 1000:.0f} ms", flush=True)
        if self.random.random() < 0.3:
            time.sleep(self.random.random() * 0.3)  # down for a while, or up again at once
        self.victims[name].start()

    def in_snapshot(self, name):
        """A kill at a random instant while chunks are copied. False when the snapshot has ended."""
        goal = self.world.mirror()["chunks_done"] + self.random.randint(1, 6)
        wait_for("chunks to go on", lambda: (m := self.world.mirror()) and (
            m["chunks_done"] >= goal or m["state"] != "SNAPSHOT"), 60, 0.005)
        time.sleep(self.random.random() * 0.05)
        seen = self.look()
        if not seen[1]:
            return False
        self.kill(name, seen)
        return True

    def in_stream(self, name):
        """A kill at a random instant of the stream, more often than not with a large transaction under way."""
        self.world.wait_state("RUNNING")
        low = self.random.randrange(ROWS)
        self.world.sql(f"UPDATE items SET n = n + 1 WHERE id BETWEEN {low} AND {low + self.random.randrange(20_000)}")
        end = time.monotonic() + self.random.random() * 0.6
        seen = self.look()
        while not seen[3] and time.monotonic() < end:
            seen = self.look()
        self.kill(name, seen)

    def read_again(self):
        """Chunks that were finished before a kill and read after it: (chunk, line) of the source's log."""
        found = []
        for since, done in self.finished:
            for number, line in self.world.copies(since):
                if number in done:
                    found.append((number, line[:200]))
        return found


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
    killing = Killing(world, source, target)
    order = [name for name in ("peerd", "target", "source") for _ in range(KILLS)]
    killing.random.shuffle(order)
    wanted_in_snapshot = len(order) * 2 // 5
    wait_for("the copy to begin", lambda: world.mirror()["chunks_done"] > 0)
    while order and len(killing.hits) < wanted_in_snapshot and killing.in_snapshot(order[-1]):
        order.pop()
    finished = world.wait_state("RUNNING", 240)
    copies = len(world.copies(since))
    while order:
        killing.in_stream(order.pop())
    writer.stop()
    world.wait_caught_up(240)

    snapshot_hits = sum(1 for hit in killing.hits if hit[2])
    stream_hits = sum(1 for hit in killing.hits if hit[3] and not hit[2])
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

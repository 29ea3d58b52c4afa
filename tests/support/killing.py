"""Kills at random instants of a mirror's life, each one printed: what tests/fault stands on.

PEERD_TEST_SEED sets the seed, PEERD_TEST_KILLS how many kills each victim gets.
"""
import os
import random
import time

import psycopg2

from support.peerd import lsn
from support.process import wait_for

SEED = int(os.environ.get("PEERD_TEST_SEED", "20261122"))


def kills(few, many):
    """How many each victim gets: few, many in a full run, or what the environment says."""
    return int(os.environ.get("PEERD_TEST_KILLS", many if os.environ.get("PEERD_TEST_FULL") == "1" else few))


class Killing:
    """The world of one target, its victims by name (anything with kill9 and start), and what the kills hit."""

    def __init__(self, world, victims, table="items", rows=400_000):
        self.world, self.victims, self.random = world, victims, random.Random(f"{SEED} {world.kind}")
        self.table, self.rows = table, rows
        self.hits, self.finished = [], []  # finished: (log size, chunks done) right before each kill
        self.streamed = 0  # kills in the stream

    def look(self):
        """The mirror as it is right before the kill."""
        mirror = self.world.mirror()
        in_snapshot = mirror["state"] == "SNAPSHOT" and mirror["chunks_done"] < mirror["chunks_total"]
        done = {chunk["number"] for chunk in self.world.peerd.chunks(self.world.mirror_name) if chunk["done"] in (True, "t", 1)}
        received, applied = mirror["received_lsn"], mirror["applied_lsn"]
        in_flight = lsn(received) - lsn(applied) if received and applied else 0
        return mirror, in_snapshot, done, max(in_flight, 0)

    def order(self, kills):
        """The victims' names in the order of their kills."""
        names = [name for name in self.victims for _ in range(kills)]
        self.random.shuffle(names)
        return names

    def hits_in(self):
        """How many kills hit a snapshot with chunks open, and how many a batch in flight."""
        return (sum(1 for hit in self.hits if hit[2]), sum(1 for hit in self.hits if hit[3] and not hit[2]))

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
        self.while_down(name)
        self.victims[name].start()

    def while_down(self, name):
        """For those who look at what is there while the victim is dead."""

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
        """A kill with a batch in flight, or, each third, sixth and ninth of ten, at an instant that nothing chose."""
        self.world.wait_state("RUNNING", 240)
        self.streamed += 1
        if self.streamed % 10 not in (3, 6, 9):  # Not left to chance: how many hit a batch is asserted.
            seen = wait_for("a batch in flight", self.in_flight, 120, 0)
        else:
            self.large_transaction()
            time.sleep(self.random.random() * 0.6)
            seen = self.look()
        self.kill(name, seen)

    def in_flight(self):
        """A look that found one: a large transaction at a time, as a fast writer may be done with it before it is seen."""
        self.large_transaction()
        end = time.monotonic() + 2
        while time.monotonic() < end:
            seen = self.look()
            if seen[3] and not seen[1]:
                return seen
        return None

    def large_transaction(self):
        low = self.random.randrange(self.rows)
        high = low + self.random.randrange(2_000, 20_000)
        large = f"UPDATE {self.table} SET n = n + 1 WHERE id BETWEEN {low} AND {high}"
        wait_for("a large transaction", lambda: self.ran(large))

    def ran(self, statement):
        """False when it and the writer waited for each other: it did nothing then."""
        try:
            self.world.sql(statement)
            return True
        except psycopg2.errors.DeadlockDetected:
            return False

    def read_again(self):
        """Chunks that were finished before a kill and read after it: (chunk, line) of the source's log."""
        found = []
        for since, done in self.finished:
            for number, line in self.world.copies(since):
                if number in done:
                    found.append((number, line[:200]))
        return found

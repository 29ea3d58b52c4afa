"""A writer at the source: inserts, updates, key changes and deletes at a set rate, from a seed, until told to stop.

Runs as a process of its own (`python3 -m support.writer JSON`), so that it keeps its pace whatever the test does. What
it does on purpose: rows with long external values wander to keys that other rows held a moment before, within one
transaction and across several; keys are deleted and inserted again; a row is touched several times in a transaction.
It outlives a crash of the source: it connects again and reads which keys there are.
"""
import json
import os
import random
import signal
import sys
import time

import psycopg2

from support.postgres_server import QUIET
from support.process import Child, temp_dir

# One table for most scenarios: nine columns of different kinds, the last one stored out of line.
CREATE = """CREATE TABLE {table} (
  id bigint PRIMARY KEY, n int NOT NULL, price numeric(12,2), ratio float8, name text, ok boolean, at timestamptz,
  tags text[], body text);
ALTER TABLE {table} ALTER body SET STORAGE EXTERNAL"""
FILL = """INSERT INTO {table} SELECT g, g * 7 %% 1000, g * 1.37 %% 100000, g / 3.0, 'name ' || g, g %% 3 = 0,
  '2024-01-01 00:00:00+00'::timestamptz + g * interval '1.000003 second', ARRAY['a' || g %% 10, NULL, 'c,"d'],
  CASE WHEN g %% %s = 0 THEN repeat(md5(g::text), %s / 32) ELSE 'short ' || g END
  FROM generate_series(%s, %s) g"""


def create_table(server, table, rows, dbname="postgres", long_every=1000, long_bytes=10_000):
    server.sql(CREATE.format(table=table), dbname=dbname)
    server.sql(FILL.format(table=table), (long_every, long_bytes, 1, rows), dbname=dbname)
    server.sql(f"VACUUM ANALYZE {table}", dbname=dbname)  # relpages tells how many chunks there will be


class Writer:
    """Starts the process; stop() ends it after its present transaction and returns what it counted."""

    def __init__(self, server, table, dbname="postgres", seed=1, rate=300, long_bytes=100_000, low=1, high=1 << 60,
                 synchronous_commit=True, window=400, mix=None):
        self.options = {"dsn": server.dsn(dbname, options=QUIET), "table": table, "seed": seed, "rate": rate, "long_bytes": long_bytes,
                        "low": low, "high": high, "synchronous_commit": synchronous_commit, "window": window,
                        "mix": mix or {"insert": 3, "update": 4, "touch": 3, "move": 4, "swap": 3, "chain": 2, "again": 2, "delete": 2}}
        directory = temp_dir("writer")
        self.result, self.log = f"{directory}/result", f"{directory}/log"
        self.options["result"] = self.result
        self.child = None
        self.start()

    def start(self):
        environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(os.path.abspath(__file__)))}
        self.child = Child([sys.executable, "-m", "support.writer", json.dumps(self.options)], self.log, env=environment)

    def alive(self):
        return self.child.alive()

    def counts(self):
        try:
            with open(self.result) as file:
                return json.load(file)
        except (OSError, ValueError):  # It has not yet done anything.
            return {"transactions": 0, "reconnects": 0}

    def stop(self):
        if not self.child.alive():
            raise AssertionError(f"the writer ended by itself: {open(self.log).read()[-2000:]}")
        self.child.terminate(timeout=60)
        return self.counts()


class _Work:
    """What the process does: one transaction at a time against a window of keys."""

    def __init__(self, options):
        self.options, self.random = options, random.Random(options["seed"])
        self.table, self.connection, self.serial = options["table"], None, 0
        self.counts = {"transactions": 0, "reconnects": 0, **{kind: 0 for kind in options["mix"]}}
        self.kinds = [kind for kind, weight in options["mix"].items() for _ in range(weight)]
        self.fresh = 0

    def connect(self):
        self.connection = psycopg2.connect(self.options["dsn"], connect_timeout=5)
        with self.connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = %s", ("on" if self.options["synchronous_commit"] else "off",))
            # A window of keys all over the table, so that every chunk's range is written to.
            cursor.execute(f"SELECT id FROM {self.table} WHERE id BETWEEN %s AND %s ORDER BY md5(id::text || %s) LIMIT %s",
                           (self.options["low"], self.options["high"], str(self.options["seed"]), self.options["window"]))
            self.live = [row[0] for row in cursor.fetchall()]
            cursor.execute(f"SELECT coalesce(max(id), 0) FROM {self.table}")
            self.fresh = max(self.fresh, cursor.fetchone()[0])
        self.connection.commit()
        self.gone = []

    def transaction(self):
        live, gone = list(self.live), list(self.gone)
        done = []
        try:
            with self.connection.cursor() as cursor:
                for _ in range(self.random.choice((1, 1, 2, 4))):
                    kind = self.random.choice(self.kinds)
                    getattr(self, kind)(cursor)
                    done.append(kind)
            self.connection.commit()
        except psycopg2.errors.UniqueViolation:  # another writer's key: this transaction did nothing
            self.connection.rollback()
            self.live, self.gone = live, gone
            return
        self.counts["transactions"] += 1
        for kind in done:
            self.counts[kind] += 1

    def long_text(self):
        self.serial += 1
        return f"{self.options['seed']}-{self.serial} " + f"{self.random.getrandbits(128):032x}" * (self.options["long_bytes"] // 32)

    def pick(self):
        return self.random.choice(self.live) if self.live else None

    def take(self):
        return self.live.pop(self.random.randrange(len(self.live))) if self.live else None

    def new_key(self):
        """Often a key that another row held a moment before."""
        if self.gone and self.random.random() < 0.7:
            return self.gone.pop(self.random.randrange(len(self.gone)))
        self.fresh += 1
        return self.fresh

    def insert(self, cursor):
        key = self.new_key()
        body = self.long_text() if self.random.random() < 0.5 else None
        cursor.execute(f"INSERT INTO {self.table} VALUES (%s, %s, %s, %s, %s, %s, now(), %s, %s)",
                       (key, self.random.randrange(1000), self.random.randrange(10**9) / 100, self.random.random(),
                        f"tab\there {key}", self.random.random() < 0.5, [f"t{key}", None], body))
        self.live.append(key)

    def update(self, cursor):
        if (key := self.pick()) is not None:
            cursor.execute(f"UPDATE {self.table} SET n = n + 1, body = %s WHERE id = %s", (self.long_text(), key))

    def touch(self, cursor):
        """The long value stays as it is, and so is not in the stream."""
        if (key := self.pick()) is not None:
            cursor.execute(f"UPDATE {self.table} SET n = n + 1, at = clock_timestamp(), name = %s WHERE id = %s",
                           (self.random.choice((None, f"name\\{self.random.random()}")), key))

    def move(self, cursor):
        if (key := self.take()) is not None:
            target = self.new_key()
            cursor.execute(f"UPDATE {self.table} SET id = %s, n = n + 1 WHERE id = %s", (target, key))
            self.live.append(target)
            self.gone.append(key)

    def swap(self, cursor):
        """Two rows change places within the transaction."""
        if len(self.live) < 2:
            return
        one, other = self.random.sample(self.live, 2)
        self.fresh += 1
        for source, target in ((one, self.fresh), (other, one), (self.fresh, other)):
            cursor.execute(f"UPDATE {self.table} SET id = %s WHERE id = %s", (target, source))

    def chain(self, cursor):
        """A row leaves its key, another one takes it, a third one the second's."""
        if len(self.live) < 3:
            return
        one, two, three = self.random.sample(self.live, 3)
        target = self.new_key()
        for source, goal in ((one, target), (two, one), (three, two)):
            cursor.execute(f"UPDATE {self.table} SET id = %s WHERE id = %s", (goal, source))
        self.live.remove(three)
        self.live.append(target)
        self.gone.append(three)

    def again(self, cursor):
        """Deleted and inserted under the same key."""
        if (key := self.pick()) is not None:
            cursor.execute(f"DELETE FROM {self.table} WHERE id = %s", (key,))
            cursor.execute(f"INSERT INTO {self.table} (id, n, body) VALUES (%s, %s, %s)",
                           (key, self.random.randrange(1000), self.long_text() if self.random.random() < 0.3 else "again"))

    def delete(self, cursor):
        if len(self.live) > 20 and (key := self.take()) is not None:
            cursor.execute(f"DELETE FROM {self.table} WHERE id = %s", (key,))
            self.gone.append(key)

    def run(self, stopped):
        pause, due, saved = 1.0 / self.options["rate"], time.monotonic(), 0.0
        while not stopped():
            try:
                if self.connection is None:
                    self.connect()
                self.transaction()
            except psycopg2.Error as error:
                # The source is down: come again. In the middle of an answer libpq has no better class than DatabaseError for it.
                if not isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError)) and not self.connection.closed:
                    raise
                self.connection = None
                self.counts["reconnects"] += 1
                time.sleep(0.05)
                continue
            due = max(due + pause, time.monotonic() - 1.0)
            if (ahead := due - time.monotonic()) > 0:
                time.sleep(ahead)
            if time.monotonic() - saved > 0.5:
                saved = time.monotonic()
                self.save()
        self.save()

    def save(self):
        with open(self.options["result"] + ".new", "w") as file:
            json.dump(self.counts, file)
        os.rename(self.options["result"] + ".new", self.options["result"])


def main():
    asked = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
    _Work(json.loads(sys.argv[1])).run(lambda: bool(asked))


if __name__ == "__main__":
    main()

"""Many mixed changes, quickly: 40 % inserts, 50 % updates (some of them key changes), 10 % deletes, in transactions of 1 to 5,000 changes,
log-uniform. One row in fifty has a value that is stored out of line, which most updates leave as it is. From a seed.

support/writer.py does what is odd within a transaction; this is for the numbers.
"""
import contextlib
import random
import threading

from support.writer import CREATE

LONG_EVERY, LONG_BYTES = 50, 6000
INSERT = f"""INSERT INTO {{table}} SELECT k, k %% 1000, k * 1.37 %% 100000, k / 3.0, 'name ' || k, k %% 3 = 0, now(), ARRAY['a' || k %% 10, NULL],
  CASE WHEN k %% {LONG_EVERY} = 0 THEN repeat(md5(k::text), {LONG_BYTES // 32}) ELSE 'short ' || k END FROM unnest(%s::bigint[]) k"""
STATEMENTS = {
    "insert": INSERT,
    "touch": "UPDATE {table} SET n = n + 1, name = 'touched ' || n WHERE id = ANY(%s::bigint[])",
    "body": f"UPDATE {{table}} SET body = CASE WHEN id %% {LONG_EVERY} = 0 THEN repeat(md5(n::text), {LONG_BYTES // 32}) ELSE NULL END, n = n + 1 "
            "WHERE id = ANY(%s::bigint[])",
    "move": "UPDATE {table} SET id = new, n = n + 1 FROM unnest(%s::bigint[], %s::bigint[]) AS moved(old, new) WHERE id = old",
    "delete": "DELETE FROM {table} WHERE id = ANY(%s::bigint[])",
}
MIX = {"insert": 40, "touch": 35, "body": 10, "move": 5, "delete": 10}


class Mix:
    """Changes `table` in a thread; between the changes it empties `other`, and fills it again. It begins when told, and ends when it has done as told."""

    def __init__(self, server, dbname, table, other, rows, seed=1):
        self.server, self.dbname, self.table, self.other = server, dbname, table, other
        self.random, self.live, self.gone, self.fresh = random.Random(seed), list(range(1, rows + 1)), [], rows
        self.counts = dict.fromkeys([*MIX, "transactions", "truncates"], 0)
        self.made, self.wanted, self.sizes, self.thread, self.error = 0, 0, set(), None, None
        server.sql(CREATE.format(table=table), dbname=dbname)
        server.sql(INSERT.format(table=table), (self.live,), dbname=dbname)
        server.sql(f"CREATE TABLE {other} (id int PRIMARY KEY, t text); INSERT INTO {other} SELECT g, 'first' FROM generate_series(1, 500) g", dbname=dbname)
        server.sql(f"VACUUM ANALYZE {table}", dbname=dbname)

    def start(self, changes):
        self.wanted += changes
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def join(self, timeout=120):
        """Waits until all of them are made."""
        self.thread.join(timeout)
        if self.error is not None:
            raise self.error
        if self.thread.is_alive():
            raise AssertionError(f"{self.made} of {self.wanted} changes within {timeout} s")
        return self.counts

    def _run(self):
        try:
            with contextlib.closing(self.server.connect(self.dbname)) as connection:
                connection.autocommit = False
                with connection.cursor() as cursor:
                    while self.made < self.wanted:
                        self._transaction(cursor)
                        connection.commit()
        except Exception as error:  # join() tells
            self.error = error

    def _transaction(self, cursor):
        size = min(int(5001 ** self.random.random()), self.wanted - self.made)
        for kind in self.random.choices(list(MIX), MIX.values(), k=size) if size < 10 else self._shares(size):
            kind, count = kind if isinstance(kind, tuple) else (kind, 1)
            keys = self._new(count) if kind == "insert" else self._some(count, take=kind in ("move", "delete"))
            new = self._new(len(keys)) if kind == "move" else None
            if not keys:
                continue
            cursor.execute(STATEMENTS[kind].format(table=self.table), (keys, new) if new else (keys,))
            if cursor.rowcount != len(keys):
                raise AssertionError(f"{kind} of {len(keys)} rows found {cursor.rowcount}")
            self.live += new or (keys if kind == "insert" else [])
            self.gone += keys if kind in ("move", "delete") else []
            self.counts[kind] += len(keys)
            self.made += len(keys)
        self.sizes.add(size)
        self.counts["transactions"] += 1
        if self.counts["transactions"] % 10 == 0:
            self.counts["truncates"] += 1
            cursor.execute(f"INSERT INTO {self.other} VALUES (-1, 'goes with the rest'); TRUNCATE {self.other}; "
                           f"INSERT INTO {self.other} SELECT g, 'again' FROM generate_series(1, %s) g", (self.random.randrange(50),))

    def _shares(self, size):
        """(kind, how many) in any order, each kind in two lots."""
        lots = [(kind, max(1, size * weight // 200)) for kind, weight in MIX.items() for _ in range(2)]
        self.random.shuffle(lots)
        return lots

    def _new(self, count):
        """Half of them are keys that other rows had before."""
        again = [self.gone.pop() for _ in range(min(len(self.gone), count // 2))]
        self.fresh += count
        return again + list(range(self.fresh - count + 1, self.fresh + 1 - len(again)))

    def _some(self, count, take):
        found = []
        for _ in range(min(count, len(self.live) // 2)):
            at = self.random.randrange(len(self.live))
            self.live[at], self.live[-1] = self.live[-1], self.live[at]
            found.append(self.live.pop())
        if not take:
            self.live += found
        return found

"""Tables without a key, of which all of a row names it: as many equal rows arrive as there are, whatever happens meanwhile."""
import collections
import json
import random
import threading
import time

import psycopg2
import pytest

from support.kafka_consumer import Consumer
from support.postgres_server import PostgresServer
from support.process import wait_for

# Few different values, NULLs, columns without equality, and one that lies out of line.
CREATE = """CREATE TABLE {name} (n int, word text, price numeric, j json, p point, x xml, at timestamptz, body text);
ALTER TABLE {name} REPLICA IDENTITY FULL; ALTER TABLE {name} ALTER body SET STORAGE EXTERNAL"""
ROW = """nullif(g %% 4, 3), nullif('w' || g %% 3, 'w2'), (ARRAY[1.0, 1.00, NULL])[1 + g %% 3], CASE WHEN g %% 2 = 0 THEN json '{"a":  1}' END,
  point(g %% 2, 0.1), CASE WHEN g %% 5 = 0 THEN xml '<a/>' END, '2024-01-01 00:00:00.1+00'::timestamptz + g %% 2 * interval '1 us',
  CASE WHEN g %% 50 = 0 THEN repeat('long' || g %% 3, 3000) ELSE 'short' END"""


def create(world, name="bag", rows=2000):
    world.sql(CREATE.format(name=name))
    world.sql(f"INSERT INTO {name} SELECT {ROW} FROM generate_series(1, %s) g", (rows,))


class Changes:
    """Changes of one row of many equal ones, of many at once, of none, and back, until told to stop."""

    def __init__(self, world, table="bag", seed=1, pause=0.004):
        self.world, self.table, self.random, self.pause = world, table, random.Random(seed), pause
        self.made, self.ended, self.failed = 0, threading.Event(), None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _statement(self):
        t, r = self.table, self.random
        g = r.randrange(10_000)
        one = f"ctid = (SELECT ctid FROM {t} OFFSET {r.randrange(200)} LIMIT 1)"
        row = "(" + ROW.replace("%%", "%").replace("g %", f"{g} %") + ")"
        return r.choice([
            f"INSERT INTO {t} SELECT {ROW.replace('%%', '%')} FROM generate_series({g}, {g + r.randrange(6)}) g",
            f"DELETE FROM {t} WHERE {one}", f"UPDATE {t} SET n = {r.randrange(4)} WHERE {one}", f"UPDATE {t} SET word = word WHERE {one}",
            f"UPDATE {t} SET word = CASE WHEN word IS NULL THEN 'w0' END WHERE ctid IN (SELECT ctid FROM {t} OFFSET {r.randrange(99)} LIMIT 7)",
            f"UPDATE {t} SET (n, word, price, j, p, x, at, body) = {row} WHERE {one}",
            f"INSERT INTO {t} (n, word) VALUES (7, 'twice'), (7, 'twice'); DELETE FROM {t} WHERE ctid = (SELECT max(ctid) FROM {t} WHERE n = 7)",
            f"UPDATE {t} SET n = 8 WHERE {one}; UPDATE {t} SET n = 9 WHERE n = 8; DELETE FROM {t} WHERE n = 9",
        ])

    def _run(self):
        try:
            connection = psycopg2.connect(self.world.source.dsn(self.world.source_db))
            cursor = connection.cursor()
            while not self.ended.is_set():
                for _ in range(self.random.choice([1, 1, 3])):
                    cursor.execute(self._statement())
                self.random.choice([connection.commit, connection.commit, connection.commit, connection.rollback])()
                self.made += 1
                self.ended.wait(self.pause)
            connection.close()
        except Exception as error:
            self.failed = error

    def wait(self, more):
        goal = self.made + more
        wait_for("changes to be made", lambda: self.made >= goal or self.failed, 60)

    def stop(self):
        self.ended.set()
        self.thread.join()
        assert self.failed is None, self.failed


COLUMNS = ["n", "word", "price", "j", "p", "x", "at", "body"]


def image(columns=COLUMNS):
    return "ROW(" + ", ".join(f"{column}::text" for column in columns) + ")::text"


def at_source(world, table="bag", columns=COLUMNS):
    return collections.Counter(row[0] for row in world.sql(f"SELECT {image(columns)} FROM ONLY {table}"))


def assert_same(found, wanted):
    assert found == wanted, f"{len(list((wanted - found).elements()))} are missing, {len(list((found - wanted).elements()))} too many; " \
                            f"{list((wanted - found).items())[:2]!r:.500} / {list((found - wanted).items())[:2]!r:.500}"


def compare(world, table="bag", columns=COLUMNS):
    world.wait_caught_up()
    live = "NOT _peerdb_is_deleted" if world.options.get("soft_delete_col_name") else "true"
    found = collections.Counter(row[0] for row in world.at_target(f"SELECT {image(columns)} FROM ONLY {table} WHERE {live}"))
    assert_same(found, at_source(world, table, columns))
    return found.total()


class Bag(Consumer):
    """The rows of a topic as a consumer counts them. All of them come in one partition, in order."""

    class Message:
        def __init__(self, key, value, headers):
            self.key, self.body = key, json.loads(value)
            self.kind = dict(headers)["kind"].decode()

    def __init__(self, options, topic, form):
        super().__init__(options, [topic], form)
        self.rows, self.counts = collections.Counter(), collections.Counter()

    def take(self, topic, partition, offset, key, value, headers):
        if offset < self.positions.get((topic, partition), 0):
            return
        self.positions[topic, partition] = offset + 1
        message = self.Message(key, value, headers)
        self.counts[message.kind] += 1
        if message.kind in ("truncate", "horizon"):
            if message.kind == "truncate" and partition == 0:
                self.rows.clear()
            return
        assert key is None and partition == 0, (key, partition)
        body = message.body
        new, old = {"peerdb": ("new", "old"), "debezium": ("after", "before")}.get(self.form, (None, None))
        if self.form == "flat":
            row = {name: cell for name, cell in body.items() if not name.startswith("_peerdb_")}
            body = {"old": row} if message.kind == "delete" else {"new": row}
            new, old = "new", "old"
        if body.get(old) is not None and message.kind in ("update", "delete"):
            gone = json.dumps(body[old])
            assert self.rows[gone] > 0, f"a {message.kind} of a row that is not there: {gone:.300}"
            self.rows[gone] -= 1
        if body.get(new) is not None and message.kind != "delete":
            self.rows[json.dumps(body[new])] += 1


def texts(rows):
    """What both sides have of a row whatever the format: as many as there are of each (n, word, body)."""
    found = collections.Counter()
    for row, count in rows.items():
        row = json.loads(row)
        found[row["n"], row["word"], row["j"], row["body"]] += count
    return +found


def kafka_of(world):
    return Bag(world.target.client(), world.target_name("public.bag"), world.options.get("format", "peerdb"))


def compare_bag(world, bag):
    world.wait_caught_up()
    bag.read_whole()
    assert_same(texts(bag.rows), collections.Counter(world.sql("SELECT n, word, j::text, body FROM bag")))


def kill(world, times, changes, rng):
    for _ in range(times):
        time.sleep(rng.random() * 0.4)
        world.peerd.kill9()
        world.peerd.start()
        changes.wait(15)


def test_rows_are_counted_at_postgres_through_kills_during_copy_and_stream(new_world):
    world = new_world("postgres")
    create(world, rows=3000)
    changes, rng = Changes(world), random.Random(5)
    world.hold_copy(2)
    world.create_peers()
    world.create_mirror(["public.bag"], snapshot_num_rows_per_partition=400, snapshot_max_parallel_workers=2, soft_delete_col_name="", spool="always",
                        max_batch_size=50)
    world.wait_chunks(2)
    changes.wait(40)
    world.peerd.kill9()  # Half of the rows are there: the copy begins again with none.
    world.peerd.start()
    changes.wait(20)
    world.gate.open()
    world.wait_state("RUNNING")
    kill(world, 4, changes, rng)
    world.pause()
    changes.wait(30)
    world.sql("ALTER TABLE bag ADD more int DEFAULT 5")
    world.resume()
    world.peerd.sql(f"RESYNC TABLE public.bag OF {world.mirror_name}")
    changes.wait(20)
    kill(world, 2, changes, rng)
    world.wait_state("RUNNING")
    changes.stop()
    assert compare(world, columns=[*COLUMNS, "more"]) > 500
    world.sql("TRUNCATE bag; INSERT INTO bag (n) VALUES (1), (1), (NULL), (NULL); DELETE FROM bag WHERE ctid = (SELECT min(ctid) FROM bag)")
    assert compare(world) == 3
    # Only what nobody sees of a row changes, and one that nobody can find.
    world.at_target("UPDATE bag SET n = 77 WHERE ctid = (SELECT min(ctid) FROM bag WHERE n IS NULL)")
    world.sql("DELETE FROM bag WHERE n IS NULL")
    row = world.wait_state("FAILED", 60)
    assert "1 of 2 rows" in row["last_error"] and "RESYNC TABLE public.bag" in row["last_error_hint"], row
    resync(world)
    assert compare(world) == 1
    for change, column in (("ADD key serial PRIMARY KEY", "key"), ("DROP CONSTRAINT bag_pkey", "key")):  # And there is none again.
        world.sql(f"ALTER TABLE bag {change}; INSERT INTO bag (n) VALUES (1), (1)")
        assert "RESYNC TABLE" in world.wait_state("FAILED", 60)["last_error_hint"]
        resync(world)
        world.sql("INSERT INTO bag SELECT * FROM bag" if change.startswith("DROP") else "UPDATE bag SET word = 'keyed' WHERE key < 3")
        compare(world, columns=[*COLUMNS, column])
    assert compare(world) == 10


def resync(world):
    world.peerd.sql(f"RESYNC TABLE public.bag OF {world.mirror_name}")
    world.wait_state("RUNNING")


@pytest.mark.parametrize("major", [pytest.param(14, marks=pytest.mark.full), 18])
def test_marks_columns_of_the_operator_and_hidden_ones(new_world, major):
    world = new_world("postgres", source=PostgresServer("source", major))
    create(world, rows=300)
    world.sql("ALTER TABLE bag ADD hidden int, ADD gone int, ADD xx int DEFAULT 5, ADD code varchar(9) DEFAULT 'c'; UPDATE bag SET hidden = n; ALTER TABLE bag DROP gone")
    world.at_target("CREATE TABLE bag (word text, mine text DEFAULT 'mine', n bigint, price numeric, j json, p point, x xml, at timestamptz,"
                    " body text, xx int, code varchar(9), id serial PRIMARY KEY); CREATE INDEX ON bag (n)")
    world.create_peers()
    world.tables, world.options = ["public.bag"], {"soft_delete_col_name": "_peerdb_is_deleted"}
    world.peerd.sql(f"CREATE MIRROR {world.mirror_name} FROM {world.source_peer} TO {world.target_peer} WITH TABLE MAPPING "
                    "({from: public.bag, to: public.bag, exclude: [hidden]}) WITH (soft_delete_col_name = '_peerdb_is_deleted', synced_at_col_name = 'synced')")
    world.wait_state("RUNNING")
    world.wait_caught_up()
    world.at_target("UPDATE bag SET mine = 'kept ' || id")
    before = world.at_target("SELECT id FROM bag WHERE n = 1 ORDER BY id")
    world.sql("UPDATE bag SET word = 'other' WHERE n = 1; UPDATE bag SET hidden = 5 WHERE n = 2; DELETE FROM bag WHERE n = 0;"
              "INSERT INTO bag (n, word) SELECT n, word FROM bag WHERE n = 2; DELETE FROM bag WHERE n = 2 AND j IS NOT NULL")
    compare(world)
    assert world.at_target("SELECT id FROM bag WHERE n = 1 AND mine = 'kept ' || id ORDER BY id") == before
    assert world.at_target("SELECT count(*) FROM bag WHERE n = 0 AND _peerdb_is_deleted")[0][0] > 20
    # A marked row is none of those that stand: the same comes and goes again.
    world.sql("INSERT INTO bag (n) SELECT 0 FROM generate_series(1, 5); UPDATE bag SET word = 'x' WHERE n = 0")
    compare(world)
    world.sql("UPDATE bag SET word = 'y' WHERE n = 0; DELETE FROM bag WHERE ctid = (SELECT max(ctid) FROM bag WHERE n = 0)")
    compare(world)
    changes = Changes(world, pause=0)
    changes.wait(150)
    changes.stop()
    compare(world)
    world.sql("ALTER TABLE bag RENAME word TO said; UPDATE bag SET said = 'renamed' WHERE n = 2; ALTER TABLE bag RENAME said TO word;"
              "ALTER TABLE bag DROP xx; DELETE FROM bag WHERE ctid = (SELECT min(ctid) FROM bag WHERE n = 1); ALTER TABLE bag ALTER code TYPE text;"
              "UPDATE bag SET code = 'longer than before' WHERE n = 2; DELETE FROM bag WHERE n IS NULL")
    compare(world, columns=[*COLUMNS, "code"])
    # What the WAL does not tell of rows that cannot be read one by one.
    world.sql("ALTER TABLE bag ADD late float8 DEFAULT random(); INSERT INTO bag (n) VALUES (1)")
    row = world.wait_state("FAILED", 60)
    assert "late" in row["last_error"] and "without a key" in row["last_error"] and "RESYNC TABLE" in row["last_error_hint"], row
    world.peerd.sql(f"RESYNC TABLE public.bag OF {world.mirror_name}")
    world.wait_state("RUNNING")
    compare(world, columns=[*COLUMNS, "late"])


@pytest.mark.parametrize("form", ["flat", "debezium", pytest.param("peerdb", marks=pytest.mark.full)])
def test_rows_are_counted_in_a_topic(new_world, form):
    world = new_world("kafka")
    create(world, rows=1500)
    changes, rng = Changes(world, seed=3), random.Random(6)
    world.hold_copy(1)
    world.create_peers()
    world.create_mirror(["public.bag"], format=form, snapshot_num_rows_per_partition=400, snapshot_max_parallel_workers=1, partitions=3,
                        max_batch_size=50, **({"skipped_operations": "none"} if form == "debezium" else {}))
    world.wait_chunks(1)
    changes.wait(20)
    world.peerd.kill9()
    world.peerd.start()
    world.gate.open()
    world.wait_state("RUNNING")
    kill(world, 1, changes, rng)
    changes.stop()
    bag = kafka_of(world)
    compare_bag(world, bag)
    assert bag.counts["truncate"] >= (1 if form == "debezium" else 3) and bag.counts["read"] > 1500, bag.counts
    world.peerd.sql(f"RESYNC TABLE public.bag OF {world.mirror_name}")
    wait_for("the copy anew", lambda: any("was copied anew" in line for line in world.logs()), 60)
    world.wait_state("RUNNING")
    world.sql("UPDATE bag SET n = n + 1; TRUNCATE bag; INSERT INTO bag (n) VALUES (1), (1); DELETE FROM bag WHERE ctid = '(0,1)'")
    compare_bag(world, bag)
    bag.close()


def refused(world, *words, **options):
    with pytest.raises(psycopg2.Error) as error:
        world.create_mirror(["public.bag"], **options)
    text = str(error.value) + str(error.value.diag.message_hint)
    for word in words:
        assert word in text, (word, text)
    assert world.peerd.rows("SELECT name FROM mirrors") == [] and world.slots() == [] and world.publications() == []


def test_what_cannot_be_counted_is_refused_first(new_world):
    world = new_world("clickhouse")
    create(world, rows=5)
    world.create_peers()
    refused(world, "public.bag has no key", "equal rows would merge", "primary key", "REPLICA IDENTITY USING INDEX")
    world.sql("ALTER TABLE bag REPLICA IDENTITY DEFAULT")
    refused(world, "no primary key", "UPDATE and DELETE fail at the source", "REPLICA IDENTITY FULL")
    world = new_world("postgres", peerd=world.peerd)
    world.sql("CREATE TABLE bag (n int, r regclass) PARTITION BY RANGE (n); ALTER TABLE bag REPLICA IDENTITY FULL;"
              "CREATE TABLE part PARTITION OF bag DEFAULT; ALTER TABLE part REPLICA IDENTITY FULL")
    world.create_peers()
    refused(world, "no primary key")
    world.sql("DROP TABLE bag; CREATE TABLE bag (n int, r regclass); ALTER TABLE bag REPLICA IDENTITY FULL")
    refused(world, 'column "r"', "renamed")
    world.sql("ALTER TABLE bag DROP r")
    refused(world, "do_initial_copy", "no key", do_initial_copy=False)
    world.at_target("CREATE TABLE bag (n int UNIQUE)")
    refused(world, "stricter than source table")
    world.sql("ALTER TABLE bag ADD UNIQUE (n); INSERT INTO bag VALUES (1), (2), (NULL), (NULL)")
    refused(world, "marked rows", soft_delete_col_name="deleted")
    world.create_mirror(["public.bag"], "RUNNING", soft_delete_col_name="")
    # They change places: neither may stand beside the other.
    world.sql("UPDATE bag SET n = 9 WHERE n = 1; UPDATE bag SET n = 1 WHERE n = 2; UPDATE bag SET n = 2 WHERE n = 9; INSERT INTO bag VALUES (NULL)")
    assert compare(world, columns=["n"]) == 5


def test_a_topic_that_cannot_hold_equal_rows_is_refused(new_world):
    world = new_world("kafka")
    create(world, rows=5)
    world.create_peers()
    refused(world, "at_least_once", "no key", delivery="at_least_once")
    refused(world, "compacted", "cleanup_policy", cleanup_policy="compact,delete")

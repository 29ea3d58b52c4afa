"""Side-by-side measurements: snapshot, streams, memory, CPU. Run by tests/bench/run.sh.

Every number is a median with the spread (slowest - fastest). The contenders of a stream drain the very same WAL, one
after another: all slots, subscriptions and mirrors are made first and held, the changes are written, then each is let go
alone. Same work on both sides: key built, no extra columns, deletes are deletes, fsync and synchronous_commit on.
"""
import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import time

import kafka_part
import latency_part
import spool_part
import tables_part
from measures import CHANGES_PER_TRANSACTION, HUGE, INSERTS, MIXED, PLAIN, ROW, SETTINGS, SMALL, TABLE, Stream, ceiling, failures, floor, report, timed
from support.clickhouse_server import ClickHouseServer
from support.peerd import Peerd
from support.postgres_server import PostgresServer
from support.process import wait_for
from support.world import World, clickhouse_options, options_text, postgres_options

# --- snapshot ---------------------------------------------------------------------------------------------------------------

def pipe_copy(source, target, database):
    """What an expert would type: COPY binary into COPY binary, the key built after."""
    target.sql(TABLE.replace(" PRIMARY KEY", ""), dbname=database)
    copy = lambda server, name, text: ["psql", "-X", "-q", server.dsn(name), "-c", text]
    out = subprocess.Popen(copy(source, "bench", "COPY public.facts TO STDOUT (FORMAT binary)"), stdout=subprocess.PIPE)
    subprocess.run(copy(target, database, "COPY public.facts FROM STDIN (FORMAT binary)"), stdin=out.stdout, check=True)
    out.stdout.close()
    if out.wait():
        raise AssertionError("the pipe's source failed")
    target.sql("ALTER TABLE public.facts ADD PRIMARY KEY (id)", dbname=database)


def snapshot(arguments, source, target, peerd):
    print(f"\nsnapshot of {arguments.rows:,} rows of nine columns to Postgres", flush=True)
    source.create_database("bench")
    source.sql(TABLE, dbname="bench")
    source.sql(f"INSERT INTO public.facts SELECT {ROW.format(id='g')} FROM generate_series(1, {arguments.rows}) g", dbname="bench")
    for statement in ("VACUUM ANALYZE public.facts", "CHECKPOINT"):
        source.sql(statement, dbname="bench")
    peerd.sql(f"CREATE PEER bench FROM POSTGRES WITH ({options_text(postgres_options(source, 'bench'))})")
    pipes, copies, cpu = [], [], []
    for number in range(arguments.rounds):
        database = target.create_database(f"pipe_{number}")
        pipes.append(timed(lambda: pipe_copy(source, target, database)))
        target.sql(f"DROP DATABASE {database}")
        target.sql("CHECKPOINT")
        database = target.create_database(f"snapshot_{number}")
        peerd.sql(f"CREATE PEER snapshot_{number} FROM POSTGRES WITH ({options_text(postgres_options(target, database))})")

        def mirror():
            peerd.sql(f"CREATE MIRROR snapshot_{number} FROM bench TO snapshot_{number} WITH TABLE MAPPING (public.facts:public.facts) "
                      f"WITH ({options_text(PLAIN)})")
            wait_for("RUNNING", lambda: peerd.mirror(f"snapshot_{number}")["state"] == "RUNNING", 600, 0.02)

        before = peerd.cpu_seconds()
        copies.append(timed(mirror))
        cpu.append(peerd.cpu_seconds() - before)
        count = target.value("SELECT count(*) FROM public.facts", dbname=database)
        assert count == arguments.rows, count
        peerd.sql(f"DROP MIRROR snapshot_{number}")
        target.sql(f"DROP DATABASE {database} WITH (FORCE)")
        target.sql("CHECKPOINT")
    pipe = report("psql COPY binary | psql COPY binary, key after", pipes, arguments.rows)
    own = report("peerd, CREATE MIRROR to RUNNING", copies, arguments.rows)
    floor("pipe's time / peerd's time", pipe / own, 0.9, arguments.smoke)
    print(f"  CPU of peerd per million rows                {statistics.median(cpu) / arguments.rows * 1e6:8.2f} s")


# --- streams ----------------------------------------------------------------------------------------------------------------

class Contenders(Stream):
    """For each round one of each: three bare slots, a subscription, a mirror to Postgres, a mirror to ClickHouse."""

    def __init__(self, arguments, source, target, clickhouse, peerd):
        super().__init__(source, peerd)
        self.rounds, self.target, self.clickhouse = arguments.rounds, target, clickhouse
        for number in range(self.rounds):
            for kind in ("bare", "walsink", "walsink_binary"):
                self.make_slot(f"{kind}_{number}")
            database = target.create_database(f"native_{number}")
            target.sql(TABLE, dbname=database)
            self.make_slot(f"native_{number}")
            target.sql(f"""CREATE SUBSCRIPTION native_{number} CONNECTION '{source.dsn("stream").replace("'", "''")}' PUBLICATION everything
              WITH (enabled = false, create_slot = false, copy_data = false, slot_name = 'native_{number}')""", dbname=database)
            target.create_database(f"to_postgres_{number}")
            clickhouse.create_database(f"to_clickhouse_{number}")
            # ClickHouse needs the mark of a deleted row; Postgres deletes it, as a subscription does.
            self.make_mirror(f"to_postgres_{number}", "POSTGRES", postgres_options(target, f"to_postgres_{number}"), "public.facts", **PLAIN)
            self.make_mirror(f"to_clickhouse_{number}", "CLICKHOUSE", clickhouse_options(clickhouse, f"to_clickhouse_{number}"), "facts",
                             synced_at_col_name="")

    def native(self, number):
        database = f"native_{number}"
        self._marked_by(lambda: self.target.sql(f"ALTER SUBSCRIPTION native_{number} ENABLE", dbname=database), database)
        self.target.sql(f"ALTER SUBSCRIPTION native_{number} DISABLE", dbname=database)
        wait_for("the subscription's worker to end", lambda: not self.source.sql(
            "SELECT 1 FROM pg_replication_slots WHERE slot_name = %s AND active", (f"native_{number}",)), 60)

    def to_postgres(self, number):
        self._marked_by(lambda: self.peerd.sql(f"RESUME MIRROR to_postgres_{number}"), f"to_postgres_{number}")

    def _marked_by(self, go, database):
        """Lets it go; the caller's clock runs until the mark of this load stands at the target."""
        go()
        with contextlib.closing(self.target.connect(database)) as connection, connection.cursor() as cursor:
            def there():
                cursor.execute("SELECT count(*) FROM public.facts WHERE id = %s", (self.mark,))
                return cursor.fetchone()[0] == 1
            wait_for(f"{database} to have it all", there, 1800, 0.02)

    def to_clickhouse(self, number):
        self.peerd.sql(f"RESUME MIRROR to_clickhouse_{number}")
        wait_for("ClickHouse to have it all", lambda: self.clickhouse.text(
            f"SELECT count() FROM facts FINAL WHERE id = {self.mark}", f"to_clickhouse_{number}") == "1\n", 1800, 0.02)

    def stop(self, kind, number):
        if kind.startswith("to_"):
            self.pause(f"{kind}_{number}")


def drain(contenders, changes, arguments, of_native, to_postgres, to_clickhouse):
    """The floors: of a subscription's speed to Postgres; of the ceiling's to Postgres and to ClickHouse."""
    seconds = {kind: [] for kind in ("bare", "walsink", "walsink_binary", "native", "to_postgres", "to_clickhouse")}
    cpu = {"to_postgres": [], "to_clickhouse": []}
    for number in range(contenders.rounds):
        for kind, runs in seconds.items():
            before = contenders.peerd.cpu_seconds()
            runs.append(timed(lambda: getattr(contenders, kind)(number)))
            if kind in cpu:
                cpu[kind].append(contenders.peerd.cpu_seconds() - before)
            contenders.stop(kind, number)
            contenders.target.sql("CHECKPOINT")
    report("pg_recvlogical -f /dev/null", seconds["bare"], changes, "changes")
    top = report("walsink: the ceiling", seconds["walsink"], changes, "changes")
    report("walsink, binary", seconds["walsink_binary"], changes, "changes")
    native = report("CREATE SUBSCRIPTION", seconds["native"], changes, "changes")
    postgres = report("peerd to Postgres", seconds["to_postgres"], changes, "changes")
    clickhouse = report("peerd to ClickHouse", seconds["to_clickhouse"], changes, "changes")
    floor("native's time / peerd's time to Postgres", native / postgres, of_native, arguments.smoke)
    floor("walsink's time / peerd's time to Postgres", top / postgres, to_postgres, arguments.smoke)
    floor("walsink's time / peerd's time to ClickHouse", top / clickhouse, to_clickhouse, arguments.smoke)
    for kind, used in cpu.items():
        print(f"  CPU of peerd per million changes, {kind:13} {statistics.median(used) / changes * 1e6:6.2f} s")


def check_equal(contenders):
    """A fast stream that loses rows is not fast."""
    for number in range(contenders.rounds):
        for kind, target, database in (("postgres", contenders.target, f"to_postgres_{number}"), ("clickhouse", contenders.clickhouse, f"to_clickhouse_{number}")):
            world = World.__new__(World)
            world.source, world.target, world.kind, world.source_db, world.target_db = contenders.source, target, kind, "stream", database
            world.tables, world.options = ["public.facts"], (PLAIN if kind == "postgres" else {})
            rows = world.compare()
    print(f"  compared row by row: {rows:,} rows each")


def streams(arguments, source, target, clickhouse, peerd):
    contenders = Contenders(arguments, source, target, clickhouse, peerd)
    step, rows, few = CHANGES_PER_TRANSACTION, arguments.rows, arguments.rows // 10
    loads = [
        (f"{rows:,} inserts, {step} a transaction", INSERTS.format(last=(rows - 1) // step, row=ROW.format(id="g"), step=step, rows=rows),
         rows, (1.5, 0.35, 0.35)),
        (f"{rows:,} changes, {step} a transaction: 40 inserts, 50 updates, 10 deletes of a hundred, by random key",
         MIXED.format(rows=rows, step=step, row_fresh=ROW.format(id="fresh")), rows, (1.0, 0.15, 0.35)),
        (f"{few:,} updates by random key, each a transaction", SMALL.format(count=few, rows=rows), few, (1.0, 0.2, 0.2)),
        ("one transaction that updates every row", HUGE, None, (1.0, 0.15, 0.2)),
    ]
    for number, (name, statement, changes, floors) in enumerate(loads):
        print(f"\nstream of {name}", flush=True)
        source.sql("VACUUM ANALYZE public.facts", dbname="stream")
        contenders.write(statement, mark=-1 - number)
        drain(contenders, changes or source.value("SELECT count(*) FROM public.facts", dbname="stream"), arguments, *floors)
        check_equal(contenders)


# --- memory -----------------------------------------------------------------------------------------------------------------

def memory(arguments, source, target, clickhouse):
    """A peerd of its own: rows of 10 kB, copied and streamed to both targets at once, with a backlog."""
    rows = max(2000, arguments.rows // 40)
    print(f"\nmemory with {rows:,} rows of 10 kB copied and {rows:,} streamed, to both targets at once", flush=True)
    source.create_database("wide")
    source.sql("CREATE TABLE public.wide (id bigint PRIMARY KEY, body text); ALTER TABLE public.wide ALTER body SET STORAGE EXTERNAL", dbname="wide")
    fill = "INSERT INTO public.wide SELECT g, repeat(md5(g::text), 312) FROM generate_series({}, {}) g"
    source.sql(fill.format(1, rows), dbname="wide")
    peerd = Peerd({"PEERD_LOG_LEVEL": "info"}, name="memory")
    peerd.sql(f"CREATE PEER wide FROM POSTGRES WITH ({options_text(postgres_options(source, 'wide'))})")
    target.create_database("wide")
    clickhouse.create_database("wide")
    for name, kind, options, table in (("wide_postgres", "POSTGRES", postgres_options(target, "wide"), "public.wide"),
                                       ("wide_clickhouse", "CLICKHOUSE", clickhouse_options(clickhouse, "wide"), "wide")):
        peerd.sql(f"CREATE PEER {name} FROM {kind} WITH ({options_text(options)})")
        peerd.sql(f"CREATE MIRROR {name} FROM wide TO {name} WITH TABLE MAPPING (public.wide:{table})")
    for name in ("wide_postgres", "wide_clickhouse"):
        peerd.wait_state(name, "RUNNING", 600)
    ceiling("peak resident memory, snapshot of 10 kB rows", peerd.peak_memory_mb(), 300, arguments.smoke)
    source.sql(fill.format(rows + 1, 2 * rows), dbname="wide")
    source.sql("UPDATE public.wide SET body = body || 'x' WHERE id % 2 = 0", dbname="wide")
    for name in ("wide_postgres", "wide_clickhouse"):
        peerd.wait_caught_up(name, source, "wide", 600)
    ceiling("peak resident memory, with the stream", peerd.peak_memory_mb(), 300, arguments.smoke)
    peerd.terminate()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("parts", nargs="*", default=[])
    arguments = parser.parse_args()
    arguments.rows = arguments.rows or (20_000 if arguments.smoke else 2_000_000)
    arguments.rounds = arguments.rounds or (1 if arguments.smoke else 3)
    parts = arguments.parts or ["snapshot", "stream", "tables", "latency", "memory"]
    source = PostgresServer("source", settings=SETTINGS)
    if "kafka" in parts:
        kafka_part.run(arguments, source)
    if set(parts) - {"kafka"}:
        postgres_and_clickhouse(arguments, source, parts)
    for failure in failures:
        print(f"BELOW THE FLOOR: {failure}")
    print("bench: " + ("all floors are held" if not failures and not arguments.smoke else "it works" if arguments.smoke else f"{len(failures)} floors are missed"))
    return 1 if failures else 0


def postgres_and_clickhouse(arguments, source, parts):
    target, clickhouse = PostgresServer("target", settings=SETTINGS), ClickHouseServer()
    print(f"Postgres {source.value('SHOW server_version')} on both sides with fsync=on and synchronous_commit=on, ClickHouse "
          f"{clickhouse.value('SELECT version()')}, {os.cpu_count()} cores; source, target and peerd share them", flush=True)
    peerd = Peerd({"PEERD_LOG_LEVEL": "info"})
    if "snapshot" in parts:
        snapshot(arguments, source, target, peerd)
    if "stream" in parts:
        streams(arguments, source, target, clickhouse, peerd)
    if "tables" in parts:
        tables_part.run(arguments, source, target, peerd)
    if "spool" in parts:
        spool_part.run(arguments, source, target, clickhouse, peerd)
    if "latency" in parts:
        latency_part.run(arguments, source, target, peerd)
    if "snapshot" in parts or "stream" in parts:
        ceiling("peak resident memory of peerd in all of it", peerd.peak_memory_mb(), 300, arguments.smoke)
    peerd.terminate()
    if "memory" in parts:
        memory(arguments, source, target, clickhouse)


if __name__ == "__main__":
    sys.exit(main())

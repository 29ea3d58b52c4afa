"""What every part of the bench needs: settings, the table and its loads, reporting, and a source with held slots and mirrors."""
import contextlib
import os
import statistics
import subprocess
import time

from support import packages
from support.world import options_text, postgres_options

SETTINGS = {"log_statement": "none", "shared_buffers": "1GB", "max_wal_size": "32GB", "checkpoint_timeout": "1h",
            "fsync": "on", "synchronous_commit": "on", "wal_sender_timeout": "0", "max_worker_processes": 16,
            "max_logical_replication_workers": 8, "max_replication_slots": 100, "max_wal_senders": 100,
            "wal_retrieve_retry_interval": "100ms"}
TABLE = """CREATE TABLE public.facts (id bigint PRIMARY KEY, account int, amount numeric(12,2), ratio float8, name text,
  code varchar(40), active boolean, at timestamptz, day date)"""
ROW = """{id}, {id} % 100000, {id} % 1000000 / 100.0, {id} / 7.0, 'customer number ' || {id}, md5({id}::text), {id} % 3 = 0,
  '2024-01-01'::timestamptz + {id} * interval '1 second', '2024-01-01'::date + ({id} % 1000)::int"""
PLAIN = {"soft_delete_col_name": "", "synced_at_col_name": ""}  # as the contenders: no columns of peerd's own
CHANGES_PER_TRANSACTION = 1000

results, failures = [], []


def report(name, seconds, unit_count=None, unit="rows"):
    median, spread = statistics.median(seconds), max(seconds) - min(seconds)
    rate = f"  {unit_count / median:12,.0f} {unit}/s" if unit_count else ""
    print(f"  {name:44} {median:8.2f} s  (spread {spread:.2f}, {len(seconds)} runs){rate}", flush=True)
    results.append((name, median))
    return median


def floor(name, value, least, smoke):
    verdict = "" if smoke else ("ok" if value >= least else "BELOW")
    print(f"  {name:44} {value:8.2f}    floor {least} {verdict}", flush=True)
    if not smoke and value < least:
        failures.append(f"{name}: {value:.2f} < {least}")


def ceiling(name, value, most, smoke):
    verdict = "" if smoke else ("ok" if value <= most else "ABOVE")
    print(f"  {name:44} {value:8.0f} MB most {most} {verdict}", flush=True)
    if not smoke and value > most:
        failures.append(f"{name}: {value:.0f} MB > {most}")


def timed(action):
    begin = time.monotonic()
    action()
    return time.monotonic() - begin


# --- loads of a stream --------------------------------------------------------------------------------------------------------

INSERTS = """DO $$ BEGIN FOR i IN 0..{last} LOOP
  INSERT INTO public.facts SELECT {row} FROM generate_series(i * {step} + 1, least((i + 1) * {step}, {rows})) g; COMMIT;
END LOOP; END $$"""
# 40 inserts, 50 updates, 10 deletes of a hundred, each a statement by random key.
MIXED = """DO $$ DECLARE k bigint; kind int; fresh bigint := {rows}; BEGIN FOR i IN 1..{rows} LOOP
  kind := floor(random() * 100); k := 1 + floor(random() * {rows});
  IF kind < 40 THEN fresh := fresh + 1; INSERT INTO public.facts SELECT {row_fresh};
  ELSIF kind < 90 THEN UPDATE public.facts SET amount = i, name = 'changed ' || i, at = clock_timestamp() WHERE id = k;
  ELSE DELETE FROM public.facts WHERE id = k; END IF;
  IF i % {step} = 0 THEN COMMIT; END IF;
END LOOP; END $$"""

# One change a transaction: what a batch, a round trip and a commit cost.
SMALL = """DO $$ DECLARE k bigint; BEGIN FOR i IN 1..{count} LOOP
  k := 1 + floor(random() * {rows}); UPDATE public.facts SET amount = i, name = 'small ' || i WHERE id = k; COMMIT;
END LOOP; END $$"""
HUGE = "UPDATE public.facts SET amount = amount + 1, name = 'huge ' || id"


class Stream:
    """The database `stream` at the source, its loads, and who drains them: bare slots and mirrors, all made first and held."""

    def __init__(self, source, peerd, database="stream"):
        self.source, self.peerd, self.database = source, peerd, database
        source.create_database(database)
        source.sql(TABLE, dbname=database)
        source.sql("CREATE PUBLICATION everything FOR TABLE public.facts", dbname=database)
        peerd.sql(f"CREATE PEER {database} FROM POSTGRES WITH ({options_text(postgres_options(source, database))})")

    def make_slot(self, name):
        self.source.sql(f"SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')", dbname=self.database)

    def make_mirror(self, name, peer, options, table, **more):
        self.peerd.sql(f"CREATE PEER {name} FROM {peer} WITH ({options_text(options)})")
        self.peerd.sql(f"CREATE MIRROR {name} FROM {self.database} TO {name} WITH TABLE MAPPING (public.facts:{table}) "
                       f"WITH ({options_text({**more, 'publication_name': 'everything'})})")
        self.peerd.wait_state(name, "RUNNING")
        self.pause(name)

    def pause(self, name):
        self.peerd.sql(f"PAUSE MIRROR {name}")
        self.peerd.wait_state(name, "PAUSED")

    def write(self, statement, mark):
        """Writes the changes, and a row of the key `mark` that ends them: where it stands, everything before it stands."""
        # No fsync per commit: the load is not what is measured.
        def load():
            with contextlib.closing(self.source.connect(self.database, options="-c synchronous_commit=off")) as connection, connection.cursor() as cursor:
                cursor.execute(statement)
        seconds = timed(load)
        self.mark = mark
        self.source.sql(f"INSERT INTO public.facts (id) VALUES ({mark})", dbname=self.database)
        self.end = self.source.value("SELECT pg_current_wal_flush_lsn()::text")
        self.source.sql("CHECKPOINT")
        print(f"  (written in {seconds:.1f} s)", flush=True)

    def bare(self, number):
        # The end position is met by the next keepalive or commit; the mark's commit ends at or before it.
        subprocess.run([f"{self.source.bin}/pg_recvlogical", "-d", self.source.dsn(self.database), "-S", f"bare_{number}", "--start",
                        "-o", "proto_version=1", "-o", "publication_names=everything", "-f", "/dev/null", "--no-loop", "-E", self.end],
                       check=True, env={**os.environ})

    def walsink(self, number, *more, kind="walsink"):
        """As cheaply as a slot can be drained: what is left is what the walsender itself needs."""
        subprocess.run([f"{os.path.dirname(packages.peerd_binary())}/walsink", self.source.dsn(self.database), f"{kind}_{number}", "everything",
                        self.end, *more], check=True, stdout=subprocess.DEVNULL)

    def walsink_binary(self, number):
        self.walsink(number, "--binary", kind="walsink_binary")

"""The bench's latency: from a change's commit to the moment at which a reader of the target Postgres sees it, beside a subscription.

Eight clients commit single rows at a fixed rate, each commit flushed; a reader asks the target for new ones, again and again, and both
clocks are the machine's one. What the commit and the reader themselves take (some two milliseconds) is in both contenders' figures.
"""
import contextlib
import os
import statistics
import subprocess
import time

from measures import PLAIN, floor
from support.process import temp_dir
from support.world import options_text, postgres_options

TABLE = "CREATE TABLE public.ticks (id bigserial PRIMARY KEY, at timestamptz, body text)"
INSERT = "INSERT INTO public.ticks (at, body) VALUES (clock_timestamp(), 'a tick of some bytes');\n"
NEW = "SELECT id, extract(epoch FROM clock_timestamp() - at)::float8 FROM public.ticks WHERE id > %s"
CLIENTS, OUT_OF_ORDER = 8, 200  # An id is committed before one that is lower by that much, or never.


def watch(source, target, database, rate, seconds):
    """Latencies in ms of all rows that are committed in that time."""
    script = f"{temp_dir('latency')}/tick.sql"
    with open(script, "w") as file:
        file.write(INSERT)
    first = target.value("SELECT coalesce(max(id), 0) FROM public.ticks", dbname=database)
    seen, waits, last = set(), [], first
    writer = subprocess.Popen([f"{source.bin}/pgbench", "-n", "-h", "127.0.0.1", "-p", str(source.port), "-U", "postgres", "-c", str(CLIENTS), "-R", str(rate),
                               "-T", str(seconds), "-f", script, "latency"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env={**os.environ, "PGPASSWORD": "postgres"})
    with contextlib.closing(target.connect(database)) as connection, connection.cursor() as cursor:
        count = None
        while count is None or len(seen) < count:
            cursor.execute(NEW, (max(first, last - OUT_OF_ORDER),))
            for row, wait in cursor.fetchall():
                if row not in seen:
                    seen.add(row)
                    waits.append(wait * 1000)
                    last = max(last, row)
            if count is None and writer.poll() is not None:
                assert writer.returncode == 0
                count = source.value("SELECT count(*) FROM public.ticks WHERE id > %s", (first,), dbname="latency")
            time.sleep(0.0005)
    assert len(waits) > rate * seconds / 10, f"the source took {len(waits)} of {rate * seconds} transactions"
    return waits[len(waits) // 10:]  # The first tenth warms up.


def run(arguments, source, target, peerd):
    seconds = 2 if arguments.smoke else 10
    for server, database in ((source, "latency"), (target, "latency_native"), (target, "latency_peerd")):
        server.create_database(database)
        if database != "latency_peerd":
            server.sql(TABLE, dbname=database)
    source.sql("CREATE PUBLICATION ticks FOR TABLE public.ticks", dbname="latency")
    connection = source.dsn("latency").replace("'", "''")
    source.sql("SELECT pg_create_logical_replication_slot('latency_native', 'pgoutput')", dbname="latency")
    target.sql(f"CREATE SUBSCRIPTION latency_native CONNECTION '{connection}' PUBLICATION ticks "
               "WITH (enabled = false, create_slot = false, copy_data = false, slot_name = 'latency_native')", dbname="latency_native")
    for name, server, database in (("latency", source, "latency"), ("latency_target", target, "latency_peerd")):
        peerd.sql(f"CREATE PEER {name} FROM POSTGRES WITH ({options_text(postgres_options(server, database))})")
    peerd.sql(f"CREATE MIRROR latency FROM latency TO latency_target WITH TABLE MAPPING (public.ticks:public.ticks) "
              f"WITH ({options_text({**PLAIN, 'publication_name': 'ticks'})})")
    peerd.wait_state("latency", "RUNNING")
    for rate in (100, 5000):
        print(f"\nlatency from commit to a reader of Postgres, {rate:,} transactions/s", flush=True)
        found, cpu = {"native": [], "peerd": []}, []
        for _ in range(arguments.rounds):
            for kind in found:
                peerd.sql("PAUSE MIRROR latency" if kind == "native" else "RESUME MIRROR latency")
                peerd.wait_state("latency", "PAUSED" if kind == "native" else "RUNNING")
                target.sql(f"ALTER SUBSCRIPTION latency_native {'ENABLE' if kind == 'native' else 'DISABLE'}", dbname="latency_native")
                database = f"latency_{kind}"
                reached = source.value("SELECT coalesce(max(id), 0) FROM public.ticks", dbname="latency")
                while target.value("SELECT coalesce(max(id), 0) FROM public.ticks", dbname=database) < reached:
                    time.sleep(0.05)
                before = peerd.cpu_seconds()
                waits = sorted(watch(source, target, database, rate, seconds))
                if kind == "peerd":
                    cpu.append((peerd.cpu_seconds() - before) / seconds)
                found[kind].append((waits[len(waits) // 2], waits[len(waits) * 99 // 100]))
        for kind, runs in found.items():
            spread = [max(part) - min(part) for part in zip(*runs)]
            p50, p99 = (statistics.median(part) for part in zip(*runs))
            found[kind] = p50, p99
            print(f"  {kind:44} p50 {p50:7.2f} ms (spread {spread[0]:.2f})  p99 {p99:7.2f} ms (spread {spread[1]:.2f})", flush=True)
        print(f"  CPU of peerd, of one core                    {statistics.median(cpu) * 100:8.1f} %")
        floor("native's p50 / peerd's p50", found["native"][0] / found["peerd"][0], 0.35, arguments.smoke)
        floor("native's p99 / peerd's p99", found["native"][1] / found["peerd"][1], 0.45, arguments.smoke)
    peerd.sql("DROP MIRROR latency")
    target.sql("DROP SUBSCRIPTION latency_native", dbname="latency_native")

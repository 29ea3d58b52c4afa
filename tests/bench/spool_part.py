"""The bench's spool: what a stream through the spool costs beside one past it, and how fast a backlog comes out of it.

All mirrors are made first and held, one load is written, and each is let go alone over the same WAL, in turns. A backlog is received
while its mirror is paused; its clock runs from RESUME MIRROR, so the check of all that lies there is in it.
"""
import contextlib

from measures import INSERTS, CHANGES_PER_TRANSACTION, PLAIN, ROW, Stream, floor, report, timed
from support.peerd import lsn
from support.process import wait_for
from support.world import World, clickhouse_options, postgres_options

KINDS = ("postgres", "clickhouse")


class Spools(Stream):
    def __init__(self, arguments, source, target, clickhouse, peerd):
        super().__init__(source, peerd, "spooled")
        self.target, self.clickhouse = target, clickhouse
        for number in range(arguments.rounds):
            self.make_slot(f"walsink_{number}")
            for kind in KINDS:
                for name, spool in (("off", "off"), ("on", "always"), ("backlog", "always")):
                    self.make(kind, f"{kind}_{name}_{number}", spool)

    def make(self, kind, name, spool):
        server = self.target if kind == "postgres" else self.clickhouse
        server.create_database(name)
        if kind == "postgres":
            self.make_mirror(name, "POSTGRES", postgres_options(server, name), "public.facts", spool=spool, **PLAIN)
        else:
            self.make_mirror(name, "CLICKHOUSE", clickhouse_options(server, name), "facts", spool=spool, synced_at_col_name="")

    def there(self, kind, name):
        if kind == "clickhouse":
            return self.clickhouse.text(f"SELECT count() FROM facts WHERE id = {self.mark}", name) != "0\n"
        return self.reader.execute("SELECT 1 FROM public.facts WHERE id = %s", (self.mark,)) or self.reader.fetchone() is not None

    def drain(self, kind, name):
        """From RESUME until the load's mark stands at the target."""
        with contextlib.ExitStack() as stack:
            if kind == "postgres":
                connection = stack.enter_context(contextlib.closing(self.target.connect(name)))
                self.reader = stack.enter_context(connection.cursor())
            self.peerd.sql(f"RESUME MIRROR {name}")
            wait_for(f"{name} to have it all", lambda: self.there(kind, name), 1800, 0.02)

    def receive(self, name):
        self.peerd.sql(f"PAUSE MIRROR {name} WITH (receive = true)")
        wait_for(f"{name} to have received it all", lambda: lsn(self.peerd.mirror(name)["confirmed_lsn"]) >= lsn(self.end), 1800, 0.05)

    def check_equal(self, kind, name):
        """A fast stream that loses rows is not fast."""
        world = World.__new__(World)
        world.source, world.target = self.source, self.target if kind == "postgres" else self.clickhouse
        world.kind, world.source_db, world.target_db = kind, self.database, name
        world.tables, world.options = ["public.facts"], (PLAIN if kind == "postgres" else {})
        return world.compare()


def run(arguments, source, target, clickhouse, peerd):
    spools = Spools(arguments, source, target, clickhouse, peerd)
    step, rows = CHANGES_PER_TRANSACTION, arguments.rows
    print(f"\nspool: {rows:,} inserts, {step} a transaction", flush=True)
    spools.write(INSERTS.format(last=(rows - 1) // step, row=ROW.format(id="g"), step=step, rows=rows), mark=-1)
    sink, seconds = [], {(kind, name): [] for kind in KINDS for name in ("off", "on", "receive", "backlog")}
    for number in range(arguments.rounds):
        sink.append(timed(lambda: spools.walsink(number)))
        for kind in KINDS:
            # Turn about, so that a machine that gets slower is slower for both.
            for name in ("off", "on") if number % 2 == 0 else ("on", "off"):
                mirror = f"{kind}_{name}_{number}"
                seconds[kind, name].append(timed(lambda: spools.drain(kind, mirror)))
                spools.pause(mirror)
                target.sql("CHECKPOINT")
            mirror = f"{kind}_backlog_{number}"
            seconds[kind, "receive"].append(timed(lambda: spools.receive(mirror)))
            seconds[kind, "backlog"].append(timed(lambda: spools.drain(kind, mirror)))
            spools.pause(mirror)
            target.sql("CHECKPOINT")
    top = report("walsink: the ceiling", sink, rows, "changes")
    for kind in KINDS:
        off = report(f"{kind}, spool = 'off'", seconds[kind, "off"], rows, "changes")
        on = report(f"{kind}, spool = 'always'", seconds[kind, "on"], rows, "changes")
        report(f"{kind}, paused: received into the spool", seconds[kind, "receive"], rows, "changes")
        backlog = report(f"{kind}, the backlog out of the spool", seconds[kind, "backlog"], rows, "changes")
        floor(f"{kind}: off's time / always's time", off / on, 0.9, arguments.smoke)
        floor(f"{kind}: walsink's time / the backlog's time", top / backlog, 1.5, arguments.smoke)
    compared = [spools.check_equal(kind, f"{kind}_{name}_{number}") for kind in KINDS for name in ("off", "on", "backlog")
                for number in range(arguments.rounds)]
    print(f"  compared row by row: {len(compared)} targets, {compared[0]:,} rows each")

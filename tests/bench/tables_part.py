"""The bench's many tables: one change in each, a transaction each, drained right after a start.

Each table is touched for the first time in its session then, which is what it costs to have learnt of it. A subscription
drains the same WAL; it has only to connect, while a mirror compares each of its tables with its notes before it streams.
"""
from measures import PLAIN, floor, report, timed
from support.process import wait_for
from support.world import World, options_text, postgres_options

MAKE = """DO $$ BEGIN FOR i IN 1..{tables} LOOP
  EXECUTE format('CREATE TABLE public.t%s (id bigint PRIMARY KEY, body text)', i);
  EXECUTE format('INSERT INTO public.t%s VALUES (1, ''first'')', i); COMMIT; END LOOP; END $$"""
CHANGE = """DO $$ BEGIN FOR i IN 1..{tables} LOOP
  EXECUTE format('UPDATE public.t%s SET body = ''{body}''', i); COMMIT; END LOOP; END $$"""


def run(arguments, source, target, peerd):
    tables = 20 if arguments.smoke else 2000
    print(f"\none change in each of {tables:,} tables, right after a start", flush=True)
    for server, database in ((source, "many"), (target, "many_native")):
        server.create_database(database)
        server.sql(MAKE.format(tables=tables), dbname=database)
    target.create_database("many")
    source.sql("CREATE PUBLICATION many FOR ALL TABLES", dbname="many")
    source.sql("SELECT pg_create_logical_replication_slot('many_native', 'pgoutput')", dbname="many")
    connection = source.dsn("many").replace("'", "''")
    target.sql(f"CREATE SUBSCRIPTION many_native CONNECTION '{connection}' PUBLICATION many "
               "WITH (enabled = false, create_slot = false, copy_data = false, slot_name = 'many_native')", dbname="many_native")
    for name, kind, server in (("many", "source", source), ("many_target", "target", target)):
        peerd.sql(f"CREATE PEER {name} FROM POSTGRES WITH ({options_text(postgres_options(server, 'many'))})")
    mapping = ", ".join(f"public.t{i}:public.t{i}" for i in range(1, tables + 1))

    def make():
        peerd.sql(f"CREATE MIRROR many FROM many TO many_target WITH TABLE MAPPING ({mapping}) "
                  f"WITH ({options_text({**PLAIN, 'publication_name': 'many'})})")
        peerd.wait_state("many", "RUNNING", 3600)
    report(f"CREATE MIRROR of {tables:,} tables to RUNNING", [timed(make)], tables, "tables")
    seconds = {"native": [], "peerd": []}
    for number in range(arguments.rounds):
        peerd.sql("PAUSE MIRROR many")
        peerd.wait_state("many", "PAUSED")
        source.sql(CHANGE.format(tables=tables, body=f"round {number}"), dbname="many")

        def until_there(go, database):
            go()
            wait_for(f"{database} to have it all", lambda: target.sql(
                f"SELECT 1 FROM public.t{tables} WHERE body = 'round {number}'", dbname=database), 1800, 0.02)
        seconds["native"].append(timed(lambda: until_there(
            lambda: target.sql("ALTER SUBSCRIPTION many_native ENABLE", dbname="many_native"), "many_native")))
        target.sql("ALTER SUBSCRIPTION many_native DISABLE", dbname="many_native")
        seconds["peerd"].append(timed(lambda: until_there(lambda: peerd.sql("RESUME MIRROR many"), "many")))
    native = report("CREATE SUBSCRIPTION", seconds["native"], tables, "tables")
    own = report("peerd, RESUME MIRROR", seconds["peerd"], tables, "tables")
    floor("native's time / peerd's time", native / own, 0.05, arguments.smoke)
    world = World.__new__(World)
    world.source, world.target, world.kind, world.source_db, world.target_db = source, target, "postgres", "many", "many"
    world.tables, world.options = [f"public.t{i}" for i in range(1, tables + 1)], PLAIN
    print(f"  compared row by row: {world.compare():,} rows")
    peerd.sql("DROP MIRROR many")
    target.sql("DROP SUBSCRIPTION many_native", dbname="many_native")

"""How many connections mirrors hold at their source while nothing happens."""
import re
import time

import pytest

from support.postgres_server import PostgresServer
from support.process import memory_kb, wait_for

FEW = 3  # More only while those are busy for longer than a second, as on a machine that has other work.


def create_mirrors(world, count):
    """`count` mirrors of one row each, all of one source and one target, once they stream. Their names."""
    world.create_peers()
    names = [f"{world.mirror_name}_{number}" for number in range(count)]
    for number, name in enumerate(names):
        world.sql(f"CREATE TABLE t{number} (id int PRIMARY KEY, n int); INSERT INTO t{number} VALUES (1, {number})")
        world.peerd.sql(f"CREATE MIRROR {name} FROM {world.source_peer} TO {world.target_peer} "
                        f"WITH TABLE MAPPING (public.t{number}:{world.target_name(f'public.t{number}')})")
    wait_for("all mirrors to stream", lambda: counts(world)[0] == count, 600, 0.5)
    return names


def counts(world):
    """(walsenders, other connections) of peerd at the source's database."""
    return world.source.sql("SELECT count(*) FILTER (WHERE backend_type = 'walsender'), count(*) FILTER (WHERE backend_type <> 'walsender') "
                            "FROM pg_stat_activity WHERE application_name LIKE 'peerd %%' AND datname = %s", (world.source_db,))[0]


def wait_few(world, walsenders, timeout=60):
    last = []

    def few():
        last[:] = counts(world)
        return last[0] == walsenders and last[1] <= FEW
    try:
        wait_for(f"{walsenders} walsenders and a few others", few, timeout)
    except AssertionError as error:
        raise AssertionError(f"{error}: {last}") from None


def watch_looks(world, names, timeout):
    """The counts, taken again and again until each mirror has looked at its publication and at its tables once more."""
    since, taken = world.source.log_size(), []

    def looked():
        taken.append(counts(world))
        text = world.source.log_text(since)
        return all(set(names) <= set(re.findall(rf" peerd \w+ \w+ (\S+) LOG: .*{query}", text))
                   for query in ("FROM pg_publication p WHERE", "pg_current_wal_insert_lsn"))
    wait_for("all mirrors to look", looked, timeout, 0.2)
    return taken


def all_equal(world, count):
    def rows(server, dbname):
        union = " UNION ALL ".join(f"SELECT {number} AS t, id, n FROM t{number}" for number in range(count))
        return server.sql(f"SELECT * FROM ({union}) u ORDER BY 1, 2", dbname=dbname)
    expected = rows(world.source, world.source_db)
    return rows(world.target, world.target_db) == expected


def drop_all(world, names):
    for name in names:
        world.peerd.sql(f"DROP MIRROR {name}")


def test_idle_mirrors_hold_a_walsender_each_and_share_the_rest(new_world):
    world = new_world("postgres")
    names = create_mirrors(world, 12)
    wait_few(world, 12)
    taken = watch_looks(world, names, 60)
    assert all(senders == 12 and others < 12 for senders, others in taken), taken
    wait_few(world, 12)
    # They work: rows come, and a gap is noticed.
    for number in range(12):
        world.sql(f"UPDATE t{number} SET n = n + 100; INSERT INTO t{number} VALUES (2, 7)")
    wait_for("the rows", lambda: all_equal(world, 12), 30)
    for name in names[1:]:
        world.peerd.sql(f"PAUSE MIRROR {name}")
    wait_few(world, 1)
    publication = world.sql("SELECT pubname FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid WHERE r.prrelid = 't0'::regclass")[0][0]
    world.sql(f"ALTER PUBLICATION {publication} SET (publish = 'insert')")
    wait_for("the gap to be noticed", lambda: world.peerd.mirror(names[0])["state"] == "FAILED", 30)
    wait_few(world, 0)
    drop_all(world, names)


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_two_hundred_idle_mirrors(new_world):
    server = PostgresServer("many", settings={"fsync": "off", "max_connections": 500, "max_wal_senders": 250, "max_replication_slots": 250})
    world = new_world("postgres", source=server, target=server, settings={"PEERD_LOG_LEVEL": "info"})
    names = create_mirrors(world, 200)
    wait_few(world, 200, 120)
    begin, used, taken = time.monotonic(), world.peerd.cpu_seconds(), []
    while time.monotonic() - begin < 60:
        taken.append(counts(world))
        time.sleep(0.5)
    used = world.peerd.cpu_seconds() - used
    at_target = world.target.value("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'peerd %%' AND datname = %s", (world.target_db,))
    print(f"200 idle mirrors: walsenders {taken[-1][0]}, other connections at most {max(others for _, others in taken)}, at the target {at_target}, "
          f"peerd {memory_kb(world.peerd.child.pid, 'VmRSS') / 1024:.0f} MiB, {used:.1f} s CPU in a minute")
    assert all(senders == 200 and others < 20 for senders, others in taken), taken
    watch_looks(world, names, 120)
    wait_few(world, 200, 120)
    for name in names:
        world.peerd.sql(f"PAUSE MIRROR {name}")
    wait_for("one connection to watch the slots of paused mirrors", lambda: counts(world) == (0, 1), 120, 1)
    drop_all(world, names)
    wait_for("no connection", lambda: counts(world) == (0, 0), 60, 1)

"""A Postgres target that commits before it flushes (rules.md 24): what a crash takes comes again, and nothing else changes."""
import contextlib

import pytest

from support.peerd import lsn
from support.postgres_server import PostgresServer
from support.process import wait_for
from support.writer import Writer, create_table

POSITION = "SELECT position::text FROM _peerd.positions"


def applied(world):
    return lsn(world.mirror()["applied_lsn"] or "0/0")


@pytest.mark.timeout(400)
def test_a_crash_of_the_target_takes_visible_commits_and_all_of_them_come_again(new_world):
    # The server flushes by itself every ten seconds only, and peerd once a second: each crash hits commits that were seen.
    own = PostgresServer("unflushed", settings={"wal_writer_delay": "10s", "wal_writer_flush_after": "64MB", "fsync": "off",
                                                "checkpoint_timeout": "1h", "bgwriter_lru_maxpages": 0})
    world = new_world("postgres", target=own)
    create_table(world.source, "public.items", 5_000, world.source_db, long_every=20, long_bytes=20_000)
    world.start_mirror(["public.items"])
    writer = Writer(world.source, "public.items", world.source_db, seed=24, rate=300, long_bytes=50_000)
    taken = 0
    for crash in range(6):
        before = applied(world)
        wait_for("the stream to go on", lambda: applied(world) > before, 60, 0.01)
        durable = applied(world)
        seen = wait_for("commits beyond it", lambda: next((now for now in [lsn(world.at_target(POSITION)[0][0])] if now > durable), None), 60, 0.001)
        own.kill9()
        if crash == 4:
            world.peerd.kill9()
        own.start()
        found = lsn(world.at_target(POSITION)[0][0])
        if crash == 4:
            world.peerd.start()
        assert found >= durable, "what was called durable is gone"
        taken += found < seen
        wait_for("the mirror to be at work again", lambda: applied(world) > seen, 60, 0.02)
    writer.stop()
    assert world.settle_and_compare() > 4_000
    print(f"of 6 crashes {taken} took what was visible", flush=True)
    assert taken > 0, "no crash took a visible commit: nothing was shown"


@pytest.mark.timeout(200)
def test_a_target_with_synchronous_standbys_commits_as_its_operator_wants(new_world):
    own = PostgresServer("standbys", settings={"fsync": "off"})
    world = new_world("postgres", target=own)
    create_table(world.source, "public.items", 100, world.source_db)
    world.start_mirror(["public.items"])
    world.settle_and_compare()
    own.sql("ALTER SYSTEM SET synchronous_standby_names = 'absent'")
    own.reload()
    wait_for("commits to wait", lambda: own.value("SHOW synchronous_standby_names") == "absent")
    before = applied(world)

    def waits():
        world.sql("UPDATE items SET n = n + 1 WHERE id = 1")
        return own.value("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'peerd %' AND wait_event = 'SyncRep'") == 1
    wait_for("the mirror to wait for the standby", waits, 60, 0.3)
    reached = applied(world)
    world.sql("UPDATE items SET n = -7 WHERE id = 2")
    end = lsn(world.sql("SELECT pg_current_wal_insert_lsn()::text")[0][0])
    assert before <= reached < end
    own.sql("SELECT pg_sleep(0.5)")
    assert applied(world) < end, "called durable, and no standby has it"
    # Known of now: each commit waits, and nothing shows before it.
    assert world.at_target("SELECT count(*) FROM items WHERE n = -7") == [(0,)]
    with contextlib.closing(own.connect()) as free, free.cursor() as cursor:
        cursor.execute("SET synchronous_commit = local")
        cursor.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
    own.reload()
    world.settle_and_compare()

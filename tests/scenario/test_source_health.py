"""What a mirror shows of a source that is silent, slow, behind a pooler, or has given its slot up; and role settings that end waits."""
import contextlib
import os
import signal
import time

import psycopg2
import pytest

from support.postgres_server import PostgresServer
from support.process import wait_for
from support.proxy import Proxy
from support.world import options_text, postgres_options
from support.writer import create_table


@pytest.fixture
def proxied(new_world):
    """A world whose source peer goes through a proxy."""
    world = new_world("postgres")
    proxy = Proxy(world.source.port)
    world.peerd.sql(f"CREATE PEER {world.source_peer} FROM POSTGRES WITH "
                    f"({options_text({**postgres_options(world.source, world.source_db), 'port': proxy.port})})")
    world.peerd.sql(f"CREATE PEER {world.target_peer} FROM POSTGRES WITH ({options_text(world.target_options())})")
    yield world, proxy
    proxy.close()


def test_a_source_that_falls_silent_is_noticed_within_half_a_minute(proxied):
    world, proxy = proxied
    create_table(world.source, "public.items", 100, world.source_db)
    world.create_mirror(["public.items"], "RUNNING")
    world.settle_and_compare()
    proxy.silent()
    world.sql("UPDATE items SET n = 4")
    begin = time.monotonic()
    shown = wait_for("the mirror to notice", lambda: (row := world.mirror())["health"] == "retrying" and row, 45, 0.2)
    assert time.monotonic() - begin < 35 and "nothing has come from the source" in shown["last_error"], shown
    assert shown["state"] == "RUNNING" and shown["last_error_hint"], shown
    # A stop and a pause wait for nobody.
    begin = time.monotonic()
    world.pause()
    assert time.monotonic() - begin < 8
    world.resume()
    proxy.forward()
    world.settle_and_compare()
    wait_for("the mirror to be well", lambda: world.mirror()["health"] in ("ok", "idle"), 30)


def test_a_quiet_source_is_well_again_after_an_error(new_world):
    world = new_world("postgres")
    create_table(world.source, "public.items", 100, world.source_db)
    world.start_mirror(["public.items"])
    world.settle_and_compare()
    world.sql("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = current_database()")
    wait_for("the mirror to notice", lambda: world.mirror()["last_error"], 30, 0.05)
    # Nothing is written at the source from here on.
    wait_for("the mirror to be well", lambda: world.mirror()["health"] in ("ok", "idle"), 20)


def test_one_error_in_the_copy_does_not_show_to_its_end(new_world):
    world = new_world("postgres")
    create_table(world.source, "public.items", 60_000, world.source_db)
    world.hold_copy(2)
    world.create_peers()
    with contextlib.closing(world.source.connect(world.source_db, autocommit=False)) as connection:
        world.create_mirror(["public.items"], snapshot_num_rows_per_partition=1000, snapshot_max_parallel_workers=2)
        world.wait_chunks(2)
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE items IN ACCESS EXCLUSIVE MODE")
            world.gate.open()
            world.source.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'peerd % snapshot %'")
            wait_for("the error", lambda: world.mirror()["health"] == "retrying", 20, 0.05)
        connection.rollback()
    done = world.mirror()["chunks_done"]
    row = wait_for("a chunk more", lambda: (row := world.mirror())["chunks_done"] > done and row, 20, 0.02)
    assert row["health"] in ("copying", "ok", "idle") and row["last_error"], row
    world.wait_state("RUNNING")
    world.settle_and_compare()


@pytest.mark.parametrize("state", ["SNAPSHOT", "PAUSED"])
def test_a_slot_that_is_lost_fails_the_mirror_that_does_not_read_it(new_world, state):
    world = new_world("postgres")
    create_table(world.source, "public.items", 60_000, world.source_db)
    if state == "SNAPSHOT":
        world.hold_copy(1)
    world.create_peers()
    world.create_mirror(["public.items"], snapshot_num_rows_per_partition=1000)
    with contextlib.closing(world.source.connect(world.source_db, autocommit=False)) as connection, connection.cursor() as cursor:
        if state == "SNAPSHOT":
            world.wait_chunks(1)
            cursor.execute("LOCK TABLE items IN ACCESS EXCLUSIVE MODE")
            world.gate.open()
        else:
            world.wait_state("RUNNING")
            world.pause()
        assert world.mirror()["state"] == state
        slot = world.slots()[0]
        world.drop_slots()
        failed = world.wait_state("FAILED", 30)
        connection.rollback()
    assert slot in failed["last_error"] and "does not exist" in failed["last_error"] and "RESYNC MIRROR" in failed["last_error_hint"], failed
    lines = world.peerd.rows("SELECT level, message, hint FROM mirror_logs WHERE mirror = %s AND level = 'error'", (world.mirror_name,))
    assert [line for line in lines if slot in line["message"] and line["hint"]], lines
    # It is told after a restart as well.
    world.peerd.restart()
    again = world.mirror()
    assert again["state"] == "FAILED" and again["last_error"] == failed["last_error"] and again["last_error_hint"] == failed["last_error_hint"], again
    assert again["last_error_at"], again
    world.drop()


@pytest.fixture(scope="module")
def newest():
    return PostgresServer("newest", 18, settings={"fsync": "off", "idle_replication_slot_timeout": "1s", "wal_sender_timeout": "900ms"})


def test_a_slot_given_up_as_idle_names_the_setting_that_did_it(new_world, newest):
    world = new_world("postgres", source=newest)
    create_table(world.source, "public.items", 10, world.source_db)
    world.start_mirror(["public.items"])
    world.pause()
    wait_for("the slot to be given up", lambda: world.sql("CHECKPOINT; SELECT invalidation_reason FROM pg_replication_slots "
                                                          "WHERE database = current_database()")[0][0] == "idle_timeout", 30, 0.5)
    failed = world.wait_state("FAILED", 30)
    text = f"{failed['last_error']} {failed['last_error_hint']}"
    assert "idle_replication_slot_timeout" in text and "max_slot_wal_keep_size" not in text, text
    world.drop()


def test_a_sender_that_waits_less_than_a_second_is_answered_while_the_target_is_slow(new_world, newest):
    world = new_world("postgres", source=newest, settings={"PEERD_MEMORY_MB": "16"})
    create_table(world.source, "public.items", 10, world.source_db)
    world.start_mirror(["public.items"], max_batch_size=1000)
    with contextlib.closing(world.target.connect(world.target_db, autocommit=False)) as connection, connection.cursor() as cursor:
        cursor.execute("LOCK TABLE items IN ACCESS EXCLUSIVE MODE")
        world.sql("INSERT INTO items (id, n, body) SELECT i, i, repeat('x', 1000) FROM generate_series(1000, 31000) i")
        wait_for("the queue to be full", lambda: world.mirror()["lag_seconds"] > 4, 30)
        connection.rollback()
    world.settle_and_compare(60)
    assert not world.peerd.rows("SELECT message FROM mirror_logs WHERE mirror = %s AND level <> 'info'", (world.mirror_name,))
    world.drop()


def test_a_roles_own_timeouts_end_neither_copy_nor_pause(new_world):
    server = PostgresServer("impatient", 17, settings={"fsync": "off"})
    world = new_world("postgres", source=server, target=server)
    create_table(world.source, "public.items", 30_000, world.source_db)
    server.sql("CREATE ROLE hasty SUPERUSER LOGIN PASSWORD 'hasty'; ALTER ROLE hasty SET transaction_timeout = '300ms';"
               "ALTER ROLE hasty SET idle_session_timeout = '700ms'; ALTER ROLE hasty SET statement_timeout = '300ms';"
               "ALTER ROLE hasty SET lock_timeout = '300ms'; ALTER ROLE hasty SET idle_in_transaction_session_timeout = '300ms'")
    for peer, database in ((world.source_peer, world.source_db), (world.target_peer, world.target_db)):
        world.peerd.sql(f"CREATE PEER {peer} FROM POSTGRES WITH "
                        f"({options_text({**postgres_options(server, database), 'user': 'hasty', 'password': 'hasty'})})")
    with contextlib.closing(server.connect(world.source_db, autocommit=False)) as connection, connection.cursor() as cursor:
        cursor.execute("LOCK TABLE items IN ACCESS EXCLUSIVE MODE")
        world.create_mirror(["public.items"], snapshot_num_rows_per_partition=5000)
        time.sleep(1.5)  # longer than any of them
        connection.rollback()
    world.wait_state("RUNNING")
    world.settle_and_compare()
    time.sleep(1.5)
    world.sql("UPDATE items SET n = 8")
    world.settle_and_compare()
    assert not world.peerd.rows("SELECT message FROM mirror_logs WHERE mirror = %s AND level <> 'info'", (world.mirror_name,))
    world.drop()


@pytest.mark.parametrize("refusal", [("08P01", "unsupported startup parameter: replication"), ("42601", "syntax error at or near \"IDENTIFY_SYSTEM\"")])
def test_a_pooler_in_front_of_the_source_is_named_before_anything_is_made(new_world, refusal):
    world = new_world("postgres")
    create_table(world.source, "public.items", 10, world.source_db)
    proxy = Proxy(world.source.port, refuses_replication=refusal)
    world.create_peers()
    world.peerd.sql(f"CREATE PEER pooled FROM POSTGRES WITH "
                    f"({options_text({**postgres_options(world.source, world.source_db), 'port': proxy.port, 'sslmode': 'disable'})})")
    with pytest.raises(psycopg2.Error) as caught:
        world.peerd.sql(f"CREATE MIRROR m FROM pooled TO {world.target_peer} WITH TABLE MAPPING (public.items:public.items)")
    assert "pooler" in str(caught.value) and "pgbouncer" in str(caught.value) and str(proxy.port) in str(caught.value), caught.value
    assert str(world.source.port) in caught.value.diag.message_hint, caught.value.diag.message_hint
    assert world.slots() == [] and world.publications() == [] and world.peerd.mirror("m") is None
    proxy.close()


def test_a_backlog_of_which_nothing_comes_is_not_idle(new_world):
    """The walsender sends nothing of a transaction of other tables, or of one that is not yet committed."""
    world = new_world("postgres")
    create_table(world.source, "public.items", 10, world.source_db)
    world.sql("CREATE TABLE other (t text)")
    world.start_mirror(["public.items"])
    world.settle_and_compare()
    pid = world.sql("SELECT active_pid FROM pg_replication_slots WHERE database = current_database()")[0][0]
    assert pid
    # peerd's reader goes on waiting: the server's walsender is what does not move.
    os.kill(pid, signal.SIGSTOP)
    try:
        world.sql("INSERT INTO other SELECT repeat('x', 1000) FROM generate_series(1, 20000)")
        row = wait_for("the lag to be seen", lambda: (row := world.mirror())["lag_bytes"] > 10_000_000 and row, 20)
        row = wait_for("it not to be idle", lambda: (row := world.mirror())["health"] != "idle" and row, 60)
        assert row["health"] in ("retrying", "behind", "ok"), row
    finally:
        os.kill(pid, signal.SIGCONT)
    world.settle_and_compare()

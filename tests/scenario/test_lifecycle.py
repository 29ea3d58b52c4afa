"""Pause, resume, restart, stop and drop, also at awkward moments."""
import contextlib
import threading
import time

import pytest

from support.clickhouse_server import ClickHouseServer
from support.peerd import Peerd
from support.postgres_server import PostgresServer
from support.process import free_port, wait_for
from support.world import World, literal, options_text, postgres_options
from support.writer import Writer, create_table


@contextlib.contextmanager
def held(world, table, mode="ACCESS EXCLUSIVE"):
    """The table is locked, so that the next chunk waits: the snapshot stands still in the middle."""
    with contextlib.closing(world.source.connect(world.source_db, autocommit=False)) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '120s'")
            cursor.execute(f"LOCK TABLE {table} IN {mode} MODE")
            yield
        connection.rollback()


def test_pause_in_snapshot_restart_and_resume_do_not_start_over(world):
    create_table(world.source, "public.items", 200_000, world.source_db)
    since = world.source.log_size()
    world.hold_copy(5)
    world.create_peers()
    world.create_mirror(["public.items"], snapshot_num_rows_per_partition=5000, snapshot_max_parallel_workers=2)
    world.wait_chunks(5)
    with held(world, "public.items"):
        world.gate.open()
        stopped_at = world.mirror()
        assert stopped_at["state"] == "SNAPSHOT" and stopped_at["chunks_done"] < stopped_at["chunks_total"], stopped_at
        begin = time.monotonic()
        world.pause()
        assert time.monotonic() - begin < 15
    done = world.mirror()["chunks_done"]
    assert done >= 5
    world.peerd.restart()
    paused = world.mirror()
    assert paused["state"] == "PAUSED" and paused["chunks_done"] == done, paused
    world.sql("UPDATE items SET n = -1 WHERE id % 100 = 0; DELETE FROM items WHERE id % 101 = 0")
    world.resume()
    finished = world.wait_state("RUNNING")
    copies = world.copies(since)
    # Each chunk once, and at most those again that were in flight at the pause.
    assert finished["chunks_total"] <= len(copies) <= finished["chunks_total"] + 2, (len(copies), finished)
    world.settle_and_compare()
    world.pause()
    world.sql("UPDATE items SET n = -2 WHERE id % 50 = 0")
    world.peerd.restart()
    assert world.mirror()["state"] == "PAUSED"
    world.resume()
    world.wait_state("RUNNING")
    world.settle_and_compare()


def test_pause_and_resume_need_neither_source_nor_target(new_world):
    own_source, own_target = PostgresServer("source"), PostgresServer("target")
    world = new_world("postgres", source=own_source, target=own_target)
    create_table(own_source, "public.items", 1000, world.source_db)
    world.start_mirror(["public.items"])
    own_target.stop()
    own_source.stop()
    wait_for("the mirror to see it", lambda: world.mirror()["health"] == "retrying" and world.mirror())
    assert world.mirror()["last_error"]
    world.pause()
    world.resume()
    own_source.start()
    own_target.start()
    world.wait_state("RUNNING")
    world.sql("UPDATE items SET n = 5")
    world.settle_and_compare()
    wait_for("the mirror to be well", lambda: world.mirror()["health"] in ("ok", "idle"))


def test_sigterm_with_a_hanging_target_and_a_dead_source_takes_less_than_ten_seconds(new_world):
    hanging, dying = PostgresServer("hanging"), PostgresServer("dying")
    world = new_world("postgres", target=hanging)
    create_table(world.source, "public.items", 50_000, world.source_db)
    world.start_mirror(["public.items"])
    other = World(dying, hanging, "postgres", peerd=world.peerd)
    create_table(dying, "public.items", 1000, other.source_db)
    other.start_mirror(["public.items"])
    writer = Writer(world.source, "public.items", world.source_db, rate=200, long_bytes=10_000)
    hanging.sigstop()
    dying.kill9()
    wait_for("the other mirror to see it", lambda: other.mirror()["health"] == "retrying", 60)
    wait_for("changes to wait", lambda: world.mirror()["lag_bytes"] > 1_000_000, 60)
    code, seconds = world.peerd.terminate(timeout=30)
    assert code is not None and seconds < 10, (code, seconds, world.peerd.log_text()[-2000:])
    writer.stop()
    hanging.sigcont()
    dying.start()
    world.peerd.start()
    world.wait_state("RUNNING")
    world.settle_and_compare()
    other.settle_and_compare()


@pytest.mark.parametrize("phase", ["streaming", "opening"])
@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_a_dead_source_is_shown_while_the_target_hangs(new_world, kind, phase):
    dying = PostgresServer("dying")
    hanging = PostgresServer("hanging") if kind == "postgres" else ClickHouseServer("hanging")
    world = new_world(kind, source=dying, target=hanging)
    create_table(dying, "public.items", 1000, world.source_db)
    world.start_mirror(["public.items"])
    world.settle_and_compare()
    if phase == "opening":
        world.pause()
    hanging.sigstop()
    if phase == "streaming":
        world.sql("UPDATE items SET n = 7")
        wait_for("the change to wait", lambda: world.mirror()["lag_seconds"] > 0.5)
    dying.kill9()
    if phase == "opening":
        world.resume()
    shown = wait_for("the mirror to see it", lambda: (row := world.mirror())["health"] == "retrying" and row, 60)
    assert str(dying.port) in shown["last_error"] or "connection" in shown["last_error"], shown
    assert str(hanging.port) not in shown["last_error"], shown
    hanging.sigcont()
    dying.start()
    world.sql("UPDATE items SET n = n + 1")
    assert world.settle_and_compare() == 1000


def test_sigterm_with_two_idle_mirrors_is_quick(world):
    create_table(world.source, "public.items", 100, world.source_db)
    world.start_mirror(["public.items"])
    second = World(world.source, world.target, world.kind, peerd=world.peerd)
    create_table(world.source, "public.items", 100, second.source_db)
    second.start_mirror(["public.items"])
    for each in (world, second):
        wait_for("the mirror to be idle", lambda: each.mirror()["health"] == "idle", 60)
    code, seconds = world.peerd.terminate(timeout=30)
    assert code == 0 and seconds < 3, (code, seconds, world.peerd.log_text()[-2000:])


@pytest.mark.parametrize("address", ["dead", "refused"])
def test_sigterm_while_connecting_to_a_dead_address(new_world, address):
    world = new_world("postgres")
    host, port = ("240.0.0.1", 5432) if address == "dead" else ("127.0.0.1", free_port())
    failed = []

    def connecting():
        try:
            world.peerd.sql(f"CREATE PEER nowhere FROM POSTGRES WITH (host = {literal(host)}, port = {port}, user = 'u', password = 'p', database = 'd')")
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=connecting)
    thread.start()
    if address == "refused":
        thread.join(60)
        assert failed and failed[0].pgcode == "08001"
    else:
        time.sleep(0.5)  # it is connecting now: nothing answers there, and nothing tells so
    code, seconds = world.peerd.terminate(timeout=30)
    thread.join(20)
    assert code is not None and seconds < 10, (code, seconds)


def test_drop_leaves_nothing_at_the_source(world):
    create_table(world.source, "public.items", 1000, world.source_db)
    world.start_mirror(["public.items"])
    assert len(world.slots()) == 1 and len(world.publications()) == 1
    with pytest.raises(Exception) as caught:
        world.peerd.sql(f"DROP PEER {world.source_peer}")
    assert world.mirror_name in str(caught.value)
    world.drop()
    assert world.slots() == [] and world.publications() == [] and world.mirror() is None
    world.peerd.sql(f"DROP PEER {world.source_peer}")
    world.peerd.sql(f"DELETE FROM peers WHERE name == '{world.target_peer}'")
    assert world.peerd.rows("SELECT name FROM peers") == []


def test_drop_in_snapshot(world):
    create_table(world.source, "public.items", 200_000, world.source_db)
    world.create_peers()
    world.create_mirror(["public.items"], snapshot_num_rows_per_partition=5000)
    world.wait_chunks(2)
    world.drop()
    assert world.slots() == [] and world.publications() == [] and world.mirror() is None
    world.source.wait_no_backends("peerd%")


def test_dropped_and_created_again_it_starts_anew_or_says_why_not(world):
    create_table(world.source, "public.items", 1000, world.source_db)
    world.start_mirror(["public.items"])
    world.drop()
    world.sql("DELETE FROM items WHERE id > 500; UPDATE items SET n = 3")
    try:
        world.create_mirror(["public.items"])
    except Exception as error:  # the table at the target is not empty: refused with the cure, never mixed
        assert "items" in str(error) and error.diag.message_hint, error
        world.at_target(f"DROP TABLE {world.target_name('public.items')}") if world.kind == "postgres" else world.target.text("DROP TABLE items", world.target_db)
        world.create_mirror(["public.items"])
    world.wait_state("RUNNING")
    assert world.settle_and_compare() == 500


def test_own_publication_is_used_and_kept(world):
    create_table(world.source, "public.items", 100, world.source_db)
    world.sql("CREATE PUBLICATION mine FOR TABLE items")
    world.start_mirror(["public.items"], publication_name="mine")
    world.sql("DELETE FROM items WHERE id = 1")
    assert world.settle_and_compare() == 99
    world.drop()
    assert world.publications() == ["mine"]


def test_a_slot_that_was_there_is_neither_taken_nor_dropped(new_world):
    world = new_world("postgres")
    create_table(world.source, "public.items", 100, world.source_db)
    slot = f"mine_{world.source_db}"
    world.create_peers()
    make = "SELECT pg_create_logical_replication_slot(%s, 'pgoutput')"
    world.sql(make, (slot,))
    with pytest.raises(Exception) as caught:
        world.create_mirror(["public.items"], replication_slot_name=slot)
    assert caught.value.pgcode == "42710" and slot in str(caught.value) and caught.value.diag.message_hint, caught.value
    assert world.slots() == [slot] and world.mirror() is None
    world.sql("SELECT pg_drop_replication_slot(%s)", (slot,))
    # Publishing it waits for the lock: the slot comes between check and making. The lock has no transaction id, which
    # the making of a slot would wait for.
    with held(world, "public.items", "SHARE ROW EXCLUSIVE"):
        world.create_mirror(["public.items"], replication_slot_name=slot)
        world.sql(make, (slot,))
    failed = world.wait_state("FAILED", 60)
    assert slot in failed["last_error"], failed
    world.drop()
    assert world.slots() == [slot] and world.publications() == []
    world.sql("SELECT pg_drop_replication_slot(%s)", (slot,))
    world.create_mirror(["public.items"], "RUNNING", replication_slot_name=slot)
    world.settle_and_compare()
    world.drop()
    assert world.slots() == []


def test_creating_what_exists_is_no_error_when_it_is_the_same(world):
    create_table(world.source, "public.items", 10, world.source_db)
    world.start_mirror(["public.items"])
    mapping = f"{{from: public.items, to: {world.target_name('public.items')}}}"
    again = f"FROM {world.source_peer} TO {world.target_peer} WITH TABLE MAPPING ({mapping})"
    world.peerd.sql(f"CREATE MIRROR IF NOT EXISTS {world.mirror_name} {again}")
    peer = f"FROM POSTGRES WITH ({options_text(postgres_options(world.source, world.source_db))})"
    world.peerd.sql(f"CREATE PEER IF NOT EXISTS {world.source_peer} {peer}")
    with pytest.raises(Exception) as caught:
        world.peerd.sql(f"CREATE PEER {world.source_peer} FROM POSTGRES WITH ({options_text(postgres_options(world.source, 'postgres'))})")
    assert caught.value.pgcode == "42710" and "database" in str(caught.value)


def test_only_one_peerd_per_data_directory(new_world):
    world = new_world("postgres")
    second = Peerd(start=False)
    second.data = world.peerd.data
    second.settings["PEERD_DATA_DIR"] = world.peerd.data
    from support.process import Child
    import os
    from support import packages
    child = Child([packages.peerd_binary()], second.log, env={**os.environ, "PEERD_DATA_DIR": world.peerd.data, "PEERD_PASSWORD": "x",
                                                              "PEERD_SQL_PORT": "0", "PEERD_HTTP_PORT": "0"})
    assert child.process.wait(60) != 0
    assert world.peerd.rows("SELECT name FROM peers") == []

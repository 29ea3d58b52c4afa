"""A second process with the same mirror: who has it later fences the other, and a consumer sees none of it."""
import contextlib
import shutil

import pytest

from support.kafka_consumer import Audit
from support.peerd import Peerd
from support.process import wait_for
from support.writer import Writer, create_table


@pytest.fixture
def world(new_world):
    return new_world("kafka")


@contextlib.contextmanager
def second_peerd(first):
    """Another process with a copy of the first one's data directory, made while the first one stands still."""
    second = Peerd(first.settings, start=False, name="second")
    shutil.copytree(first.data, second.data)
    try:
        yield second
    finally:
        if second.child and second.child.alive():
            second.terminate()


def test_an_older_process_that_wakes_up_is_fenced_and_stays_so(world):
    create_table(world.source, "public.items", 3000, world.source_db)
    audit = Audit(world.source, world.source_db, ["public.items"])
    world.start_mirror(["public.items"])
    since, first = audit.now(), world.peerd
    writer = Writer(world.source, "public.items", world.source_db, seed=41, rate=100, long_bytes=20_000)
    written = lambda: writer.counts().get("transactions", 0)
    wait_for("changes", lambda: written() > 100)
    # A large transaction is on its way: part of it is at the broker, its Kafka transaction open.
    world.sql("UPDATE items SET n = n + 1")
    first.child.sigstop()
    with second_peerd(first) as second:
        world.sql("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active AND database = current_database()")
        second.start()
        # RUNNING it is in its copy of the catalog from the first: that it has the mirror is told by what it applies.
        second.wait_caught_up(world.mirror_name, world.source, world.source_db)
        before = written()
        wait_for("changes by the second", lambda: written() > before + 100)
        first.child.sigcont()
        stopped = first.wait_state(world.mirror_name, "FAILED", 60)
        assert "another process" in stopped["last_error"] and world.mirror_name in stopped["last_error"], stopped
        before = written()
        wait_for("changes after that", lambda: written() > before + 200)
        writer.stop()
        world.peerd = second  # whose statements and views the world asks from here on
        assert world.settle_and_compare() > 2500
        assert audit.check(world.consumer(), since) > 300
        assert second.mirror(world.mirror_name)["last_error"] is None or second.mirror(world.mirror_name)["state"] == "RUNNING"
        assert first.mirror(world.mirror_name)["state"] == "FAILED"
        world.peerd = first

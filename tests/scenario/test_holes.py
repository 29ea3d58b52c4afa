"""The schedules that find lost, doubled and invented rows (rules.md, last section), on real servers."""
import contextlib
import os
import subprocess
import threading

import pytest

from support import packages
from support.postgres_server import PostgresServer
from support.process import temp_dir, wait_for
from support.writer import Writer, create_table

HOT_KEYS = """\\set k random(1, 5)
DELETE FROM hot WHERE id = :k;
INSERT INTO hot (id, v) VALUES (:k, :client_id) ON CONFLICT DO NOTHING;
UPDATE hot SET v = v + 1 WHERE id = :k;
"""


@pytest.mark.parametrize("older_index", [False, True])
def test_rows_deleted_and_inserted_by_many_clients(world, older_index):
    """Rule 1: of two changes the one that commits later wins, though its WAL may lie before the other's."""
    # A unique index older than the primary key is checked first: a key is seen twice for a moment.
    unique = "CREATE UNIQUE INDEX hot_older ON hot (id);" if older_index else ""
    world.sql(f"CREATE TABLE public.hot (id int NOT NULL, v bigint); {unique} ALTER TABLE hot ADD PRIMARY KEY (id)")
    world.sql("INSERT INTO hot SELECT g, 0 FROM generate_series(1, 5) g")
    world.start_mirror(["public.hot"])
    script = f"{temp_dir('pgbench')}/hot.sql"
    with open(script, "w") as file:
        file.write(HOT_KEYS)
    for _ in range(3):
        done = subprocess.run(
            [f"{packages.postgres_bin(15)}/pgbench", "-n", "-h", "127.0.0.1", "-p", str(world.source.port), "-U", "postgres",
             "-c", "24", "-j", "2", "-T", "4", "-f", script, world.source_db], capture_output=True, text=True,
            env={**os.environ, "PGPASSWORD": "postgres", "PGOPTIONS": "-c log_statement=none -c synchronous_commit=off"})
        assert "number of transactions actually processed" in done.stdout, done.stderr[-1000:]
        world.settle_and_compare()


def test_an_asynchronous_commit_that_dies_with_the_source_leaves_no_phantom(new_world, clickhouse, target):
    """Rule 10: a chunk counts only once the source has flushed what it saw."""
    own = PostgresServer("async", settings={"wal_writer_delay": "10s", "wal_writer_flush_after": "64MB", "fsync": "off",
                                            "checkpoint_timeout": "1h", "bgwriter_lru_maxpages": 0})
    for number, kind in enumerate(("clickhouse", "postgres")):
        world = new_world(kind, source=own)
        create_table(own, "public.items", 20_000, world.source_db)
        writer = Writer(own, "public.items", world.source_db, seed=number + 3, rate=400, long_bytes=2_000, synchronous_commit=False)
        wait_for("the writer to write", lambda: writer.counts().get("transactions", 0) > 100)
        world.create_peers()
        world.create_mirror(["public.items"], snapshot_num_rows_per_partition=500, snapshot_max_parallel_workers=2)
        for crash in range(3):
            wait_for("chunks or the stream", lambda: world.mirror()["chunks_done"] > 3 * (crash + 1) or world.mirror()["state"] == "RUNNING", 60, 0.01)
            own.kill9()
            own.start()
        world.wait_state("RUNNING")
        wait_for("the writer to come again", lambda: writer.counts()["reconnects"] > 0)
        writer.stop()
        world.settle_and_compare()
        world.drop()


def commit_until(world, released):
    """Again and again until one waits: that commits wait is told by the checkpointer, a while after sessions read the setting."""
    while not released.is_set():
        world.sql("INSERT INTO items (id, n) VALUES (900001, 1) ON CONFLICT (id) DO UPDATE SET n = 1; UPDATE items SET n = -5 WHERE id = 7")


def test_a_commit_that_waits_for_a_synchronous_standby_is_not_lost(new_world):
    """Rule 8: committed in WAL before the slot's start and still invisible: neither chunk nor stream would show it."""
    own = PostgresServer("sync", settings={"synchronous_standby_names": "absent"})
    for kind in ("postgres", "clickhouse"):
        with contextlib.closing(own.connect()) as free, free.cursor() as cursor:
            cursor.execute("SET synchronous_commit = local")
            cursor.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
        own.reload()
        wait_for("commits to be free", lambda: own.value("SHOW synchronous_standby_names") == "")
        world = new_world(kind, source=own)
        create_table(own, "public.items", 1000, world.source_db)
        world.create_peers()
        own.sql("ALTER SYSTEM SET synchronous_standby_names = 'absent'")
        own.reload()
        wait_for("commits to wait", lambda: own.value("SHOW synchronous_standby_names") == "absent")
        released = threading.Event()
        stuck = threading.Thread(target=commit_until, args=(world, released))
        stuck.start()
        wait_for("a commit that waits", lambda: own.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"))
        creating = threading.Thread(target=lambda: world.create_mirror(["public.items"]))
        creating.start()
        wait_for("the mirror to wait for it, and to say so", lambda: world.mirror() and any(
            word in world.mirror()["step"] for word in ("wait", "transaction")) and world.mirror(), 30)
        own.sql("SELECT pg_sleep(1)")  # time in which a mirror without the rule would have copied the table
        assert world.mirror()["chunks_done"] == 0, world.mirror()
        released.set()
        own.sql("ALTER SYSTEM SET synchronous_standby_names = ''")
        own.reload()
        stuck.join(120)
        creating.join(120)
        world.wait_state("RUNNING")
        assert world.settle_and_compare() == 1001
        world.drop()


def test_keys_that_wander_while_the_apply_is_held_after_the_last_chunk(new_world):
    """Rules 14 to 17: the target holds rows from the future; a long value must come from the right row."""
    from support.clickhouse_server import ClickHouseServer
    for kind in ("postgres", "clickhouse"):
        own = PostgresServer("held") if kind == "postgres" else ClickHouseServer("held")
        world = new_world(kind, target=own)
        create_table(world.source, "public.items", 20_000, world.source_db, long_every=4, long_bytes=3_000)
        writer = Writer(world.source, "public.items", world.source_db, seed=8, rate=150, long_bytes=20_000, window=60,
                        mix={"move": 5, "swap": 5, "chain": 5, "touch": 4, "update": 1, "again": 1, "insert": 1, "delete": 1})
        world.create_peers()
        world.create_mirror(["public.items"], snapshot_num_rows_per_partition=1000, snapshot_max_parallel_workers=2)
        # The last chunks are written, their changes are not yet applied: the target stands still, keys wander on.
        wait_for("nearly all chunks", lambda: (m := world.mirror())["chunks_total"] and m["chunks_done"] >= m["chunks_total"] - 1, 60, 0.005)
        own.sigstop()
        before = writer.counts()["transactions"]
        wait_for("keys to wander", lambda: writer.counts()["transactions"] > before + 700, 60)
        own.sigcont()
        world.wait_state("RUNNING")
        before = writer.counts()["transactions"]
        wait_for("more of it in the stream", lambda: writer.counts()["transactions"] > before + 200, 60)
        writer.stop()
        world.settle_and_compare()


def test_a_source_session_with_row_security_and_odd_defaults_copies_all_rows(new_world):
    """Rule 12: what peerd's own role has as defaults does not change what is read."""
    world = new_world("postgres")
    world.sql("""CREATE TABLE public.t (id int PRIMARY KEY, ts timestamptz, f float8, i interval, b bytea);
      INSERT INTO t SELECT g, '2024-01-02 03:04:05.678+00', g / 3.0, '1 day', '\\x00ff' FROM generate_series(1, 100) g""")
    role = f"odd_{world.source_db}"
    world.sql(f"""CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'odd'; ALTER ROLE {role} SET datestyle = 'German, DMY';
      ALTER ROLE {role} SET timezone = 'Asia/Tokyo'; ALTER ROLE {role} SET extra_float_digits = -5; ALTER ROLE {role} SET intervalstyle = 'sql_standard';
      ALTER ROLE {role} SET bytea_output = 'escape'; ALTER ROLE {role} SET search_path = nowhere; ALTER ROLE {role} SET default_transaction_isolation = 'serializable';
      ALTER ROLE {role} SET statement_timeout = '50ms'""")
    from support.world import options_text, postgres_options
    world.peerd.sql(f"CREATE PEER {world.source_peer} FROM POSTGRES WITH "
                    f"({options_text(postgres_options(world.source, world.source_db, user=role, password='odd'))})")
    world.peerd.sql(f"CREATE PEER {world.target_peer} FROM POSTGRES WITH ({options_text(postgres_options(world.target, world.target_db))})")
    world.create_mirror(["public.t"], "RUNNING")
    world.sql("UPDATE t SET f = f + 1 WHERE id % 2 = 0; INSERT INTO t VALUES (200, now(), 'NaN', '-1 mon', '\\x')")
    assert world.settle_and_compare() == 101
    world.drop()
    world.peerd.terminate()
    world.sql(f"DROP ROLE {role}")


def test_inherited_tables_are_read_leaf_by_leaf_as_the_stream_sends_them(new_world):
    """Rule 12: `FROM ONLY`: a child's rows are the child's."""
    world = new_world("postgres")
    world.sql("""CREATE TABLE public.parent (id int PRIMARY KEY, v text); CREATE TABLE public.child () INHERITS (parent);
      ALTER TABLE child ADD PRIMARY KEY (id);
      INSERT INTO parent VALUES (1, 'p'); INSERT INTO child VALUES (2, 'c')""")
    world.start_mirror(["public.parent", "public.child"])
    world.wait_caught_up()
    assert world.at_target('SELECT id FROM parent') == [(1,)] and world.at_target('SELECT id FROM child') == [(2,)]

    def said():
        return [row["message"] for row in world.peerd.rows("SELECT message FROM mirror_logs") if "children by inheritance" in row["message"]]

    assert not said()
    world.drop()
    world.at_target("DROP TABLE parent, child")
    world.sql("CREATE TABLE grandchild () INHERITS (child)")
    world.create_mirror(["public.parent"], "RUNNING")
    told = wait_for("a word on the children", said, 30)
    assert len(told) == 1 and "public.child, public.grandchild" in told[0], told
    world.wait_caught_up()
    world.peerd.restart()
    world.wait_caught_up()
    assert len(said()) == 1

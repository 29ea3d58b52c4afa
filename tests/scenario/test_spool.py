"""The spool: what is received lies on peerd's disk before the target has it, and the source lets go of its WAL."""
import contextlib
import itertools
import os
import random
import stat
import threading
import time

import pytest

from support.clickhouse_server import ClickHouseServer
from support.killing import kills
from support.peerd import lsn
from support.postgres_server import PostgresServer
from support.process import wait_for
from support.writer import Writer, create_table

KILLS = kills(few=3, many=20)


def target_of(kind):
    return PostgresServer("target", settings={"fsync": "off"}) if kind == "postgres" else ClickHouseServer()


def spool_of(world):
    return os.path.join(world.peerd.data, "spool")


def files_of(world):
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(spool_of(world)) for name in names)


def unconfirmed(world):
    """What the source has to keep for the mirror, in bytes."""
    return int(world.sql("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn) FROM pg_replication_slots "
                         "WHERE database = current_database()")[0][0])


def wait_confirmed(world, timeout=60):
    """Until the source was told that all it has now is safe. Returns that position."""
    end = world.sql("SELECT pg_current_wal_insert_lsn()::text")[0][0]
    world.sql("SELECT pg_logical_emit_message(true, 'peerd_test', 'mark'); UPDATE items SET n = n WHERE id = (SELECT min(id) FROM items)")

    def told():
        assert world.mirror()["state"] == "RUNNING", world.mirror()
        return lsn(world.sql("SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE database = current_database()")[0][0]) >= lsn(end)
    wait_for(f"the slot to be told of {end}", told, timeout, 0.1)
    return end


@pytest.mark.parametrize("kind", [pytest.param("postgres", marks=pytest.mark.full), "clickhouse"])
def test_the_slot_advances_while_the_target_is_down(new_world, kind):
    world = new_world(kind, target=target_of(kind))
    create_table(world.source, "public.items", 2000, world.source_db, long_every=20)
    create_table(world.source, "public.more", 300, world.source_db)
    world.start_mirror(["public.items", "public.more"], spool="always", max_batch_size=500)
    world.wait_caught_up()
    writer = Writer(world.source, "public.items", world.source_db, seed=5, rate=80)
    world.target.kill9()
    wait_for("the failure to show", lambda: world.mirror()["health"] == "retrying", 60)
    wait_confirmed(world)
    # A long transaction, a table emptied, a column that comes, values that are not in the WAL: all of it in the spool.
    world.sql("INSERT INTO items (id, n, body) SELECT g, 1, repeat(md5(g::text), 200) FROM generate_series(500000, 506000) g")
    world.sql("TRUNCATE more; INSERT INTO more (id, n) SELECT g, g FROM generate_series(1, 50) g")
    world.sql("UPDATE items SET n = n + 1 WHERE id % 20 = 0; UPDATE items SET id = id + 1000000 WHERE id % 40 = 0 AND id < 400000")
    wait_confirmed(world)
    world.peerd.kill9()
    world.peerd.start()
    world.sql("ALTER TABLE items ADD COLUMN extra int DEFAULT 7; UPDATE items SET extra = id % 5 WHERE id % 3 = 0")
    world.sql("UPDATE items SET price = price + 1 WHERE id % 20 = 1")
    wait_confirmed(world)
    writer.stop()
    end = wait_confirmed(world)
    row = world.mirror()
    assert row["state"] == "RUNNING" and row["health"] == "retrying", row
    assert lsn(row["applied_lsn"]) < lsn(end) and row["spool_bytes"] > 100_000, row
    wait_for("the spool to be told of", lambda: "spool" in world.mirror()["step"], 30)  # Between two attempts, not in one.
    for path in files_of(world):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
    world.target.start()
    world.settle_and_compare()
    world.peerd.restart()
    world.sql("DELETE FROM items WHERE id % 7 = 0; UPDATE items SET n = n + 1 WHERE id % 11 = 0")
    world.settle_and_compare()
    assert world.mirror()["spool_bytes"] < 80_000_000
    world.drop()
    assert files_of(world) == [] and world.slots() == []


def statement(world, text):
    """Its notices."""
    with contextlib.closing(world.peerd.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(text)
        return "".join(connection.notices)


@pytest.mark.parametrize("kind", [pytest.param("postgres", marks=pytest.mark.full), "clickhouse", pytest.param("kafka", marks=pytest.mark.full)])
def test_a_paused_mirror_goes_on_receiving_and_resume_applies_all_of_it(new_world, kind):
    world = new_world(kind, source=PostgresServer("source", settings={"fsync": "off"}))
    create_table(world.source, "public.items", 1500, world.source_db, long_every=20)
    world.start_mirror(["public.items"], max_batch_size=300)
    world.wait_caught_up()
    receive = f"PAUSE MIRROR {world.mirror_name} WITH (receive = true)"
    with pytest.raises(Exception, match="has no spool to receive into: spool = 'off'") as refused:
        world.peerd.sql(receive)
    assert "SET (spool = 'when_needed')" in str(refused.value) and world.mirror()["state"] == "RUNNING"
    notice = statement(world, f"PAUSE MIRROR {world.mirror_name}")
    assert "MB of WAL at peer" in notice and "receive = true" in notice and "max_slot_wal_keep_size" in notice, notice
    world.resume()
    world.peerd.sql(f"ALTER MIRROR {world.mirror_name} SET (spool = 'when_needed')")
    writer = Writer(world.source, "public.items", world.source_db, seed=8, rate=100)
    assert "goes on receiving into its spool" in statement(world, receive)
    applied = world.mirror()["applied_lsn"]
    moments = random.Random(31)
    wait_kill = lambda: time.sleep(moments.uniform(0.05, 0.7))  # Where the kill falls is what varies.

    def wait_told():
        """Until the source was told of all it has now, of a mirror that is paused."""
        end = world.sql("SELECT pg_current_wal_insert_lsn()::text")[0][0]
        wait_for(f"the slot to be told of {end}", lambda: lsn(world.sql(
            "SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE database = current_database()")[0][0]) >= lsn(end), 60, 0.1)

    wait_told()
    for i in range(KILLS):
        wait_kill()
        world.peerd.kill9()
        if i % 3 == 1:
            world.source.kill9()
            world.source.start()
        world.peerd.start()
    if kind != "kafka":  # Whose messages of before stay as they were.
        world.sql("ALTER TABLE items ADD COLUMN extra int DEFAULT 7")
    world.sql("INSERT INTO items (id, n, body) SELECT g, 1, repeat(md5(g::text), 100) FROM generate_series(500000, 502000) g")
    wait_told()
    row = world.mirror()
    assert row["state"] == "PAUSED" and row["applied_lsn"] == applied, row
    wait_for("what it does to be told", lambda: world.mirror()["step"].startswith("paused: receiving into the spool"), 30)
    world.peerd.sql(f"PAUSE MIRROR {world.mirror_name}")
    wait_for("the receiving to end", lambda: "keeps WAL" in world.mirror()["step"], 30)
    world.peerd.sql(receive)
    wait_told()
    world.resume()
    wait_kill()
    world.peerd.kill9()  # While it drains.
    world.peerd.start()
    writer.stop()
    rows = world.settle_and_compare(240)
    assert rows > 2000


def test_kafka_gets_every_change_once_out_of_the_spool(new_world):
    world = new_world("kafka")
    create_table(world.source, "public.items", 500, world.source_db, long_every=20)
    world.start_mirror(["public.items"], spool="always", max_batch_size=200)
    world.wait_caught_up()
    writer = Writer(world.source, "public.items", world.source_db, seed=6, rate=60)
    moments = random.Random(4)
    for _ in range(KILLS):
        time.sleep(moments.uniform(0.1, 0.7))  # Where the kill falls is what varies.
        world.peerd.kill9()
        world.peerd.start()
    world.pause()
    world.resume()
    writer.stop()
    world.settle_and_compare()


@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_kills_while_it_fills_and_drains_lose_double_and_invent_nothing(new_world, kind):
    source = PostgresServer("source", settings={"fsync": "off"})
    world = new_world(kind, source=source, target=target_of(kind))
    create_table(source, "public.items", 3000, world.source_db, long_every=20)
    world.start_mirror(["public.items"], spool="always", max_batch_size=300)
    world.wait_caught_up()
    writer = Writer(source, "public.items", world.source_db, seed=7, rate=100)
    moments = random.Random(23)
    wait_kill = lambda: time.sleep(moments.uniform(0.05, 0.9))  # Where the kill falls is what varies.
    for i in range(KILLS):
        world.target.kill9()
        wait_kill()
        world.peerd.kill9()  # While it fills.
        world.peerd.start()
        world.sql(f"UPDATE items SET n = n + 1 WHERE id % 9 = {i % 9}")
        wait_kill()
        if i % 3 == 0:
            source.kill9()
            source.start()
        world.target.start()
        wait_kill()
        world.peerd.kill9()  # While it drains.
        world.peerd.start()
        if i % 4 == 1:
            wait_kill()
            world.target.kill9()
            world.target.start()
        print(f"round {i}: applied {world.mirror()['applied_lsn']} spool {world.mirror()['spool_bytes']}", flush=True)
    writer.stop()
    rows = world.settle_and_compare(240)
    assert rows > 2000


def test_more_wal_than_the_budget_goes_into_the_spool_and_past_it_again(new_world):
    budget = 8_000_000
    world = new_world("postgres", target=target_of("postgres"))
    create_table(world.source, "public.items", 500, world.source_db)
    world.start_mirror(["public.items"], spool="when_needed", wal_budget_bytes=budget)
    world.wait_caught_up()
    assert files_of(world) == []
    world.target.kill9()
    kept = []
    for i in range(12):
        world.sql("INSERT INTO items (id, n, body) SELECT g, 1, repeat(md5(g::text), 60) FROM generate_series(%s, %s) g",
                  (10_000 + i * 1000, 10_999 + i * 1000))
        # The next when the last is with peerd or within the budget: what is shown is that it stays bounded.
        wait_for("the WAL that is kept to be within the budget", lambda: unconfirmed(world) < budget, 60, 0.1)
        kept.append(unconfirmed(world))
    print("kept, MB: " + " ".join(f"{size / 1e6:.1f}" for size in kept))
    assert max(kept) < budget and world.mirror()["spool_bytes"] > 100_000
    assert any("received into the spool" in row["message"] for row in world.peerd.rows(
        "SELECT message FROM mirror_logs WHERE mirror = %s", (world.mirror_name,)))
    world.target.start()
    begin = time.monotonic()
    world.settle_and_compare()
    print(f"12,000 rows drained in {time.monotonic() - begin:.1f} s")
    wait_for("the stream past the spool", lambda: "spool" not in world.mirror()["step"], 60)
    world.sql("UPDATE items SET n = n + 1 WHERE id % 10 = 0")
    world.settle_and_compare()


class Load(threading.Thread):
    """So many changes a second at the source, inserts, updates and deletes, ten transactions a second; kept: samples of what
    the source has to keep, as (seconds, bytes)."""

    def __init__(self, world, rate):
        super().__init__()
        self.world, self.rate, self.changes, self.kept, self.ends, self.failure = world, rate, 0, [], threading.Event(), None
        self.start()

    def run(self):
        try:
            with contextlib.closing(self.world.source.connect(self.world.source_db)) as connection, connection.cursor() as cursor:
                self.write(cursor)
        except Exception as error:  # noqa: BLE001 - the test tells it
            self.failure = error

    def write(self, cursor):
        begin, portion, fresh = time.monotonic(), self.rate // 10, 1_000_000
        for turn in itertools.count():
            cursor.execute("BEGIN; INSERT INTO items (id, n, body) SELECT g, 1, md5(g::text) FROM generate_series(%s, %s) g; "
                           "UPDATE items SET n = n + 1 WHERE id BETWEEN %s AND %s; DELETE FROM items WHERE id BETWEEN %s AND %s; COMMIT",
                           (fresh, fresh + portion // 2 - 1, fresh - portion * 4, fresh - portion * 4 + portion * 2 // 5 - 1,
                            fresh - portion * 6, fresh - portion * 6 + portion // 10 - 1))
            fresh += portion // 2
            self.changes += portion
            if turn % 5 == 0:
                cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn), pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) "
                               "FROM pg_replication_slots WHERE database = current_database()")
                self.kept.append((time.monotonic() - begin, *map(int, cursor.fetchone())))
            if self.ends.wait(max(0.0, begin + (turn + 1) / 10 - time.monotonic())):
                return

    def end(self):
        self.ends.set()
        self.join()
        if self.failure:
            raise self.failure

    def plot(self, budget):
        step = max(1, len(self.kept) // 40)
        for at, kept, restart in self.kept[::step]:
            print(f"{at:6.1f} s {kept / 1e6:7.2f} MB of {budget / 1e6:.0f} ({restart / 1e6:6.1f} from restart_lsn on) {'#' * int(40 * kept / (2 * budget))}")


@pytest.mark.parametrize("kind, seconds, rate, budget", [
    ("postgres", 4, 3000, 4_000_000),
    pytest.param("postgres", 600, 5000, 64_000_000, marks=pytest.mark.full),
    pytest.param("clickhouse", 600, 5000, 64_000_000, marks=pytest.mark.full)])
def test_under_load_the_source_keeps_less_than_twice_the_budget(new_world, kind, seconds, rate, budget):
    world = new_world(kind, target=target_of(kind))
    create_table(world.source, "public.items", 500, world.source_db)
    world.start_mirror(["public.items"], spool="when_needed", wal_budget_bytes=budget)
    world.wait_caught_up()
    load = Load(world, rate)
    world.target.kill9()
    wait_for("the spool to be used", lambda: world.mirror()["spool_bytes"] > 0, 120)
    time.sleep(seconds)  # The target is down for so long: what is kept meanwhile is what is looked at.
    row = world.mirror()
    load.plot(budget)
    world.target.start()
    load.end()
    begin, waiting = time.monotonic(), world.mirror()["spool_bytes"]
    rows = world.settle_and_compare(600)
    took = time.monotonic() - begin
    print(f"{load.changes:,} changes in {load.kept[-1][0]:.0f} s; {waiting / 1e6:.1f} MB of spool drained in {took:.1f} s: "
          f"about {load.changes / took:,.0f} changes/s; {rows:,} rows compared")
    assert row["spool_bytes"] > 50_000 and row["state"] == "RUNNING", row
    most = max(kept for _, kept, _ in load.kept)
    assert most < 2 * budget, f"the source had to keep {most / 1e6:.1f} MB, the budget is {budget / 1e6:.0f} MB"


def write_what_does_not_shrink(world, rounds, lines):
    """A hundred rows each round, of so many random lines."""
    for i in range(rounds):
        world.sql(f"INSERT INTO items (id, n, body) SELECT g, 1, (SELECT string_agg(md5(random()::text), '') FROM generate_series(1, {lines}) WHERE g > 0) "
                  "FROM generate_series(%s, %s) g", (1000 + i * 100, 1099 + i * 100))


def test_a_spool_that_is_full_waits_and_goes_on(new_world):
    world = new_world("postgres", target=target_of("postgres"))
    create_table(world.source, "public.items", 100, world.source_db)
    world.start_mirror(["public.items"], spool="always", spool_max_bytes=2_000_000, max_batch_size=100)
    world.wait_caught_up()
    world.target.kill9()
    write_what_does_not_shrink(world, 40, 40)
    row = wait_for("the spool to be full", lambda: (row := world.mirror()) and "spool_max_bytes" in row["step"] and row, 60)
    assert row["state"] == "RUNNING" and row["spool_bytes"] <= 2_000_000, row
    world.target.start()
    world.settle_and_compare()
    assert any("room again" in line["message"] for line in world.peerd.rows(
        "SELECT message FROM mirror_logs WHERE mirror = %s", (world.mirror_name,)))


@pytest.mark.parametrize("kind", ["postgres", pytest.param("clickhouse", marks=pytest.mark.full)])
def test_a_slot_is_given_up_when_asked_for_and_resync_mends_it(new_world, kind):
    world = new_world(kind, target=target_of(kind))
    create_table(world.source, "public.items", 300, world.source_db)
    with pytest.raises(Exception, match="on_spool_full is 'wait' or 'drop_slot'"):
        world.start_mirror(["public.items"], spool="when_needed", on_spool_full="drop")
    with pytest.raises(Exception, match="on_spool_full = 'drop_slot' needs a spool"):
        world.create_mirror(["public.items"], on_spool_full="drop_slot")
    world.create_mirror(["public.items"], "RUNNING", spool="when_needed", wal_budget_bytes=1_000_000, spool_max_bytes=1_000_000,
                        max_batch_size=100, on_spool_full="drop_slot")
    world.wait_caught_up()
    world.target.kill9()
    write_what_does_not_shrink(world, 30, 80)
    row = wait_for("the spool to be full", lambda: (row := world.mirror()) and "the slot is dropped" in row["step"] and row, 60)
    assert "spool_max_bytes" in row["step"] and row["state"] == "RUNNING" and world.slots(), row
    world.peerd.kill9()  # It may come anywhere: a start goes on to the same end.
    world.peerd.start()
    row = world.wait_state("FAILED", 120)
    print(row["last_error"], "|", row["last_error_hint"])
    assert world.slots() == [] and files_of(world) == []
    assert "slot was dropped" in row["last_error"] and f"RESYNC MIRROR {world.mirror_name}" in row["last_error_hint"], row
    lines = [line["message"] for line in world.peerd.rows("SELECT message FROM mirror_logs WHERE mirror = %s ORDER BY id", (world.mirror_name,))]
    places = [next(i for i, line in enumerate(lines) if words in line)
              for words in ("are received into the spool", "nothing more is received", "the slot is dropped, as on_spool_full says")]
    assert places == sorted(places), lines
    world.target.start()
    world.resume()
    world.wait_state("FAILED", 60)
    assert world.slots() == [], "there is nothing to go on from"
    world.sql("DELETE FROM items WHERE id % 3 = 0")
    world.peerd.sql(f"RESYNC MIRROR {world.mirror_name}")
    world.wait_state("RUNNING", 60)
    world.sql("UPDATE items SET n = n + 1 WHERE id % 7 = 0")
    world.settle_and_compare()


@pytest.mark.parametrize("how", [pytest.param("gone", marks=pytest.mark.full), pytest.param("torn", marks=pytest.mark.full), "flipped"])
def test_a_damaged_spool_is_told_and_resync_cures_it(new_world, how):
    world = new_world("postgres", target=target_of("postgres"))
    create_table(world.source, "public.items", 300, world.source_db)
    world.start_mirror(["public.items"], spool="always")
    world.wait_caught_up()
    world.target.kill9()
    world.sql("UPDATE items SET n = n + 1; DELETE FROM items WHERE id % 3 = 0")
    wait_confirmed(world)
    world.peerd.kill9()
    path = files_of(world)[-1]
    with open(path, "r+b") as file:
        size = os.path.getsize(path)
        file.seek(size // 2)
        byte = file.read(1)[0]
        file.seek(size // 2)
        if how == "torn":
            file.truncate()
        if how == "flipped":
            file.write(bytes([byte ^ 4]))
    if how == "gone":
        for path in files_of(world):
            os.remove(path)
    world.target.start()
    world.peerd.start()
    row = world.wait_state("FAILED", 60)
    print(row["last_error"])
    assert spool_of(world) in row["last_error"] and f"RESYNC MIRROR {world.mirror_name}" in row["last_error_hint"], row
    world.peerd.sql(f"RESYNC MIRROR {world.mirror_name}")
    world.wait_state("RUNNING", 60)
    world.settle_and_compare()


def test_tables_come_and_go_with_a_spool_that_is_not_empty(new_world):
    world = new_world("postgres")
    for table in ("public.items", "public.more", "public.third"):
        create_table(world.source, table, 300, world.source_db)
    world.start_mirror(["public.items", "public.more"], spool="always")
    world.wait_caught_up()
    with contextlib.closing(world.target.connect(world.target_db, autocommit=False)) as holder:
        holder.cursor().execute("LOCK TABLE items, more IN SHARE MODE")
        world.sql("UPDATE items SET n = n + 1; UPDATE more SET n = n + 1; DELETE FROM more WHERE id % 5 = 0; DELETE FROM items WHERE id % 5 = 1")
        wait_confirmed(world)
        world.peerd.sql(f"ALTER MIRROR {world.mirror_name} DROP TABLE public.more")
        world.peerd.sql(f"RESYNC TABLE public.items OF {world.mirror_name}")
        world.sql("UPDATE items SET n = n + 1; DELETE FROM items WHERE id % 5 = 2")
        wait_for("the stream to end", lambda: world.mirror()["state"] == "SNAPSHOT" and not world.mirror()["step"].startswith("stream"), 60)
    world.wait_state("RUNNING", 60)
    world.tables = ["public.items"]
    world.settle_and_compare()
    assert world.at_target("SELECT count(*) FROM more")[0][0] == 300, "what was spooled of a table that left is left out"
    world.peerd.sql(f"ALTER MIRROR {world.mirror_name} ADD TABLE public.third:public.third")
    world.tables.append("public.third")
    world.pause()
    world.sql("UPDATE third SET n = n + 1; UPDATE items SET n = n + 1")
    world.resume()
    world.wait_state("RUNNING", 60)
    world.settle_and_compare()


def test_what_the_option_cannot_be_is_refused(new_world):
    world = new_world("postgres")
    create_table(world.source, "public.items", 5, world.source_db)
    world.create_peers()
    with pytest.raises(Exception, match="'off', 'when_needed' or 'always'"):
        world.create_mirror(["public.items"], spool="allways")
    assert world.slots() == []

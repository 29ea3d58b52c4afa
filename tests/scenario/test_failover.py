"""The source fails over to a physical standby that is promoted (docs/adr/0021)."""
import psycopg2
import pytest

from support.postgres_server import PostgresServer, Standby
from support.process import wait_for
from support.world import options_text
from support.writer import Writer, create_table

full = pytest.mark.full


def make_pair(major=18, guarded=True):
    """`guarded`: walsenders send nothing that the standby has not."""
    primary = PostgresServer("primary", major, settings={"fsync": "off"})
    standby = Standby(primary)
    if guarded:
        primary.configure({"synchronized_standby_slots": "standby"})
        primary.reload()
    return primary, standby


def make_worlds(new_world, primary, kinds=("postgres", "clickhouse"), rows=2_000):
    """One peerd, one mirror for each kind."""
    worlds = [new_world(kinds[0], source=primary)]
    worlds += [new_world(kind, source=primary, peerd=worlds[0].peerd) for kind in kinds[1:]]
    for world in worlds:
        create_table(primary, "public.items", rows, world.source_db)
        world.sql("CREATE TABLE emptied (id int PRIMARY KEY, v text); INSERT INTO emptied SELECT g, 'v' FROM generate_series(1, 50) g")
        world.start_mirror(["public.items", "public.emptied"])
    return worlds


def touch(world):
    world.sql("UPDATE items SET n = n + 1 WHERE id % 7 = 0; DELETE FROM items WHERE id % 31 = 0; UPDATE items SET id = -id WHERE id % 29 = 0")


def refused(world, why):
    failed = world.wait_state("FAILED")
    assert why in failed["last_error"] and "RESYNC MIRROR" in failed["last_error_hint"], failed


def copied_anew(world):
    world.peerd.sql(f"RESYNC MIRROR {world.mirror_name}")
    world.wait_state("RUNNING")
    touch(world)
    world.settle_and_compare()


def keep_slots(worlds, standby):
    def write():
        for world in worlds:
            world.sql("UPDATE items SET n = n + 1 WHERE id = 1")
    standby.keep(worlds[0].source, [world.slots()[0] for world in worlds], write)
    for world in worlds:
        touch(world)
        world.settle_and_compare()
    standby.wait_replayed(worlds[0].source)


def lead_to(world, server):
    world.peerd.sql(f"ALTER PEER {world.source_peer} SET (host = '{server.host}', port = {server.port})")
    world.source = server


def test_a_promoted_standby_that_kept_the_slot_is_followed(new_world):
    primary, standby = make_pair()
    worlds = make_worlds(new_world, primary)
    peerd = worlds[0].peerd
    # One peer is led there, the other finds it.
    peerd.sql(f"ALTER PEER {worlds[1].source_peer} SET (host = '{primary.host},{standby.host}')")
    keep_slots(worlds, standby)
    writers = [Writer(primary, "public.items", world.source_db, rate=100) for world in worlds]
    wait_for("changes", lambda: all(writer.counts()["transactions"] > 30 for writer in writers))
    worlds[1].sql("TRUNCATE emptied; INSERT INTO emptied VALUES (1, 'again')")
    primary.kill9()
    for writer in writers:
        writer.child.terminate()
    peerd.kill9()
    peerd.start()
    # A standby is waited for, and taken for none that could be asked.
    with pytest.raises(psycopg2.Error, match="standby"):
        lead_to(worlds[0], standby)
    standby.promote()
    lead_to(worlds[0], standby)
    worlds[1].source = standby
    for world in worlds:
        touch(world)
        world.settle_and_compare()
        assert [line for line in world.logs() if "failed over to another server: the mirror goes on" in line], world.logs()
    # The old primary comes back, with changes of its own, where one peer looks first: nothing of it is taken.
    primary.start()
    primary.sql("UPDATE items SET n = -1", dbname=worlds[1].source_db)
    peerd.kill9()
    peerd.start()
    failed = worlds[1].wait_state("FAILED")
    assert "earlier primary" in failed["last_error"], failed
    primary.stop()
    worlds[1].resume()
    for world in worlds:
        touch(world)
        world.settle_and_compare()


def test_a_standby_that_lacks_what_was_applied_is_refused_and_a_resync_cures(new_world):
    primary, standby = make_pair(guarded=False)
    worlds = make_worlds(new_world, primary)
    keep_slots(worlds, standby)
    standby.stop()
    for world in worlds:
        world.sql("INSERT INTO items (id, n) VALUES (1000001, 1)")
        world.wait_caught_up()
    primary.kill9()
    standby.start()
    standby.promote()
    for world in worlds:
        lead_to(world, standby)
        refused(world, "lacks what the mirror has applied")
    standby.sql("SELECT pg_switch_wal(); SELECT pg_logical_emit_message(false, 'x', repeat('x', 9000)); SELECT pg_switch_wal()")
    for world in worlds:
        assert world.at_target(f"SELECT id FROM {world.target_name('public.items')} WHERE id = 1000001"), "it stays until it is copied anew"
        copied_anew(world)


@full
def test_a_copy_that_was_under_way_begins_anew(new_world):
    primary, standby = make_pair(major=17, guarded=False)
    world = new_world("clickhouse", source=primary)
    create_table(primary, "public.items", 20_000, world.source_db)
    world.hold_copy(3)
    world.create_peers()
    # Beside the copy: of a slot that nobody reads a standby takes no note for good once anything is written.
    world.create_mirror(["public.items"], snapshot_num_rows_per_partition=2000, snapshot_max_parallel_workers=1, spool="always")
    world.wait_chunks(2)
    standby.keep(primary, world.slots(), lambda: world.sql("UPDATE items SET n = n + 1 WHERE id = 1"))
    standby.wait_replayed(primary)
    primary.kill9()
    standby.promote()
    lead_to(world, standby)
    touch(world)
    world.gate.open()
    world.wait_state("RUNNING")
    assert [line for line in world.logs() if "copied from its start again" in line], world.logs()
    world.settle_and_compare()


@full
def test_a_stream_that_is_held_for_a_standby_says_so(new_world):
    primary, standby = make_pair()
    world = make_worlds(new_world, primary, ("postgres",))[0]
    keep_slots([world], standby)
    standby.stop()
    world.sql("UPDATE items SET n = n + 1")
    held = wait_for("the step to say so", lambda: (row := world.mirror()) and "synchronized_standby_slots (standby)" in row["step"] and row, 60)
    assert held["state"] == "RUNNING", held
    standby.start()
    world.settle_and_compare()
    wait_for("the step to be another", lambda: "synchronized_standby_slots" not in world.mirror()["step"], 60)


@full
def test_a_slot_that_no_standby_keeps_is_refused(new_world):
    primary, standby = make_pair(major=16, guarded=False)
    world = make_worlds(new_world, primary, ("postgres",))[0]
    touch(world)
    world.settle_and_compare()
    world.pause()
    standby.wait_replayed(primary)
    primary.kill9()
    standby.promote()
    lead_to(world, standby)
    world.resume()
    refused(world, "does not exist")
    copied_anew(world)


@full
def test_a_query_is_followed_where_all_of_it_is_replaced(new_world):
    primary, standby = make_pair(major=16, guarded=False)
    world = new_world("postgres", source=primary)
    create_table(primary, "public.items", 500, world.source_db)
    world.create_peers()
    common = {"refresh_interval": 1, "num_rows_per_partition": 100}
    watermark = {**common, "watermark_table_name": "public.items", "watermark_column": "id", "mode": "append"}
    for name, query, options in (("whole", "SELECT id, n FROM public.items", {**common, "mode": "overwrite"}),
                                 ("more", "SELECT id, n FROM public.items WHERE id BETWEEN {{.start}} AND {{.end}}", watermark)):
        world.peerd.sql(f"CREATE MIRROR {name} FROM {world.source_peer} TO {world.target_peer} FOR $q${query}$q$ WITH "
                        f"({options_text({**options, 'destination_table_name': 'public.' + name})})")
        world.peerd.wait_state(name, "RUNNING")
    standby.wait_replayed(primary)
    primary.kill9()
    standby.promote()
    lead_to(world, standby)
    failed = world.peerd.wait_state("more", "FAILED")
    assert "timeline" in failed["last_error"] and "drop the mirror" in failed["last_error_hint"], failed
    world.sql("UPDATE items SET n = -n; DELETE FROM items WHERE id < 50")
    rows = lambda: world.at_target("SELECT id, n FROM public.whole ORDER BY id")
    wait_for("the new primary's rows", lambda: rows() == world.sql("SELECT id, n FROM items ORDER BY id"), 60)

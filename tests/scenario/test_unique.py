"""Unique indexes and exclusion constraints of a Postgres target against the source's, and what else a target cannot hold."""
import contextlib
import random
import threading

import psycopg2
import pytest

from support.process import wait_for

COLUMNS = 'id int PRIMARY KEY, code int, mail text, note text'
OWN = ', "_PEERDB_IS_DELETED" boolean, "_PEERDB_SYNCED_AT" timestamptz'


def refused(world, mapping, options=""):
    with pytest.raises(psycopg2.Error) as caught:
        world.peerd.sql(f"CREATE MIRROR {world.mirror_name} FROM {world.source_peer} TO {world.target_peer} "
                        f"WITH TABLE MAPPING ({mapping}) {options}")
    assert world.slots() == [] and world.publications() == [] and world.peerd.rows("SELECT name FROM mirrors") == []
    return caught.value.diag.message_primary, caught.value.diag.message_hint or ""


def test_an_index_that_the_source_lacks_is_refused_and_found_when_it_comes_later(new_world):
    world = new_world("postgres")
    world.sql(f"CREATE TABLE items ({COLUMNS}); INSERT INTO items SELECT g, g, 'x', 'n' FROM generate_series(1, 100) g")
    world.at_target(f"CREATE TABLE items ({COLUMNS}{OWN}); ALTER TABLE items ADD CONSTRAINT one_mail UNIQUE (mail)")
    world.create_peers()
    message, hint = refused(world, "public.items:public.items")
    assert "one_mail" in message and "ALTER TABLE public.items DROP CONSTRAINT one_mail" in hint, (message, hint)
    assert world.at_target("SELECT to_regnamespace('_peerd')::text") == [(None,)]
    world.at_target("ALTER TABLE public.items DROP CONSTRAINT one_mail")
    world.create_mirror(["public.items"], "RUNNING")
    assert world.settle_and_compare() == 100
    # While the stream runs: a clash tells of it, by name, and no row is lost.
    world.at_target("CREATE UNIQUE INDEX one_code ON items (code)")
    world.sql("INSERT INTO items SELECT g, 7, 'y', 'm' FROM generate_series(201, 300) g")
    failed = world.wait_state("FAILED", 60)
    assert "one_code" in failed["last_error"] and "DROP INDEX public.one_code" in failed["last_error_hint"], failed
    world.at_target("DROP INDEX one_code")
    world.resume()
    world.wait_state("RUNNING", 60)
    assert world.settle_and_compare() == 200
    # While it is paused: the start sees it, though nothing clashes.
    world.pause()
    world.at_target("CREATE UNIQUE INDEX one_note ON items (id, lower(note)); CREATE UNIQUE INDEX whole ON items ((code + id))")
    world.resume()
    failed = world.wait_state("FAILED", 60)
    assert "whole" in failed["last_error"], failed
    # Unless the source has come to have it as well.
    world.sql("CREATE UNIQUE INDEX whole ON items ((code + id))")
    world.resume()
    world.wait_state("RUNNING", 60)
    world.sql("INSERT INTO items VALUES (1000, 1000, 'z', 'z')")
    assert world.settle_and_compare() == 201


KEEPS_APART = """CREATE UNIQUE INDEX ON items (code);
  CREATE UNIQUE INDEX ON items (lower(mail)) WHERE note <> 'none';
  ALTER TABLE items ADD EXCLUDE USING gist (spot WITH &&);
  ALTER TABLE items ADD UNIQUE (place) DEFERRABLE"""


def swap(a, b):
    return f"""BEGIN; CREATE TEMP TABLE was ON COMMIT DROP AS SELECT * FROM items WHERE id IN ({a}, {b});
      UPDATE items SET code = -id, mail = id || '@', spot = int4range(-2 * id, -2 * id + 1), place = -id WHERE id IN ({a}, {b});
      UPDATE items i SET code = w.code, mail = w.mail, spot = w.spot, place = w.place FROM was w
        WHERE i.id IN ({a}, {b}) AND i.id <> w.id; COMMIT"""


def take_over(a, b):
    return f"""BEGIN; INSERT INTO later SELECT * FROM items WHERE id = {a}; DELETE FROM items WHERE id = {a};
      UPDATE items SET id = {a} WHERE id = {b}; INSERT INTO items SELECT {b}, code, mail, note, long, spot, place FROM later;
      DELETE FROM later; COMMIT"""


def wander(world, stop, seed, done):
    """Values that are kept apart change their rows, in whole transactions, for as long as the copy lasts."""
    chance = random.Random(seed)
    with contextlib.closing(world.source.connect(dbname=world.source_db)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        while not stop.is_set():
            a, b = chance.sample(range(1, 4001), 2)
            statement = [swap(a, b), take_over(a, b), f"UPDATE items SET note = 'none', mail = 'same' WHERE id = {a}",
                         f"UPDATE items SET note = 'n' || note WHERE id = {a} AND note <> 'none'"][chance.randrange(4)]
            try:
                cursor.execute(statement)
                done.append(1)
            except psycopg2.Error:  # Two of them met.
                cursor.execute("ROLLBACK")


@pytest.mark.parametrize("soft", [True, False])
def test_values_that_are_kept_apart_change_their_rows_during_the_copy(new_world, soft):
    world = new_world("postgres")
    columns = COLUMNS + ", long text, spot int4range, place int"
    world.sql(f"CREATE TABLE items ({columns}); {KEEPS_APART}; CREATE TABLE later (LIKE items)")
    world.sql("""INSERT INTO items SELECT g, g, 'M' || g || '@x', 'n', repeat(md5(g::text), 100), int4range(2 * g, 2 * g + 2), g
                 FROM generate_series(1, 4000) g""")
    # As pg_dump would have it, which knows nothing of columns that are peerd's.
    world.at_target(f"CREATE TABLE items ({columns}{OWN if soft else ''}); {KEEPS_APART}")
    options = {} if soft else {"soft_delete_col_name": "", "synced_at_col_name": ""}
    stop = threading.Event()
    done = []
    threads = [threading.Thread(target=wander, args=(world, stop, seed, done)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    try:
        world.start_mirror(["public.items"], snapshot_num_rows_per_partition=200, snapshot_max_parallel_workers=2, **options)
        world.wait_caught_up()
        wait_for("values to have changed their rows", lambda: len(done) > 20)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert world.settle_and_compare() == 4000 and len(done) > 20


def test_columns_with_the_names_of_ours_are_refused_or_left_out(new_world):
    for kind, name in (("postgres", "_PEERDB_SYNCED_AT"), ("postgres", "_PEERDB_IS_DELETED"), ("clickhouse", "_PEERDB_IS_DELETED"),
                       ("clickhouse", "_peerdb_synced_at"), ("clickhouse", "_peerdb_version")):
        world = new_world(kind)
        world.sql(f'CREATE TABLE items (id int PRIMARY KEY, "{name}" timestamptz, n int); INSERT INTO items VALUES (1, now(), 1)')
        world.create_peers()
        message, hint = refused(world, f"public.items:{world.target_name('public.items')}")
        assert name in message and "exclude" in hint, (message, hint)
        world.tables = ["public.items"]
        world.peerd.sql(f"""CREATE MIRROR {world.mirror_name} FROM {world.source_peer} TO {world.target_peer} WITH TABLE MAPPING
          ({{from: public.items, to: {world.target_name('public.items')}, exclude: ["{name}"]}})""")
        world.wait_state("RUNNING")
        assert world.settle_and_compare(exclude=[name]) == 1
        world.drop()
        world.peerd.terminate()
    world = new_world("postgres")
    world.sql("CREATE TABLE items (id int PRIMARY KEY)")
    world.create_peers()
    message, _ = refused(world, "public.items:public.items", "WITH (soft_delete_col_name = 'x', synced_at_col_name = 'X')")
    assert "same column" in message


def test_more_columns_than_a_target_can_hold_and_a_key_that_cannot_be_built_are_refused(new_world):
    world = new_world("postgres")
    many = ", ".join(f"c{i} boolean" for i in range(1599))
    world.sql(f"CREATE TABLE wide (id int PRIMARY KEY, {many}); CREATE TABLE parts (id int PRIMARY KEY, at date, v text)")
    world.at_target(f"CREATE TABLE parts (id int, at date, v text{OWN}) PARTITION BY RANGE (at)")
    world.create_peers()
    message, hint = refused(world, "public.wide:public.wide")
    assert "1600" in message and "1596" in message and "exclude" in hint, (message, hint)
    message, hint = refused(world, "public.parts:public.parts")
    assert "partitioned by column \"at\"" in message and "DROP TABLE" in hint, (message, hint)

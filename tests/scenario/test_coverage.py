"""Whatever keeps changes of a mirrored table out of the WAL's stream is noticed: by name, by number, and after it is over."""
import contextlib
import json
import sqlite3

import psycopg2
import pytest

from support.postgres_server import PostgresServer
from support.process import wait_for

ALL = "publish = 'insert, update, delete, truncate'"
TABLE = "CREATE TABLE public.{0} (id int PRIMARY KEY, v text); INSERT INTO {0} SELECT g, 'v' || g FROM generate_series(1, 50) g;"


def start(world, table="t", before="", **options):
    world.sql(TABLE.format(table) + before)
    world.start_mirror([f"public.{table}"], **options)
    world.wait_caught_up()
    return world


def publication(world):
    return world.publications()[0]


def stopped(world, words, timeout=40):
    row = world.wait_state("FAILED", timeout)
    assert words in row["last_error"] and row["last_error_hint"], row
    return row


def less(world, change):
    name = publication(world)
    world.sql(f"ALTER PUBLICATION \"{name}\" SET (publish = 'insert')")
    world.sql(change)
    world.sql(f'ALTER PUBLICATION "{name}" SET ({ALL})')


def test_while_it_streams_every_gap_is_noticed_in_time(new_world):
    """Seven mirrors of one peerd, each with a gap of its own; one more, whose publication loses nothing, goes on."""
    first = new_world("postgres")
    worlds = [first] + [new_world("postgres", peerd=first.peerd) for _ in range(7)]
    swapped, altered, busy, again, unlogged, key, dropped, fine = worlds
    for world in (swapped, altered, busy, dropped, fine):
        start(world)
    swapped.sql("CREATE TABLE public.t_new (LIKE public.t INCLUDING ALL); INSERT INTO t_new VALUES (1000, 'new')")
    for world in (again, unlogged):
        world.sql("CREATE PUBLICATION p FOR ALL TABLES")
        start(world, publication_name="p")
    start(key, before="ALTER TABLE t ADD ten int NOT NULL DEFAULT 0; ALTER TABLE t REPLICA IDENTITY FULL")

    swapped.sql("BEGIN; ALTER TABLE t RENAME TO t_old; ALTER TABLE t_new RENAME TO t; COMMIT")
    less(altered, "UPDATE t SET v = 'lost' WHERE id = 7")
    name = publication(busy)
    busy.sql(f'ALTER PUBLICATION "{name}" DROP TABLE t; DELETE FROM t WHERE id = 8; ALTER PUBLICATION "{name}" ADD TABLE t')
    again.sql("DROP PUBLICATION p; UPDATE t SET v = 'lost' WHERE id = 7; CREATE PUBLICATION p FOR ALL TABLES")
    unlogged.sql("ALTER TABLE t SET UNLOGGED; UPDATE t SET v = 'lost' WHERE id = 7; ALTER TABLE t SET LOGGED")
    key.sql("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (ten, id); INSERT INTO t VALUES (5, 'a', 1), (5, 'b', 2)")
    dropped.sql(f'DROP PUBLICATION "{publication(dropped)}"')
    name = publication(fine)
    fine.sql(f'CREATE TABLE more (id int PRIMARY KEY); ALTER PUBLICATION "{name}" ADD TABLE more')
    fine.sql("VACUUM FULL t")
    fine.sql(f'COMMENT ON PUBLICATION "{name}" IS \'theirs\'; CREATE PUBLICATION other FOR TABLE t; DROP PUBLICATION other')

    serial = iter(range(2000, 100_000))

    def noticed():  # A stream that is never idle.
        busy.sql(f"INSERT INTO t VALUES ({next(serial)}, 'busy')")
        return busy.mirror()["state"] == "FAILED"

    wait_for("the gap to be noticed in a busy stream", noticed, 40, 0.02)
    stopped(busy, "for a while")
    assert "public.t_old" in stopped(swapped, "is now called")["last_error"]
    stopped(altered, "was altered")
    stopped(again, "publication \"p\"")  # Up to 17 the walsender may be the first to say so.
    stopped(unlogged, "SET UNLOGGED")
    assert "(ten, id)" in stopped(key, "has another key")["last_error"]
    stopped(dropped, "publication")
    fine.sql("UPDATE t SET v = v || '!' WHERE id % 2 = 0")
    assert fine.settle_and_compare() == 50

    # It does not go on over the gap, however often it is asked to.
    altered.resume()
    stopped(altered, "was altered")
    # What was only called otherwise, and is called as before again, has lost nothing.
    swapped.sql("BEGIN; ALTER TABLE t RENAME TO t_new; ALTER TABLE t_old RENAME TO t; COMMIT; INSERT INTO t VALUES (3000, 'on')")
    swapped.resume()
    swapped.wait_state("RUNNING")
    assert swapped.settle_and_compare() == 51


def test_a_table_that_may_have_been_unlogged_is_told_once(new_world):
    """Without a TOAST table the catalog shows only that it was written anew."""
    first = new_world("postgres")
    worlds = [first] + [new_world("postgres", peerd=first.peerd) for _ in range(2)]
    unlogged, truncated, named = worlds
    for world in worlds:
        world.sql("CREATE TABLE public.t (id int PRIMARY KEY, n int); INSERT INTO t SELECT g, g FROM generate_series(1, 50) g")
        world.sql("CREATE PUBLICATION p FOR ALL TABLES")
    named.sql("CREATE PUBLICATION keeps FOR TABLE t")
    with pytest.raises(psycopg2.Error):
        named.sql("ALTER TABLE t SET UNLOGGED")
    for world in worlds:
        world.start_mirror(["public.t"], publication_name="p")
    for world in worlds:
        world.wait_caught_up()
    unlogged.sql("ALTER TABLE t SET UNLOGGED; DELETE FROM t WHERE id = 7; ALTER TABLE t SET LOGGED")
    truncated.sql("TRUNCATE t; INSERT INTO t SELECT g, -g FROM generate_series(1, 30) g")
    named.sql("VACUUM FULL t")

    def told(world):
        return [row for row in first.peerd.rows("SELECT * FROM mirror_logs WHERE message LIKE '%%SET UNLOGGED%%'") if row["mirror"] == world.mirror_name]

    row, = wait_for("it to be told", lambda: told(unlogged), 60)
    assert row["level"] == "warning" and '"public"."t"' in row["message"] and "RESYNC TABLE" in row["hint"] and "FOR TABLE" in row["hint"], row
    for world in worlds:  # They are announced, and looked at, once more.
        world.sql("ALTER TABLE t ALTER n SET STATISTICS 7; UPDATE t SET n = n + 1")
    assert truncated.settle_and_compare() == 30 and named.settle_and_compare() == 50
    unlogged.wait_caught_up()
    assert unlogged.mirror()["state"] == "RUNNING" and unlogged.at_target('SELECT n FROM t WHERE id = 7 AND NOT "_PEERDB_IS_DELETED"') == [(7,)]
    assert len(told(unlogged)) == 1 and not told(truncated) and not told(named)


@pytest.mark.parametrize("down", ["paused", "stopped"])
def test_what_happened_while_nobody_looked_is_noticed_at_the_start(new_world, down):
    worlds = [new_world("postgres")]
    worlds += [new_world("postgres", peerd=worlds[0].peerd) for _ in range(3)]
    altered, owner, swapped, fine = (start(world) for world in worlds)
    if down == "paused":
        for world in worlds:
            world.pause()
    else:
        altered.peerd.terminate()
    less(altered, "UPDATE t SET v = 'lost' WHERE id = 7")
    role = f"owner_{owner.source_db}"
    owner.sql(f'CREATE ROLE {role} SUPERUSER; ALTER PUBLICATION "{publication(owner)}" OWNER TO {role}; UPDATE t SET v = \'kept\'')
    swapped.sql("CREATE TABLE n (LIKE t INCLUDING ALL); ALTER TABLE t RENAME TO t_old; ALTER TABLE n RENAME TO t")
    fine.sql("UPDATE t SET v = 'kept'; REINDEX TABLE t")
    fine.sql("VACUUM FULL t")
    if down == "paused":
        for world in worlds:
            world.resume()
    else:
        altered.peerd.start()
    stopped(altered, "was altered")
    stopped(swapped, "is now called")
    for world in (owner, fine):
        world.wait_state("RUNNING")
        assert world.settle_and_compare() == 50
    # What was noted of the new owner is what the next gap is compared with.
    wait_for("the note", lambda: owner.peerd.rows("SELECT id FROM mirror_logs WHERE message LIKE '%%noted anew%%'"))
    owner.pause()
    less(owner, "DELETE FROM t WHERE id = 3")
    owner.resume()
    stopped(owner, "was altered")
    owner.drop()
    owner.sql(f"REASSIGN OWNED BY {role} TO postgres; DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_mirror_of_an_earlier_version_learns_how_its_tables_stand_once(new_world):
    world = start(new_world("postgres"))
    world.peerd.terminate()
    with contextlib.closing(sqlite3.connect(f"{world.peerd.data}/catalog.db")) as catalog:
        table, column = catalog_column(catalog)
        for rowid, text in catalog.execute(f"SELECT rowid, {column} FROM {table}").fetchall():
            document = json.loads(text)
            document["membership"] = int(document.pop("coverage")["paths"][0].split()[1])
            catalog.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (json.dumps(document), rowid))
        catalog.commit()
    world.peerd.start()
    world.sql("UPDATE t SET v = 'kept' WHERE id = 7")
    world.wait_state("RUNNING")
    assert world.settle_and_compare() == 50
    wait_for("the note", lambda: len(world.peerd.rows("SELECT id FROM mirror_logs WHERE message LIKE '%%noted anew%%'")) == 1)
    world.peerd.terminate()
    less(world, "UPDATE t SET v = 'lost' WHERE id = 7")
    world.peerd.start()
    stopped(world, "was altered")


def catalog_column(catalog):
    """Where tables are stored, by what is stored there."""
    for (table,) in catalog.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for column in [row[1] for row in catalog.execute(f"PRAGMA table_info({table})")]:
            row = catalog.execute(f"SELECT count(*) FROM {table} WHERE {column} LIKE '%\"coverage\"%'").fetchone()
            if row[0]:
                return table, column
    raise AssertionError("no table of the catalog holds what was noted of a table")


@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_a_deferrable_key_is_refused_and_the_application_goes_on(new_world, kind):
    """With it two rows may have one key within a transaction: `SET id = id + 1`."""
    world = new_world(kind)
    world.create_peers()
    for identity in ("DEFAULT", "FULL"):
        world.sql("DROP TABLE IF EXISTS d; CREATE TABLE d (id int PRIMARY KEY DEFERRABLE, v text); INSERT INTO d VALUES (1, 'a'), (2, 'b'), (3, 'c')")
        world.sql(f"ALTER TABLE d REPLICA IDENTITY {identity}")
        with pytest.raises(psycopg2.Error) as caught:
            world.create_mirror(["public.d"])
        text = str(caught.value)
        assert "deferrable" in text and 'ADD CONSTRAINT "d_pkey" PRIMARY KEY (id)' in text, text
        assert world.mirror() is None and world.publications() == [] and world.slots() == []
        world.sql("UPDATE d SET id = id + 1; UPDATE d SET v = v || '!'")
        assert world.sql("SELECT id, v FROM d ORDER BY id") == [(2, "a!"), (3, "b!"), (4, "c!")]
    world.sql('ALTER TABLE d DROP CONSTRAINT "d_pkey", ADD CONSTRAINT "d_pkey" PRIMARY KEY (id)')
    world.create_mirror(["public.d"], "RUNNING")
    world.sql("UPDATE d SET id = id + 10; DELETE FROM d WHERE id = 12")
    assert world.settle_and_compare() == 2


def test_standby_names_set_later_are_told_with_the_cure(new_world):
    own = PostgresServer("standby", settings={"fsync": "off"})
    world = new_world("postgres", source=own)
    start(world)
    own.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
    own.reload()
    try:
        told = wait_for("it to be told", lambda: (row := world.mirror()) and "synchronous standby" in (row["last_error"] or "") and row, 40)
    finally:
        own.sql("ALTER SYSTEM RESET synchronous_standby_names")
        own.reload()
    assert "synchronous_standby_names" in told["last_error_hint"] and told["state"] == "RUNNING", told
    assert world.peerd.rows("SELECT id FROM mirror_logs WHERE message LIKE '%%synchronous standby%%'")
    wait_for("commits to be free", lambda: own.value("SHOW synchronous_standby_names") == "")
    assert world.settle_and_compare() == 50


def test_the_newest_postgres_passes_over_an_absent_publication_and_peerd_does_not(new_world):
    own = PostgresServer("newest", 18, settings={"fsync": "off"})
    world = new_world("postgres", source=own)
    world.sql("CREATE PUBLICATION p FOR ALL TABLES")
    start(world, publication_name="p")
    world.sql("DROP PUBLICATION p; UPDATE t SET v = 'lost' WHERE id = 7")
    stopped(world, "publication \"p\"")
    world.sql("CREATE PUBLICATION p FOR ALL TABLES")
    world.resume()
    stopped(world, "made again")
    other = new_world("postgres", source=own, peerd=world.peerd)
    other.sql("CREATE TABLE g (id int PRIMARY KEY, n int GENERATED ALWAYS AS (id + 1) STORED); ALTER TABLE g REPLICA IDENTITY FULL")
    other.create_peers()
    with pytest.raises(psycopg2.Error, match="generated columns"):
        other.create_mirror(["public.g"])
    assert other.publications() == []
    other.sql("UPDATE g SET id = id + 1")

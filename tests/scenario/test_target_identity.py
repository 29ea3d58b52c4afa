"""A target, or a table there, that is lost or another one stops the mirror with words; nothing is made again in silence."""
import sqlite3

from support.process import wait_for
from support.world import clickhouse_options, options_text, postgres_options


def table(world):
    return "t" if world.kind == "clickhouse" else "public.t"


def exists(world, name="t"):
    if world.kind == "clickhouse":
        return bool(world.at_target(f"SELECT 1 AS x FROM system.tables WHERE database = currentDatabase() AND name = '{name}'"))
    return bool(world.at_target(f"SELECT 1 FROM pg_tables WHERE tablename = '{name}'"))


def run_at_target(world, statement):
    if world.kind == "clickhouse":
        world.target.text(statement, world.target_db)
    else:
        world.target.sql(statement, dbname=world.target_db)


def rename(world, old, new):
    run_at_target(world, f"RENAME TABLE {old} TO {new}" if world.kind == "clickhouse" else f"ALTER TABLE {old} RENAME TO {new}")


def refused(world, *words):
    """Waits until the mirror is FAILED with an error that holds the words."""
    def told():
        row = world.mirror()
        text = f"{row['last_error']} / {row['last_error_hint']}"
        return row["state"] == "FAILED" and all(word in text for word in words) and row

    row = wait_for(f"FAILED with {words}", told, 60)
    assert "t" in row["last_error"] and row["last_error_hint"], row
    return row


def start(world, rows=1000):
    world.sql(f"CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT g, 'v' || g FROM generate_series(1, {rows}) g")
    world.start_mirror(["public.t"])
    world.wait_caught_up()
    assert world.compare() == rows


def test_a_lost_or_replaced_table_stops_the_mirror(world):
    start(world)
    world.pause()
    rename(world, "t", "t_away")
    world.sql("INSERT INTO t VALUES (1001, 'later')")
    world.resume()
    refused(world, "gone")
    assert not exists(world)
    world.resume()
    refused(world, "gone")
    # Another table under its name, of the same definition and title.
    if world.kind == "clickhouse":
        made = world.target.rows("SHOW CREATE TABLE t_away", world.target_db)[0]["statement"]
        assert "COMMENT 'peerd mirror" in made
        run_at_target(world, made.replace("t_away", "t"))
    else:
        run_at_target(world, "CREATE TABLE t (LIKE t_away INCLUDING ALL)")
    world.resume()
    refused(world, "not the one that this mirror has written to")
    world.peerd.restart()
    world.resume()
    refused(world, "not the one that this mirror has written to")
    # What was noted is put back.
    run_at_target(world, "DROP TABLE t")
    rename(world, "t_away", "t")
    world.resume()
    world.wait_state("RUNNING")
    assert world.settle_and_compare() == 1001
    # A column that is dropped at the target is a loss, and not added again.
    world.pause()
    run_at_target(world, "ALTER TABLE t DROP COLUMN v")
    world.resume()
    assert "v" in refused(world, "lost columns")["last_error"]


def test_a_table_that_goes_while_peerd_is_down_stops_the_mirror(world):
    start(world)
    world.peerd.kill9()
    run_at_target(world, "DROP TABLE t")
    world.sql("INSERT INTO t VALUES (1001, 'later')")
    world.peerd.start()
    refused(world, "gone")
    assert not exists(world)
    world.drop()  # and the mirror can be dropped


def test_a_peer_that_points_elsewhere_stops_the_mirror(world):
    start(world)
    world.pause()
    elsewhere = world.target.create_database(f"{world.target_db}_2")
    options = (postgres_options if world.kind == "postgres" else clickhouse_options)(world.target, elsewhere)
    try:
        world.peerd.sql(f"CREATE OR REPLACE PEER {world.target_peer} FROM {world.kind.upper()} WITH ({options_text(options)})")
    except Exception as error:  # Refused is as good.
        assert "mirror" in str(error)
    else:
        world.sql("INSERT INTO t VALUES (1001, 'later')")
        world.resume()
        refused(world, "not the one that this mirror has written to", "CREATE OR REPLACE PEER")
        if world.kind == "clickhouse":
            assert not world.target.rows("SELECT 1 AS x FROM system.tables WHERE database = currentDatabase()", elsewhere)
        else:
            assert not world.target.sql("SELECT 1 FROM pg_namespace WHERE nspname = '_peerd'", dbname=elsewhere)
        world.peerd.sql(f"CREATE OR REPLACE PEER {world.target_peer} FROM {world.kind.upper()} WITH "
                        f"({options_text(world.target_options())})")
        world.resume()
        world.wait_state("RUNNING")
        assert world.settle_and_compare() == 1001
    if world.kind == "clickhouse":
        world.target.text(f"DROP DATABASE `{elsewhere}`")
    else:
        world.target.sql(f'DROP DATABASE "{elsewhere}" WITH (FORCE)')


def test_a_mirror_of_before_the_notes_gets_them(world):
    start(world)
    world.peerd.terminate()

    def forget():
        with sqlite3.connect(f"{world.peerd.data}/catalog.db") as catalog:
            return catalog.execute("DELETE FROM target_notes").rowcount

    assert forget() == 2
    world.peerd.start()
    world.sql("INSERT INTO t VALUES (1001, 'later')")
    assert world.settle_and_compare() == 1001
    world.peerd.terminate()
    assert forget() == 2
    run_at_target(world, "DROP TABLE t")
    world.peerd.start()
    refused(world, "gone")
    assert not exists(world)


def test_a_table_that_is_exchanged_while_the_stream_runs_stops_it(world):
    start(world)
    if world.kind == "clickhouse":
        made = world.target.rows("SHOW CREATE TABLE t", world.target_db)[0]["statement"]
        run_at_target(world, made.replace("`t`", "t").replace(".t", ".t_new", 1))
        run_at_target(world, "EXCHANGE TABLES t AND t_new")
    else:
        run_at_target(world, "CREATE TABLE t_new (LIKE t INCLUDING ALL); BEGIN; ALTER TABLE t RENAME TO t_old; ALTER TABLE t_new RENAME TO t; COMMIT")
    refused_while_writing(world, "while the mirror ran")
    if world.kind == "clickhouse":
        run_at_target(world, "EXCHANGE TABLES t AND t_new")
    else:
        run_at_target(world, "DROP TABLE t; ALTER TABLE t_old RENAME TO t")
    world.resume()
    world.wait_state("RUNNING")
    world.settle_and_compare()


def refused_while_writing(world, *words):
    """Rows come until the mirror has noticed."""
    def told():
        row = world.mirror()
        if row["state"] != "FAILED":
            world.sql("INSERT INTO t SELECT coalesce(max(id), 0) + 1, 'more' FROM t")
        return row["state"] == "FAILED" and all(word in row["last_error"] for word in words) and row

    return wait_for(f"FAILED with {words}", told, 60, 0.2)

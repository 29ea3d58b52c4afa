"""Tables come to a mirror and leave it: ALTER MIRROR … ADD TABLE, DROP TABLE, SET, and REST's flow_config_update."""
import random
import time

import psycopg2
import pytest

from support.process import wait_for
from support.writer import Writer, create_table


def mapping(world, table):
    return f"{{from: {table}, to: {world.target_name(table)}}}"


def add(world, *tables):
    world.peerd.sql(f"ALTER MIRROR {world.mirror_name} ADD TABLE {', '.join(mapping(world, table) for table in tables)}")
    world.tables += tables


def leave(world, *tables):
    world.peerd.sql(f"ALTER MIRROR {world.mirror_name} DROP TABLE {', '.join(tables)}")
    world.tables = [table for table in world.tables if table not in tables]


def of_mirror(world):
    return sorted(row["source"] for row in world.peerd.rows("SELECT source FROM mirror_tables WHERE mirror = %s", (world.mirror_name,)))


def wait_tables(world):
    """The mirror streams with the tables that it is to have."""
    wait_for("the tables", lambda: of_mirror(world) == sorted(world.tables) and world.mirror()["state"] == "RUNNING", 60,
             broken=lambda: world.mirror()["last_error"] if world.mirror()["state"] == "FAILED" else None)


def published(world):
    return sorted(f"{row[0]}.{row[1]}" for row in world.sql("SELECT schemaname, tablename FROM pg_publication_tables"))


@pytest.mark.parametrize("kind", ["postgres", "clickhouse", "kafka"])
def test_tables_are_added_and_dropped_while_all_are_written_to(new_world, kind):
    world = new_world(kind)
    for table in ("public.items", "public.more", "public.third"):
        create_table(world.source, table, 3000, world.source_db)
    writers = [Writer(world.source, table, world.source_db, seed=i, rate=60)
               for i, table in enumerate(("public.items", "public.more", "public.third"))]
    world.start_mirror(["public.items"], snapshot_num_rows_per_partition=500)
    if kind != "kafka":  # There rows of before an added column stay as they were sent.
        world.sql("ALTER TABLE items ADD extra int DEFAULT 7")  # The stream's shape is not the first one any more.
    world.wait_caught_up()
    add(world, "public.more")
    wait_tables(world)
    add(world, "public.third")
    leave(world, "public.more")
    wait_tables(world)
    for writer in writers:
        writer.stop()
    world.settle_and_compare()
    assert published(world) == ["public.items", "public.third"]
    assert len(world.slots()) == 1
    world.peerd.restart()
    world.sql("UPDATE third SET n = -5 WHERE id % 4 = 0; UPDATE items SET n = -6 WHERE id % 5 = 0")
    world.settle_and_compare()
    world.drop()
    assert world.slots() == [] and world.publications() == []


def test_what_a_kind_of_target_adds_to_the_options_does_not_change(new_world):
    world = new_world("kafka")
    create_table(world.source, "public.items", 10, world.source_db)
    world.start_mirror(["public.items"])
    with pytest.raises(psycopg2.Error) as refused:
        world.peerd.sql(f"ALTER MIRROR {world.mirror_name} SET (format = 'debezium')")
    assert refused.value.pgcode == "0A000" and "cannot change" in refused.value.pgerror, refused.value.pgerror
    with pytest.raises(psycopg2.Error) as refused:  # In the place of a table that has still to be let go.
        world.peerd.sql(f"ALTER MIRROR {world.mirror_name} DROP TABLE public.items ADD TABLE public.other:{world.target_name('public.items')}")
    assert "still being taken out" in refused.value.pgerror, refused.value.pgerror


@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_a_kill_at_any_moment_of_an_addition_loses_nothing(new_world, kind):
    world = new_world(kind)
    tables = [f"public.t{i}" for i in range(6)]
    for table in tables:
        create_table(world.source, table, 2000, world.source_db)
    writer = Writer(world.source, "public.t0", world.source_db, seed=3, rate=60)
    moments = random.Random(11)
    world.start_mirror(["public.t0"], snapshot_num_rows_per_partition=400)
    for i, table in enumerate(tables[1:]):
        add(world, table)
        if i % 2:
            leave(world, tables[i])
        time.sleep(moments.uniform(0, 0.25))  # Where the kill falls is what varies.
        world.peerd.kill9()
        world.peerd.start()
        wait_tables(world)
    writer.stop()
    world.sql("UPDATE t5 SET n = n + 1 WHERE id % 3 = 0; DELETE FROM t5 WHERE id % 7 = 0")
    world.settle_and_compare()
    assert published(world) == sorted(world.tables)


def test_without_an_initial_copy_what_is_written_from_then_on_counts(new_world):
    world = new_world("postgres")
    create_table(world.source, "public.items", 100, world.source_db)
    create_table(world.source, "public.more", 50, world.source_db)
    world.start_mirror(["public.items"], do_initial_copy=False)
    add(world, "public.more")
    wait_tables(world)
    world.sql("DELETE FROM more; DELETE FROM items")  # What was there before never arrives.
    world.sql("INSERT INTO more (id, n) SELECT g, g FROM generate_series(1, 20) g; INSERT INTO items (id, n) VALUES (1, 1)")
    assert world.settle_and_compare() == 21


def test_a_paused_mirror_stays_paused_and_takes_it_up_when_it_is_resumed(new_world):
    world = new_world("postgres")
    create_table(world.source, "public.items", 300, world.source_db)
    create_table(world.source, "public.more", 300, world.source_db)
    world.start_mirror(["public.items"])
    world.pause()
    add(world, "public.more")
    world.sql("UPDATE more SET n = -1 WHERE id < 50; UPDATE items SET n = -1 WHERE id < 50")
    assert world.mirror()["state"] == "PAUSED" and of_mirror(world) == ["public.items"]
    world.peerd.restart()
    assert world.mirror()["state"] == "PAUSED"
    world.resume()
    wait_tables(world)
    world.settle_and_compare()


def test_the_table_that_stops_a_mirror_is_taken_out_and_the_rest_goes_on(new_world):
    world = new_world("clickhouse")
    create_table(world.source, "public.items", 300, world.source_db)
    create_table(world.source, "public.sick", 300, world.source_db)
    world.start_mirror(["public.items", "public.sick"])
    world.wait_caught_up()
    world.sql("DROP TABLE sick; UPDATE items SET n = -1 WHERE id < 50")
    world.wait_state("FAILED", 60)
    leave(world, "public.sick")
    assert world.mirror()["state"] == "FAILED"
    world.resume()
    wait_tables(world)
    world.settle_and_compare()
    # A table of its name is a new one, and its target has rows that are nobody's.
    create_table(world.source, "public.sick", 10, world.source_db)
    with pytest.raises(psycopg2.Error) as refused:
        add(world, "public.sick")
    assert "sick" in refused.value.pgerror and "DROP TABLE `sick`" in refused.value.pgerror, refused.value.pgerror
    world.target.text("DROP TABLE sick", world.target_db)
    add(world, "public.sick")
    wait_tables(world)
    world.settle_and_compare()


def test_what_cannot_be_added_is_refused_and_changes_nothing(new_world):
    world = new_world("postgres")
    create_table(world.source, "public.items", 100, world.source_db)
    create_table(world.source, "public.more", 100, world.source_db)
    world.sql("CREATE TABLE keyless (a int); CREATE PUBLICATION theirs FOR TABLE items")
    world.target.sql("CREATE TABLE taken (id int PRIMARY KEY, n int); INSERT INTO taken VALUES (1, 1)", dbname=world.target_db)
    world.start_mirror(["public.items"], publication_name="theirs")
    before = world.peerd.rest("GET", f"/api/v1/mirrors/{world.mirror_name}/definition")[1]
    m = world.mirror_name
    for statement, words in [
            (f"ALTER MIRROR {m} ADD TABLE public.keyless:public.keyless", "keyless"),
            (f"ALTER MIRROR {m} ADD TABLE public.more:public.more", "ALTER PUBLICATION \"theirs\" ADD TABLE"),
            (f"ALTER MIRROR {m} ADD TABLE public.none:public.none", "does not exist"),
            (f"ALTER MIRROR {m} ADD TABLE public.items:public.other", "mapped already"),
            (f"ALTER MIRROR {m} ADD TABLE public.more:public.items", "duplicate target"),
            (f"ALTER MIRROR {m} DROP TABLE public.item", "did you mean public.items"),
            (f"ALTER MIRROR {m} DROP TABLE public.items", "no tables"),
            (f"ALTER MIRROR {m} SET (soft_delete_col_name = 'x')", "cannot change"),
            (f"ALTER MIRROR {m} SET (max_batch_sise = 5)", "max_batch_size"),
            ("ALTER MIRROR nothing ADD TABLE public.more:public.more", "does not exist")]:
        with pytest.raises(psycopg2.Error) as refused:
            world.peerd.sql(statement)
        assert words in refused.value.pgerror, (statement, refused.value.pgerror)
    world.peerd.sql("ALTER MIRROR IF EXISTS nothing ADD TABLE public.more:public.more")
    world.peerd.sql(f"ALTER MIRROR {m} ADD TABLE {mapping(world, 'public.items')}")  # As it is.
    assert world.peerd.rest("GET", f"/api/v1/mirrors/{m}/definition")[1] == before
    world.sql("UPDATE items SET n = -1")
    world.settle_and_compare()
    # With the cure it goes.
    world.sql("ALTER PUBLICATION theirs ADD TABLE ONLY more")
    add(world, "public.more")
    wait_tables(world)
    world.settle_and_compare()


def test_over_rest_an_update_is_done_at_once_or_refused(new_world):
    world = new_world("postgres")
    create_table(world.source, "public.items", 100, world.source_db)
    create_table(world.source, "public.more", 100, world.source_db)
    world.start_mirror(["public.items"])

    def change(update, state=None):
        body = {"flow_job_name": world.mirror_name, "flow_config_update": {"cdc_flow_config_update": update}}
        return world.peerd.rest("POST", "/api/v1/mirrors/state_change", {**body, **({"requested_flow_state": state} if state else {})})

    table = {"source_table_identifier": "public.more", "destination_table_identifier": "public.more"}
    assert change({"additional_tables": [table], "batch_size": 77, "idle_timeout": "5"})[0] == 200
    world.tables.append("public.more")
    wait_tables(world)
    world.settle_and_compare()
    status = world.peerd.rest("POST", "/api/v1/mirrors/status", {"flow_job_name": world.mirror_name, "include_flow_info": True})[1]
    assert status["cdcStatus"]["config"]["maxBatchSize"] == 77 and status["cdcStatus"]["config"]["idleTimeoutSeconds"] == "5", status
    assert change({"removed_tables": [table]}, "STATUS_PAUSED")[0] == 200
    assert world.mirror()["state"] == "PAUSED"
    world.tables.remove("public.more")
    assert change({"batch_size": 78}, "STATUS_RUNNING")[0] == 200
    wait_tables(world)
    for update in ({"number_of_syncs": 3}, {"skip_initial_snapshot_for_table_additions": True}, {"updated_env": {"PEERDB_NULLABLE": "false"}}):
        code, answer = change(update)
        assert code == 501, (update, code, answer)
    assert change({"batch_size": 79}, "STATUS_TERMINATING")[0] == 400
    code, answer = change({"removed_tables": [{"source_table_identifier": "public.nothing"}]})
    assert code == 400 and "not one of the mirror's" in answer["message"], (code, answer)
    world.sql("UPDATE items SET n = -3")
    world.settle_and_compare()


def test_a_change_beside_a_table_that_is_gone_says_which_and_what_to_do(new_world):
    world = new_world("postgres")
    for table in ("public.items", "public.more", "public.third"):
        create_table(world.source, table, 100, world.source_db)
    world.start_mirror(["public.items", "public.more"])
    world.wait_caught_up()
    world.pause()
    world.sql("DROP TABLE more")
    add(world, "public.third")
    world.peerd.sql(f"RESYNC TABLE public.items OF {world.mirror_name}")
    world.resume()
    stopped = world.wait_state("FAILED", 60)
    assert "table public.more does not exist at the source" in stopped["last_error"], stopped
    assert "DROP TABLE public.more" in stopped["last_error_hint"] and "RESUME MIRROR" in stopped["last_error_hint"], stopped
    leave(world, "public.more")
    world.resume()
    wait_tables(world)
    world.sql("UPDATE items SET n = -1 WHERE id < 10; DELETE FROM third WHERE id = 5")
    world.settle_and_compare()

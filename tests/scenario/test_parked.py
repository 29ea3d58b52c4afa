"""on_table_error = 'park': what one table cannot take is that table's trouble alone, and said until it is copied anew."""
import json
import random
import time

import pytest

from support.killing import kills
from support.process import wait_for
from support.writer import Writer, create_table
from test_kafka import messages
from test_resync import resync_and_wait

KILLS = kills(few=1, many=8)
LONG = "(SELECT string_agg(md5(random()::text || g), '') FROM generate_series(1, 2500) g)"  # 80 kB that do not compress.


def create_tables(world):
    create_table(world.source, "public.items", 400, world.source_db, long_every=50)
    parts = "; CREATE TABLE sick_1 PARTITION OF sick FOR VALUES FROM (0) TO (100); CREATE TABLE sick_2 PARTITION OF sick DEFAULT"
    whole = " PARTITION BY RANGE (id)" + parts if world.kind == "clickhouse" else ""
    world.sql(f"CREATE TABLE public.sick (id int PRIMARY KEY, n int, v text){whole}; INSERT INTO sick SELECT g, g, 'v' || g FROM generate_series(1, 50) g; "
              "CREATE TABLE public.gone (id int PRIMARY KEY, n int); INSERT INTO gone SELECT g, g FROM generate_series(1, 20) g")
    if world.kind == "kafka":
        world.target.create_topic(world.target_name("public.sick"), 2, max_message_bytes=60_000, compression_type="producer")


def make_sick(world):
    """What the target refuses from here on, as a value of the source's."""
    if world.kind == "postgres":
        world.at_target("ALTER TABLE sick ALTER v TYPE varchar(5)")
    if world.kind == "clickhouse":
        world.target.text("ALTER TABLE sick ADD CONSTRAINT small CHECK n < 1000", world.target_db)
    return {"postgres": "'longer than five'", "clickhouse": "'x'", "kafka": LONG}[world.kind]


def parked(world):
    return {row["source"]: row for row in world.peerd.rows(
        "SELECT source, parked_reason, parked_hint, parked_from, parked_since FROM mirror_tables WHERE parked_reason IS NOT NULL")}


def wait_parked(world, *tables):
    def there():
        assert world.mirror()["state"] == "RUNNING", world.mirror()
        return sorted(parked(world)) == sorted(tables) and parked(world)
    return wait_for(f"{tables} to be parked", there, 60, 0.05)


def settle(world, *tables):
    """These tables are equal, whatever the others are."""
    world.wait_caught_up(60)
    everything, world.tables = world.tables, list(tables)
    try:
        return world.compare()
    finally:
        world.tables = everything


def has_of_sick(world, low):
    """How many rows of the parked table from that key on the target has."""
    if world.kind == "kafka":
        return sum(json.loads(key).get("id", 0) >= low for _, key, _, _ in messages(world, "public.sick"))
    [row] = world.at_target(f"SELECT count(*) AS n FROM sick WHERE id >= {low}")
    return row["n"] if isinstance(row, dict) else row[0]


@pytest.mark.parametrize("kind, spool", [("postgres", "off"), ("clickhouse", "always"), ("kafka", "off")])
def test_a_sick_table_stops_no_other(new_world, kind, spool):
    world = new_world(kind)
    world.target_options = (lambda base: lambda: {**base(), **({"compression": "none"} if kind == "kafka" else {})})(world.target_options)
    create_tables(world)
    world.start_mirror(["public.items", "public.sick", "public.gone"], on_table_error="park", spool=spool,
                       max_batch_size=200 if kind == "kafka" else 25)  # Its transactions go in pieces.
    world.settle_and_compare()
    bad, moments = make_sick(world), random.Random(17)
    writer = Writer(world.source, "public.items", world.source_db, seed=3, rate=60)
    # One transaction with the others' rows: of it only the table's are left out. And a kill where it may be noted or not.
    world.sql(f"BEGIN; UPDATE items SET n = n + 1 WHERE id % 10 = 0; INSERT INTO sick VALUES (100, 5000, {bad}); "
              "INSERT INTO gone VALUES (100, 1); UPDATE items SET n = n + 1 WHERE id % 10 = 1; COMMIT")
    for _ in range(KILLS):
        world.peerd.kill9()
        world.peerd.start()
        time.sleep(moments.uniform(0, 0.5))  # Where the kill falls is what varies.
    row = wait_parked(world, "public.sick")["public.sick"]
    assert f"RESYNC TABLE public.sick OF {world.mirror_name}" in row["parked_hint"] and "RESUME MIRROR" not in row["parked_hint"], row
    assert row["parked_from"] and row["parked_since"] and "sick" in row["parked_reason"], row
    world.peerd.kill9()
    world.peerd.start()
    world.sql("INSERT INTO sick SELECT g, 1, 'y' FROM generate_series(200, 210) g; INSERT INTO gone VALUES (101, 1)")
    settle(world, "public.gone")
    mirror = world.mirror()
    assert mirror["health"] == "parked" and not mirror["consistent"] and "sick" in mirror["last_error"], mirror
    status, answer = world.peerd.rest("POST", "/v1/mirrors/status", {"flow_job_name": world.mirror_name})
    [told] = answer["health"]["parkedTables"]
    assert status == 200 and told["source"] == "public.sick" and told["reason"] == row["parked_reason"] and told["fromLsn"], told
    assert any("is parked" in line for line in world.logs())
    with pytest.raises(Exception, match="RESYNC TABLE s.t OF"):
        world.peerd.sql(f"ALTER MIRROR {world.mirror_name} RESUME TABLE public.sick")
    # PAUSE and RESUME bring nothing back, and a shape that it takes on meanwhile is nobody's trouble.
    world.pause()
    world.sql("ALTER TABLE sick ADD COLUMN more int DEFAULT 3; INSERT INTO sick VALUES (220, 1, 'y', 4); "
              "TRUNCATE gone, sick; INSERT INTO gone VALUES (1, 1); INSERT INTO sick VALUES (230, 1, 'y', 4), (3, 5, 'abc', 1)")
    world.resume()
    settle(world, "public.gone")
    assert list(parked(world)) == ["public.sick"] and has_of_sick(world, 100) == 0
    # What the source does to a table is that table's trouble, too.
    world.sql("ALTER TABLE gone RENAME TO elsewhere; INSERT INTO elsewhere VALUES (7, 7)")
    wait_parked(world, "public.sick", "public.gone")
    writer.stop()
    settle(world, "public.items")
    world.peerd.sql(f"ALTER MIRROR {world.mirror_name} DROP TABLE public.gone")
    world.tables.remove("public.gone")
    wait_for("the table to leave", lambda: list(parked(world)) == ["public.sick"] and world.mirror()["state"] == "RUNNING", 60)
    resync_and_wait(world, "public.sick")
    assert parked(world) == {}
    world.sql("UPDATE sick SET n = 7 WHERE id = 230; INSERT INTO sick VALUES (300, 1, 'z', 2)")
    assert world.settle_and_compare() > 300
    assert world.mirror()["health"] in ("ok", "idle"), world.mirror()


def test_what_is_the_whole_target_s_stops_the_mirror_as_ever(new_world):
    """Rights, and the last table that is left. And a table that is missing is one table's."""
    world = new_world("postgres")
    create_tables(world)
    world.create_peers()
    with pytest.raises(Exception, match="on_table_error is 'stop' or 'park'"):
        world.create_mirror(["public.items"], on_table_error="parc")
    world.create_mirror(["public.items", "public.sick", "public.gone"], "RUNNING")
    world.settle_and_compare()
    world.at_target("DROP TABLE gone")
    world.sql("INSERT INTO gone VALUES (100, 1)")
    world.wait_state("FAILED", 60)
    status, answer = world.peerd.rest("POST", "/v1/mirrors/state_change", {
        "flow_job_name": world.mirror_name, "flow_config_update": {"cdc_flow_config_update": {"on_table_error": "park"}}})
    assert status == 200, answer
    world.resume()
    wait_parked(world, "public.gone")
    # Tables that hang on each other at the target, by a key of its own: with one, the other cannot be followed.
    world.at_target("ALTER TABLE sick ADD CONSTRAINT below FOREIGN KEY (n) REFERENCES items; ALTER TABLE sick ALTER n SET NOT NULL")
    world.sql("INSERT INTO sick VALUES (100, NULL, 'x'); UPDATE items SET n = 3 WHERE id = 3")
    wait_parked(world, "public.gone", "public.sick")
    world.at_target("ALTER TABLE items ADD CONSTRAINT small CHECK (n < 1000)")
    world.sql("UPDATE items SET n = 4000 WHERE id = 4")
    failed = world.wait_state("FAILED", 60)
    assert "small" in failed["last_error"] and sorted(parked(world)) == ["public.gone", "public.sick"], failed
    world.at_target("ALTER TABLE items DROP CONSTRAINT small")
    world.resume()
    settle(world, "public.items")
    assert world.mirror()["health"] == "parked"
    world.at_target("ALTER TABLE sick DROP CONSTRAINT below, ALTER n DROP NOT NULL")
    world.peerd.sql(f"RESYNC MIRROR {world.mirror_name}")
    wait_for("the tables to be back", lambda: parked(world) == {} and world.mirror()["state"] == "RUNNING", 60)
    world.settle_and_compare()

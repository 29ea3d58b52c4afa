"""What consumers of a mirror's topics make of them is the source, row by row: two clients, every format, many changes."""
import os
import time

import pytest

from support.kafka_consumer import FORMATS, Audit, JavaConsumer, compare_kafka
from support.kafka_mix import Mix
from support.process import wait_for
from support.world import kafka_options
from support.writer import Writer, create_table

FULL = os.environ.get("PEERD_TEST_FULL") == "1"
CHANGES = 1_000_000 if FULL else 30_000
TABLES = ["public.items", "public.bulk", "public.other"]


@pytest.mark.timeout(1800 if FULL else 900)
@pytest.mark.parametrize("form", FORMATS)
def test_contents_equal_the_source_after_copy_and_many_mixed_changes(new_world, form):
    world = new_world("kafka")
    world.target_options = lambda: kafka_options(world.target, compression={"peerdb": "zstd", "flat": "gzip"}.get(form, "lz4"))
    create_table(world.source, "public.items", 5000, world.source_db, long_every=100, long_bytes=20_000)
    mix = Mix(world.source, world.source_db, "public.bulk", "public.other", CHANGES // 2, seed=31)
    audit = Audit(world.source, world.source_db, TABLES)
    writer = Writer(world.source, "public.items", world.source_db, seed=31, rate=100, long_bytes=20_000)
    wait_for("the writer to write", lambda: writer.counts().get("transactions", 0) > 20)
    began = time.monotonic()
    world.start_mirror(TABLES, wait=None, format=form, snapshot_num_rows_per_partition=CHANGES // 20, snapshot_max_parallel_workers=2)
    world.wait_state(("SNAPSHOT", "RUNNING"))  # A short copy may be over before it is seen.
    mix.start(CHANGES // 6)
    world.wait_state("RUNNING")
    mix.join(1200)
    since = audit.now()
    mix.start(CHANGES - CHANGES // 6)
    made = mix.join(1200)
    wait_for("changes in the stream", lambda: writer.counts()["transactions"] > 300, 60)
    counts = writer.stop()
    world.wait_caught_up(600)
    arrived = time.monotonic()
    assert all(counts[kind] > 10 for kind in ("insert", "update", "touch", "move", "swap", "chain", "again", "delete")), counts
    assert made["truncates"] > 2 and {1, max(mix.sizes)} <= mix.sizes and max(mix.sizes) > 2000, (made, sorted(mix.sizes))
    assert world.compare() > CHANGES // 2
    whole = audit.check(world.consumer(), since)
    topics = world.consumer().topics
    for table in TABLES:
        topic = topics[world.target_name(table)]
        assert topic.counts["read"] and sum(topic.horizons.values()) >= topic.partitions, (table, topic.counts, topic.horizons)
    sent = sum(sum(topic.counts.values()) for topic in topics.values())
    print(f"{form}: {mix.made} changes of {made} and {counts}; {sent} messages arrived in {arrived - began:.1f} s, rebuilt and equal {time.monotonic() - arrived:.1f} s later; "
          f"{whole} source transactions whole")
    if form == FORMATS[0]:
        the_java_client_makes_the_same_of_it(world, audit, since, form, sent)


def the_java_client_makes_the_same_of_it(world, audit, since, form, sent):
    java = JavaConsumer(world.target.client(), [world.target_name(table) for table in TABLES], form)
    assert java.read_to_end(sent) == sent
    java.check_end()
    assert audit.check(java, since) == audit.check(world.consumer(), since)
    for table in TABLES:
        compare_kafka(java.topics[world.target_name(table)], world.source, table, world.source_db, world.target_db)


def test_rows_that_went_before_their_copy_started_anew_are_gone(new_world):
    world = new_world("kafka")
    create_table(world.source, "public.items", 20_000, world.source_db)
    audit = Audit(world.source, world.source_db, ["public.items"])
    world.hold_copy(10)
    world.start_mirror(["public.items"], wait=None, snapshot_num_rows_per_partition=200, snapshot_max_parallel_workers=1)
    world.wait_chunks(10)
    world.sql("DELETE FROM items WHERE id <= 2000; UPDATE items SET id = -id WHERE id < 3000; ALTER TABLE items ALTER n TYPE bigint")
    assert world.mirror()["state"] == "SNAPSHOT"
    world.gate.open()
    world.wait_state("RUNNING")
    since = audit.now()
    world.sql("UPDATE items SET n = n + 1 WHERE id % 7 = 2")
    assert world.settle_and_compare() == 18_000
    assert audit.check(world.consumer(), since) >= 1
    counts = world.consumer().topics[world.target_name("public.items")].counts
    assert counts["read"] > 19_000 and counts["truncate"] == 3, counts

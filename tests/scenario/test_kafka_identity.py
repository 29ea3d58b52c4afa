"""A topic that was deleted, or deleted and made again, another cluster, bookkeeping that is gone: the mirror stops and says so, with its cure,
however little was copied before. Nothing is made again in silence."""
import pytest
from confluent_kafka.admin import NewPartitions

from support.kafka_consumer import compare_kafka
from support.kafka_server import KafkaServer
from support.process import wait_for
from support.world import kafka_options, options_text
from support.writer import create_table


@pytest.fixture
def world(new_world):
    return new_world("kafka")


def stopped(world, *words):
    """Waits until the mirror is FAILED, with these words in its error, and a hint."""
    def told():
        row = world.mirror()
        text = f"{row['last_error']} / {row['last_error_hint']}"
        return row["state"] == "FAILED" and row["last_error_hint"] and all(word in text for word in words) and text

    return wait_for(f"FAILED with {words}", told, 90)


def delete(world, *topics):
    world.target.delete_topics(list(topics))
    wait_for("the topics to go", lambda: not set(topics) & set(world.target.topics()), 60)


def ledger_of(world, before):
    found, = {name for name in world.target.topics() if name.startswith("_peerd_")} - before
    return found


@pytest.mark.parametrize("copied", [pytest.param(True, marks=pytest.mark.full), False])
def test_a_topic_that_is_made_again_stops_the_mirror(world, copied):
    world.sql("CREATE TABLE public.items (id int PRIMARY KEY, t text); CREATE TABLE public.others (id int PRIMARY KEY)")
    if copied:
        world.sql("INSERT INTO items SELECT g, 'a' FROM generate_series(1, 100) g")
    world.start_mirror(["public.items", "public.others"], do_initial_copy=copied, format="debezium", logical_messages="out")
    world.sql("INSERT INTO items VALUES (1001, 'b'); SELECT pg_logical_emit_message(true, 'out', 'x')")
    world.wait_caught_up()
    topic, unwritten = world.target_name("public.items"), world.target_name("public.others")
    world.pause()
    # Nothing was ever written to it: one of its name is as good.
    delete(world, unwritten)
    world.target.create_topic(unwritten, 2)
    world.resume()
    world.wait_state("RUNNING")
    world.sql("INSERT INTO items VALUES (1002, 'c'); INSERT INTO others VALUES (1)")
    world.wait_caught_up()
    world.pause()
    delete(world, topic)
    world.sql("INSERT INTO items VALUES (1003, 'd')")
    world.resume()
    stopped(world, topic, "DROP MIRROR")
    assert topic not in world.target.topics()
    world.target.create_topic(topic, 4)
    for again in (world.resume, lambda: (world.peerd.restart(), world.resume())):
        again()
        stopped(world, topic, "not the one", "DROP MIRROR")
    assert all(number == 0 for number in ends(world, topic)), "nothing was written to the new one"
    world.drop()
    delete(world, unwritten)  # It has messages of another format.
    world.create_mirror(["public.items", "public.others"], "RUNNING")
    assert world.settle_and_compare() == world.sql("SELECT count(*) FROM items")[0][0] + 1


def ends(world, topic):
    from confluent_kafka import Consumer, TopicPartition
    client = Consumer({**world.target.client(), "group.id": "unused"})
    found = [client.get_watermark_offsets(TopicPartition(topic, number), timeout=30)[1] for number in client.list_topics(topic, timeout=30).topics[topic].partitions]
    client.close()
    return found


def test_a_topic_of_messages_that_is_made_again_stops_the_mirror(world):
    world.sql("CREATE TABLE public.items (id int PRIMARY KEY, t text)")
    world.start_mirror(["public.items"], logical_messages="out", message_topic=f"{world.target_db}.out", event_topic=f"{world.target_db}.event")
    world.sql("SELECT pg_logical_emit_message(true, 'out', 'x'); INSERT INTO items VALUES (1, 'a')")
    world.wait_caught_up()
    for topic in (f"{world.target_db}.out",):
        world.pause()
        delete(world, topic)
        world.resume()
        stopped(world, topic, "not the one")
        assert topic not in world.target.topics()
        world.target.create_topic(topic, 1)
        world.resume()
        stopped(world, topic, "not the one")


def test_a_topic_that_is_made_again_while_the_mirror_runs_or_copies_is_noticed(world):
    create_table(world.source, "public.items", 20_000, world.source_db)
    world.start_mirror(["public.items"], wait=None, snapshot_num_rows_per_partition=500, snapshot_max_parallel_workers=1, partitions=1)
    world.wait_chunks(5)
    topic = world.target_name("public.items")
    world.pause()
    delete(world, topic)
    world.target.create_topic(topic, 1)
    world.resume()
    stopped(world, topic, "not the one", "DROP MIRROR")
    world.drop()
    world.create_mirror(["public.items"], "RUNNING", partitions=1)
    world.wait_caught_up()
    world.peerd.child.sigstop()  # Made again before it is missed.
    delete(world, topic)
    world.target.create_topic(topic, 1)
    world.peerd.child.sigcont()
    world.sql("UPDATE items SET n = n + 1 WHERE id < 100")
    stopped(world, topic, "not the one", "RESYNC TABLE public.items OF", "DROP MIRROR")
    # Copied anew, into the one that is there, and into none.
    world.peerd.sql(f"RESYNC TABLE public.items OF {world.mirror_name}")
    world.wait_state("RUNNING")
    world.wait_caught_up()
    assert ends(world, topic)[0] > 20_000
    world.pause()
    delete(world, topic)
    world.resume()
    stopped(world, topic, "not the one")
    world.peerd.sql(f"RESYNC TABLE public.items OF {world.mirror_name}")
    world.wait_state("RUNNING")
    world.sql("DELETE FROM items WHERE id % 100 = 0")
    assert world.settle_and_compare() == 19_800
    world.peerd.restart()
    world.sql("UPDATE items SET n = n + 1 WHERE id < 10")
    world.settle_and_compare()


def test_another_cluster_and_lost_bookkeeping_stop_the_mirror(world):
    other = KafkaServer("elsewhere")
    before = {name for name in world.target.topics() if name.startswith("_peerd_")}
    world.sql("CREATE TABLE public.items (id int PRIMARY KEY, t text)")
    world.start_mirror(["public.items"], do_initial_copy=False)
    world.sql("INSERT INTO items VALUES (1, 'a')")
    world.wait_caught_up()
    ledger = ledger_of(world, before)
    world.pause()
    try:
        world.peerd.sql(f"CREATE OR REPLACE PEER {world.target_peer} FROM KAFKA WITH ({options_text(kafka_options(other))})")
    except Exception as error:  # Refused is as good.
        assert "mirror" in str(error), error
    else:
        world.sql("INSERT INTO items VALUES (2, 'b')")
        world.resume()
        stopped(world, "not the one", "CREATE OR REPLACE PEER")
        assert not {name for name in other.topics() if not name.startswith("__")}
        world.peerd.sql(f"CREATE OR REPLACE PEER {world.target_peer} FROM KAFKA WITH ({options_text(world.target_options())})")
        world.resume()
        world.wait_state("RUNNING")
        assert world.settle_and_compare() == 2
        world.pause()
    delete(world, ledger)
    world.resume()
    stopped(world, "not the one", "CREATE OR REPLACE PEER")
    assert ledger not in world.target.topics()
    other.stop()


def test_partitions_that_are_added_take_no_keys(world):
    """A key's older messages would lie where its newer ones do not."""
    world.sql("CREATE TABLE public.items (id int PRIMARY KEY, t text); INSERT INTO items SELECT g, 'a' FROM generate_series(1, 60) g")
    world.start_mirror(["public.items"], partitions=3)
    world.wait_caught_up()
    topic = world.target_name("public.items")
    for partitions, paused in ((5, False), (7, True)):
        if paused:
            world.pause()
        world.target.admin().create_partitions([NewPartitions(topic, partitions)])[topic].result(30)
        world.sql("UPDATE items SET t = t || 'b'; INSERT INTO items SELECT max(id) + 1, 'new' FROM items; DELETE FROM items WHERE id = (SELECT min(id) FROM items)")
        if paused:
            world.resume()
            world.wait_state("RUNNING")
        world.wait_caught_up()
    read = world.consumer().topics[topic]  # Which takes no key from a second partition.
    assert compare_kafka(read, world.source, "public.items", world.source_db, world.target_db) == 60
    assert set(read.place.values()) == {0, 1, 2}

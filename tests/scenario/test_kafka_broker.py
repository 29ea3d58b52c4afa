"""Brokers that make topics by themselves, topics that go while a mirror runs, brokers that hang."""
import psycopg2
import pytest
from confluent_kafka.admin import NewTopic

from support.kafka_consumer import Audit
from support.kafka_server import KafkaServer
from support.process import wait_for
from support.writer import create_table


def cleanup_policy(server, topic):
    from confluent_kafka.admin import ConfigResource
    found = server.admin().describe_configs([ConfigResource(ConfigResource.Type.TOPIC, topic)])
    return next(iter(found.values())).result(30)["cleanup.policy"].value


@pytest.fixture(scope="module")
def auto():
    return KafkaServer("auto", settings={"auto.create.topics.enable": "true", "num.partitions": 2, "log.cleanup.policy": "compact"})


def test_a_broker_that_makes_topics_by_itself_makes_none_of_ours(new_world, auto):
    """Whoever asks for an absent topic there gets one in the broker's shape: peerd must ask in a way that makes none. What must not be
    compacted is made so that it is not, whatever the broker does by default, or refused where it stands."""
    world = new_world("kafka", target=auto)
    create_table(world.source, "public.items", 200, world.source_db)
    world.create_peers()
    options = {"logical_messages": "out", "on_bad_row": "dead_letter"}
    auto.admin().create_topics([NewTopic("compacted", 1)])["compacted"].result(30)
    for name in ("message_topic", "dead_letter_topic"):
        with pytest.raises(psycopg2.errors.ObjectNotInPrerequisiteState, match="topic compacted is compacted"):
            world.create_mirror(["public.items"], **options, **{name: "compacted"})
    world.create_mirror(["public.items"], "RUNNING", partitions=5, cleanup_policy="compact", tombstones=True, **options)
    world.sql("UPDATE items SET n = n + 1; DELETE FROM items WHERE id > 150")
    assert world.settle_and_compare() == 150
    topics = {name: about for name, about in world.target.topics().items() if not name.startswith("__") and name != "compacted"}
    ours, ledger = world.target_name("public.items"), [name for name in topics if name.startswith("_peerd_")]
    assert len(topics[ours].partitions) == 5 and cleanup_policy(world.target, ours) == "compact"
    assert len(ledger) == 1 and len(topics[ledger[0]].partitions) == 1 and cleanup_policy(world.target, ledger[0]) == "compact"
    whole = {f"{world.mirror_name}.message", f"{world.mirror_name}.message.dead_letter", f"{ours}.dead_letter"}
    assert set(topics) == {ours, *ledger, *whole} and {cleanup_policy(world.target, topic) for topic in whole} == {"delete"}


@pytest.mark.full
@pytest.mark.parametrize("gone", ["table", "ledger"])
def test_a_topic_that_is_deleted_while_the_mirror_runs_is_named(new_world, gone):
    world = new_world("kafka")
    others = set(world.target.topics())
    create_table(world.source, "public.items", 200, world.source_db)
    world.start_mirror(["public.items"])
    world.wait_caught_up()
    topic = world.target_name("public.items")
    if gone == "ledger":
        topic, = {name for name in world.target.topics() if name.startswith("_peerd_")} - others
    world.target.delete_topics([topic])
    world.sql("UPDATE items SET n = n + 1")
    stuck = wait_for("an error that names the topic", lambda: (m := world.mirror()) and topic in (m["last_error"] or "") and m, 200)
    assert "deleted" in stuck["last_error_hint"] or "drop the mirror" in stuck["last_error_hint"], stuck


def test_a_broker_that_hangs_is_told_and_nothing_is_lost_or_doubled(new_world, auto):
    world = new_world("kafka", target=auto)
    create_table(world.source, "public.items", 2000, world.source_db)
    audit = Audit(world.source, world.source_db, ["public.items"])
    world.start_mirror(["public.items"])
    world.wait_caught_up()
    since = audit.now()
    world.sql("UPDATE items SET n = n + 1 WHERE id <= 500")
    world.target.sigstop()
    world.sql("BEGIN; UPDATE items SET n = n + 1; UPDATE items SET id = -id WHERE id % 3 = 0; COMMIT")
    stuck = wait_for("the error", lambda: (m := world.mirror()) and m["last_error"] and m, 60)
    assert "servers" in stuck["last_error_hint"] and stuck["state"] == "RUNNING", stuck
    world.sql("DELETE FROM items WHERE id > 1900")
    world.target.sigcont()
    assert world.settle_and_compare() > 1900
    assert audit.check(world.consumer(), since) >= 3

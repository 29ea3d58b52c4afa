"""Brokers that make topics by themselves."""
import pytest

from support.kafka_server import KafkaServer
from support.writer import create_table


def cleanup_policy(server, topic):
    from confluent_kafka.admin import ConfigResource
    found = server.admin().describe_configs([ConfigResource(ConfigResource.Type.TOPIC, topic)])
    return next(iter(found.values())).result(30)["cleanup.policy"].value


@pytest.fixture(scope="module")
def auto():
    return KafkaServer("auto", settings={"auto.create.topics.enable": "true", "num.partitions": 2})


def test_a_broker_that_makes_topics_by_itself_makes_none_of_ours(new_world, auto):
    """Whoever asks for an absent topic there gets one in the broker's shape: peerd must ask in a way that makes none."""
    world = new_world("kafka", target=auto)
    create_table(world.source, "public.items", 200, world.source_db)
    world.create_peers()
    world.create_mirror(["public.items"], "RUNNING", partitions=5, cleanup_policy="compact", tombstones=True)
    world.sql("UPDATE items SET n = n + 1; DELETE FROM items WHERE id > 150")
    assert world.settle_and_compare() == 150
    topics = {name: about for name, about in world.target.topics().items() if not name.startswith("__")}
    ours, ledger = world.target_name("public.items"), [name for name in topics if name.startswith("_peerd_")]
    assert len(topics[ours].partitions) == 5 and cleanup_policy(world.target, ours) == "compact"
    assert len(ledger) == 1 and len(topics[ledger[0]].partitions) == 1 and cleanup_policy(world.target, ledger[0]) == "compact"
    assert set(topics) == {ours, *ledger}

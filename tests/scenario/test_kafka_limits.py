"""Rows that cannot be messages, and rights that the user lacks: what on_bad_row says, and what CREATE MIRROR refuses."""
import json

import psycopg2
import pytest

from support.process import wait_for
from support.world import kafka_options
from support.writer import create_table
from test_kafka import messages, secured, secured_options  # noqa: F401 (a fixture)

RANDOM = "(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, {}) WHERE g > 0)"  # 32 bytes each, incompressible


@pytest.fixture
def world(new_world):
    return new_world("kafka")


def refused(create):
    with pytest.raises(psycopg2.Error) as caught:
        create()
    diagnostics = caught.value.diag
    return caught.value.pgcode, "\n".join(filter(None, (diagnostics.message_primary, diagnostics.message_detail, diagnostics.message_hint)))


def refused_otherwise(create, granted):
    """The refusal that no longer speaks of what was granted: brokers learn of that late."""
    return wait_for(f"{granted} to be granted", lambda: granted not in (told := refused(create))[1] and told)


def dead_letters(world):
    found = messages(world, more=".dead_letter")
    return {json.loads(key)["id"]: (json.loads(value), headers) for _, key, value, headers in found}


def test_rows_larger_than_the_topic_takes_go_to_the_dead_letters(world):
    """The topic's own limit is the smaller one, and whole batches of small messages have to keep below it, too."""
    topic = world.target_name("public.items")
    world.target_options = lambda: {**kafka_options(world.target), "compression": "none"}
    world.target.create_topic(topic, 2, max_message_bytes=60_000, compression_type="producer")
    world.sql("CREATE TABLE public.items (id int PRIMARY KEY, t text)")
    fill = f"INSERT INTO items SELECT g, CASE WHEN g % 100 = 7 THEN {RANDOM.format(2500)} ELSE {RANDOM.format(30)} END FROM generate_series({{}}, {{}}) g"
    world.sql(fill.format(1, 1000))
    world.start_mirror(["public.items"], on_bad_row="dead_letter")
    world.sql(fill.format(1001, 2000))
    world.sql("UPDATE items SET t = 'short again' WHERE id = 7; DELETE FROM items WHERE id = 107")
    world.wait_caught_up()
    assert not world.mirror()["last_error"], world.mirror()
    letters = dead_letters(world)
    assert sorted(letters) == list(range(7, 2000, 100))
    for number, (letter, headers) in letters.items():
        assert "too large" in letter["reason"] and letter["table"] == "public.items" and letter["topic"] == topic, letter
        assert headers["kind"] == ("read" if number <= 1000 else "insert") and headers["mirror"] == world.mirror_name
    got = {json.loads(key)["id"]: json.loads(value).get("new") for _, key, value, headers in messages(world) if not key.startswith('{"_')}
    for number, text in world.sql("SELECT id, t FROM items WHERE id % 100 <> 7 OR id = 7"):
        assert got.pop(number) == {"id": number, "t": text}
    assert got == {107: None}  # the delete of a row that came as a dead letter


def test_rows_that_the_format_cannot_hold_go_to_the_dead_letters(world):
    world.sql("CREATE TABLE public.items (id int PRIMARY KEY, n numeric); INSERT INTO items VALUES (1, 1.5), (2, 'NaN'), (3, 3)")
    world.start_mirror(["public.items"], format="debezium", on_bad_row="dead_letter")
    world.sql("INSERT INTO items VALUES (4, 'NaN'); UPDATE items SET n = 'NaN' WHERE id = 3; INSERT INTO items VALUES (5, 5)")
    world.wait_caught_up()
    letters = dead_letters(world)
    assert {number: headers["kind"] for number, (_, headers) in letters.items()} == {2: "read", 4: "insert", 3: "update"}
    assert all("column n" in letter["reason"] and "public.items" in letter["reason"] for letter, _ in letters.values()), letters
    assert sorted(json.loads(key)["id"] for _, key, _, headers in messages(world) if headers["kind"] in ("read", "insert")) == [1, 3, 5]


def test_a_topic_that_takes_less_stops_the_mirror_until_it_takes_more(world):
    topic = world.target_name("public.items")
    world.target.create_topic(topic, 1, max_message_bytes=60_000)
    world.sql("CREATE TABLE public.items (id int PRIMARY KEY, t text)")
    world.start_mirror(["public.items"])
    world.sql(f"INSERT INTO items SELECT g, {RANDOM.format(3000)} FROM generate_series(1, 1) g; INSERT INTO items VALUES (2, 'after')")
    stuck = wait_for("the error", lambda: (m := world.mirror()) and m["last_error"] and m, 60)
    assert "public.items" in stuck["last_error"] and topic in stuck["last_error"] and "60000" in stuck["last_error"], stuck
    assert "max.message.bytes" in stuck["last_error_hint"] and "dead_letter" in stuck["last_error_hint"], stuck
    world.target.alter_topic(topic, max_message_bytes=900_000)
    if world.mirror()["state"] == "FAILED":
        world.peerd.sql(f"RESUME MIRROR {world.mirror_name}")
    assert world.settle_and_compare() == 2


def test_a_limit_that_falls_while_the_mirror_runs(world):
    """What the brokers refuse is found in the limits when the mirror opens again: nothing is lost, nothing comes twice."""
    topic = world.target_name("public.items")
    world.target.create_topic(topic, 1)
    world.sql("CREATE TABLE public.items (id int PRIMARY KEY, t text)")
    world.start_mirror(["public.items"], on_bad_row="dead_letter")
    world.target.alter_topic(topic, max_message_bytes=40_000)
    world.sql(f"INSERT INTO items SELECT g, {RANDOM.format(2500)} FROM generate_series(1, 1) g; INSERT INTO items SELECT g, 'after' FROM generate_series(2, 500) g")
    wait_for("the dead letter", lambda: dead_letters(world).get(1), 60)
    world.wait_caught_up()
    assert sorted(json.loads(key)["id"] for _, key, _, headers in messages(world) if headers["kind"] == "insert") == list(range(2, 501))
    assert world.mirror()["state"] == "RUNNING"


def test_rights_that_are_missing_are_told_by_create_mirror(new_world, secured):  # noqa: F811
    world = new_world("kafka", target=secured)
    world.target_options = lambda: secured_options(secured, "SASL_SSL", "PLAIN", "peerd")
    create_table(world.source, "public.items", 10, world.source_db)
    topic = world.target_name("public.items")
    world.create_peers()
    code, text = refused(lambda: world.create_mirror(["public.items"]))
    assert code == "42501" and topic in text, (code, text)
    secured.grant("peerd", "All", "topic", topic)
    code, text = refused_otherwise(lambda: world.create_mirror(["public.items"]), topic)
    assert code == "42501" and "_peerd_" in text and topic not in text, (code, text)
    secured.grant("peerd", "All", "topic", "_peerd_", "prefixed")
    code, text = refused_otherwise(lambda: world.create_mirror(["public.items"]), "_peerd_")
    assert code == "42501" and "transactional ids peerd-*" in text, (code, text)
    assert world.slots() == [] and world.peerd.rows("SELECT name FROM mirrors") == []
    assert not [name for name in secured.topics() if name.startswith((topic, "_peerd_"))], "nothing was made"
    secured.grant("peerd", "All", "transactional-id", "peerd-", "prefixed")
    wait_for("the last one to be granted", lambda: (world.create_mirror(["public.items"]), True)[1])
    world.wait_state("RUNNING")
    assert world.settle_and_compare() == 10


def test_a_transaction_timeout_that_the_brokers_refuse_is_told_by_create_mirror(world):
    create_table(world.source, "public.items", 1, world.source_db)
    world.create_peers()
    code, text = refused(lambda: world.create_mirror(["public.items"], transaction_timeout_ms=1_000_000))
    assert code == "22023" and "transaction_timeout_ms" in text and "transaction.max.timeout.ms" in text, (code, text)
    assert world.slots() == []

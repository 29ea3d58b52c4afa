"""Logical messages (pg_logical_emit_message) as events at Kafka: in their transactions, outside of them, once, across kills."""
import base64
import json
import os
import random
import threading
import time

import psycopg2
import pytest

from support import debezium
from support.kafka_consumer import FORMATS, Consumer, decoded
from support.peerd import lsn
from support.postgres_server import postgres
from support.process import wait_for

FULL = os.environ.get("PEERD_TEST_FULL") == "1"
KILLS = 20 if FULL else 5


@pytest.fixture
def world(new_world):
    world = new_world("kafka")
    world.sql("CREATE TABLE public.items (id int PRIMARY KEY, t text)")
    return world


def events(world, topic, prefixes=("p", "out", "audit")):
    """The messages of these prefixes in their order: (key, value, headers); each prefix has one partition."""
    found = []

    class Raw(Consumer):
        def take(self, topic, partition, offset, key, value, headers):
            if offset >= self.positions.get((topic, partition), 0):
                self.positions[topic, partition] = offset + 1
                found.append((json.loads(key), decoded(value.decode()), {name: text.decode() for name, text in headers}))

    reader = Raw(world.target.client(), [topic])
    reader.read_to_end()
    reader.close()
    # What waits for a mirror to have caught up emits messages, too.
    return [event for event in found if event[0]["prefix"] in prefixes]


def content(value):
    return base64.b64decode(value["message"]["content"] if "message" in value else value["content"], validate=True).decode()


def emit(world, *messages):
    """One transaction of (transactional, prefix, content) and statements."""
    statements = [message if isinstance(message, str) else "SELECT pg_logical_emit_message({}, '{}', '{}')".format(*message) for message in messages]
    world.sql("BEGIN; " + "; ".join(statements) + "; COMMIT")


@pytest.mark.parametrize("form", FORMATS)
def test_messages_arrive_in_their_transactions_and_outside_of_them(world, form):
    world.start_mirror(["public.items"], format=form, logical_messages="out, audit", partitions=3, cleanup_policy="compact")
    emit(world, (True, "out", "a"), "INSERT INTO items VALUES (1, 'x')", (True, "out", "b"), (True, "ignored", "c"), (True, "audit", "d"))
    xid, = world.sql("SELECT xmin::text FROM items WHERE id = 1")[0]
    world.sql("SELECT pg_logical_emit_message(false, 'out', 'n')")
    world.sql("BEGIN; SELECT pg_logical_emit_message(true, 'out', 'never'); SELECT pg_logical_emit_message(false, 'out', 'still'); ROLLBACK")
    emit(world, (True, "out", "alone"))
    assert world.settle_and_compare() == 1
    topic = f"{world.mirror_name}.message"
    sent = events(world, topic)
    assert [content(value) for key, value, _ in sent if key == {"prefix": "out"}] == ["a", "b", "n", "still", "alone"]
    assert [content(value) for key, value, _ in sent if key == {"prefix": "audit"}] == ["d"] and len(sent) == 6
    by_content = {content(value): (value, headers) for _, value, headers in sent}
    places = {headers["ordinal"] for _, _, headers in sent if headers["transaction"] == xid}
    assert places == {"0", "2", "3"} and {headers["kind"] for _, _, headers in sent} == {"message"}, "1 is the row's"
    assert by_content["n"][1]["transaction"] == "0" != by_content["alone"][1]["transaction"]
    for value, headers in by_content.values():
        if form == "debezium":
            assert debezium.faults(value, world.mirror_name, int(headers["transaction"])) == []
            assert value["source"]["schema"] == value["source"]["table"] == ""
        else:
            assert list(value) == ["kind", "prefix", "content", "transactional", "checkpoint", "commit_time", "transaction_id"], value
            assert value["transactional"] == (headers["transaction"] != "0") and value["transaction_id"] == headers["transaction"]
    in_order = [(lsn(headers["lsn"]), int(headers["ordinal"])) for key, _, headers in sent if key == {"prefix": "out"}]
    assert in_order == sorted(set(in_order)), in_order
    assert world.target.topics()[topic].partitions.keys() == {0, 1, 2}


@pytest.mark.parametrize("major", [*(pytest.param(major, marks=pytest.mark.full) for major in (14, 16, 17)), 18])
def test_other_versions_send_them_alike(new_world, major):
    world = new_world("kafka", source=postgres(f"pg{major}", major))
    world.sql("CREATE TABLE public.items (id int PRIMARY KEY, t text)")
    world.start_mirror(["public.items"], logical_messages="out")
    emit(world, (True, "out", "a"), (False, "out", "first"), "INSERT INTO items VALUES (1, 'x')", (True, "out", "b"), (False, "out", "second"))
    world.wait_caught_up()
    world.peerd.restart()
    emit(world, (True, "out", "alone"))
    assert world.settle_and_compare() == 1
    sent = [(content(value), headers["ordinal"]) for _, value, headers in events(world, f"{world.mirror_name}.message")]
    assert sent == [("first", "0"), ("second", "0"), ("a", "0"), ("b", "2"), ("alone", "0")]


def test_a_large_transaction_keeps_its_messages_with_it(world):
    world.start_mirror(["public.items"], logical_messages="*", max_batch_size=10, message_topic=f"{world.target_db}.outbox", partitions=1)
    emit(world, *(part for i in range(200) for part in ((True, "p", i), f"INSERT INTO items VALUES ({i}, 'x')")), *((True, "p", 1000 + i) for i in range(100)))
    emit(world, *((True, "p", 2000 + i) for i in range(100)))
    world.sql("SELECT pg_logical_emit_message(false, 'p', '3000')")
    assert world.settle_and_compare() == 200
    sent = events(world, f"{world.target_db}.outbox")
    assert [int(content(value)) for _, value, _ in sent] == [*range(200), *range(1000, 1100), *range(2000, 2100), 3000]
    first = sent[0][2]["transaction"]
    assert [int(headers["ordinal"]) for _, _, headers in sent if headers["transaction"] == first] == [*range(0, 400, 2), *range(400, 500)]
    assert [int(headers["ordinal"]) for _, _, headers in sent if headers["transaction"] not in (first, "0")] == [*range(100)]


def test_a_message_that_is_too_large_is_a_dead_letter(world):
    world.start_mirror(["public.items"], logical_messages="*", on_bad_row="dead_letter")
    world.sql("SELECT pg_logical_emit_message(true, 'p', repeat('x', 2000000)); SELECT pg_logical_emit_message(false, 'p', 'after')")
    world.sql("INSERT INTO items VALUES (1, 'x')")
    assert world.settle_and_compare() == 1
    topic = f"{world.mirror_name}.message"
    assert [content(value) for _, value, _ in events(world, topic)] == ["after"]
    (key, value, _), = events(world, topic + ".dead_letter")
    assert key == {"prefix": "p"} and value == {"reason": "the message is too large: the topic takes 1000012 bytes", "table": "", "topic": topic}


def test_a_topic_of_a_table_is_refused(world):
    world.create_peers()
    with pytest.raises(psycopg2.Error) as caught:
        world.create_mirror(["public.items"], logical_messages="*", message_topic=world.target_name("public.items"))
    assert "logical messages" in caught.value.diag.message_primary and "message_topic" in caught.value.diag.message_hint
    with pytest.raises(psycopg2.Error) as caught:
        world.create_mirror(["public.items"], logical_messages="*", message_topic="no topic")
    assert "no topic" in caught.value.diag.message_primary


class Emitter:
    """Emits messages outside of transactions, in them, in ones that roll back, and rows between; knows what must arrive, in which order."""

    def __init__(self, world, seed):
        self.world, self.random, self.expected, self.number, self.run, self.error = world, random.Random(seed), [], 0, True, None
        self.thread = threading.Thread(target=self._loop, daemon=True)
        self.thread.start()

    def stop(self):
        self.run = False
        self.thread.join(120)
        assert not self.thread.is_alive()
        if self.error:
            raise self.error

    def _loop(self):
        try:
            connection = self.world.source.connect(self.world.source_db, autocommit=False)
            with connection, connection.cursor() as cursor:
                while self.run:
                    self._transaction(connection, cursor)
                    time.sleep(self.random.random() * 0.01)
            connection.close()
        except Exception as error:
            self.error = error

    def _transaction(self, connection, cursor):
        inside, commits = [], self.random.random() < 0.8
        for _ in range(self.random.choice([1, 1, 2, 5])):
            self.number += 1
            kind = self.random.choice(["in", "out", "out", "row"])
            if kind == "row":
                cursor.execute("INSERT INTO items VALUES (%s, 'x')", (self.number,))
                continue
            cursor.execute("SELECT pg_logical_emit_message(%s, 'p', %s)", (kind == "in", str(self.number)))
            (inside if kind == "in" else self.expected).append(str(self.number))
        if commits:
            connection.commit()
            self.expected += inside
        else:
            connection.rollback()


@pytest.mark.timeout(900)
def test_kills_neither_lose_nor_repeat_a_message(world):
    world.start_mirror(["public.items"], logical_messages="p", message_topic=f"{world.target_db}.out")
    chance, emitter = random.Random(7), Emitter(world, seed=7)
    for kill in range(KILLS):
        before = len(emitter.expected)
        wait_for("messages", lambda: len(emitter.expected) > before + 50, 30)
        time.sleep(chance.random() * 0.5)
        world.peerd.kill9()
        time.sleep(chance.random() * 0.3)
        world.peerd.start()
        world.wait_state("RUNNING")
    emitter.stop()
    world.wait_caught_up()
    # Nothing more is emitted: what was delivered last is not delivered again by a start.
    world.peerd.kill9()
    world.peerd.start()
    world.wait_state("RUNNING")
    world.sql("INSERT INTO items VALUES (0, 'the end')")
    assert world.settle_and_compare() > 0
    sent = events(world, f"{world.target_db}.out")
    assert [content(value) for _, value, _ in sent] == emitter.expected
    in_order = [(lsn(headers["lsn"]), int(headers["ordinal"])) for _, _, headers in sent]
    assert in_order == sorted(set(in_order))
    print(f"{KILLS + 1} kills of peerd, {len(sent)} messages each once and in order")

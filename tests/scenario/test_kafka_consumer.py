"""The consumer of the Kafka tests against itself: it rebuilds a table from the contract's own examples, and each fault
that it is there to find, it finds."""
import json

import pytest

from support.kafka_consumer import Audit, Broken, Consumer, compare_kafka, load

TOPIC = "orders"


class Feed:
    """Messages by hand, as a mirror would send them."""

    def __init__(self, form="peerdb"):
        self.consumer, self.form, self.offsets = Consumer({}, [TOPIC], form), form, {}
        self.topic = self.consumer.topics[TOPIC]
        self.topic.partitions = 2

    def send(self, kind, key, at, transaction, ordinal, row=None, partition=0, unchanged=(), **headers):
        self.offsets[partition] = self.offsets.get(partition, -1) + 1
        body = None if kind == "tombstone" else getattr(self, f"_{self.form}")(kind, key, row, transaction, list(unchanged))
        about = {"lsn": f"0/{at:X}", "transaction": str(transaction), "ordinal": str(ordinal), "mirror": "m", "kind": kind,
                 **({"unchanged_columns": json.dumps(list(unchanged))} if unchanged else {}), **headers}
        self.consumer.take(TOPIC, partition, self.offsets[partition], json.dumps(key).encode(),
                           None if body is None else json.dumps(body).encode(),
                           [(name, text.encode()) for name, text in about.items()])

    def event(self, kind, at, transaction, ordinal):
        for partition in (0, 1):
            self.send(kind, {"_peerd_event": kind}, at, transaction, ordinal, partition=partition)

    @staticmethod
    def _peerdb(kind, key, row, transaction, unchanged):
        parts = {"update": {"old": {}, "new": row}, "delete": {"old": key}, "insert": {"new": row}, "read": {"new": row}}
        return {"kind": kind, **parts.get(kind, {}), "transaction_id": transaction,
                **({"unchanged_columns": unchanged} if unchanged else {})}

    @staticmethod
    def _flat(kind, key, row, transaction, unchanged):
        return {**(key if kind == "delete" else row or {}), "_peerdb_kind": kind, "_peerdb_transaction_id": transaction,
                **({"_peerdb_unchanged_columns": unchanged} if unchanged else {})}

    @staticmethod
    def _debezium(kind, key, row, transaction, unchanged):
        operation = {"insert": "c", "update": "u", "delete": "d", "read": "r", "truncate": "t", "horizon": "m"}[kind]
        times = {"ts_ms": 1795604401000, "ts_us": 1795604401000001, "ts_ns": 1795604401000001000}
        source = {"version": "3", "connector": "postgresql", "name": "m", "ts_ms": 1795604401000, "snapshot": str(kind == "read").lower(), "db": "src",
                  "sequence": '[null,"7"]', "ts_us": 1795604401000001, "ts_ns": 1795604401000001000, "schema": "public", "table": TOPIC,
                  "txId": transaction or None, "lsn": 7, "xmin": None}
        if kind == "horizon":
            return {"op": "m", **times, "source": source, "transaction": None, "message": {"prefix": "peerd.horizon", "content": "MC8w"}}
        return {"before": {**key, "note": None} if kind == "delete" else None,
                "after": row and {**row, **{name: "__debezium_unavailable_value" for name in unchanged if name not in row}},
                "source": source, "transaction": None, "op": operation, **times}

    def usual(self):
        """A copy, its horizon, changes, a key change, a truncate of nothing that stays."""
        self.send("read", {"id": 1}, 10, 0, 0, {"id": 1, "note": "a"}, chunk="0")
        self.send("read", {"id": 2}, 10, 0, 1, {"id": 2, "note": "b\t\\"}, partition=1, chunk="0")
        self.event("horizon", 11, 0, 0)
        self.send("update", {"id": 1}, 20, 5, 0, {"id": 1}, unchanged=["note"])
        self.send("delete", {"id": 2}, 20, 5, 1, partition=1)
        self.send("tombstone", {"id": 2}, 20, 5, 1, partition=1)
        self.send("insert", {"id": 3}, 20, 5, 2, {"id": 3, "note": None})
        return self


@pytest.fixture
def orders(source):
    name = source.create_database("consumer")
    yield name
    source.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def scratch(source):
    name = source.create_database("consumed")
    yield name
    source.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("form", ["peerdb", "flat", "debezium"])
def test_rows_are_rebuilt_and_one_that_differs_is_found(source, orders, scratch, form):
    source.sql("CREATE TABLE orders (id int PRIMARY KEY, note text)", dbname=orders)
    audit = Audit(source, orders, ["orders"])
    source.sql("INSERT INTO orders VALUES (1, 'a'), (2, E'b\\t\\\\')", dbname=orders)
    since = audit.now()
    source.sql("BEGIN; UPDATE orders SET note = note WHERE id = 1; UPDATE orders SET id = 3, note = NULL WHERE id = 2; COMMIT", dbname=orders)
    feed = Feed(form).usual()
    feed.consumer.check_end()
    xid = int(source.value("SELECT xmin::text FROM orders WHERE id = 3", dbname=orders))
    feed.topic.transactions[xid] = feed.topic.transactions.pop(5)  # the number that the source gave it
    assert audit.check(feed.consumer, since) == 1
    assert compare_kafka(feed.topic, source, "public.orders", orders, scratch) == 2
    source.sql("UPDATE orders SET note = 'c' WHERE id = 3", dbname=orders)
    with pytest.raises(Broken, match="1 transactions of the source are in no topic"):
        audit.check(feed.consumer, since)
    with pytest.raises(AssertionError, match="1 rows missing at the target, 1 rows only there"):
        compare_kafka(feed.topic, source, "public.orders", orders, scratch)
    feed.topic.transactions[xid].pop()
    with pytest.raises(Broken, match="2 messages for 3 changes"):
        audit.check(feed.consumer, since)


@pytest.mark.parametrize("wrong, message", [
    (dict(kind="insert", key={"id": 3}, at=20, transaction=5, ordinal=2, row={"id": 3, "note": None}), "twice, or out of order"),
    (dict(kind="update", key={"id": 1}, at=19, transaction=4, ordinal=9, row={"id": 1, "note": "x"}), "twice, or out of order"),
    (dict(kind="update", key={"id": 1}, at=30, transaction=6, ordinal=0, row={"id": 1, "note": "x"}, partition=1), "was in partition 0"),
    (dict(kind="insert", key={"id": 4}, at=30, transaction=6, ordinal=0, row={"id": 5, "note": "x"}), "is not that of the row"),
    (dict(kind="read", key={"id": 1}, at=10, transaction=0, ordinal=7, row={"id": 1, "note": "x"}, chunk="0"), "read after a change"),
    (dict(kind="read", key={"id": 9}, at=10, transaction=0, ordinal=0, row={"id": 9, "note": "x"}, chunk="0"), "a second read"),
    (dict(kind="tombstone", key={"id": 1}, at=20, transaction=5, ordinal=0), "follows no delete"),
])
def test_a_broken_stream_is_found(wrong, message):
    feed = Feed().usual()
    with pytest.raises(Broken, match=message):
        feed.send(**wrong)


def test_a_commit_may_begin_just_where_a_copy_anew_does():
    feed = Feed().usual()
    feed.event("truncate", 40, 0, 0)
    feed.send("read", {"id": 3}, 40, 0, 0, {"id": 3, "note": "x"}, chunk="0")
    feed.send("delete", {"id": 3}, 40, 7, 0)
    with pytest.raises(Broken, match="twice, or out of order"):
        feed.send("delete", {"id": 1}, 40, 7, 0)


def test_a_value_that_no_message_brought_is_found(source, orders, scratch):
    source.sql("CREATE TABLE orders (id int PRIMARY KEY, note text); INSERT INTO orders VALUES (1, 'a')", dbname=orders)
    feed = Feed()
    feed.send("insert", {"id": 1}, 20, 5, 0, {"id": 1}, unchanged=["note"])
    with pytest.raises(Broken, match=r"no message has brought \['note'\]"):
        load(feed.topic, source, "public.orders", orders, scratch)


def test_a_truncate_empties_its_partitions_and_a_horizon_reaches_all():
    feed = Feed().usual()
    feed.event("truncate", 40, 7, 0)
    assert feed.topic.rows == {}
    feed.consumer.check_end()
    feed.send("horizon", {"_peerd_event": "horizon"}, 50, 0, 0, partition=1)
    with pytest.raises(Broken, match="horizon events per partition"):
        feed.consumer.check_end()


def test_the_end_is_past_what_was_aborted_and_before_what_is_open(kafka):
    from confluent_kafka import Producer
    kafka.create_topic("ends", 2)
    client, feed = Consumer(kafka.client(), ["ends"]), Feed()
    headers = [(name, text) for name, text in (("mirror", b"m"), ("kind", b"insert"), ("transaction", b"5"), ("ordinal", b"0"))]

    def send(producer, number):
        value = json.dumps(feed._peerdb("insert", None, {"id": number}, 5, [])).encode()
        producer.produce("ends", value, json.dumps({"id": number}).encode(), number % 2, headers=[*headers, ("lsn", f"0/{number:X}".encode())])

    def arrived():
        """How many came, once nothing is open: a transaction's end is at the partitions a moment after it was told."""
        counts = client.topics["ends"].counts
        before = sum(counts.values())
        client.read_whole()
        return sum(counts.values()) - before

    producer = Producer({**kafka.client(), "transactional.id": "ends"})
    producer.init_transactions(30)
    expected = 0
    for finish in (producer.commit_transaction, producer.abort_transaction, producer.commit_transaction, producer.abort_transaction):
        producer.begin_transaction()
        for number in (1, 2, 3, 4):
            send(producer, expected + number)
        producer.flush(30)
        assert client.read_to_end(30) == 0, "an open transaction is not seen"
        finish(30)
        if finish == producer.commit_transaction:
            expected += 4
        assert arrived() == (4 if finish == producer.commit_transaction else 0)
    assert len(client.topics["ends"].rows) == expected == 8

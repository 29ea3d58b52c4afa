"""Kill -9 of peerd, of the broker and of one broker of three at random instants, in snapshot and stream, under load.

What a read_committed consumer may see is checked message by message: nothing twice, no gap, each key's order, and no part of
a source transaction that is not finished: a trigger at the source wrote down what each transaction did. After each kill of
peerd, while it is down, the topics are read to their ends and held against that. At the end the tables that the messages make
are the source's, and no chunk that was finished before a kill was read again after it.
"""
import pytest

from support.kafka_consumer import Audit, Broken, Consumer, Message, compare_kafka
from support.kafka_server import KafkaServer
from support.killing import SEED, Killing, kills
from support.postgres_server import PostgresServer
from support.process import wait_for
from support.writer import Writer, create_table

KILLS = kills(few=2, many=20)
ROWS, ROWS_PER_CHUNK, WORKERS = 100_000 if KILLS > 3 else 20_000, 200, 2


class OneOf:
    """A victim: another node of the cluster each time."""

    def __init__(self, cluster, random):
        self.cluster, self.random, self.node = cluster, random, None

    def kill9(self):
        self.node = self.random.choice(self.cluster.nodes)
        self.node.kill9()

    def start(self):
        self.node.start()


class KafkaKilling(Killing):
    """Looks at the topics while peerd is down."""

    def __init__(self, world, victims, audit):
        super().__init__(world, victims, rows=ROWS)
        self.audit, self.looks, self.applied = audit, 0, None

    def in_stream(self, name):
        """Once something has arrived since the kill before: a start takes seconds, and most kills would hit nothing else."""
        self.applied = wait_for(f"the stream to go on after kill {len(self.hits)}", self.moved, 180)
        super().in_stream(name)

    def moved(self):
        mirror = self.world.mirror()
        if mirror["state"] == "FAILED":
            raise AssertionError(f"the mirror has FAILED: {mirror}")
        return mirror["applied_lsn"] if mirror["applied_lsn"] != self.applied else None

    def while_down(self, name):
        if name != "peerd":
            return
        self.looks += 1
        # A Kafka transaction that was being committed becomes visible in one partition after the other, in milliseconds.
        wait_for(f"each source transaction to be whole or not there after kill {len(self.hits)}", self.whole, 30, 0.05)

    def whole(self):
        consumer = self.world.consumer()
        try:
            self.audit.check(consumer)
            return True
        except Broken as error:
            self.partial = error
            return False


class Repeating(KafkaKilling):
    """Without transactions parts of them may be there, and messages come again."""

    def while_down(self, name):
        pass


class Latest(Consumer):
    """Takes a key's last message, as who does not mind repeats does: they come in order, so that the last one is the newest."""

    repeats = 0

    def take(self, topic, partition, offset, key, value, headers):
        if offset < self.positions.get((topic, partition), 0):
            return
        self.positions[topic, partition] = offset + 1
        message, told = Message(topic, partition, offset, key, value, headers, self.form), self.topics[topic]
        place = (message.lsn, message.transaction, message.chunk, message.ordinal)
        self.repeats += place in told.reads
        told.reads.add(place)
        if message.kind == "delete":
            told.rows.pop(message.key, None)
        elif message.row is not None:
            before = told.rows.get(message.key, (0, {}))[1]
            told.rows[message.key] = (partition, {**{name: before[name] for name in message.unchanged if name in before}, **message.row})


def mirror_under_load(new_world, kafka, **options):
    source = PostgresServer("source", settings={"max_wal_size": "1GB"})
    world = new_world("kafka", source=source, target=kafka)
    create_table(source, "public.items", ROWS, world.source_db, long_every=500, long_bytes=20_000)
    audit = Audit(source, world.source_db, ["public.items"])
    writer = Writer(source, "public.items", world.source_db, seed=SEED, rate=60, long_bytes=100_000)
    world.create_peers()
    world.log_from = source.log_size()
    world.create_mirror(["public.items"], snapshot_num_rows_per_partition=ROWS_PER_CHUNK, snapshot_max_parallel_workers=WORKERS, **options)
    return world, writer, audit


def kill_all(world, writer, killing):
    """Returns the mirror's row at the copy's end, and what had arrived by then."""
    order = killing.order(KILLS)
    wanted_in_snapshot = max(1, len(order) * 2 // 5)
    wait_for("the copy to begin", lambda: world.mirror()["chunks_done"] > 0, 120)
    while order and len(killing.hits) < wanted_in_snapshot and killing.in_snapshot(order[-1]):
        order.pop()
    finished = world.wait_state("RUNNING", 240)
    since, copies = killing.audit.now(), len(world.copies(world.log_from))
    while order:
        killing.in_stream(order.pop())
    writer.stop()
    world.wait_caught_up(240)
    return finished, since, copies


def kill_and_check(world, writer, killing):
    finished, since, copies = kill_all(world, writer, killing)
    snapshot_hits, stream_hits = killing.hits_in()
    rows = world.compare()
    whole = killing.audit.check(world.consumer(), since)
    messages = sum(sum(topic.counts.values()) for topic in world.consumer().topics.values())
    print(f"{len(killing.hits)} kills, target=kafka seed={SEED}: {snapshot_hits} in SNAPSHOT with chunks open, {stream_hits} with a batch in "
          f"flight, {killing.looks} looks while peerd was down; {finished['chunks_total']} chunks, {copies} COPY; {messages} messages, {rows} rows "
          f"equal, {whole} source transactions whole", flush=True)
    assert rows > ROWS * 0.9
    again = killing.read_again()
    assert not again, f"{len(again)} finished chunks were read again: {again[:5]}"
    if len(killing.hits) < 10:
        return  # too few to ask where they hit
    assert snapshot_hits * 4 >= len(killing.hits), "too few kills hit the snapshot with chunks open"
    assert stream_hits * 4 >= len(killing.hits), "too few kills hit a batch in flight"


@pytest.mark.timeout(1500)
def test_kills_of_peerd_and_of_the_broker(new_world):
    kafka = KafkaServer("alone")
    world, writer, audit = mirror_under_load(new_world, kafka)
    kill_and_check(world, writer, KafkaKilling(world, {"peerd": world.peerd, "broker": kafka}, audit))


@pytest.mark.timeout(1500)
def test_kills_of_one_broker_of_three(new_world):
    """Replication factor 3 and min.insync.replicas 2, for the topics, the position and Kafka's own transaction log."""
    kafka = KafkaServer("three", nodes=3)
    world, writer, audit = mirror_under_load(new_world, kafka)
    killing = KafkaKilling(world, {}, audit)
    killing.victims["one of 3"] = OneOf(kafka, killing.random)
    kill_and_check(world, writer, killing)
    assert all(len(partition.replicas) == 3 for partition in kafka.topics()[world.target_name("public.items")].partitions.values())


@pytest.mark.full
@pytest.mark.timeout(1500)
def test_kills_of_peerd_and_of_the_broker_lose_nothing_at_least_once(new_world):
    kafka = KafkaServer("repeats")
    world, writer, audit = mirror_under_load(new_world, kafka, delivery="at_least_once")
    killing = Repeating(world, {"peerd": world.peerd, "broker": kafka}, audit)
    kill_all(world, writer, killing)
    latest = Latest(kafka.client(), [world.target_name("public.items")])
    latest.read_whole()
    rows = compare_kafka(latest.topics[world.target_name("public.items")], world.source, "public.items", world.source_db, world.target_db)
    print(f"{len(killing.hits)} kills, at_least_once, seed={SEED}: {rows} rows equal, {latest.repeats} messages came again", flush=True)
    assert rows > ROWS * 0.9
    latest.close()

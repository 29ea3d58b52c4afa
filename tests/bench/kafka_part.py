"""The bench's Kafka part: stream and snapshot into topics, against what the source can give and what Kafka's own tool can send.

The source's ceiling is pg_recvlogical (COPY for the snapshot) to /dev/null. Kafka's is its producer performance tool with
payloads taken from the very topics, the same compression and batch size; it sends them without key, headers and transaction,
so it has less to do. peerd must reach 0.6 of the lower of the two. Broker, source and peerd share the machine.
"""
import os
import re
import statistics
import subprocess
import time
from datetime import datetime, timezone

import confluent_kafka

from measures import CHANGES_PER_TRANSACTION, INSERTS, MIXED, ROW, TABLE, Stream, ceiling, floor, report, timed
from support.kafka_consumer import Consumer, compare_kafka
from support.kafka_server import KafkaServer, tool
from support.peerd import Peerd, lsn
from support.process import temp_dir, wait_for
from support.world import kafka_options, options_text, postgres_options

PAYLOADS = 200_000  # so many different messages; the tool picks from them
CHANGES_PER_SECOND, CHANGES_PER_COMMIT = 5000, 10
# Commits at a steady pace: each waits for its time, whatever those before it took.
PACED = """DO $$ DECLARE due timestamptz := clock_timestamp(); BEGIN FOR i IN 1..{commits} LOOP
  INSERT INTO public.facts SELECT {row} FROM generate_series({first} + i * {step}, {first} + (i + 1) * {step} - 1) g; COMMIT;
  due := due + interval '1 second' * {step} / {rate};
  PERFORM pg_sleep(greatest(0, extract(epoch FROM due - clock_timestamp())));
END LOOP; END $$"""


def payloads(kafka, topic, path):
    """The values of the topic's first messages, one a line. Returns their number."""
    consumer = confluent_kafka.Consumer(kafka.client(**{"group.id": "payloads", "auto.offset.reset": "earliest", "isolation.level": "read_committed"}))
    consumer.subscribe([topic])
    count, idle = 0, 0
    with open(path, "wb") as file:
        while count < PAYLOADS and idle < 10:
            found = [message.value() for message in consumer.consume(5000, 0.5) if not message.error() and message.value()]
            idle = 0 if found else idle + (count > 0)
            file.writelines(value + b"\n" for value in found)
            count += len(found)
    consumer.close()
    assert count, f"{topic} is empty"
    return count


def performance_tool(kafka, topic, count, path):
    """Seconds that Kafka's own tool takes, by its own figure: its start does not count."""
    kafka.create_topic(topic)
    printed = tool("org.apache.kafka.tools.ProducerPerformance", "--topic", topic, "--num-records", count, "--throughput", -1, "--payload-file", path,
                   "--producer-props", f"bootstrap.servers={kafka.servers()}", "acks=all", "compression.type=lz4", "batch.size=1000000", "linger.ms=5",
                   timeout=1800, heap="1g", jvm=())
    kafka.delete_topics([topic])
    sent, rate = re.findall(r"(\d+) records sent, ([\d.]+) records/sec", printed)[-1]
    assert int(sent) == count, printed[-500:]
    return count / float(rate)


class Topics(Stream):
    """For each round a bare slot and a mirror into a topic."""

    def __init__(self, arguments, source, kafka, peerd):
        super().__init__(source, peerd, "kafka_stream")
        self.kafka, self.rounds = kafka, arguments.rounds
        for number in range(self.rounds):
            self.make_slot(f"bare_{number}")
            self.make_mirror(f"to_kafka_{number}", "KAFKA", kafka_options(kafka), f"stream_{number}")

    def to_kafka(self, number):
        """Until what the topic has is durable there up to the load's end."""
        self.peerd.sql(f"RESUME MIRROR to_kafka_{number}")
        wait_for("Kafka to have it all", lambda: (m := self.peerd.mirror(f"to_kafka_{number}"))["applied_lsn"] and lsn(m["applied_lsn"]) >= self.mark_lsn,
                 1800, 0.02)

    def drain(self, changes, arguments, path):
        bare, kafka, cpu, tools = [], [], [], []
        for number in range(self.rounds):
            bare.append(timed(lambda: self.bare(number)))
            before = self.peerd.cpu_seconds()
            kafka.append(timed(lambda: self.to_kafka(number)))
            cpu.append(self.peerd.cpu_seconds() - before)
            self.pause(f"to_kafka_{number}")
        payloads(self.kafka, "stream_0", path)
        for number in range(self.rounds):
            tools.append(performance_tool(self.kafka, f"tool_{number}", changes, path))
        top = report("pg_recvlogical -f /dev/null", bare, changes, "changes")
        sent = report("Kafka's producer performance tool", tools, changes, "messages")
        own = report("peerd to Kafka", kafka, changes, "changes")
        floor("slower one's time / peerd's time to Kafka", max(top, sent) / own, 0.6, arguments.smoke)
        print(f"  CPU of peerd per million changes, to_kafka       {statistics.median(cpu) / changes * 1e6:6.2f} s", flush=True)

    def write(self, statement, mark):
        super().write(statement, mark)
        self.mark_lsn = lsn(self.source.value("SELECT pg_current_wal_insert_lsn()::text"))
        # An idle stream's position is stored every ten seconds: one more commit carries it past the load's end at once.
        self.source.sql(f"UPDATE public.facts SET account = 0 WHERE id = {mark}", dbname=self.database)
        self.end = self.source.value("SELECT pg_current_wal_flush_lsn()::text")


def stream(arguments, source, kafka, peerd, directory):
    step, rows = CHANGES_PER_TRANSACTION, arguments.rows
    topics = Topics(arguments, source, kafka, peerd)
    print(f"\nstream of {rows:,} inserts to Kafka", flush=True)
    topics.write(INSERTS.format(last=(rows - 1) // step, row=ROW.format(id="g"), step=step, rows=rows), mark=-1)
    topics.drain(rows, arguments, f"{directory}/inserts")
    print(f"\nstream of {rows:,} changes to Kafka: 40 inserts, 50 updates, 10 deletes of a hundred, by random key", flush=True)
    source.sql("VACUUM ANALYZE public.facts", dbname=topics.database)
    topics.write(MIXED.format(rows=rows, step=step, row_fresh=ROW.format(id="fresh")), mark=-2)
    topics.drain(rows, arguments, f"{directory}/mixed")
    check_equal(topics, "stream_0")
    latency(arguments, topics)


def check_equal(topics, topic):
    """A fast stream that loses rows is not fast."""
    topics.source.create_database("rebuilt")
    consumer = Consumer(topics.kafka.client(), [topic])
    consumer.read_to_end(1800)
    rows = compare_kafka(consumer.topics[topic], topics.source, "public.facts", topics.database, "rebuilt")
    print(f"  rebuilt from the topic and compared row by row: {rows:,} rows")


def latency(arguments, topics):
    """From the source's commit to a read_committed consumer that has the message in its hand."""
    seconds = 2 if arguments.smoke else 30
    commits = seconds * CHANGES_PER_SECOND // CHANGES_PER_COMMIT
    topics.peerd.sql("RESUME MIRROR to_kafka_0")
    topics.peerd.wait_caught_up("to_kafka_0", topics.source, topics.database, touched="public.facts")
    reader = confluent_kafka.Consumer(topics.kafka.client(**{"group.id": "latency", "isolation.level": "read_committed", "fetch.wait.max.ms": 5, "auto.offset.reset": "error"}))
    parts = [confluent_kafka.TopicPartition("stream_0", number) for number in topics.kafka.topics()["stream_0"].partitions]
    for part in parts:
        part.offset = reader.get_watermark_offsets(part, timeout=30)[1]
    reader.assign(parts)
    first = 1_000_000_000
    writer = subprocess.Popen(["psql", "-X", "-q", topics.source.dsn(topics.database), "-c", PACED.format(
        commits=commits, row=ROW.format(id="g"), first=first, step=CHANGES_PER_COMMIT, rate=CHANGES_PER_SECOND)])
    waits, end = [], time.monotonic() + seconds * 4 + 60
    while len(waits) < commits * CHANGES_PER_COMMIT and time.monotonic() < end:
        found = reader.consume(1000, 0.005)
        now = time.time()
        waits += [now - committed(message) for message in found if not message.error()]
    assert writer.wait() == 0 and len(waits) == commits * CHANGES_PER_COMMIT, f"{len(waits)} of {commits * CHANGES_PER_COMMIT} messages came"
    reader.close()
    topics.pause("to_kafka_0")
    cuts = statistics.quantiles(waits, n=100)
    print(f"\nlatency from commit to consumer, {CHANGES_PER_SECOND:,} changes/s in commits of {CHANGES_PER_COMMIT} for {seconds} s: "
          f"p50 {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms, most {max(waits) * 1000:.0f} ms", flush=True)


COMMIT_TIME = re.compile(rb'"commit_time":"([^"]+)"')


def committed(message):
    """The source's commit, by its own clock, which is this machine's."""
    return datetime.strptime(COMMIT_TIME.search(message.value()).group(1).decode(), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp()


def snapshot(arguments, source, kafka, peerd, directory):
    print(f"\nsnapshot of {arguments.rows:,} rows of nine columns to Kafka", flush=True)
    source.create_database("kafka_snapshot")
    source.sql(TABLE, dbname="kafka_snapshot")
    source.sql(f"INSERT INTO public.facts SELECT {ROW.format(id='g')} FROM generate_series(1, {arguments.rows}) g", dbname="kafka_snapshot")
    for statement in ("VACUUM ANALYZE public.facts", "CHECKPOINT"):
        source.sql(statement, dbname="kafka_snapshot")
    peerd.sql(f"CREATE PEER kafka_snapshot FROM POSTGRES WITH ({options_text(postgres_options(source, 'kafka_snapshot'))})")
    peerd.sql(f"CREATE PEER kafka_topics FROM KAFKA WITH ({options_text(kafka_options(kafka))})")
    copies, own, cpu, tools = [], [], [], []
    for number in range(arguments.rounds):
        copies.append(timed(lambda: subprocess.run(["psql", "-X", "-q", source.dsn("kafka_snapshot"), "-c", "COPY public.facts TO STDOUT"],
                                                   stdout=subprocess.DEVNULL, check=True)))

        def mirror():
            peerd.sql(f"CREATE MIRROR snapshot_{number} FROM kafka_snapshot TO kafka_topics WITH TABLE MAPPING (public.facts:snapshot_{number})")
            peerd.wait_state(f"snapshot_{number}", "RUNNING", 1800)

        before = peerd.cpu_seconds()
        own.append(timed(mirror))
        cpu.append(peerd.cpu_seconds() - before)
        peerd.sql(f"DROP MIRROR snapshot_{number}")
    payloads(kafka, "snapshot_0", f"{directory}/rows")
    for number in range(arguments.rounds):
        tools.append(performance_tool(kafka, f"rows_{number}", arguments.rows, f"{directory}/rows"))
    top = report("COPY TO STDOUT > /dev/null", copies, arguments.rows)
    sent = report("Kafka's producer performance tool", tools, arguments.rows, "messages")
    peerd_time = report("peerd, CREATE MIRROR to RUNNING", own, arguments.rows)
    floor("slower one's time / peerd's time to Kafka", max(top, sent) / peerd_time, 0.6, arguments.smoke)
    print(f"  CPU of peerd per million rows                {statistics.median(cpu) / arguments.rows * 1e6:8.2f} s", flush=True)


def run(arguments, source):
    kafka, peerd, directory = KafkaServer("bench", heap="1g", jvm=()), Peerd({"PEERD_LOG_LEVEL": "info"}, name="kafka"), temp_dir("payloads")
    print(f"Postgres {source.value('SHOW server_version')} with fsync=on, one Kafka broker, {os.cpu_count()} cores; all share them", flush=True)
    snapshot(arguments, source, kafka, peerd, directory)
    stream(arguments, source, kafka, peerd, directory)
    ceiling("peak resident memory of peerd to Kafka", peerd.peak_memory_mb(), 300, arguments.smoke)
    peerd.terminate()
    kafka.stop()

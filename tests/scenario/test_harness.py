"""The harness against itself: servers start, stop, die and come back; comparing finds a difference where there is one."""
import confluent_kafka
import pytest

from support.clickhouse_server import ClickHouseServer
from support.compare import compare_clickhouse, compare_postgres
from support.kafka_server import KafkaServer
from support.postgres_server import PostgresServer
from support.process import wait_for
from support.world import literal
from support.writer import Writer, create_table


def test_a_cluster_survives_kill_and_stop():
    with_rows = PostgresServer("self")
    create_table(with_rows, "items", 1000)
    with_rows.kill9()
    with_rows.start()
    with_rows.sigstop()
    with_rows.sigcont()
    assert with_rows.value("SELECT count(*) FROM items") == 1000
    assert with_rows.log_lines("database system was not properly shut down")


@pytest.mark.parametrize("major", [14, 16, 17, 18])
def test_other_majors_start(major):
    assert PostgresServer("self", major).value("SHOW server_version").startswith(str(major))


def kafka_values(kafka, topic, count):
    """The committed messages of a topic, at least so many."""
    consumer = confluent_kafka.Consumer(kafka.client(**{"group.id": "self", "auto.offset.reset": "earliest", "isolation.level": "read_committed"}))
    consumer.subscribe([topic])
    found = []
    try:
        wait_for(f"{count} messages", lambda: (m := consumer.poll(0.2)) and not m.error() and found.append(m.value()) or len(found) >= count, 60, 0)
        while (message := consumer.poll(1.0)) is not None:
            assert not message.error(), message.error()
            found.append(message.value())
    finally:
        consumer.close()
    return found


def transact(kafka, values, commit=True):
    producer = confluent_kafka.Producer(kafka.client(**{"transactional.id": "self"}))
    producer.init_transactions(60)
    producer.begin_transaction()
    for value in values:
        producer.produce("numbers", value, b"key")
    producer.flush(120)
    producer.commit_transaction(120) if commit else producer.abort_transaction(120)


@pytest.mark.parametrize("nodes", [1, 3])
def test_a_kafka_cluster_keeps_what_was_committed_through_kills(nodes):
    kafka = KafkaServer("self", nodes=nodes)
    kafka.create_topic("numbers", partitions=2)
    transact(kafka, [b"1", b"2"])
    transact(kafka, [b"never"], commit=False)
    kafka.nodes[-1].kill9()
    if nodes == 3:
        transact(kafka, [b"3"])  # the others are enough
    kafka.nodes[-1].start()
    kafka.sigstop()
    kafka.sigcont()
    transact(kafka, [b"4"])
    kafka.kill9()
    kafka.start()
    wanted = [b"1", b"2", b"3", b"4"] if nodes == 3 else [b"1", b"2", b"4"]
    assert kafka_values(kafka, "numbers", len(wanted)) == wanted


def test_comparing_finds_one_changed_row():
    source, target = PostgresServer("source"), PostgresServer("target")
    create_table(source, "items", 500, long_every=50)
    writer = Writer(source, "items", rate=200)
    wait_for("fifty transactions", lambda: writer.counts().get("transactions", 0) > 50)
    source.kill9()
    source.start()
    before = writer.counts()["transactions"]
    wait_for("the writer to come again", lambda: writer.counts()["transactions"] > before + 20)
    counts = writer.stop()
    assert counts["reconnects"] > 0 and counts["swap"] > 0 and counts["chain"] > 0
    target.sql("CREATE EXTENSION dblink")
    target.sql("""CREATE TABLE items (id bigint PRIMARY KEY, n int NOT NULL,
      price numeric(12,2), ratio float8, name text, ok boolean, at timestamptz, tags text[], body text)""")
    target.sql(f"""INSERT INTO items SELECT * FROM dblink({literal(source.dsn())}, 'TABLE items') AS t(id bigint, n int,
      price numeric(12,2), ratio float8, name text, ok boolean, at timestamptz, tags text[], body text)""")
    assert compare_postgres(source, "items", target) == source.value("SELECT count(*) FROM items")
    target.sql("UPDATE items SET n = n + 1 WHERE id = (SELECT max(id) FROM items)")
    with pytest.raises(AssertionError, match="1 rows missing at the target, 1 rows only there"):
        compare_postgres(source, "items", target)
    click = ClickHouseServer()
    click.text(f"""CREATE TABLE items ENGINE = ReplacingMergeTree(version, deleted) ORDER BY id AS
      SELECT *, toUInt64(1) AS version, toUInt8(0) AS deleted FROM postgresql('127.0.0.1:{source.port}', 'postgres', 'items',
      'postgres', 'postgres')""")
    compare_clickhouse(source, "items", click, "items", "default")
    click.text("INSERT INTO items SELECT * REPLACE (2 AS version, 1 AS deleted) FROM items LIMIT 1")
    with pytest.raises(AssertionError, match="1 rows missing at the target, 0 rows only there"):
        compare_clickhouse(source, "items", click, "items", "default")
    click.kill9()
    click.start()
    assert click.value("SELECT count() FROM items") > 0

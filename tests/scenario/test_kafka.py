"""Kafka as a target on a real broker: what docs/targets/kafka.md promises, read back with read_committed."""
import concurrent.futures
import json

import psycopg2
import pytest

from support.kafka_consumer import FORMATS, Audit, Consumer
from support.kafka_server import PASSWORDS, KafkaServer
from support.process import free_port, wait_for
from support.world import kafka_options, options_text
from support.writer import Writer, create_table

LONG = "repeat(md5(%s::text), 3200)"  # 100 kB, stored out of line


@pytest.fixture
def world(new_world):
    return new_world("kafka")


def messages(world, table="public.items", more=""):
    """Every message of the table's topic, as it is: (partition, key, value, headers)."""
    found = []

    class Raw(Consumer):
        def take(self, topic, partition, offset, key, value, headers):
            if offset >= self.positions.get((topic, partition), 0):
                self.positions[topic, partition] = offset + 1
                found.append((partition, key.decode(), value and value.decode(), {name: text.decode() for name, text in headers}))

    Raw(world.target.client(), [world.target_name(table) + more]).read_to_end()
    return found


def test_key_changes_headers_and_order(world):
    world.sql("CREATE TABLE public.items (id int PRIMARY KEY, t text); INSERT INTO items VALUES (1, 'a'), (2, 'b')")
    world.start_mirror(["public.items"])
    world.wait_caught_up()
    begin = len(messages(world))
    world.sql("BEGIN; UPDATE items SET id = 3, t = 'moved' WHERE id = 1; DELETE FROM items WHERE id = 2; INSERT INTO items VALUES (2, 'again'); COMMIT")
    xid, = world.sql("SELECT xmin::text FROM items WHERE id = 3")[0]
    assert world.settle_and_compare() == 2
    sent = sorted((int(headers["ordinal"]), headers["kind"], key, json.loads(value).get("new"), headers["mirror"], headers["lsn"])
                  for _, key, value, headers in messages(world) if headers["transaction"] == xid)
    assert len(messages(world)) > begin
    assert [change[1:4] for change in sent] == [
        ("delete", '{"id":1}', None), ("insert", '{"id":3}', {"id": 3, "t": "moved"}),
        ("delete", '{"id":2}', None), ("insert", '{"id":2}', {"id": 2, "t": "again"})], sent
    assert {change[4] for change in sent} == {world.mirror_name} and len({change[5] for change in sent}) == 1
    assert [change[0] for change in sent] == sorted({change[0] for change in sent}), "ordinals rise"


def test_truncate_and_horizon_go_to_every_partition(world):
    create_table(world.source, "public.items", 300, world.source_db)
    world.start_mirror(["public.items"], partitions=5)
    world.sql("INSERT INTO items (id, n) VALUES (9001, 1); TRUNCATE items; INSERT INTO items (id, n) VALUES (1, 2), (2, 3)")
    assert world.settle_and_compare() == 2
    topic = world.consumer().topics[world.target_name("public.items")]
    assert topic.partitions == 5 and topic.counts["truncate"] == 5 and topic.counts["read"] == 300
    assert all(topic.horizons[number] >= 1 for number in range(5)), topic.horizons
    for partition, key, value, headers in messages(world):
        if headers["kind"] in ("truncate", "horizon"):
            assert json.loads(key) == {"_peerd_event": headers["kind"]} and json.loads(value)["kind"] == headers["kind"]


def test_values_that_are_not_in_the_stream_are_filled_and_listed(world):
    world.sql("""CREATE TABLE public.items (id bigint PRIMARY KEY, n int, body text, other text);
      ALTER TABLE public.items ALTER body SET STORAGE EXTERNAL, ALTER other SET STORAGE EXTERNAL""")
    world.sql(f"INSERT INTO items SELECT g, g, {LONG % 'g'}, {LONG % '(-g)'} FROM generate_series(1, 10) g")
    world.start_mirror(["public.items"])
    world.sql("UPDATE items SET n = 100 WHERE id = 1")
    world.wait_caught_up()
    world.sql("UPDATE items SET id = 101, n = 0 WHERE id = 1")
    world.sql("BEGIN; UPDATE items SET id = 102 WHERE id = 2; UPDATE items SET id = 2, n = 7 WHERE id = 3; COMMIT")
    world.sql("BEGIN; UPDATE items SET id = -1 WHERE id = 6; UPDATE items SET id = 6 WHERE id = 7; UPDATE items SET id = 7 WHERE id = -1; COMMIT")
    world.sql(f"BEGIN; UPDATE items SET other = {LONG % '77'} WHERE id = 9; UPDATE items SET id = 8 WHERE id = 9 AND false; UPDATE items SET n = 1 WHERE id = 9; COMMIT")
    world.sql("BEGIN; UPDATE items SET n = 5 WHERE id = 10; DELETE FROM items WHERE id = 10; COMMIT")
    assert world.settle_and_compare() == 9
    first = [json.loads(value) for _, key, value, headers in messages(world) if headers["kind"] == "update" and key == '{"id":1}' and '"n":100' in value]
    assert first[0]["unchanged_columns"] == ["body", "other"] and len(first[0]["new"]["body"]) == 102_400


TYPES = """CREATE TABLE public.items (id bigint PRIMARY KEY, b boolean, s smallint, i int, l bigint, o oid, r real, d double precision,
  n numeric, p numeric(20,4), y bytea, c char(5), v varchar(20), t text, da date, ti time, ts timestamp, tz timestamptz, u uuid, j json, jb jsonb,
  ia int[], ta text[], na numeric[], ba boolean[], ip inet)"""
ROWS = r"""INSERT INTO items VALUES
 (1, true, -32768, -2147483648, 9007199254740993, 4294967295, 1.1, 0.1, 12345678901234567890123456789.0123456789, 1234567890123456.7890,
  '\x00ff', 'ab', 'ü', E'tab\t"quote"\\ \u2028 \x01', '0001-01-01', '23:59:59.999999', '2024-02-29 12:34:56.789012', '1969-12-31 23:59:59.5+00',
  '00000000-0000-0000-0000-000000000001', '{"a" : 1.10}', '{"a": 1.10}', '{1,NULL,3}', '{"a,b","NULL",NULL,"\"\\"}', '{1.10,-0.0001}', '{t,f,NULL}', '10.0.0.1/8'),
 (2, false, 32767, 2147483647, -9223372036854775808, 0, 'NaN', 1e308, -0.00, -0.0001, '', '', '', '', '9999-12-31', '00:00', '1970-01-01', '2038-01-19 03:14:08+00',
  'ffffffff-ffff-ffff-ffff-ffffffffffff', 'null', 'null', '{}', '{}', '{}', '{}', '::1'),
 (9223372036854775807, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"""


def test_values_are_exact_in_copy_and_stream(new_world):
    """Every format at once: most of the time is waiting."""
    worlds = {form: new_world("kafka") for form in FORMATS}
    for form, world in worlds.items():
        world.sql(TYPES)
        # Debezium's form of a numeric without a scale leaves out the zeros at its end.
        world.sql(ROWS.replace("-0.00,", "-0,").replace("{1.10,", "{1.1,") if form == "debezium" else ROWS)
        world.start_mirror(["public.items"], wait=None, format=form)
    for form, world in worlds.items():
        world.wait_state("RUNNING")
        world.sql("BEGIN; SELECT 1; COMMIT; CREATE TEMP TABLE again AS TABLE items; INSERT INTO items SELECT id - 100, " +
                  ", ".join(f'"{name}"' for name in "b s i l o r d n p y c v t da ti ts tz u j jb ia ta na ba ip".split()) + " FROM again")
        if form != "debezium":  # whose consumers could not have them
            world.sql("INSERT INTO items (id, n, d, da, ts) VALUES (50, 'NaN', '-Infinity', 'infinity', '-infinity')")
    for form, world in worlds.items():
        print(form)
        assert world.settle_and_compare() == (6 if form == "debezium" else 7)
        raw = [value for _, key, value, headers in messages(world) if key == '{"id":1}']
        assert raw and "9007199254740993" in raw[0], raw


def test_tombstones_and_a_pattern_of_topics(world):
    create_table(world.source, "public.items", 50, world.source_db)
    world.start_mirror(["public.items"], tombstones=True, cleanup_policy="compact", topic=f"cdc.{world.target_db}.{{schema}}.{{table}}")
    world.sql("DELETE FROM items WHERE id <= 10; UPDATE items SET id = id + 1000 WHERE id BETWEEN 11 AND 15")
    world.target_name = lambda table: f"cdc.{world.target_db}.{table}"
    assert world.settle_and_compare() == 40
    counts = world.consumer().topics[world.target_name("public.items")].counts
    assert counts["tombstone"] == counts["delete"] == 15, counts


def test_a_transaction_longer_than_a_batch_is_seen_whole_or_not_at_all(world):
    create_table(world.source, "public.items", 2000, world.source_db)
    audit = Audit(world.source, world.source_db, ["public.items"])
    world.start_mirror(["public.items"], max_batch_size=100, partitions=1)
    since, seen = audit.now(), set()

    def seen_more(before=-1):
        seen.add(audit.check(world.consumer()))  # with one partition a consumer sees all of a transaction or none
        return max(seen) > before

    for round_number in range(15):
        before = max(seen, default=0)
        world.sql(f"BEGIN; UPDATE items SET n = {round_number}; UPDATE items SET id = -id WHERE id % 7 = 0; COMMIT")
        for _ in range(3):
            seen_more()
        if round_number % 3 == 0:  # However slow they come, they are looked at in between.
            wait_for("more of them", lambda: seen_more(before))
    assert world.settle_and_compare() == 2000
    assert audit.check(world.consumer(), since) >= 15 and len(seen) > 3, seen


def test_a_restart_goes_on_where_the_position_is(world):
    create_table(world.source, "public.items", 5000, world.source_db)
    audit = Audit(world.source, world.source_db, ["public.items"])
    writer = Writer(world.source, "public.items", world.source_db, seed=33, rate=200, long_bytes=20_000)
    world.start_mirror(["public.items"], snapshot_num_rows_per_partition=1000)
    since = audit.now()
    for act in (world.peerd.restart, lambda: (world.pause(), world.resume()), world.peerd.restart):
        before = writer.counts().get("transactions", 0)
        wait_for("changes", lambda: writer.counts().get("transactions", 0) > before + 200, 30)
        act()
    writer.stop()
    assert world.settle_and_compare() > 4000
    assert audit.check(world.consumer(), since) > 300


# --- errors ----------------------------------------------------------------------------------------------------------------

def fails(peerd, statement):
    """(SQLSTATE, message, hint) of a statement that must fail."""
    with pytest.raises(psycopg2.Error) as caught:
        peerd.sql(statement)
    return caught.value.pgcode, caught.value.diag.message_primary, caught.value.diag.message_hint or ""


def create_peer(name, options):
    return f"CREATE PEER {name} FROM KAFKA WITH ({options_text(options)})"


@pytest.fixture(scope="module")
def secured():
    return KafkaServer("secured", sasl=True, tls=True, authorize=True, client_auth="requested")


@pytest.fixture(scope="module")
def older():
    """SCRAM with Debian's librdkafka needs a broker before Kafka 4: see docs/targets/kafka.md."""
    return KafkaServer("older", sasl=True, tls=True, folder="kafka39")


def secured_options(server, listener="SASL_SSL", mechanism="SCRAM-SHA-512", user="admin", **more):
    options = {"servers": server.servers(listener), **more}
    if "SASL" in listener:
        options = {"user": user, "password": PASSWORDS[user], "sasl_mechanism": mechanism, **options}
    return {**options, **({"root_ca": server.certificates.text("authority.pem")} if "SSL" in listener.split("_") else {"disable_tls": True})}


def grant(server, world, user):
    """What docs/targets/kafka.md says that a mirror's user needs."""
    for kind, name in (("topic", world.target_db), ("topic", "_peerd_"), ("transactional-id", "peerd-")):
        server.grant(user, "All", kind, name, "prefixed")


def test_mistyped_options(world):
    state, message, hint = fails(world.peerd, create_peer("k", {**kafka_options(world.target), "linger": 3}))
    assert state == "22023" and "linger" in message and "linger_ms" in hint, (state, message, hint)
    create_table(world.source, "public.items", 1, world.source_db)
    world.create_peers()
    with pytest.raises(psycopg2.Error) as caught:
        world.create_mirror(["public.items"], format="xml")
    assert caught.value.pgcode == "22023" and "format" in caught.value.diag.message_primary
    with pytest.raises(psycopg2.Error) as caught:
        world.create_mirror(["public.items"], partition=4)
    assert caught.value.pgcode == "22023" and "partitions" in caught.value.diag.message_hint
    assert world.slots() == []


LOGINS = [("SASL_SSL", "PLAIN"), ("SASL_PLAINTEXT", "SCRAM-SHA-256"), ("SASL_SSL", "SCRAM-SHA-512"), ("SSL", None)]


def test_sasl_and_tls(new_world, secured, older):
    """Each way to log in at once: most of the time is waiting."""
    worlds = []
    for listener, mechanism in LOGINS:
        server = older if mechanism and mechanism.startswith("SCRAM") else secured
        world, own = new_world("kafka", target=server), {}
        if listener == "SSL":
            grant(secured, world, "CN=client")
            own = {"certificate": secured.certificates.text("client.pem"), "private_key": secured.certificates.text("client.key")}
        options = secured_options(server, listener, mechanism, **own)
        world.target_options = lambda options=options: options
        create_table(world.source, "public.items", 100, world.source_db)
        world.start_mirror(["public.items"], wait=None)
        worlds.append(world)
    for login, world in zip(LOGINS, worlds):
        print(login)
        world.wait_state("RUNNING")
        world.sql("UPDATE items SET n = 1 WHERE id < 50")
        assert world.settle_and_compare() == 100


def test_wrong_passwords(new_world, secured, older):
    world = new_world("kafka", target=secured)
    for server, mechanism in ((secured, "PLAIN"), (older, "SCRAM-SHA-256")):
        state, message, hint = fails(world.peerd, create_peer("k", secured_options(server, "SASL_SSL", mechanism, password="wr0ng-secret")))
        assert state == "28P01" and "password" in hint, (state, message, hint)
        assert "wr0ng-secret" not in message + hint + world.peerd.log_text()


def test_what_cannot_be_reached(world, secured):
    """All at once: each of them is given fifteen seconds."""
    without_authority = {key: value for key, value in secured_options(secured, "SSL").items() if key != "root_ca"}
    cases = [({"servers": f"127.0.0.1:{free_port()}", "disable_tls": True}, "servers"),
             ({"servers": world.target.servers()}, "disable_tls"),  # TLS, where there is none
             (without_authority, "root_ca")]
    with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
        for (state, message, hint), (_, wanted) in zip(pool.map(lambda case: fails(world.peerd, create_peer("k", case[0])), cases), cases):
            assert state == "08001" and wanted in hint, (state, message, hint)
    assert world.peerd.rows("SELECT name FROM peers") == []


def test_a_message_that_is_too_large_stops(world):
    world.sql("CREATE TABLE public.items (id int PRIMARY KEY, t text); INSERT INTO items VALUES (1, 'a')")
    world.start_mirror(["public.items"], on_bad_row="stop")
    world.sql("SELECT setseed(0.5)")
    large = "INSERT INTO items SELECT 2, string_agg(md5(random()::text), '') FROM generate_series(1, 80000)"
    world.sql(large)
    world.sql("INSERT INTO items VALUES (3, 'after')")
    stuck = wait_for("the error", lambda: (m := world.mirror()) and m["last_error"] and m, 60)
    assert "large" in stuck["last_error"].lower() and "max_record_batch_bytes" in stuck["last_error_hint"], stuck

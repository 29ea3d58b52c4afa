"""TLS to the peers: what is encrypted is encrypted, and a certificate that does not fit is refused with the cure."""
import contextlib

import psycopg2
import pytest

from support.postgres_server import PostgresServer
from support.process import wait_for
from support.tls import Certificate, TlsFront
from support.world import clickhouse_options, postgres_options
from support.writer import create_table
from scenario.test_errors import create_peer, fails


@pytest.fixture(scope="module")
def certificate():
    return Certificate("postgres")


@pytest.fixture(scope="module")
def secure(certificate):
    """Postgres that takes nothing but TLS over TCP."""
    server = PostgresServer("tls", settings={"ssl": "on", "ssl_cert_file": certificate.cert, "ssl_key_file": certificate.key})
    with open(f"{server.data}/pg_hba.conf", "w") as file:
        file.write("hostssl all all 127.0.0.1/32 scram-sha-256\nhostssl replication all 127.0.0.1/32 scram-sha-256\nlocal all all trust\n")
    server.reload()

    def refuses_plain():
        with contextlib.suppress(psycopg2.OperationalError), contextlib.closing(server.connect(sslmode="disable")):
            return False
        return True

    wait_for("the rules to be read", refuses_plain)
    return server


def test_a_mirror_between_postgres_servers_over_tls(new_world, secure, certificate):
    world = new_world("postgres", source=secure, target=secure)
    create_table(secure, "public.items", 500, world.source_db)
    checked = {"host": "localhost", "sslmode": "verify-full", "sslrootcert": certificate.cert}
    by_text = {"host": "127.0.0.1", "root_ca": certificate.pem()}
    world.peerd.sql(create_peer(world.source_peer, "POSTGRES", {**postgres_options(secure, world.source_db), **checked}))
    world.peerd.sql(create_peer(world.target_peer, "POSTGRES", {**postgres_options(secure, world.target_db), **by_text}))
    world.create_mirror(["public.items"], "RUNNING")
    world.sql("UPDATE items SET n = n + 1 WHERE id % 2 = 0; DELETE FROM items WHERE id % 5 = 0")
    assert world.settle_and_compare() == 400
    # Of all of peerd's own sessions, the walsender too.
    rows = world.sql("""SELECT coalesce(s.ssl, false), count(*) FROM pg_stat_activity a LEFT JOIN pg_stat_ssl s USING (pid)
      WHERE a.application_name LIKE 'peerd%' GROUP BY 1""")
    assert [encrypted for encrypted, _ in rows] == [True] and rows[0][1] >= 2, rows


def test_postgres_certificates_that_do_not_fit_are_refused(new_world, secure):
    world = new_world("postgres", source=secure, target=secure)
    options = postgres_options(secure, world.source_db)
    other = Certificate()
    state, message, hint = fails(world.peerd, create_peer("p", "POSTGRES", {**options, "sslmode": "verify-full", "sslrootcert": other.cert}))
    assert state == "08001" and "certificate" in message and hint, (state, message, hint)
    state, message, hint = fails(world.peerd, create_peer("p", "POSTGRES", {**options, "sslmode": "disable"}))
    assert state == "28P01" and "sslmode" in hint, (state, message, hint)
    # What asks for TLS, or gives certificates to trust, has chain and name checked, as PeerDB does.
    for unchecked in ({"require_tls": True}, {"root_ca": other.pem()}, {"require_tls": True, "root_ca": other.pem()}):
        state, message, hint = fails(world.peerd, create_peer("p", "POSTGRES", {**options, **unchecked}))
        assert state == "08001" and "certificate" in message and hint, (unchecked, state, message, hint)
    wrong_name = Certificate(owner="postgres", names="DNS:elsewhere")
    named = PostgresServer("tls-name", settings={"ssl": "on", "ssl_cert_file": wrong_name.cert, "ssl_key_file": wrong_name.key})
    there = {**postgres_options(named, "postgres"), "host": "localhost", "root_ca": wrong_name.pem()}
    state, message, hint = fails(world.peerd, create_peer("p", "POSTGRES", there))
    assert state == "08001" and "host name" in message and hint, (state, message, hint)
    assert world.peerd.rows("SELECT name FROM peers") == []


def test_a_mirror_to_clickhouse_over_tls(new_world, clickhouse, certificate):
    front = TlsFront(certificate, clickhouse.port)
    world = new_world("clickhouse")
    create_table(world.source, "public.items", 500, world.source_db)
    world.peerd.sql(create_peer(world.source_peer, "POSTGRES", postgres_options(world.source, world.source_db)))
    options = {**clickhouse_options(clickhouse, world.target_db), "host": "localhost", "port": front.port, "disable_tls": False}
    state, message, hint = fails(world.peerd, create_peer(world.target_peer, "CLICKHOUSE", options))
    assert state == "08001" and "certificate" in message and "root_ca" in hint, (state, message, hint)
    state, message, hint = fails(world.peerd, create_peer(world.target_peer, "CLICKHOUSE", {**options, "root_ca": Certificate().pem()}))
    assert state == "08001" and "certificate" in message and hint, (state, message, hint)
    assert front.connections == 0, "nothing is said to a server that is not the one"
    state, message, hint = fails(world.peerd, create_peer(world.target_peer, "CLICKHOUSE", {**options, "disable_tls": True}))
    assert state == "08001" and "TLS" in hint, (state, message, hint)
    world.peerd.sql(create_peer(world.target_peer, "CLICKHOUSE", {**options, "root_ca": certificate.pem()}))
    world.create_mirror(["public.items"], "RUNNING")
    world.sql("UPDATE items SET n = n + 1 WHERE id % 2 = 0; DELETE FROM items WHERE id % 5 = 0")
    assert world.settle_and_compare() == 400
    assert front.connections >= 2
    world.drop()
    front.close()

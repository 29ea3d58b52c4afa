"""Peers behind an SSH server: the way there, what is refused, and what becomes of a mirror when the server goes."""
import json
import os
import time

import psycopg2
import pytest

from support.process import descendants, wait_for
from support.ssh_server import SshServer
from support.world import options_text, postgres_options
from support.writer import Writer, create_table


@pytest.fixture
def bastion():
    server = SshServer()
    yield server
    server.stop()


def through(bastion, **more):
    return {"ssh_config.host": "127.0.0.1", "ssh_config.port": bastion.port, "ssh_config.user": "tunnel",
            "ssh_config.private_key": bastion.private_key(), "ssh_config.host_key": bastion.host_key_line(), **more}


def create_peer(world, name, options):
    given = {key: value for key, value in options.items() if value is not None}
    world.peerd.sql(f"CREATE PEER {name} FROM POSTGRES WITH ({options_text(given)})")


def refused(world, name, options):
    with pytest.raises(psycopg2.Error) as refusal:
        create_peer(world, name, options)
    return refusal.value.pgcode, str(refusal.value)


def tunnels(world):
    return [pid for pid in descendants(world.peerd.child.pid) if comm(pid) == "ssh"]


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def test_a_mirror_through_an_ssh_server_outlives_it(new_world, bastion):
    world = new_world("postgres")
    create_table(world.source, "public.items", 3000, world.source_db)
    create_peer(world, world.source_peer, {**postgres_options(world.source, world.source_db), **through(bastion)})
    create_peer(world, world.target_peer, {**postgres_options(world.target, world.target_db),
                                           **through(bastion, **{"ssh_config.private_key": None, "ssh_config.password": "door"})})
    assert ("key", True) in bastion.logins and ("password", True) in bastion.logins
    writer = Writer(world.source, "public.items", world.source_db, seed=5, rate=80)
    world.create_mirror(["public.items"], "RUNNING", snapshot_num_rows_per_partition=500)
    assert {port for _, port in bastion.reached} == {world.source.port, world.target.port}
    wait_for("one tunnel for each way", lambda: len(tunnels(world)) == 2, 20)
    # Nothing else leads there: with the server gone the mirror stands, and goes on when it is back.
    bastion.stop()
    wait_for("the loss to be seen", lambda: world.mirror()["health"] == "retrying", 40)
    assert "SSH server" in world.mirror()["last_error"]
    bastion.start()
    wait_for("the mirror to work again", lambda: world.mirror()["health"] not in ("retrying", "failed"), 40)
    # As it does when peerd is killed, whose tunnels end with it.
    left = tunnels(world)
    world.peerd.kill9()
    wait_for("the tunnels to end", lambda: not any(comm(pid) == "ssh" for pid in left), 10)
    world.peerd.start()
    writer.stop()
    world.settle_and_compare()
    world.drop()


def test_what_stands_against_a_tunnel_is_named(new_world, bastion):
    world = new_world("postgres")
    there = postgres_options(world.source, world.source_db)
    other = SshServer()
    for change, code, words in (
            ({"ssh_config.user": None}, "22023", "ssh_config.user is missing"),
            ({"ssh_config.host": None}, "22023", "ssh_config.host is missing"),
            ({"ssh_config.private_key": None}, "22023", "neither private_key nor password"),
            ({"ssh_config.private_key": "nonsense"}, "22023", "ssh_config.private_key is no private key"),
            ({"ssh_config.private_key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}, "22023", "private key"),
            ({"ssh_config.private_key": other.private_key()}, "28P01", "does not let the user in"),
            ({"ssh_config.private_key": None, "ssh_config.password": "gate"}, "28P01", "does not let the user in"),
            ({"ssh_config.host_key": other.host_key_line()}, "08001", "another host key"),
            ({"ssh_config.host_key": "nonsense"}, "22023", "ssh-keyscan -p"),
            ({"ssh_config.port": 1}, "08001", "127.0.0.1:1"),
            ({"ssh_config.hots": "x"}, "22023", 'did you mean "ssh_config.host"'),
            ({"host": "127.0.0.1,127.0.0.1"}, "22023", "one host"),
            ({"port": 1}, "08001", "through the SSH server")):
        told = refused(world, "p", {**there, **through(bastion), **change})
        assert told[0] == code and words in told[1], (change, told)
        assert "BEGIN" not in told[1].split("LINE")[0] and "gate" not in told[1].split("LINE")[0]
    other.stop()
    bastion.forwards = False
    told = refused(world, "p", {**there, **through(bastion)})
    assert told[0] == "08001" and "AllowTcpForwarding" in told[1] and "administratively prohibited" in told[1], told
    assert world.peerd.rows("SELECT name FROM peers WHERE name = 'p'") == [] and tunnels(world) == []


def test_a_tunnel_as_peerdbs_clients_ask_for_it(new_world, bastion):
    world = new_world("postgres")
    there = postgres_options(world.source, world.source_db)
    config = {"host": "127.0.0.1", "port": bastion.port, "user": "tunnel", "password": "", "private_key": bastion.private_key_base64(), "host_key": ""}
    peer = {"name": "b", "type": "POSTGRES", "postgres_config": {**there, "ssh_config": config}}
    assert world.peerd.rest("POST", "/api/v1/peers/create", {"peer": peer})[0] == 200
    assert len(bastion.logins) > 0 and "key is not checked" in world.peerd.log_text()
    shown = world.peerd.rest("GET", "/api/v1/peers/info/b")[1]["peer"]["postgresConfig"]["sshConfig"]
    assert shown["host"] == "127.0.0.1" and shown["port"] == bastion.port and shown["user"] == "tunnel" and shown["privateKey"] == "********", shown
    # By SQL it is one JSON text, of which secrets are not shown either; "" takes it away.
    create_peer(world, "c", {**there, "ssh_config": json.dumps(config)})
    create_peer(world, "d", {**there, "ssh_config": ""})
    assert "ssh_config" not in json.dumps(world.peerd.rows("SELECT options FROM peers WHERE name = 'd'"))
    options = world.peerd.rows("SELECT options FROM peers WHERE name = 'c'")[0]["options"]
    assert "tunnel" in options and "PRIVATE" not in options and bastion.private_key_base64() not in options
    assert [row["a"] for row in world.peerd.rows("SELECT 1 AS a FROM c.pg_catalog.pg_class LIMIT 1")] == ["1"]
    bastion.stop()
    world.peerd.sql("ALTER PEER c RESET (ssh_config)")
    assert "tunnel" not in world.peerd.rows("SELECT options FROM peers WHERE name = 'c'")[0]["options"]
    with pytest.raises(psycopg2.Error, match="is no JSON object"):
        world.peerd.sql("ALTER PEER c SET (ssh_config = 'x')")
    for path in os.listdir(world.peerd.data):
        if os.path.isfile(f"{world.peerd.data}/{path}"):
            with open(f"{world.peerd.data}/{path}", "rb") as file:
                assert b"BEGIN EC PRIVATE" not in file.read(), path


@pytest.mark.full
def test_a_server_that_answers_no_more_is_noticed_within_a_minute(new_world, bastion):
    world = new_world("postgres")
    create_table(world.source, "public.items", 10, world.source_db)
    create_peer(world, world.source_peer, {**postgres_options(world.source, world.source_db), **through(bastion)})
    create_peer(world, world.target_peer, postgres_options(world.target, world.target_db))
    world.create_mirror(["public.items"], "RUNNING")
    world.wait_caught_up()
    bastion.silent()
    begin = time.monotonic()
    wait_for("the loss to be seen", lambda: world.mirror()["health"] == "retrying", 60)
    assert time.monotonic() - begin < 60
    bastion.stop()
    bastion.start()
    world.sql("INSERT INTO items (id, n) VALUES (777, 7)")
    world.settle_and_compare()

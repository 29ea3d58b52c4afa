"""What an operator does around mirrors: back up and restore, renew certificates, log in, and what strangers try."""
import base64
import os
import signal
import shutil
import socket
import ssl
import struct
import subprocess
import time

import psycopg2
import pytest

from support import packages
from support.peerd import PASSWORD, Peerd
from support.process import temp_dir, wait_for
from support.tls import Certificate
from support.world import options_text, postgres_options
from support.writer import create_table


def peerd_command(*arguments, data, **more):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PEERD_", "PG"))}
    return subprocess.run([packages.peerd_binary(), *arguments], env={**environment, "PEERD_DATA_DIR": data, **more},
                          capture_output=True, text=True, timeout=240)


def with_data(data):
    """A peerd that is not started yet, on this data directory."""
    peerd = Peerd(start=False)
    peerd.data = data
    return peerd


def test_a_backup_of_a_running_peerd_is_whole_and_a_copy_of_files_is_refused(new_world):
    world = new_world("postgres")
    create_table(world.source, "public.items", 500, world.source_db)
    world.create_peers()
    world.create_mirror(["public.items"], "RUNNING")
    world.settle_and_compare()
    place = temp_dir("backup")
    done = peerd_command("backup", f"{place}/one", data=world.peerd.data)
    assert done.returncode == 0 and "2 peers and 1 mirrors" in done.stdout, done
    assert sorted(os.listdir(f"{place}/one")) == ["catalog.db", "keys"]
    assert {oct(os.stat(f"{place}/one/{name}").st_mode & 0o777) for name in ("catalog.db", "keys")} == {"0o600"}
    again = peerd_command("backup", f"{place}/one", data=world.peerd.data)
    assert again.returncode == 1 and "already" in again.stderr, again
    elsewhere = peerd_command("backup", f"{place}/none", data=f"{place}/nowhere")
    assert elsewhere.returncode == 1 and "there is no catalog" in elsewhere.stderr, elsewhere
    # Copied file by file while peerd runs: what it wrote last lies in the write-ahead log.
    os.mkdir(f"{place}/torn", 0o700)
    for name in ("catalog.db", "keys"):
        shutil.copy(f"{world.peerd.data}/{name}", f"{place}/torn/{name}")
    with open(f"{place}/torn/catalog.db", "r+b") as file:
        file.truncate(4096)
    before = sorted(world.peerd.rows("SELECT name FROM peers"), key=str)
    world.peerd.terminate()
    torn = peerd_command(data=f"{place}/torn", PEERD_PASSWORD=PASSWORD, PEERD_SQL_PORT="0", PEERD_HTTP_PORT="0")
    assert torn.returncode == 1 and "is empty or gone" in torn.stderr and "peerd backup" in torn.stderr, torn
    os.remove(f"{place}/torn/catalog.db")
    gone = peerd_command(data=f"{place}/torn", PEERD_PASSWORD=PASSWORD, PEERD_SQL_PORT="0", PEERD_HTTP_PORT="0")
    assert gone.returncode == 1 and "is empty or gone" in gone.stderr, gone
    assert not os.path.exists(f"{place}/torn/catalog.db")
    # The mirror goes on from the backup, with all that has changed since.
    world.sql("UPDATE items SET n = -1 WHERE id % 3 = 0; DELETE FROM items WHERE id % 5 = 0")
    world.peerd.data = f"{place}/one"
    world.peerd.start()
    assert sorted(world.peerd.rows("SELECT name FROM peers"), key=str) == before
    world.wait_state("RUNNING")
    assert world.settle_and_compare() == 400


def test_a_first_start_that_was_killed_starts_again():
    peerd = Peerd()
    peerd.kill9()
    os.rename(f"{peerd.data}/keys", f"{peerd.data}/keys.first")  # As if the kill had come before the keys had their name.
    peerd.start()
    assert os.path.exists(f"{peerd.data}/keys")
    peerd.restart()
    peerd.terminate()


class RawSql:
    """A client that asks and does not read on."""

    def __init__(self, port):
        dsn = f"host=127.0.0.1 port={port} user=peerd password={PASSWORD} dbname=peerd connect_timeout=10"
        self.connection = psycopg2.connect(dsn)
        self.socket = socket.socket(fileno=os.dup(self.connection.fileno()))
        self.socket.settimeout(120)

    def ask(self, statement):
        body = statement.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack("!i", len(body) + 4) + body)

    def peek(self):
        return self.socket.recv(2000, socket.MSG_PEEK)

    def close(self):
        self.socket.close()
        self.connection.close()


def send_raw(port, text, patience=10):
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
        connection.sendall(text.encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer.decode()


def request(host, *headers, path="/api/v1/version"):
    return "".join(f"{line}\r\n" for line in (f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close", *headers)) + "\r\n"


def test_without_a_password_only_names_of_this_machine_are_answered():
    peerd = Peerd(settings={"PEERD_PASSWORD": "", "PEERD_ALLOWED_HOSTS": "peerd.example, other"}, start=False)
    peerd.start(wait=False)
    wait_for("its ports", lambda: os.path.exists(f"{peerd.data}/ports.json"), 30, 0.05)
    peerd.ports = peerd._read_ports()
    port = peerd.ports["http_port"]
    for host in ("127.0.0.1", f"localhost:{port}", "[::1]:80", "peerd.example:3000", "Other", "a.localhost"):
        assert send_raw(port, request(host)).startswith("HTTP/1.1 200"), host
    for host in ("evil", f"evil:{port}", "localhost.evil", "127.0.0.1.evil", "peerd.example.evil"):
        for path in ("/api/v1/version", "/healthz"):
            answer = send_raw(port, request(host, f"Origin: http://{host}", path=path))
            assert answer.startswith("HTTP/1.1 403") and "PEERD_ALLOWED_HOSTS" in answer, (host, answer)
    peerd.terminate()


def test_nobody_without_the_password_makes_peerd_hold_a_body():
    peerd = Peerd()
    port = peerd.ports["http_port"]
    head = "POST /api/v1/peers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n"
    begin = time.monotonic()
    assert send_raw(port, head + "\r\n").startswith("HTTP/1.1 401")  # Of the body nothing was sent, and nothing awaited.
    wrong = base64.b64encode(b":wrong").decode()
    assert send_raw(port, f"{head}Authorization: Basic {wrong}\r\n\r\n").startswith("HTTP/1.1 403")
    assert time.monotonic() - begin < 8
    right = base64.b64encode(f":{PASSWORD}".encode()).decode()
    smuggled = f"POST /api/v1/peers/list HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {right}\r\nTransfer-Encoding: xchunked\r\n\r\n" + request("x")
    answer = send_raw(port, smuggled)
    assert answer.startswith("HTTP/1.1 501") and answer.count("HTTP/1.1") == 1, answer
    peerd.terminate()


def test_bodies_share_a_budget_and_one_address_has_half_of_it():
    peerd = Peerd()
    port, right = peerd.ports["http_port"], base64.b64encode(f":{PASSWORD}".encode()).decode()
    head = f"POST /api/v1/peers/list HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {right}\r\nContent-Length: {8 << 20}\r\n\r\n"
    body = b"x" * ((8 << 20) - 1)  # One byte is missing: each is held.
    held = []
    before = peerd.peak_memory_mb()
    for _ in range(4):
        connection = socket.create_connection(("127.0.0.1", port), timeout=20)
        connection.sendall(head.encode() + body)
        held.append(connection)
    refused = socket.create_connection(("127.0.0.1", port), timeout=20)
    try:
        refused.sendall(head.encode() + body)
    except OSError:
        pass  # It was closed while we still wrote.
    try:
        answer = refused.recv(65536).decode()
    except OSError:
        answer = ""
    assert answer == "" or answer.startswith("HTTP/1.1 503"), answer
    assert peerd.peak_memory_mb() - before < 150
    assert peerd.rest("GET", "/healthz")[0] == 200
    for connection in [*held, refused]:
        connection.close()
    wait_for("room for a body", lambda: peerd.rest("POST", "/api/v1/peers/create", {"peer": {"name": "x" * 100_000}})[0] == 400, 20, 0.1)
    peerd.terminate()


def test_wrong_passwords_are_logged_and_slowed_on_both_ports():
    peerd = Peerd()
    codes = []
    while 429 not in codes and len(codes) < 300:  # Another one is allowed each second: a slow machine needs more to come to the end.
        codes.append(peerd.rest("GET", "/api/v1/version", password=f"wrong{len(codes)}")[0])
    assert codes[:10] == [403] * 10 and codes[-1] == 429, codes
    with pytest.raises(psycopg2.OperationalError, match="too many wrong passwords"):
        for _ in range(300):
            try:
                peerd.connect("wrong").close()
            except psycopg2.OperationalError as error:
                if "too many" in str(error):
                    raise
    assert "a wrong password came to the REST port from 127.0.0.1" in peerd.log_text()
    wait_for("the right password to be taken again", lambda: peerd.rest("GET", "/api/v1/version")[0] == 200, 30, 0.5)
    peerd.terminate()


def test_slow_readers_of_a_peer_stop_neither_port(source):
    """Who asks a peer for much and reads nothing holds an operator: never all of them."""
    peerd = Peerd()
    peerd.sql(f"CREATE PEER big FROM POSTGRES WITH ({options_text(postgres_options(source, 'postgres'))})")
    source.sql("CREATE TABLE IF NOT EXISTS wide AS SELECT g AS id, repeat('x', 10000) AS filler FROM generate_series(1, 2000) g")
    readers = [RawSql(peerd.ports["sql_port"]) for _ in range(8)]
    for reader in readers:
        reader.ask("SELECT a.* FROM big.public.wide a, big.public.wide b")
    refused = [reader for reader in readers if b"53300" in reader.peek()]
    assert len(refused) == 2, len(refused)
    begin = time.monotonic()
    assert peerd.rows("SELECT name FROM peers") == [{"name": "big"}]
    assert peerd.rest("GET", "/healthz")[0] == 200 and peerd.rest("GET", "/api/v1/peers/list")[0] == 200
    assert time.monotonic() - begin < 10
    for reader in readers:
        reader.close()
    peerd.terminate()
    source.sql("DROP TABLE wide")


def presented(port):
    """The certificate that the REST port shows."""
    return ssl.get_server_certificate(("127.0.0.1", port))


def test_hup_renews_certificates_and_the_log_level(tmp_path):
    first, second = Certificate(), Certificate()
    cert, key, config = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "peerd.yaml"
    shutil.copy(first.cert, cert), shutil.copy(first.key, key)
    config.write_text(f"tls_cert: {cert}\ntls_key: {key}\nlog_level: info\n")
    listen = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    place = temp_dir("notify")
    listen.bind(f"{place}/socket")
    listen.settimeout(120)
    peerd = Peerd(start=False)
    peerd.settings.pop("PEERD_LOG_LEVEL")
    os.environ["NOTIFY_SOCKET"], os.environ["PGPASSWORD"] = f"{place}/socket", "leaked"
    original = packages.peerd_binary
    packages.peerd_binary = lambda: _script(tmp_path, f'exec {original()} --config {config}')
    try:
        peerd.start(wait=False)
    finally:
        packages.peerd_binary = original
        del os.environ["NOTIFY_SOCKET"], os.environ["PGPASSWORD"]
    assert listen.recv(1000) == b"READY=1"
    peerd.ports = peerd._read_ports()
    port = peerd.ports["http_port"]
    assert presented(port) == ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(open(first.cert).read()))
    shutil.copy(second.cert, cert), shutil.copy(second.key, key)
    config.write_text(f"tls_cert: {cert}\ntls_key: {key}\nlog_level: debug\nmemory_mb: 100\n")
    os.kill(peerd.child.pid, signal.SIGHUP)
    assert listen.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=") and listen.recv(1000) == b"READY=1"
    wait_for("the new certificate", lambda: presented(port) != first.cert and presented(port).strip() == ssl.DER_cert_to_PEM_cert(
        ssl.PEM_cert_to_DER_cert(open(second.cert).read())).strip(), 20, 0.2)
    assert "other settings have changed" in peerd.log_text()
    cert.write_text("no certificate")
    os.kill(peerd.child.pid, signal.SIGHUP)
    assert listen.recv(1000).startswith(b"RELOADING=1") and listen.recv(1000) == b"READY=1"
    assert "nothing was changed" in peerd.log_text() and peerd.child.alive()
    assert presented(port).strip() == ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(open(second.cert).read())).strip()
    peerd.terminate()
    assert listen.recv(1000) == b"STOPPING=1"


def _script(folder, line):
    path = folder / "peerd.sh"
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    return str(path)


def test_libpq_takes_nothing_from_the_environment_of_peerd(new_world, monkeypatch, source):
    """A peer without a password is one without a password, whatever peerd's own user has in ~/.pgpass and PGPASSWORD."""
    home = temp_dir("home")
    with open(f"{home}/.pgpass", "w") as file:
        file.write("*:*:*:*:postgres\n")
    os.chmod(f"{home}/.pgpass", 0o600)
    peerd = Peerd(start=False)
    peerd.settings.update({"HOME": home, "PGPASSFILE": f"{home}/.pgpass", "PGPASSWORD": "postgres"})
    peerd.start()
    options = postgres_options(source, "postgres")
    options.pop("password")
    with pytest.raises(psycopg2.Error) as refused:
        peerd.sql(f"CREATE PEER p FROM POSTGRES WITH ({options_text(options)})")
    assert "password" in str(refused.value), refused.value
    assert "PGPASSWORD means nothing" in peerd.log_text()
    peerd.terminate()


def test_what_others_can_reach_or_read_is_told_at_the_start():
    peerd = Peerd(settings={"PEERD_LISTEN": "0.0.0.0"}, start=False)
    os.makedirs(peerd.data, mode=0o755)
    os.chmod(peerd.data, 0o755)
    peerd.start()
    text = peerd.log_text()
    assert "not encrypted" in text and "PEERD_TLS_CERT" in text, text
    assert "open to other users of this machine (mode 0755)" in text and f"chmod 700 {peerd.data}" in text, text
    peerd.terminate()

"""What is no request, or no packet, is answered with an error of the sender's or ends the connection: never with a crash, a hang, a leak
or a 500. And a thousand clients at once, before and after log-in."""
import base64
import hashlib
import hmac
import http.client
import json
import os
import random
import resource
import socket
import struct

import psycopg2
import pytest

from support.peerd import PASSWORD, Peerd
from support.process import wait_for

SEED = int(os.environ.get("PEERD_TEST_SEED", "1"))
EACH = 10_000  # Requests, and packets.
BASIC = "Basic " + base64.b64encode(f":{PASSWORD}".encode()).decode()
CLIENTS = 1000
READY = b"Z\0\0\0\5I"  # ReadyForQuery, outside of a transaction.


@pytest.fixture
def peerd():
    made = Peerd({"PEERD_LOG_LEVEL": "warning"})
    yield made
    made.terminate()


def threads_and_files(peerd):
    return len(os.listdir(f"/proc/{peerd.child.pid}/task")), len(os.listdir(f"/proc/{peerd.child.pid}/fd"))


# --- REST ------------------------------------------------------------------------------------------------------------------


class Bodies:
    """Bodies of the description's schemas with something wrong in most of them."""

    ODD = [None, True, -1, 0, 1.5, 2**31, 2**53 + 1, 10**30, "", "x", "x" * 5000, "\x00", "\ud83d\ude00", "'; --", "NaN", [], {}, [None], [[]],
           {"": ""}, {"a": {"a": {"a": {}}}}]

    def __init__(self, api, chance):
        self.api, self.chance = api, chance

    def resolved(self, schema):
        while "$ref" in schema:
            schema = self.api["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def of(self, schema, depth=0):
        chance, schema = self.chance, self.resolved(schema)
        if depth > 6 or chance.random() < 0.12:
            return chance.choice(self.ODD)
        kind = schema.get("type")
        if "properties" in schema:
            fields = {name: self.of(part, depth + 1) for name, part in schema["properties"].items() if chance.random() < 0.6}
            if chance.random() < 0.1:
                fields[chance.choice(["nothere", "", "x" * 300])] = chance.choice(self.ODD)
            return fields
        if kind == "array":
            return [self.of(schema.get("items", {}), depth + 1) for _ in range(chance.randrange(3))]
        if "enum" in schema:
            return chance.choice([*schema["enum"], "NO_SUCH_WORD", 77])
        return chance.choice({"integer": [0, 1, -5, "7", "seven"], "number": [1.5, "x"], "boolean": [True, False, "true", 3]}.get(kind, ["a", "b.c", "public.t"]))

    def text(self, schema):
        body = json.dumps(self.of(schema)).encode()
        chance = self.chance.random()
        if chance < 0.05:
            return body[:self.chance.randrange(len(body) + 1)]
        if chance < 0.10:
            at = self.chance.randrange(len(body) + 1)
            return body[:at] + self.chance.randbytes(3) + body[at:]
        return b"[" * 5000 if chance < 0.102 else body


def request_of(api, chance, bodies):
    path, methods = chance.choice(list(api["paths"].items()))
    method, described = chance.choice(list(methods.items()))
    while "{" in path:
        begin, end = path.index("{"), path.index("}")
        path = path[:begin] + chance.choice(["x", "%00", "%2e%2e", "1", "-1", "%ff", "y" * 200]) + path[end + 1:]
    if chance.random() < 0.3:
        path += "?" + "&".join(f"{chance.choice(['peer_name', 'limit', 'id', 'x', '%', ''])}={chance.choice(['', '-1', 'a%00', '%zz', '9' * 40])}" for _ in range(2))
    if chance.random() < 0.05:
        method = chance.choice(["PATCH", "PUT", "DELETE", "HEAD", "BREW"])
    content = described.get("requestBody", {}).get("content", {})
    schema = next(iter(content.values()))["schema"] if content else None
    body = bodies.text(schema or {}) if schema or chance.random() < 0.1 else None
    headers = {"Authorization": BASIC if chance.random() < 0.97 else chance.choice(["Basic", "Digest x", ""]),
               "Content-Type": chance.choice(["application/json"] * 9 + ["text/plain", "application/xml", ";;;"])}
    return method.upper(), api["servers"][0]["url"] + path, body, headers


def test_malformed_requests(peerd):
    api = peerd.rest("GET", "/api/openapi.json")[1]
    chance = random.Random(SEED)
    bodies = Bodies(api, chance)
    answered, connection = {}, None
    before = None
    for number in range(EACH):
        if number == EACH // 10:
            before = (peerd.peak_memory_mb(), *threads_and_files(peerd))
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", peerd.ports["http_port"], timeout=60)
        method, path, body, headers = request_of(api, chance, bodies)
        asked = (SEED, number, method, path, body and body[:300])
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            if answer.headers.get_content_type() == "text/event-stream":  # It has no end.
                connection.close()
                connection = None
                continue
            text = answer.read()
        except (http.client.RemoteDisconnected, ConnectionError) as error:
            assert peerd.child.alive(), (asked, error)
            answered["closed"] = answered.get("closed", 0) + 1
            connection = None
            continue
        assert answer.status != 500, (asked, text)
        assert answer.status < 500 or answer.status in (501, 503), (asked, answer.status, text)
        if answer.status >= 400 and method != "HEAD":
            assert json.loads(text)["message"], (asked, text)
        answered[answer.status] = answered.get(answer.status, 0) + 1
        if answer.will_close:
            connection = None
    assert answered[400] > EACH // 4 and answered[200] > EACH // 50, answered  # They come as far as to be read.
    assert peerd.child.alive() and answered.get("closed", 0) < EACH // 20, answered
    assert peerd.rest("GET", "/healthz")[0] == 200 and peerd.rows("SELECT 1 AS one") == [{"one": 1}]
    memory, threads, files = before
    assert peerd.peak_memory_mb() - memory < 60, (memory, peerd.peak_memory_mb())
    wait_for("threads and files to be let go", lambda: threads_and_files(peerd)[0] <= threads + 2 and threads_and_files(peerd)[1] <= files + 4, 30, 0.2)


# --- the SQL port -------------------------------------------------------------------------------------------------------------


def message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


def startup_packet():
    body = struct.pack("!i", 196608) + b"user\0peerd\0database\0peerd\0\0"
    return struct.pack("!i", len(body) + 4) + body


class Scram:
    """The client's part of SCRAM-SHA-256 (RFC 5802), without channel binding."""

    def __init__(self, user, password):
        self.password, self.bare = password, b"n=" + user + b",r=" + base64.b64encode(os.urandom(12))

    def first(self):
        return b"n,," + self.bare

    def final(self, server_first):
        server_first = server_first.rstrip(b"\0")
        parts = dict(part.split(b"=", 1) for part in server_first.split(b","))
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(parts[b"s"]), int(parts[b"i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        plain = b"c=biws,r=" + parts[b"r"]
        signature = hmac.digest(hashlib.sha256(key).digest(), b",".join((self.bare, server_first, plain)), "sha256")
        return plain + b",p=" + base64.b64encode(bytes(a ^ b for a, b in zip(key, signature)))


def logged_in(port):
    """A connection that is ready for a query, as libpq makes one."""
    connection = psycopg2.connect(f"host=127.0.0.1 port={port} user=peerd password={PASSWORD} dbname=peerd sslmode=disable")
    return connection, socket.socket(fileno=os.dup(connection.fileno()))


def statements(chance):
    return chance.choice([b"SELECT * FROM mirrors", b"SELECT $1::int", b"SELECT 1; SELECT", b"", b"BEGIN", b"CREATE PEER", b"SELECT '", b"\xff\xfe", b"FETCH 1 FROM c",
                          b"DECLARE c CURSOR FOR SELECT * FROM peers", b"SELECT " + b"(" * 3000, b"x" * 10000, b"EXECUTE nobody $$SELECT 1$$"])


def packet(chance):
    """A message of the protocol, whole or bent."""
    number = lambda: struct.pack("!h", chance.choice([0, 1, 2, -1, 32767, -32768]))
    word = lambda: chance.choice([b"", b"s", b"c", b"\xff", b"n" * 200]) + b"\0"
    size = lambda: struct.pack("!i", chance.choice([0, 1, -1, 4, 2**31 - 1, -2**31]))
    bodies = {
        b"Q": lambda: statements(chance) + chance.choice([b"\0", b"", b"\0\0"]), b"P": lambda: word() + statements(chance) + b"\0" + number() + size(),
        b"B": lambda: word() + word() + number() + number() + number() + size() + chance.randbytes(4) + number(), b"D": lambda: chance.choice([b"S", b"P", b"?"]) + word(),
        b"E": lambda: word() + size(), b"C": lambda: chance.choice([b"S", b"P", b"!"]) + word(), b"S": lambda: b"", b"H": lambda: b"", b"p": lambda: word(),
        b"d": lambda: chance.randbytes(20), b"c": lambda: b"", b"f": lambda: word(), b"F": lambda: chance.randbytes(20),
        bytes([chance.randrange(256)]): lambda: chance.randbytes(chance.randrange(40))}
    kind = chance.choice(list(bodies))
    whole = message(kind, bodies[kind]())
    if chance.random() < 0.08:
        return kind + struct.pack("!i", chance.choice([-1, 0, 3, 2**31 - 1, 2**30, len(whole)])) + whole[5:]
    return whole


def start_packet(chance):
    """What comes before a log-in, bent."""
    right = startup_packet()[4:]
    body = chance.choice([right, right[:chance.randrange(len(right))], struct.pack("!i", 80877103), struct.pack("!i", 80877104), struct.pack("!iii", 80877102, 1, 2),
                          struct.pack("!i", 131072) + b"x\0", struct.pack("!i", 196608) + b"user\0" * 300, b"GET / HTTP/1.1\r\n\r\n", chance.randbytes(30)])
    size = struct.pack("!i", len(body) + 4) if chance.random() < 0.8 else struct.pack("!i", chance.choice([-1, 0, 3, 2**31 - 1, 10_001]))
    after = chance.choice([b"", message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", 5) + b"n,,n="), message(b"p", chance.randbytes(30)), message(b"Q", b"SELECT 1\0")])
    return size + body + after


def drained(connection):
    """All that comes until the server is silent or ends the connection; True = it has ended."""
    connection.settimeout(0.002)
    try:
        while True:
            if not connection.recv(65536):
                return True
    except (TimeoutError, socket.timeout):
        return False
    except ConnectionError:
        return True


def test_malformed_packets(peerd):
    chance, port = random.Random(SEED), peerd.ports["sql_port"]
    # From one address wrong log-ins are slowed down: these do not get so far as to tell a password.
    for number in range(EACH // 10):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            sent = start_packet(chance)
            try:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(65536)
            except ConnectionError:
                pass
            except (TimeoutError, socket.timeout):
                raise AssertionError(f"no answer and no end to packet {number} of seed {SEED}: {sent[:100]}") from None
        assert peerd.child.alive(), (SEED, number, sent)
    client, raw, before, made = None, None, None, 0
    for number in range(EACH):
        if number == EACH // 10:
            before = (peerd.peak_memory_mb(), *threads_and_files(peerd))
        if raw is None:
            client, raw = logged_in(port)
            made += 1
        sent = packet(chance)
        try:
            raw.settimeout(30)
            raw.sendall(sent)
            ended = drained(raw) if number % 8 == 0 else False
        except ConnectionError:
            ended = True
        except (TimeoutError, socket.timeout):
            raise AssertionError(f"packet {number} of seed {SEED} is not read: {sent[:100]}") from None
        # A length that promises more has the server wait for the rest, as it must.
        if ended or number % 50 == 49:
            raw.close()
            client.close()
            raw = None
        assert peerd.child.alive(), (SEED, number, sent)
    if raw:
        raw.close()
        client.close()
    print(f"{made} connections")
    assert peerd.rows("SELECT 1 AS one") == [{"one": 1}]
    memory, threads, files = before
    assert peerd.peak_memory_mb() - memory < 60, (memory, peerd.peak_memory_mb())
    wait_for("threads and files to be let go", lambda: threads_and_files(peerd)[0] <= threads + 2 and threads_and_files(peerd)[1] <= files + 4, 30, 0.2)


# --- many --------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connected(port, number):
    """One of a thousand, of four addresses: one address has half of the room at most."""
    return socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(f"127.0.0.{2 + number % 4}", 0))


def answer_of(connection, end):
    text = b""
    while end not in text:
        piece = connection.recv(65536)
        assert piece, text
        text += piece
    return text


def scram(connection):
    """A log-in by hand, as libpq would block for each."""
    client = Scram(b"peerd", PASSWORD.encode())
    connection.sendall(startup_packet())
    assert b"SCRAM-SHA-256" in connection.recv(4096)
    connection.sendall(message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(client.first())) + client.first()))
    connection.sendall(message(b"p", client.final(connection.recv(4096)[9:])))
    answer_of(connection, READY)


def test_a_thousand_clients_of_each_port(peerd, many_files):
    sql, web = peerd.ports["sql_port"], peerd.ports["http_port"]
    held = [(connected(sql, number), connected(web, number)) for number in range(CLIENTS)]
    # Not one is logged in: the next of each is turned away, and nothing of it is dear.
    wait_for("all to be there", lambda: threads_and_files(peerd)[1] >= 2 * CLIENTS, 60, 0.1)
    assert peerd.peak_memory_mb() < 300, peerd.peak_memory_mb()
    assert connected(sql, 1).recv(1) == b""
    query = message(b"Q", b"SELECT name FROM peers\0")
    request = f"GET /api/v1/peers/list HTTP/1.1\r\nHost: localhost\r\nAuthorization: {BASIC}\r\n\r\n".encode()
    for client, _ in held:
        scram(client)
    for client, browser in held:
        client.sendall(query)
        browser.sendall(request)
    # More than there are threads and places to wait for one: who finds no place is told so, and comes again.
    for client, browser in held:
        told = answer_of(client, READY)
        assert b"SELECT 0" in told or b"C53300" in told, told
        told = answer_of(browser, b"}")
        assert told.startswith((b"HTTP/1.1 200", b"HTTP/1.1 503")), told
    for client, browser in held:
        client.sendall(query)
        assert b"SELECT 0" in answer_of(client, READY)
    assert peerd.peak_memory_mb() < 300, peerd.peak_memory_mb()
    for client, browser in held:
        client.close()
        browser.close()
    wait_for("room for others", lambda: threads_and_files(peerd)[1] < 200, 30, 0.1)
    assert peerd.rows("SELECT 1 AS one") == [{"one": 1}] and peerd.rest("GET", "/healthz")[0] == 200

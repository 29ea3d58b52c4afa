"""The peerd daemon under test: its process, its SQL and REST faces, and what its views say."""
import base64
import contextlib
import json
import os
import urllib.error
import urllib.request

import psycopg2
import psycopg2.extras

from support import packages
from support.process import Child, cpu_seconds, memory_kb, temp_dir, wait_for

PASSWORD = "peerd-test"
# Tests wait for states: what peerd waits between tries is made short.
SETTINGS = {"PEERD_RETRY_MAX_MS": "500", "PEERD_LOG_LEVEL": "debug"}


class Peerd:
    def __init__(self, settings=None, start=True, name="daemon"):
        self.dir = temp_dir(name)
        self.data, self.log = f"{self.dir}/data", f"{self.dir}/log"
        self.settings = {**SETTINGS, **(settings or {})}
        self.child, self.ports = None, None
        if start:
            self.start()

    def start(self, timeout=30, wait=True):
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PEERD_", "PG"))}
        environment.update({"PEERD_DATA_DIR": self.data, "PEERD_PASSWORD": PASSWORD, "PEERD_SQL_PORT": "0",
                            "PEERD_HTTP_PORT": "0", **self.settings})
        with contextlib.suppress(FileNotFoundError):
            os.remove(f"{self.data}/ports.json")
        self.child = Child([packages.peerd_binary()], self.log, env=environment, cwd=self.dir)
        if wait:
            self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout=30):
        ended = lambda: None if self.child.alive() else f"peerd ended: {self.log_text()[-3000:]}"
        self.ports = wait_for("peerd's ports", self._read_ports, timeout, 0.02, broken=ended)
        wait_for("peerd to answer", lambda: self.rows("SELECT name FROM peers") is not None, timeout, 0.02, broken=ended)

    def _read_ports(self):
        with open(f"{self.data}/ports.json") as file:
            return json.load(file)

    def terminate(self, timeout=20):
        return self.child.terminate(timeout=timeout)

    def kill9(self):
        self.child.kill9()

    def restart(self):
        self.terminate()
        self.start()

    def log_text(self, since=0):
        with open(self.log, "rb") as file:
            file.seek(since)
            return file.read().decode("utf-8", "replace")

    # --- SQL -----------------------------------------------------------------------------------------------------------

    def dsn(self, password=PASSWORD):
        return (f"host=127.0.0.1 port={self.ports['sql_port']} user=peerd password={password} dbname=peerd "
                "connect_timeout=10")

    def connect(self, password=PASSWORD):
        connection = psycopg2.connect(self.dsn(password))
        connection.autocommit = True
        return connection

    def rows(self, statement, parameters=None):
        """Rows as dictionaries, [] for a statement that returns none."""
        with contextlib.closing(self.connect()) as connection:
            with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
                cursor.execute(statement, parameters)
                return [dict(row) for row in cursor.fetchall()] if cursor.description else []

    sql = rows

    def mirror(self, name):
        """The mirror's row of the view `mirrors`, None when there is no such mirror."""
        found = self.rows("SELECT * FROM mirrors WHERE name = %s", (name,))
        return found[0] if found else None

    def chunks(self, mirror):
        return self.rows("SELECT * FROM mirror_chunks WHERE mirror = %s", (mirror,))

    def wait_state(self, mirror, states, timeout=120):
        """Waits until the mirror is in one of the states (a word or several). Ends at once when it has FAILED instead."""
        wanted = (states,) if isinstance(states, str) else tuple(states)
        last = {}

        def reached():
            last.update(self.mirror(mirror) or {"state": None})
            return last if last["state"] in wanted else None

        def failed():
            if last.get("state") == "FAILED" and "FAILED" not in wanted:
                return f"FAILED: {last.get('last_error')} / {last.get('last_error_hint')}"
            return None if self.child.alive() else f"peerd ended: {self.log_text()[-3000:]}"

        return dict(wait_for(f"mirror {mirror} in {wanted}", reached, timeout, 0.05, broken=failed))

    def wait_caught_up(self, mirror, source, dbname, timeout=120, touched=None):
        """Waits until everything that is committed at the source now is durable at the target.

        `touched` names a mirrored table: a row of it is written as it was, so that the position is passed at once; that
        of an idle stream is stored every ten seconds only.
        """
        position = source.value("SELECT pg_current_wal_insert_lsn()::text", dbname=dbname)
        source.sql("SELECT pg_logical_emit_message(true, 'peerd_test', 'mark')", dbname=dbname)
        if touched:
            first = source.value("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
                                 "ORDER BY attnum LIMIT 1", (touched,), dbname)
            source.sql(f'UPDATE ONLY {touched} SET "{first}" = "{first}" WHERE ctid = (SELECT ctid FROM ONLY {touched} LIMIT 1)', dbname=dbname)
        last = {}

        def passed():
            last.clear()
            last.update(self.mirror(mirror) or {})
            applied = last.get("applied_lsn")
            return last.get("state") == "RUNNING" and applied and lsn(applied) >= lsn(position)

        def failed():
            if last.get("state") == "FAILED":
                return f"FAILED: {last.get('last_error')} / {last.get('last_error_hint')}"
            return None if self.child.alive() else f"peerd ended: {self.log_text()[-3000:]}"

        try:
            wait_for(f"mirror {mirror} to have applied {position}", passed, timeout, 0.1, broken=failed)
        except AssertionError as error:
            raise AssertionError(f"{error}\n  the mirror: {last}") from None
        return last

    # --- REST ----------------------------------------------------------------------------------------------------------

    def rest(self, method, path, body=None, password=PASSWORD):
        """(HTTP status, decoded body). Bytes are sent as they are."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports['http_port']}{path}", method=method, data=body)
        if password is not None:
            request.add_header("Authorization", "Basic " + base64.b64encode(f":{password}".encode()).decode())
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, _decoded(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _decoded(error.read())

    # --- the process ---------------------------------------------------------------------------------------------------

    def peak_memory_mb(self):
        return memory_kb(self.child.pid) / 1024

    def cpu_seconds(self):
        return cpu_seconds(self.child.pid)


def _decoded(body):
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def lsn(text):
    """A position as a number: '16/B374D848' -> int."""
    high, low = str(text).split("/")
    return (int(high, 16) << 32) | int(low, 16)

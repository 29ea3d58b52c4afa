"""A throwaway Postgres cluster of a given major version: source or target."""
import contextlib
import os
import re
import signal
import subprocess

import psycopg2
import psycopg2.extensions

from support import packages
from support.process import Child, free_port, temp_dir, wait_for

# Commits survive a crash of the machine unless a test says otherwise; WAL for logical replication.
SETTINGS = {
    "wal_level": "logical", "max_replication_slots": 20, "max_wal_senders": 20, "listen_addresses": "127.0.0.1",
    "log_line_prefix": "%m [%p] %a ", "log_statement": "all", "shared_buffers": "256MB", "max_wal_size": "4GB",
    "max_connections": 150, "timezone": "UTC", "lc_messages": "C",
}

# Statements of the tests themselves stay out of the log: it is read for what peerd asks.
QUIET = "-c log_statement=none"


def conninfo(options):
    return " ".join(f"{key}='{value}'" for key, value in options.items())


class PostgresServer:
    """One cluster. Superuser `postgres` with the password `postgres` over TCP; local maintenance needs none."""

    host = "127.0.0.1"

    def __init__(self, name, major=15, settings=None, data_parent=None, start=True, auth="scram-sha-256"):
        self.name, self.major, self.auth = name, major, auth
        self.bin = packages.postgres_bin(major)
        self.user = "postgres" if os.geteuid() == 0 else None
        self.dir = data_parent or temp_dir(f"pg{major}-{name}", self.user)
        self.data, self.log = f"{self.dir}/data", f"{self.dir}/log"
        self.port = free_port()
        self.child = None
        self._init(settings or {})
        if start:
            self.start()

    def _init(self, settings):
        password = f"{self.dir}/password"
        with open(password, "w") as file:
            file.write("postgres\n")
        os.chmod(password, 0o644)
        as_user = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        done = subprocess.run(
            [f"{self.bin}/initdb", "-D", self.data, "-U", "postgres", "-A", self.auth, "--pwfile", password,
             "--no-sync", "-E", "UTF8", "--locale=C"], capture_output=True, text=True, cwd="/tmp", **as_user)
        if done.returncode:
            raise AssertionError(f"initdb {self.major} failed: {done.stdout}{done.stderr}")
        self.configure({**SETTINGS, "port": self.port, "unix_socket_directories": self.dir, **settings})

    def configure(self, settings):
        """Appends settings; they hold from the next start or reload()."""
        with open(f"{self.data}/postgresql.conf", "a") as file:
            for key, value in settings.items():
                file.write(f"{key} = '{value}'\n")

    def start(self, timeout=60):
        if self.child and self.child.alive():
            return self
        self.child = Child([f"{self.bin}/postgres", "-D", self.data], self.log, user=self.user, cwd=self.dir)
        wait_for(f"Postgres {self.name} to answer", self.ready, timeout, 0.03,
                 broken=lambda: None if self.child.alive() else f"it ended: {self.log_text()[-2000:]}")
        return self

    def ready(self):
        with contextlib.closing(self.connect(connect_timeout=2)):
            return True

    def stop(self):
        """Fast shutdown."""
        return self.child.terminate(signal.SIGINT)

    def restart(self):
        self.stop()
        self.start()

    def reload(self):
        self.child.send(signal.SIGHUP)

    def kill9(self):
        """As when the machine's memory is lost: every process of the cluster at once."""
        self.child.kill9()

    def sigstop(self):
        self.child.sigstop()

    def sigcont(self):
        self.child.sigcont()

    def dsn(self, dbname="postgres", **more):
        options = {"host": self.host, "port": self.port, "user": "postgres", "password": "postgres",
                   "dbname": dbname, **more}
        return conninfo(options)

    def connect(self, dbname="postgres", autocommit=True, **more):
        connection = psycopg2.connect(self.dsn(dbname, **{"connect_timeout": 10, "options": QUIET, **more}))
        connection.autocommit = autocommit
        return connection

    def sql(self, statement, parameters=None, dbname="postgres"):
        """Runs one or more statements on a connection of their own; the last one's rows, or []."""
        with contextlib.closing(self.connect(dbname)) as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def value(self, statement, parameters=None, dbname="postgres"):
        return self.sql(statement, parameters, dbname)[0][0]

    def create_database(self, name, template="template1"):
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def log_size(self):
        return os.path.getsize(self.log)

    def log_text(self, since=0):
        with open(self.log, "rb") as file:
            file.seek(since)
            return file.read().decode("utf-8", "replace")

    def log_lines(self, pattern, since=0):
        """Lines of the server's log that the pattern matches, from a size taken earlier."""
        match = re.compile(pattern).search
        return [line for line in self.log_text(since).splitlines() if match(line)]

    def wait_no_backends(self, application_like, timeout=20):
        wait_for(f"no session of {application_like} on {self.name}", lambda: self.value(
            "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name LIKE %s", (application_like,)), timeout)


class ExternalPostgres(PostgresServer):
    """A server that the environment names (PEERD_TEST_POSTGRES, a libpq string): it is not started or stopped here."""

    def __init__(self, name, dsn):
        self.name, self.external, self.child, self.log = name, psycopg2.extensions.parse_dsn(dsn), None, os.devnull
        self.port = int(self.external.get("port", 5432))

    def dsn(self, dbname="postgres", **more):
        database = {} if dbname == "postgres" else {"dbname": dbname}
        return conninfo({**self.external, **database, **more})


def postgres(name, major=15, settings=None, **more):
    """The server of the environment where one is named and version 15 will do, else a throwaway cluster."""
    external = os.environ.get("PEERD_TEST_POSTGRES")
    if external and major == 15 and set(settings or ()) <= {"fsync"}:
        return ExternalPostgres(name, external)
    return PostgresServer(name, major, settings, **more)


class Standby(PostgresServer):
    """A physical standby of the server, which is stopped while it is copied. From Postgres 17 on it keeps slots; its own at the primary is
    named `standby`. It has an address of its own and the primary's port, as where several hosts are given to libpq."""

    host = "127.0.0.2"

    def __init__(self, primary, name="standby"):
        primary.sql("SELECT pg_create_physical_replication_slot('standby')")
        primary.stop()
        self.name, self.major, self.bin, self.user = name, primary.major, primary.bin, primary.user
        self.dir = temp_dir(f"pg{self.major}-{name}", self.user)
        self.data, self.log, self.port, self.child = f"{self.dir}/data", f"{self.dir}/log", primary.port, None
        as_user = ["su", self.user, "-s", "/bin/sh", "-c"] if self.user else ["sh", "-c"]
        subprocess.run([*as_user, f"cp -a {primary.data} {self.data} && rm -rf {self.data}/pg_replslot/* {self.data}/postmaster.pid"
                                  f" && touch {self.data}/standby.signal"], check=True, cwd="/tmp")
        keeps_slots = {"synchronized_standby_slots": ""} if self.major >= 17 else {}
        self.configure({"listen_addresses": self.host, "unix_socket_directories": self.dir, "hot_standby_feedback": "on", "primary_slot_name": "standby",
                        "primary_conninfo": primary.dsn(application_name="standby").replace("'", ""), **keeps_slots})
        primary.start()
        self.start()

    def wait_replayed(self, primary):
        end = primary.value("SELECT pg_current_wal_flush_lsn()::text")
        wait_for("the standby to have replayed all", lambda: self.value("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (end,)))

    def keep(self, primary, slots, write=lambda: None):
        """Begins to keep slots, and waits until it has these. It takes one for good only when that has moved past what it knows
        itself, which needs writes, and looks the less often the longer nothing does."""
        self.sql("ALTER SYSTEM SET sync_replication_slots = on")
        self.reload()

        def kept():
            write()
            primary.sql("SELECT pg_log_standby_snapshot()")
            return self.value("SELECT count(*) FROM pg_replication_slots WHERE slot_name = ANY(%s) AND synced AND NOT temporary",
                              (slots,)) == len(slots)
        wait_for(f"slots {slots} to be kept at the standby", kept, 60, 0.2)

    def promote(self):
        self.sql("SELECT pg_promote()")
        wait_for("the standby to be promoted", lambda: not self.value("SELECT pg_is_in_recovery()"))

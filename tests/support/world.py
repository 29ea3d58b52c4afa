"""A source database, a target database and a peerd, with the statements that join them: what most scenarios stand on."""
import itertools
import re

from support.compare import compare_clickhouse, compare_postgres, quoted, quoted_table
from support.kafka_consumer import Consumer, compare_kafka
from support.peerd import Peerd
from support.process import wait_for
from support.proxy import Gate

_serial = itertools.count(1)
SOFT_DELETE = "_PEERDB_IS_DELETED"


def literal(value):
    """A value as an option of peerd's statements."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def options_text(options):
    return ", ".join(f"{key} = {literal(value)}" for key, value in options.items())


def postgres_options(server, dbname, **more):
    return {"host": "127.0.0.1", "port": server.port, "user": "postgres", "password": "postgres", "database": dbname, **more}


def clickhouse_options(server, database, **more):
    return {"host": server.host, "port": server.port, "user": server.user, "password": server.password,
            "database": database, "disable_tls": True, **more}


def kafka_options(server, **more):
    return {"servers": server.servers(), "disable_tls": True, **more}


class World:
    """`kind` is the target's: "postgres", "clickhouse" or "kafka". Databases are made anew; servers are the caller's.

    With Kafka the topics' names begin with target_db, and a database of that name at the source takes what is rebuilt.
    """

    def __init__(self, source, target, kind, peerd=None, settings=None, template="template1"):
        number = next(_serial)
        self.source, self.target, self.kind = source, target, kind
        self.source_db = source.create_database(f"source_{number}", template)
        self.target_db = (source if kind == "kafka" else target).create_database(f"target_{number}")
        self.peerd = peerd or Peerd(settings)
        self.mirror_name = f"mirror_{number}"
        self.source_peer, self.target_peer = f"from_{number}", f"to_{number}"
        self.tables, self.options = [], {}
        self._consumer, self.gate = None, None

    # --- at the servers --------------------------------------------------------------------------------------------------

    def sql(self, statement, parameters=None):
        """At the source."""
        return self.source.sql(statement, parameters, dbname=self.source_db)

    def at_target(self, statement):
        if self.kind == "postgres":
            return self.target.sql(statement, dbname=self.target_db)
        return self.target.rows(statement, self.target_db)

    def target_name(self, table):
        """A source table `public.t` goes to `public.t` in Postgres, to `t` in ClickHouse and to `<target_db>.t` in Kafka."""
        name = table.split(".")[-1]
        return {"postgres": table, "clickhouse": name, "kafka": f"{self.target_db}.{name}"}[self.kind]

    # --- at peerd ----------------------------------------------------------------------------------------------------------

    def create_peers(self):
        gate = {} if self.gate is None else {"port": self.gate.port}
        self.peerd.sql(f"CREATE PEER {self.source_peer} FROM POSTGRES WITH "
                       f"({options_text(postgres_options(self.source, self.source_db, **gate))})")
        self.peerd.sql(f"CREATE PEER {self.target_peer} FROM {self.kind.upper()} WITH ({options_text(self.target_options())})")

    def target_options(self):
        if self.kind == "kafka":
            return kafka_options(self.target)
        options = postgres_options if self.kind == "postgres" else clickhouse_options
        return options(self.target, self.target_db)

    def create_mirror(self, tables, wait=None, **options):
        """`tables`: names with their schema. Waits for the state when one is named."""
        self.tables = list(tables)
        mapping = ", ".join(f"{{from: {table}, to: {self.target_name(table)}}}" for table in tables)
        with_text = f" WITH ({options_text(options)})" if options else ""
        self.options = options
        self.peerd.sql(f"CREATE MIRROR {self.mirror_name} FROM {self.source_peer} TO {self.target_peer} "
                       f"WITH TABLE MAPPING ({mapping}){with_text}")
        if wait:
            self.wait_state(wait)

    def start_mirror(self, tables, wait="RUNNING", **options):
        self.create_peers()
        self.create_mirror(tables, wait, **options)

    def start_consistent(self, tables=("public.items",)):
        """Running, and consistent without a change of ours: one that leaves a long value out has it looked up, which is from the
        future again."""
        self.start_mirror(list(tables))
        self.wait_caught_up()
        wait_for("the mirror to be consistent", lambda: self.mirror()["consistent"], 60)
        self.compare()

    def logs(self):
        return [row["message"] for row in self.peerd.rows("SELECT message FROM mirror_logs")]

    def mirror(self):
        return self.peerd.mirror(self.mirror_name)

    def wait_state(self, states, timeout=120):
        return self.peerd.wait_state(self.mirror_name, states, timeout)

    def pause(self):
        self.peerd.sql(f"PAUSE MIRROR {self.mirror_name}")
        return self.wait_state("PAUSED", 30)

    def resume(self):
        self.peerd.sql(f"RESUME MIRROR {self.mirror_name}")

    def drop(self):
        self.peerd.sql(f"DROP MIRROR {self.mirror_name}")

    def wait_caught_up(self, timeout=120):
        return self.peerd.wait_caught_up(self.mirror_name, self.source, self.source_db, timeout, quoted_table(self.tables[0]))

    # --- contents ------------------------------------------------------------------------------------------------------------

    def soft_column(self):
        return self.options.get("soft_delete_col_name", SOFT_DELETE)

    def consumer(self):
        """Of the mirror's topics; it has read them to their present ends."""
        if self._consumer is None:
            form = self.options.get("format", "peerdb")
            events = self.options.get("event_topic") or (f"{self.mirror_name}.event" if form == "debezium" else None)
            self._consumer = Consumer(self.target.client(), [self.target_name(table) for table in self.tables], form, events)
        self._consumer.read_to_end()
        return self._consumer

    def compare(self, exclude=(), where="true"):
        """Every table's live rows against the source's. Returns the number of rows."""
        if self.kind == "kafka":
            topics = self.consumer().topics
            self._consumer.read_whole()
            self._consumer.check_end()
            return sum(compare_kafka(topics[self.target_name(table)], self.source, table, self.source_db, self.target_db, exclude, where)
                       for table in self.tables)
        total = 0
        for table in self.tables:
            if self.kind == "postgres":
                live = f"NOT {quoted(self.soft_column())}" if self.soft_column() else "true"
                total += compare_postgres(self.source, table, self.target, self.target_name(table), self.source_db,
                                          self.target_db, exclude, where, live)
            else:
                total += compare_clickhouse(self.source, table, self.target, self.target_name(table), self.target_db,
                                            self.source_db, exclude, where, where)
        return total

    def settle_and_compare(self, timeout=120, **more):
        self.wait_caught_up(timeout)
        return self.compare(**more)

    def marked_keys(self, table, key="id"):
        """The keys of rows that the target marks as deleted."""
        name, column = self.target_name(table), self.soft_column()
        if self.kind == "postgres":
            return {row[0] for row in self.at_target(f"SELECT {key} FROM {quoted_table(name)} WHERE {quoted(column)}")}
        # FINAL hides tombstones: the newest version of each key says whether it is one.
        return {row["k"] for row in self.at_target(
            f"SELECT `{key}` AS k FROM `{name}` GROUP BY `{key}` HAVING argMax(`{column}`, _peerdb_version) = 1")}

    # --- the source's log ------------------------------------------------------------------------------------------------------

    def copies(self, since=0):
        """(chunk's number, line) of each COPY of a chunk that the source ran, from a size of its log on."""
        lines = self.source.log_lines(r"LOG: +(statement|execute [^:]*): .*peerd chunk", since)
        return [(int(re.search(r"peerd chunk .* (\d+) \*/", line).group(1)), line) for line in lines]

    def slots(self):
        return [row[0] for row in self.sql("SELECT slot_name FROM pg_replication_slots WHERE database = current_database()")]

    def publications(self):
        return [row[0] for row in self.sql("SELECT pubname FROM pg_publication")]

    def wait_chunks(self, done, timeout=60):
        """Waits until at least so many chunks are recorded, while the mirror is in SNAPSHOT."""
        return wait_for(f"{done} chunks", lambda: (row := self.mirror()) and row["chunks_done"] >= done and row, timeout, 0.02)

    def hold_copy(self, chunks):
        """Before the peers are made: after so many chunks the copy stands still until self.gate.open()."""
        self.gate = Gate(self.source.port, chunks)

    def drop_slots(self):
        """A session that has read a slot is its owner until the server has noticed that it is gone."""
        def gone():
            for slot in self.slots():
                self.sql("SELECT pg_drop_replication_slot(%s)", (slot,))
            return not self.slots()
        wait_for("the slots to be free", gone)

    def close(self):
        """Stops this world's peerd and removes what it left on the shared servers."""
        if self._consumer is not None:
            self._consumer.close()
        if self.gate is not None:
            self.gate.open()
        if self.peerd.child and self.peerd.child.alive():
            self.peerd.terminate()
        if self.gate is not None:
            self.gate.close()
        for server in {self.source, self.target}:
            if server.child and server.child.stopped:
                server.sigcont()
        if self.source.child is None or not self.source.child.alive():
            return
        self.sql("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = current_database() AND active")
        self.drop_slots()
        self.source.sql(f'DROP DATABASE "{self.source_db}" WITH (FORCE)')
        if self.kind == "clickhouse":
            self.target.text(f"DROP DATABASE `{self.target_db}`")
        else:
            (self.source if self.kind == "kafka" else self.target).sql(f'DROP DATABASE "{self.target_db}" WITH (FORCE)')

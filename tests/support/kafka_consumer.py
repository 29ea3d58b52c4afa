"""A consumer of a mirror's topics: reads them with read_committed, rebuilds the tables, and holds each message against
what docs/targets/kafka.md promises: headers, order, key, no message twice, no transaction in part.

The rebuilt rows go into tables of a scratch database and are compared with the source row by row (support/compare.py).
"""
import base64
import collections
import contextlib
import functools
import io
import json
import time

from support import debezium, kafka_server
from support.compare import columns_of, compare_postgres, quoted, quoted_table
from support.peerd import lsn
from support.process import wait_for

FORMATS = ("peerdb", "flat", "debezium")
CHANGES = ("insert", "update", "delete", "truncate")
LEFT_OUT = object()  # a column that a message did not bring and no earlier one had


class Broken(AssertionError):
    """A message, or the lack of one, that breaks the contract."""


class Digits(str):
    """A JSON number as it was written."""


decoded = json.JSONDecoder(parse_int=Digits, parse_float=Digits).decode
HEADERS = {"lsn", "transaction", "ordinal", "mirror", "kind"}
position = functools.lru_cache(lsn)  # the messages of a transaction have one


class Message:
    """One message, taken apart by the mirror's format."""

    def __init__(self, topic, partition, offset, key, value, headers, form):
        self.topic, self.partition, self.offset = topic, partition, offset
        self.key, self.headers = key and key.decode(), {name: text.decode() for name, text in headers or ()}
        if not HEADERS <= self.headers.keys():
            raise Broken(f"{self.where} has no header {HEADERS - self.headers.keys()}, only {sorted(self.headers)}")
        self.kind, self.lsn = self.headers["kind"], position(self.headers["lsn"])
        self.transaction, self.ordinal = int(self.headers["transaction"]), int(self.headers["ordinal"])
        self.chunk = self.headers.get("chunk")
        self.unchanged = decoded(self.headers["unchanged_columns"]) if "unchanged_columns" in self.headers else []
        self.row, self.old = None, None
        if (value is None) != (self.kind == "tombstone"):
            raise Broken(f"{self.where} is a {self.kind} with {'no' if value is None else 'a'} value")
        if value is not None:
            self.body = decoded(value.decode())
            getattr(self, f"_{form}")()

    @property
    def where(self):
        return f"{self.topic}/{self.partition}@{self.offset}"

    def _expect(self, kind, unchanged):
        if kind != self.kind:
            raise Broken(f"{self.where} says {kind}, its header {self.kind}")
        if unchanged is not None and unchanged != self.unchanged:
            raise Broken(f"{self.where} lists {unchanged}, its header {self.unchanged}")

    def _peerdb(self):
        self._expect(self.body["kind"], self.body.get("unchanged_columns", []))
        wanted = {"insert": {"new"}, "read": {"new"}, "update": {"old", "new"}, "delete": {"old"}}.get(self.kind, set())
        if wanted != {"old", "new"} & set(self.body):
            raise Broken(f"{self.where}: a {self.kind} with {sorted(self.body)}")
        self.row, self.old = self.body.get("new"), self.body.get("old")
        if int(self.body["transaction_id"]) != self.transaction:
            raise Broken(f"{self.where} says transaction {self.body['transaction_id']}, its header {self.transaction}")

    def _flat(self):
        about = {name: self.body.pop(name) for name in [*self.body] if name.startswith("_peerdb_")}
        self._expect(about["_peerdb_kind"], about.get("_peerdb_unchanged_columns", []))
        if int(about["_peerdb_transaction_id"]) != self.transaction:
            raise Broken(f"{self.where} says transaction {about['_peerdb_transaction_id']}, its header {self.transaction}")
        if self.kind == "delete":
            self.old = self.body
        elif self.kind not in ("truncate", "horizon"):
            self.row = self.body

    def _debezium(self):
        self._expect(debezium.OPERATIONS[self.body["op"]], None)
        if wrong := debezium.faults(self.body, self.headers["mirror"], self.transaction):
            raise Broken(f"{self.where}: Debezium's {wrong} are others in {self.body!r:.1500}")
        self.row, self.old = self.body.get("after"), self.body.get("before")
        if self.row is not None:
            # Only columns that are listed may have the placeholder: a row may really contain that text.
            self.row = {name: value for name, value in self.row.items()
                        if not (name in self.unchanged and debezium.holds_unavailable(value))}


class Topic:
    """One topic's contents, rebuilt as a consumer would, message by message."""

    def __init__(self, name, form="peerdb", events=None):
        self.name, self.form, self.events = name, form, events
        self.rows = {}  # key's text -> (partition, columns)
        self.since = {}  # key's text -> (lsn, ordinal) of what made its row
        self.emptied = (0, -1)  # (lsn, ordinal) of the last truncate that came by the topic of events
        self.place = {}  # key's text -> its partition
        self.last = {}  # partition -> (lsn, ordinal) of the last change
        self.changed, self.deleted, self.reads = {}, {}, set()  # changed: key's text -> lsn of its last change
        self.transactions = collections.defaultdict(list)  # xid -> (ordinal, kind, key)
        self.counts = collections.Counter()
        self.horizons = collections.Counter()  # partition -> how many horizon events
        self.partitions = 0

    def apply(self, message):
        self.counts[message.kind] += 1
        if message.kind == "horizon":
            self.horizons[message.partition] += 1
            return self._event(message)
        if message.kind not in CHANGES:
            return getattr(self, f"_{message.kind}")(message)
        at = (message.lsn, message.ordinal)
        if at <= self.last.get(message.partition, (0, -1)):
            raise Broken(f"{message.where}: {message.kind} of {message.key:.100} at {at} follows {self.last[message.partition]}: twice, or out of order")
        # A copy anew begins with a truncate of no transaction, at its start: the next commit's record may begin just there.
        self.last[message.partition] = (message.lsn, -1) if message.kind == "truncate" and message.transaction == 0 else at
        if message.kind == "truncate":
            self._event(message)
            if self.events:
                return None  # Debezium's own; the topic of events says it, too
            for key in [key for key, (partition, _) in self.rows.items() if partition == message.partition]:
                del self.rows[key]
            return None
        self._own_partition(message)
        self.changed[message.key] = message.lsn
        self.transactions[message.transaction].append((message.ordinal, message.kind, message.key))
        return getattr(self, f"_{message.kind}")(message)

    def take_event(self, message):
        """One that came by the topic of events, before or after what it is about."""
        self.counts[message.kind] += 1
        if message.kind == "horizon":
            self.horizons.update(range(self.partitions))
            return
        self.emptied = max(self.emptied, (message.lsn, message.ordinal))
        for key in [key for key, at in self.since.items() if at < self.emptied]:
            self.rows.pop(key, None)
            del self.since[key]

    def _keep(self, message, columns, at):
        if at >= self.emptied:
            self.rows[message.key], self.since[message.key] = (message.partition, columns), at

    def _event(self, message):
        if self.events:
            if message.kind != "truncate" or message.key is not None or self.form != "debezium":
                raise Broken(f"{message.where}: a {message.kind} with the key {message.key}, though events have a topic of their own")
            return
        if decoded(message.key) != {"_peerd_event": message.kind}:
            raise Broken(f"{message.where}: a {message.kind} with the key {message.key}")

    def _own_partition(self, message):
        if self.place.setdefault(message.key, message.partition) != message.partition:
            raise Broken(f"{message.where}: {message.key} was in partition {self.place[message.key]}")
        self.deleted.pop(message.key, None)

    def _check_key(self, message, columns):
        key = decoded(message.key)
        if any(columns.get(name) != value for name, value in key.items()):
            raise Broken(f"{message.where}: the key {message.key} is not that of the row")
        if not key or not set(key) <= set(columns):
            raise Broken(f"{message.where}: the key {message.key} is none of the row's {sorted(columns)}")

    def _read(self, message):
        self._own_partition(message)
        self._check_key(message, message.row)
        if self.changed.get(message.key, -1) >= message.lsn:  # A copy anew has a start behind the changes of before.
            raise Broken(f"{message.where}: {message.key} is read after a change of it")
        place = (message.lsn, message.chunk, message.ordinal)
        if place in self.reads:
            raise Broken(f"{message.where}: a second read of {place}")
        self.reads.add(place)
        # What was read from this start on is not voided by the truncate that says that the copy started anew there.
        self._keep(message, message.row, (message.lsn, float("inf")))

    def _insert(self, message):
        self._check_key(message, message.row)
        left_out = {name: LEFT_OUT for name in message.unchanged if name not in message.row}
        self._keep(message, {**message.row, **left_out}, (message.lsn, message.ordinal))

    def _update(self, message):
        self._check_key(message, message.row)
        before = self.rows.get(message.key, (0, {}))[1]
        kept = {name: before.get(name, LEFT_OUT) for name in message.unchanged if name not in message.row}
        self._keep(message, {**message.row, **kept}, (message.lsn, message.ordinal))

    def _delete(self, message):
        self._check_key(message, message.old)
        self.rows.pop(message.key, None)
        self.since.pop(message.key, None)
        self.deleted[message.key] = (message.lsn, message.ordinal)

    def _tombstone(self, message):
        if self.deleted.pop(message.key, None) != (message.lsn, message.ordinal):
            raise Broken(f"{message.where}: a tombstone of {message.key} that follows no delete of it")


class Consumer:
    """Reads topics to their ends, again and again. `form` is the mirror's format, `events` its topic of events, if it has one."""

    def __init__(self, options, topics, form="peerdb", events=None):
        self.options, self.form, self.events = options, form, events
        self.topics = {name: Topic(name, form, events) for name in topics}
        self.positions = {}  # (topic, partition) -> next offset
        self._client = None

    def client(self):
        from confluent_kafka import Consumer as Client
        if self._client is None:
            self._client = Client({**self.options, "group.id": "unused", "enable.auto.commit": False, "auto.offset.reset": "error",
                                   "isolation.level": "read_committed", "enable.partition.eof": True, "check.crcs": True,
                                   "fetch.message.max.bytes": 64 << 20, "queued.max.messages.kbytes": 128 << 10,
                                   "reconnect.backoff.max.ms": 500, "fetch.wait.max.ms": 50})
        return self._client

    def close(self):
        if self._client is not None:
            self._client.close()
            self._client = None

    def partitions(self, name):
        return len(self.client().list_topics(name, timeout=30).topics[name].partitions)

    def read_to_end(self, timeout=120):
        """Takes in what is committed since the last call. Returns the number of messages. `timeout`: how long none may come."""
        from confluent_kafka import KafkaError, TopicPartition
        client, open_ends = self.client(), set()
        for name, topic in self.topics.items():
            topic.partitions = self.partitions(name)
            open_ends |= {(name, number) for number in range(topic.partitions)}
        if self.events:
            open_ends |= {(self.events, number) for number in range(self.partitions(self.events))}
        client.assign([TopicPartition(*place, self.positions.get(place, 0)) for place in sorted(open_ends)])
        count, end = 0, time.monotonic() + timeout
        while open_ends:
            for message in client.consume(2000, 0.02):
                place = (message.topic(), message.partition())
                if place not in open_ends:
                    continue  # came after the end was seen: perhaps a part of a transaction, for the next call
                if message.error() is None:
                    self.take(*place, message.offset(), message.key(), message.value(), message.headers())
                    count, end = count + 1, time.monotonic() + timeout
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    open_ends.discard(place)
                    self.positions[place] = message.offset()
                elif message.error().code() == KafkaError._AUTO_OFFSET_RESET:
                    raise Broken(f"{place}: {message.error()}")
            if time.monotonic() > end:
                raise AssertionError(f"not at the ends of {sorted(open_ends)} within {timeout} s, after {count} messages")
        client.unassign()
        return count

    def read_whole(self, timeout=60):
        """Reads until nothing is open any more: a transaction that is committed becomes visible in one partition after the other."""
        from confluent_kafka import Consumer as Client, TopicPartition
        with contextlib.closing(Client({**self.options, "group.id": "unused", "isolation.level": "read_uncommitted"})) as plain:
            ends = {(name, number): plain.get_watermark_offsets(TopicPartition(name, number), timeout=30)[1]
                    for name in [*self.topics, *filter(None, [self.events])] for number in range(self.partitions(name))}
        self.read_to_end()
        behind = lambda: {place: (self.positions.get(place, 0), end) for place, end in ends.items() if self.positions.get(place, 0) < end}
        wait_for("every transaction in the topics to be finished", lambda: not behind() or (self.read_to_end(), not behind())[1], timeout)

    def take(self, topic, partition, offset, key, value, headers):
        if offset < self.positions.get((topic, partition), 0):
            return  # taken in before the end was seen
        self.positions[topic, partition] = offset + 1
        message = Message(topic, partition, offset, key, value, headers, self.form)
        if topic == self.events:
            self.topics[json.loads(message.key)["topic"]].take_event(message)
        else:
            self.topics[topic].apply(message)

    def transactions(self):
        """xid -> [(ordinal, topic, kind, key)] in the transaction's order, over all topics."""
        found = collections.defaultdict(list)
        for name, topic in self.topics.items():
            for transaction, changes in topic.transactions.items():
                found[transaction] += [(ordinal, name, kind, key) for ordinal, kind, key in changes]
        return {transaction: sorted(changes) for transaction, changes in found.items()}

    def check_end(self):
        """What holds once everything has arrived."""
        for topic in self.topics.values():
            per_partition = {topic.horizons[number] for number in range(topic.partitions)}
            if len(per_partition) != 1 or (topic.reads and per_partition == {0}):
                raise Broken(f"{topic.name}: horizon events per partition: {dict(topic.horizons)} of {topic.partitions} partitions")


class JavaConsumer(Consumer):
    """The same by Kafka's own Java client: its console consumer, one for each topic, all at once. It reads from the beginning."""

    FIELDS = ("Partition:", "Offset:")

    def read_to_end(self, expected, timeout=600):
        """A topic has ended when nothing more has come for five seconds, or for longer where those were too few: the client may not
        even have begun by then. Returns the number of messages."""
        for quiet_ms in (5000, 20_000, 80_000):
            self._read(quiet_ms, timeout)
            count = sum(sum(topic.counts.values()) for topic in self.topics.values())
            if count >= expected:
                break
        return count

    def _read(self, quiet_ms, timeout):
        with contextlib.ExitStack() as stack:
            printed = {name: stack.enter_context(kafka_server.running_tool(
                "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", self.options["bootstrap.servers"], "--topic", name,
                "--from-beginning", "--isolation-level", "read_committed", "--timeout-ms", quiet_ms, "--property", "headers.separator=\x1f",
                *(part for what in ("key", "headers", "partition", "offset") for part in ("--property", f"print.{what}=true")),
                timeout=timeout)) for name in self.topics}
            for name, lines in printed.items():
                self.topics[name].partitions = self.partitions(name)
                for line in lines():
                    self.take(name, *self.parsed(line))

    def parsed(self, line):
        """(partition, offset, key, value, headers) of a line; JSON holds no tab and no end of line."""
        fields = line.rstrip(b"\n").split(b"\t")
        if len(fields) != 5 or not all(field.startswith(name.encode()) for name, field in zip(self.FIELDS, fields)):
            raise Broken(f"the console consumer printed {line[:500]!r}")
        partition, offset = (int(field.split(b":")[1]) for field in fields[:2])
        headers = [(name.decode(), text) for name, text in (header.split(b":", 1) for header in fields[2].split(b"\x1f"))]
        return partition, offset, fields[3], None if fields[4] == b"null" else fields[4], headers


# --- every change, as the source saw it -----------------------------------------------------------------------------------

AUDIT = """CREATE TABLE IF NOT EXISTS audit (seq bigserial PRIMARY KEY, xid bigint, name text, op text, old text, new text);
CREATE OR REPLACE FUNCTION audited() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
  INSERT INTO audit (xid, name, op, old, new) VALUES (pg_current_xact_id()::text::bigint & 4294967295, TG_TABLE_NAME, TG_OP,
    CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD)->>TG_ARGV[0] END, CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW)->>TG_ARGV[0] END);
  RETURN NULL; END$$;"""


class Audit:
    """A trigger at the source writes down each change of tables with a one-column number key, in order."""

    def __init__(self, source, dbname, tables, key="id"):
        self.source, self.dbname, self.key = source, dbname, key
        source.sql(AUDIT, dbname=dbname)
        for table in tables:
            source.sql(f"CREATE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON {quoted_table(table)} FOR EACH ROW "
                       f"EXECUTE FUNCTION audited('{key}')", dbname=dbname)

    def now(self):
        """Transactions from this number on are all in the stream of a mirror that is RUNNING."""
        return int(self.source.value("SELECT pg_snapshot_xmax(pg_current_snapshot())::text", dbname=self.dbname))

    def transactions(self):
        """xid -> [(table, kind, key)] as messages would tell it."""
        found = collections.defaultdict(list)
        for xid, name, op, old, new in self.source.sql("SELECT xid, name, op, old, new FROM audit ORDER BY seq", dbname=self.dbname):
            if old is not None and old != new:
                found[xid].append((name, "delete", old))
            if new is not None:
                found[xid].append((name, "update" if old == new else "insert", new))
        return found

    def check(self, consumer, since=None, name_of=lambda topic: topic.split(".")[-1]):
        """Each transaction in the topics is whole and in order; from `since` on none is missing. Before that it is whole in each
        table that tells of it: another's copy may have started later. Returns their number."""
        expected, seen = self.transactions(), consumer.transactions()
        for xid, changes in seen.items():
            told = [(name_of(topic), kind, decoded(key)[self.key]) for _, topic, kind, key in changes]
            wanted = expected.get(xid, [])
            if since is None or xid < since:
                tables = {name for name, *_ in told}
                wanted = [change for change in wanted if change[0] in tables]
            if told != wanted:
                raise Broken(f"transaction {xid}: {len(told)} messages for {len(wanted)} changes\n"
                             f"  topics: {told[:20]}\n  source: {wanted[:20]}")
            if len({ordinal for ordinal, *_ in changes}) != len(changes):
                raise Broken(f"transaction {xid} uses an ordinal twice: {changes[:20]}")
        missing = sorted(xid for xid in expected if since is not None and xid >= since and xid not in seen)
        if missing:
            raise Broken(f"{len(missing)} transactions of the source are in no topic: {missing[:20]}")
        return len(seen)


# --- against the source ---------------------------------------------------------------------------------------------------

# A message's text is compared as text, digit by digit, but for these, whose output and cast to text differ or that have
# several texts for one value.
TYPED = {"bpchar", "inet", "float4", "float8", "bytea", "timestamp", "timestamptz", "time", "timetz", "interval", "date", "money"}


def pg_text(type_name, value, modifier=-1, form="peerdb"):
    """A message's value as Postgres's input, None for NULL."""
    if value is None:
        return None
    if isinstance(value, list):
        return "{" + ",".join(_element(pg_text(type_name, item, modifier, form), item) for item in value) + "}"
    special = debezium.text_of(type_name, modifier, value) if form == "debezium" else None
    if special is not None:
        return special
    if value is True or value is False:
        return "true" if value else "false"
    if type_name == "bytea":
        return "\\x" + base64.b64decode(value, validate=True).hex()
    if not isinstance(value, str):
        raise Broken(f"a {type_name} is {value!r:.100}")
    return value


def _element(text, item):
    if text is None:
        return "NULL"
    return text if isinstance(item, list) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def copy_field(text):
    if text is None:
        return "\\N"
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def load(topic, server, table, source_db, scratch_db, exclude=()):
    """Writes the rebuilt rows into a table of the same name in the scratch database."""
    columns = columns_of(server, table, source_db, exclude)
    shapes = {row[0]: row[1:] for row in server.sql(
        """SELECT attname, format_type(atttypid, atttypmod), atttypmod FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped""", (quoted_table(table),), source_db)}
    typed = lambda column: shapes[column.name][0] if column.element or column.type in TYPED else "text"
    server.sql(f"CREATE SCHEMA IF NOT EXISTS {quoted(table.split('.')[0])}; DROP TABLE IF EXISTS {quoted_table(table)}; CREATE TABLE {quoted_table(table)} "
               f"({', '.join(f'{quoted(column.name)} {typed(column)}' for column in columns)})", dbname=scratch_db)
    names = {column.name for column in columns}
    text = io.StringIO()
    for key, (_, row) in topic.rows.items():
        if set(row) != names:
            raise Broken(f"{topic.name} {key}: columns {sorted(row)}, at the source {sorted(names)}")
        if LEFT_OUT in row.values():
            raise Broken(f"{topic.name} {key}: no message has brought {[name for name, value in row.items() if value is LEFT_OUT]}")
        text.write("\t".join(copy_field(pg_text(
            column.element or column.type, row[column.name], shapes[column.name][1], topic.form))
            for column in columns) + "\n")
    text.seek(0)
    with contextlib.closing(server.connect(scratch_db)) as connection, connection.cursor() as cursor:
        cursor.execute("SET timezone = 'UTC'")
        cursor.copy_expert(f"COPY {quoted_table(table)} FROM STDIN", text)


def compare_kafka(topic, server, table, source_db, scratch_db, exclude=(), where="true"):
    """The rebuilt topic against the source's table. Returns the number of rows."""
    load(topic, server, table, source_db, scratch_db, exclude)
    return compare_postgres(server, table, server, table, source_db, scratch_db, exclude, where)

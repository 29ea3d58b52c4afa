"""Random and nasty values of every type, there before the mirror and written while it streams, held against the source's own text at each
kind of target: value by value, never by way of peerd's encoders. PEERD_TEST_VALUES is how many of each type (10000: minutes)."""
import base64
import contextlib
import io
import json
import os
import re
import struct
from decimal import Decimal

import pytest

from support import debezium
from support.compare import quoted
from support.kafka_consumer import Digits, copy_field, pg_text
from support.postgres_server import PostgresServer
from support.process import wait_for
from support.type_values import EXTENSIONS, OWN_TYPES, TABLES, lines, statement

COUNT = -(-int(os.environ.get("PEERD_TEST_VALUES", "240")) // 3)  # there before, inserted, and what rows are updated to
PINNED = """SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET extra_float_digits = 3; SET bytea_output = 'hex';
  SET lc_monetary = 'C'; SET search_path = pg_catalog"""
# Of these an array is taken apart at ClickHouse and in the messages of peerdb and flat (docs/types.md).
ELEMENTS = {"bool", "int2", "int4", "int8", "float4", "float8", "numeric", "text", "varchar", "bpchar", "char", "name", "bytea", "uuid", "date", "time", "timetz", "timestamp",
            "timestamptz", "interval", "json", "jsonb", "oid"}


@pytest.fixture(scope="module")
def template(source):
    """A database with every extension and type, which those of the tests are copied from."""
    return prepared(source, "types_template")


def prepared(server, name):
    server.create_database(name)
    server.sql("".join(f"CREATE EXTENSION {extension} CASCADE;" for extension in EXTENSIONS) + OWN_TYPES, dbname=name)
    return name


# --- what the source has -----------------------------------------------------------------------------------------------------

class Shape:
    """A column as the source's catalog has it; `base` and `element` are beneath all domains."""

    def __init__(self, name, base, modifier, element, delimiter, own_array):
        self.name, self.base, self.modifier, self.element, self.delimiter = name, base, modifier, element, delimiter
        self.taken_apart = own_array in ELEMENTS
        self.own = own_array


def shapes_of(world, table):
    rows = world.sql("""WITH RECURSIVE step(n, name, type, modifier) AS (
        SELECT attnum, attname, atttypid, atttypmod FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0
        UNION ALL SELECT n, name, t.typbasetype, t.typtypmod FROM step s JOIN pg_type t ON t.oid = s.type AND t.typtype = 'd')
      SELECT DISTINCT ON (n) name, t.typname, s.modifier, coalesce(e.typname, ''), coalesce(e.typdelim::text, ','),
        (SELECT coalesce((SELECT x.typname FROM pg_type x WHERE x.typarray = a.atttypid), '') FROM pg_attribute a WHERE attrelid = %s::regclass AND attnum = n)
      FROM step s JOIN pg_type t ON t.oid = s.type AND t.typtype <> 'd' LEFT JOIN pg_type e ON e.typarray = t.oid ORDER BY n""",
                     (f"public.{table}", f"public.{table}"))
    domains = {name: beneath for name, *beneath in world.sql(
        "SELECT t.typname, b.typname, t.typtypmod FROM pg_type t JOIN pg_type b ON b.oid = t.typbasetype WHERE t.typtype = 'd'")}
    shapes = [Shape(*row) for row in rows]
    for shape in shapes:
        while shape.element in domains:
            shape.element, shape.modifier = domains[shape.element]
    return shapes


def copied(text):
    """The value of a field of COPY's text."""
    if text == "\\N":
        return None
    return re.sub(r"\\(.)", lambda m: {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}.get(m[1], m[1]), text)


def dump(server, dbname, table, shapes, schema="public"):
    """id -> the values' own text, as the server writes it."""
    out = io.BytesIO()
    with contextlib.closing(server.connect(dbname)) as connection, connection.cursor() as cursor:
        cursor.execute(PINNED)
        cursor.copy_expert(f"COPY {schema}.{table} ({', '.join(quoted(shape.name) for shape in shapes)}) TO STDOUT", out)
    rows = {}
    for line in out.getvalue().decode().split("\n")[:-1]:
        cells = [copied(cell) for cell in line.split("\t")]
        assert cells[0] not in rows, f"{table} has the id {cells[0]} twice"
        rows[cells[0]] = cells
    return rows


def write(world, table, target, first, count):
    with contextlib.closing(world.source.connect(world.source_db)) as connection, connection.cursor() as cursor:
        cursor.execute("SET timezone = 'UTC'")
        cursor.copy_expert(f"COPY public.{table} FROM STDIN", io.StringIO("".join(lines(table, target, first, count))))


# --- what the target has -----------------------------------------------------------------------------------------------------

def taken_apart(text):
    """Postgres's array as nested lists of text and None."""
    at = 0

    def items():
        nonlocal at
        at += 1
        found = []
        while text[at] != "}":
            if text[at] == "{":
                found.append(items())
            elif text[at] == '"':
                match = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL).match(text, at)
                found.append(re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL))
                at = match.end()
            else:
                match = re.compile(r"[^,}]+").match(text, at)
                found.append(None if match[0] == "NULL" else match[0])
                at = match.end()
            at += text[at] == ","
        at += 1
        return found
    return items()


def each(value, change):
    return [each(item, change) for item in value] if isinstance(value, list) else None if value is None else change(value)


def as_message(kind):
    """Source's text -> what docs/types.md promises of a message in peerdb and flat."""
    if kind == "bool":
        return {"t": True, "f": False}.get
    if kind in ("int2", "int4", "int8", "oid", "float4", "float8"):
        return lambda text: text if text in ("NaN", "Infinity", "-Infinity") else Digits(text)
    if kind == "bytea":
        return lambda text: base64.b64encode(bytes.fromhex(text[2:])).decode()
    return str


def same(left, right):
    return type(left) is type(right) and (all(map(same, left, right)) and len(left) == len(right) if isinstance(left, list) else left == right)


def flat_rows(world, table, shapes):
    rows = world.consumer().topics[world.target_name(f"public.{table}")].rows
    return {row["id"]: [row[shape.name] for shape in shapes] for _, row in rows.values()}


def flat_expected(shape, text):
    if text is None:
        return None
    return each(taken_apart(text), as_message(shape.own)) if shape.taken_apart else as_message(shape.base if shape.plain else "text")(text)


FLOATS = {"Float32": "f", "Float64": "d"}


def bare(stored):
    return re.sub(r"^Nullable\((.*)\)$", r"\1", stored)


def as_clickhouse(stored, kind):
    """Source's text -> a value that is equal to what clickhouse_value() makes of the same one."""
    if stored in FLOATS:
        return lambda text: struct.pack(FLOATS[stored], float(text)) if text != "NaN" else "nan"
    if stored.startswith("Decimal"):
        return Decimal
    if stored.startswith("DateTime64"):
        return lambda text: (lambda plain: plain + "." + "0" * 6 if len(plain) == 19 else plain.ljust(26, "0"))(text.removesuffix("+00"))
    if stored == "Bool":
        return {"t": "true", "f": "false"}.get
    if stored == "String":
        return lambda text: text[2:].upper() if kind == "bytea" else text.encode().hex().upper()
    return str


def clickhouse_value(stored):
    if stored in FLOATS:
        return lambda text: struct.pack(FLOATS[stored], float(text)) if text != "nan" else "nan"
    return Decimal if stored.startswith("Decimal") else str


def clickhouse_rows(world, table, shapes):
    """id -> values, each a text that ClickHouse itself makes of it; bytes in hex."""
    stored = {row["name"]: row["type"] for row in world.at_target(f"DESCRIBE TABLE `{table}`")}
    outputs = []
    for shape in shapes:
        form, name = stored[shape.name], f"`{shape.name}`"
        shape.element_stored = bare(form[6:-1]) if form.startswith("Array(") else ""
        shape.stored = bare(form)
        show = "hex" if "String" in form else "toString"
        if shape.element_stored:
            null = f"`_peerdb_null_{shape.name}`" if f"_peerdb_null_{shape.name}" in stored else "false"
            outputs.append(f"if({null}, [NULL], arrayMap(e -> {show}(e), {name})), {null}")
        else:
            outputs.append(f"{show}({name}), isNull({name})")
    columns = ", ".join(outputs)
    rows = {}
    with world.target.open(f"SELECT {columns} FROM `{table}` FINAL FORMAT JSONCompactEachRow", world.target_db, timeout=300) as answer:
        for line in answer.read().decode().splitlines():
            cells = json.loads(line)
            id_text = cells[0]
            assert id_text not in rows
            rows[id_text] = [None if null else each(value, clickhouse_value(shape.element_stored or shape.stored))
                             for shape, value, null in zip(shapes, cells[::2], cells[1::2])]
    return rows


def clickhouse_expected(shape, text):
    if text is None:
        return None
    if shape.element_stored:
        return each(taken_apart(text), as_clickhouse(shape.element_stored, shape.own))
    return as_clickhouse(shape.stored, shape.base if shape.plain else "text")(text)


def debezium_rows(world, table, shapes):
    """Debezium's values turned back (support/debezium.py), read by the source's own types, and shown by them."""
    rows = world.consumer().topics[world.target_name(f"public.{table}")].rows
    world.sql(f"CREATE SCHEMA IF NOT EXISTS scratch; DROP TABLE IF EXISTS scratch.{table}; CREATE TABLE scratch.{table} (LIKE public.{table})")

    def one(shape, value):
        if shape.element and shape.delimiter != ",":
            return value
        # Of money and bits Debezium has forms, but of their elements.
        kind = shape.element if shape.element in ELEMENTS or shape.element == "hstore" else "text" if shape.element else shape.base
        return pg_text(kind, value, shape.modifier, "debezium")
    text = "".join("\t".join(copy_field(one(shape, row[shape.name])) for shape in shapes) + "\n" for _, row in rows.values())
    with contextlib.closing(world.source.connect(world.source_db)) as connection, connection.cursor() as cursor:
        cursor.execute("SET timezone = 'UTC'")
        cursor.copy_expert(f"COPY scratch.{table} FROM STDIN", io.StringIO(text))
    return dump(world.source, world.source_db, table, shapes, "scratch")


# --- compared ----------------------------------------------------------------------------------------------------------------

READERS = {
    "postgres": (lambda world, table, shapes: dump(world.target, world.target_db, table, shapes), lambda shape, text: text),
    "clickhouse": (clickhouse_rows, clickhouse_expected),
    "flat": (flat_rows, flat_expected),
    "debezium": (debezium_rows, lambda shape, text: text),
}


def check(world, target, count):
    """Every value of every table. Returns how many of each type were compared."""
    world.wait_caught_up(timeout=600)
    compared = {}
    for table, kinds in TABLES.items():
        shapes = shapes_of(world, table)
        domains = {row[0] for row in world.sql("SELECT attname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid AND typtype = 'd' WHERE attrelid = %s::regclass", (table,))}
        for shape in shapes:
            shape.plain = shape.name not in domains  # a domain is Postgres's text where the target does not look beneath it
        expected = dump(world.source, world.source_db, table, shapes)
        read, wanted = READERS[target]
        found = read(world, table, shapes)
        assert len(expected) == count and found.keys() == expected.keys(), (table, len(expected), len(found))
        wrong = {}
        for number, cells in expected.items():
            for shape, text, value in zip(shapes, cells, found[number]):
                if not same(want := wanted(shape, text), value):
                    wrong.setdefault((table, shape.name, shape.base), []).append((number, text, want, value))
        if wrong:
            pytest.fail("values differ:\n" + "\n".join(f"{where}, {len(found)} times: {found[:3]!r:.900}" for where, found in wrong.items()))
        for kind in kinds:
            compared[kind.type] = compared.get(kind.type, 0) + count
    return compared


@pytest.mark.parametrize("form", READERS)
def test_every_value_of_every_type_arrives_by_copy_and_by_stream(new_world, template, form):
    kind = "kafka" if form in ("flat", "debezium") else form
    options = {"postgres": {"soft_delete_col_name": ""}, "clickhouse": {}}.get(form, {"format": form})
    world = new_world(kind, template=template)
    if kind == "postgres":
        world.at_target("".join(f"CREATE EXTENSION {extension} CASCADE;" for extension in EXTENSIONS) + OWN_TYPES)
    for table in TABLES:
        world.sql(statement(table))
        write(world, table, form, 1, COUNT)
    world.start_mirror([f"public.{table}" for table in TABLES], **options)
    assert check(world, form, COUNT)["integer"] == COUNT
    # Another label of an enum while it streams; the target's type has it first.
    for where in ([world.at_target] if kind == "postgres" else []) + [world.sql]:
        where("ALTER TYPE mood ADD VALUE 'later'")
    for table, kinds in TABLES.items():
        write(world, table, form, COUNT + 1, COUNT)
        values = ", ".join(f"{column.column} = o.{column.column}" for column in kinds)
        # Every row gets the values of another one that are new: write() has other values for each first id.
        world.sql(f"CREATE TABLE fresh AS SELECT * FROM {table} LIMIT 0")
        with contextlib.closing(world.source.connect(world.source_db)) as connection, connection.cursor() as cursor:
            cursor.execute("SET timezone = 'UTC'")
            cursor.copy_expert("COPY fresh FROM STDIN", io.StringIO("".join(lines(table, form, 1, COUNT, seed=1))))
        world.sql(f"UPDATE {table} k SET {values} FROM fresh o WHERE o.id = k.id; DROP TABLE fresh")
    world.sql("INSERT INTO rest (id, mo, amo, alw) VALUES (0, 'later', '{later}', 1), (-1, NULL, NULL, 1)")
    world.sql("DELETE FROM rest WHERE id = 0 OR id = -1; INSERT INTO rest (id, mo, alw) SELECT max(id) + 1, 'later', 1 FROM rest")
    world.sql("DELETE FROM rest WHERE id = 1")
    counts = check(world, form, 2 * COUNT)
    print(f"{form}: {len(counts)} types, {3 * COUNT} values of each compared or more, {sum(counts.values())} in the end")


# --- what one version has and another has not ----------------------------------------------------------------------------------

@pytest.mark.parametrize("value, majors", [("infinity", (17, 15)), ("-infinity", (17, 15))])
@pytest.mark.parametrize("phase", ["copy", "stream"])
def test_an_interval_that_the_other_version_does_not_have_stops_the_mirror(new_world, versions, value, majors, phase):
    """Nothing but trusted types beside it, so that the copy would be binary."""
    world = new_world("postgres", source=versions[majors[0]], target=versions[majors[1]])
    world.sql("CREATE TABLE public.t (id int PRIMARY KEY, n int, lasts interval); INSERT INTO t VALUES (1, 1, '1 day')")
    odd = f"INSERT INTO t VALUES (2, 2, '{value}')"
    if phase == "copy":
        world.sql(odd)
    world.create_peers()
    world.create_mirror(["public.t"], None if phase == "copy" else "RUNNING")
    if phase == "stream":
        world.sql(odd)
    stopped = wait_for("the error", lambda: (m := world.mirror()) and m["last_error"] and m, 60)
    assert "lasts" in stopped["last_error"] and value not in stopped["last_error"], stopped


@pytest.mark.parametrize("kind", ["postgres", "clickhouse", "kafka"])
def test_infinite_intervals_arrive(new_world, versions, kind):
    world = new_world(kind, source=versions[17], target=versions[17] if kind == "postgres" else None)
    world.sql("CREATE TABLE public.t (id int PRIMARY KEY, v interval, a interval[]); INSERT INTO t VALUES (1, 'infinity', '{-infinity}')")
    world.start_mirror(["public.t"])
    world.sql("INSERT INTO t VALUES (2, '-infinity', '{infinity,1 day}')")
    assert world.settle_and_compare() == 2


@pytest.fixture(scope="module")
def versions(source, target):
    return {15: source, 17: PostgresServer("interval", 17, {"fsync": "off"})}


def test_types_that_postgres_only_writes_are_text_at_a_postgres_target(new_world):
    world = new_world("postgres")
    world.sql("""CREATE TABLE public.t (id int PRIMARY KEY, tree pg_node_tree, vector gtsvector);
      INSERT INTO t SELECT 1, (SELECT ev_action FROM pg_rewrite LIMIT 1)""")
    world.start_mirror(["public.t"])
    world.sql("INSERT INTO t SELECT 2, tree FROM t")
    world.wait_caught_up()
    assert world.at_target("SELECT pg_typeof(tree)::text, length(tree) > 100 FROM t ORDER BY id") == [("text", True)] * 2

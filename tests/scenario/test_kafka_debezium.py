"""Kafka with the format debezium: every type by copy and by stream, turned back and compared with the source, and the encodings that lose
something, as the documentation of Debezium's Postgres connector has them."""
import json

import pytest

from support.process import wait_for

PREPARE = "CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('happy', 'so, so'); CREATE DOMAIN positive AS int CHECK (VALUE > 0)"
# name, type, values that come back as they went
TYPES = [
    ("b", "boolean", ["t", "f"]),
    ("i2", "smallint", ["-32768", "32767"]),
    ("i4", "integer", ["-2147483648"]),
    ("i8", "bigint", ["-9223372036854775808", "9007199254740993"]),
    ("o", "oid", ["4294967295"]),
    ("f4", "real", ["1.5", "NaN", "-Infinity", "1e-45"]),
    ("f8", "double precision", ["0.1", "-1.7976931348623157e308", "NaN", "Infinity"]),
    ("n", "numeric(38,9)", ["99999999999999999999999999999.999999999", "-0.000000001", "0", "-1.28", "1.27"]),
    ("n_hundreds", "numeric(5,-2)", ["12345", "-200"]),
    ("n_free", "numeric", ["1.5", "123456789012345678901234567890.1234567890123456789", "-1e-20", "0", "1e30", "-255"]),
    ("m", "money", ["1234.56", "-0.01", "0"]),
    ("t", "text", ["", "tab\tnew\nline\\back'quote\"", "Анна Каренина 人間失格 🚀", "__debezium_unavailable_value"]),
    ("c", "char(5)", ["ab"]),
    ("ci", "citext", ["Ab"]),
    ("by", "bytea", ["\\x", "\\x00013031323337ff7f"]),
    ("u", "uuid", ["0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"]),
    ("d", "date", ["1970-01-01", "0001-01-01", "0044-03-15 BC", "5874897-12-31", "infinity", "-infinity"]),
    ("ti", "time", ["00:00:00", "23:59:59.999999", "24:00:00"]),
    ("ti3", "time(3)", ["23:59:59.999"]),
    ("ts", "timestamp", ["2018-06-20 15:13:16.945104", "1969-12-31 23:59:59.999999", "0044-03-15 12:00:00 BC", "infinity", "-infinity"]),
    ("ts3", "timestamp(3)", ["2018-06-20 15:13:16.945", "294276-12-31 23:59:59.999", "infinity"]),
    ("tz", "timestamptz", ["2024-07-01 12:00:00.123456+05:30", "0044-03-15 12:00:00+00 BC", "12345-01-01 00:00:00+00", "infinity", "-infinity"]),
    ("tz0", "timestamptz(0)", ["2024-07-01 12:00:00+00"]),
    ("ttz", "timetz", ["12:00:00.5+00", "24:00:00+00"]),
    ("iv", "interval", ["04:05:06.000001", "-00:00:01", "1000:00:00"]),
    ("bit1", "bit(1)", ["1", "0"]),
    ("bit12", "bit(12)", ["000000000000", "100000000001"]),
    ("vb", "bit varying(20)", ["101", "1000000000"]),
    ("j", "json", ['{"a":  1, "a": 2}', "1e1000"]),
    ("jb", "jsonb", ['{"k": "\\\\ \\" \\n 🚀"}']),
    ("x", "xml", ["<a>&amp;</a>"]),
    ("h", "hstore", ['a=>1, "b""c"=>NULL, é=>"x\\\\y"'.replace('""', '\\"'), ""]),
    ("p", "point", ["(1.5,-2)"]),
    ("ip", "inet", ["10.0.0.1/8", "::1"]),
    ("r", "int4range", ["[1,5)", "empty"]),
    ("e", "mood", ["so, so"]),
    ("dom", "positive", ["5"]),
    ("ts_v", "tsvector", ["'a':1 'b':2"]),
    ("bx", "box", ["(1,1),(0,0)"]),
    ("ab", "boolean[]", ["{t,f,NULL}", "{}"]),
    ("a4", "integer[]", ["{1,NULL,3}", "{{1,2},{3,4}}"]),
    ("an", "numeric(20,5)[]", ["{1.00000,NULL,-99999.99999}"]),
    ("anf", "numeric[]", ["{1.5,123456789012345678901234567890.5}"]),
    ("at", "text[]", ['{a,NULL,"NULL","",",","\\"","\\\\"}']),
    ("ad", "date[]", ["{2024-02-29,NULL,infinity}"]),
    ("ats", "timestamp(3)[]", ['{"2024-02-29 01:02:03.004",NULL}']),
    ("atz", "timestamptz[]", ['{"2024-02-29 01:02:03.000004+00"}']),
    ("aby", "bytea[]", ['{"\\\\x00ff",NULL}']),
    ("ae", "mood[]", ['{happy,"so, so",NULL}']),
    ("aip", "inet[]", ["{10.0.0.1,::1}"]),
]


@pytest.fixture
def world(new_world):
    return new_world("kafka")


def fill(world, first):
    """One row for each value, one with each column's first value, one of NULLs. Returns the next number."""
    number = first
    for name, type_name, values in TYPES:
        for value in values:
            world.sql(f'INSERT INTO kinds (id, "{name}") VALUES (%s, CAST(%s AS {type_name}))', (number, value))
            number += 1
    marks = ", ".join(f"CAST(%s AS {type_name})" for _, type_name, _ in TYPES)
    world.sql(f"INSERT INTO kinds VALUES ({number}, {marks})", tuple(values[0] for _, _, values in TYPES))
    world.sql(f"INSERT INTO kinds (id) VALUES ({number + 1})")
    return number + 2


def test_every_type_comes_back_from_copy_and_stream(world):
    world.sql(PREPARE)
    world.source.sql(PREPARE, dbname=world.target_db)
    world.sql(f"CREATE TABLE public.kinds (id int PRIMARY KEY, {', '.join(f'{name} {type_name}' for name, type_name, _ in TYPES)})")
    first = fill(world, 1)
    world.start_mirror(["public.kinds"], format="debezium")
    world.sql("INSERT INTO kinds (id) VALUES (0)")
    assert world.settle_and_compare() == first
    last = fill(world, first)
    assert world.settle_and_compare() == last
    names = ", ".join(f'"{name}" = o."{name}"' for name, *_ in TYPES)
    world.sql(f"UPDATE kinds k SET {names} FROM kinds o WHERE o.id = k.id + 5 AND k.id % 3 = 0")
    world.sql("DELETE FROM kinds WHERE id % 7 = 0; UPDATE kinds SET id = id + 10000 WHERE id % 11 = 0")
    assert world.settle_and_compare() == world.sql("SELECT count(*) FROM kinds")[0][0]


def test_keys_of_every_kind_have_the_rows_own_encodings(world):
    world.sql("""CREATE TABLE public.items (n numeric(10,2), d date, tz timestamptz(3), by bytea, t text, v int, PRIMARY KEY (n, d, tz, by, t));
      INSERT INTO items VALUES (1.5, '1970-01-02', '2024-01-01 00:00:00+00', '\\x00ff', 'a"b', 1), (-1.28, '0044-03-15 BC', '2024-01-01 00:00:00+00', '', '', 2)""")
    world.start_mirror(["public.items"], format="debezium", tombstones=True)
    world.sql("UPDATE items SET v = 3 WHERE v = 1; UPDATE items SET n = 7 WHERE v = 2; DELETE FROM items WHERE v = 3")
    assert world.settle_and_compare() == 1
    keys = {json.dumps(json.loads(key)) for key in world.consumer().topics[world.target_name("public.items")].place}
    assert json.dumps({"n": "AJY=", "d": 1, "tz": "2024-01-01T00:00:00.000Z", "by": "AP8=", "t": 'a"b'}) in keys, keys


def test_what_loses_something_is_as_debezium_has_it(world):
    world.sql("""CREATE TABLE public.items (id int PRIMARY KEY, iv interval, ttz timetz, vb bit varying, nested int[], n numeric);
      INSERT INTO items VALUES (1, '1 year 2 mons 3 days 04:05:06.789', '01:00:00+02', '00101', '[0:1]={7,8}', 1.50), (2, '-1 mons +1 day', '23:00:00.25-01', '', NULL, 1000)""")
    world.start_mirror(["public.items"], format="debezium")
    world.wait_caught_up()
    rows = {key: row for key, (_, row) in world.consumer().topics[world.target_name("public.items")].rows.items()}
    # A month has 365.25 / 12 days: 2,629,800 s; a timetz is in UTC; a bit varying is a number, lowest byte first;
    # a numeric without a scale of its own has no zeros at its end.
    assert rows['{"id":1}'] == {"id": "1", "iv": str(14 * 2_629_800_000_000 + 3 * 86_400_000_000 + 14_706_789_000), "ttz": "23:00:00Z",
                                "vb": "BQ==", "nested": ["7", "8"], "n": {"scale": "1", "value": "Dw=="}}
    assert rows['{"id":2}'] == {"id": "2", "iv": str(-2_629_800_000_000 + 86_400_000_000), "ttz": "00:00:00.25Z", "vb": "", "nested": None,
                                "n": {"scale": "0", "value": "A+g="}}


@pytest.mark.parametrize("column, value", [("numeric", "NaN"), ("numeric(10,2)", "NaN"), ("timestamp", "294276-12-31 23:59:59"), ("interval", "170000000 years"),
                                           ("timetz", "24:00:00+02")])
def test_what_it_cannot_hold_stops_the_mirror_and_says_where(world, column, value):
    world.sql(f"CREATE TABLE public.items (id int PRIMARY KEY, odd {column}); INSERT INTO items VALUES (1, NULL)")
    world.start_mirror(["public.items"], format="debezium")
    world.sql(f"INSERT INTO items VALUES (2, '{value}')")
    stuck = wait_for("the error", lambda: (m := world.mirror()) and m["last_error"] and m, 60)
    assert "odd" in stuck["last_error"] and "public.items" in stuck["last_error"] and (value == "NaN" or value not in stuck["last_error"]), stuck
    assert "on_bad_row" in stuck["last_error_hint"], stuck

"""Every type of the first mirror, its extremes and NULL, by snapshot and by stream."""
import pytest

# name, type, values in Postgres's text form; the third list is for Postgres targets alone.
TYPES = [
    ("b", "boolean", ["t", "f"], []),
    ("i2", "smallint", ["-32768", "32767", "0"], []),
    ("i4", "integer", ["-2147483648", "2147483647"], []),
    ("i8", "bigint", ["-9223372036854775808", "9223372036854775807"], []),
    ("f4", "real", ["1.5", "-3.4028235e38", "1e-45", "NaN", "Infinity", "-Infinity", "-0"], []),
    ("f8", "double precision", ["0.1", "-1.7976931348623157e308", "5e-324", "NaN", "Infinity", "-Infinity", "-0"], []),
    ("n_fits", "numeric(38,9)", ["99999999999999999999999999999.999999999", "-0.000000001", "0"], ["NaN"]),
    ("n_wide", "numeric(76,38)", ["9" * 38 + "." + "9" * 38, "-" + "9" * 38 + "." + "9" * 38], []),
    ("n_beyond", "numeric(100,50)", ["9" * 50 + "." + "9" * 50], ["NaN"]),
    ("n_free", "numeric", ["1", "123456789012345678901234567890.1234567890123456789", "-1e-20", "0"], ["NaN", "Infinity"]),
    ("t", "text", ["", "plain", "tab\tnew\nline\\back'quote\"", "Анна Каренина 人間失格 🚀", "\\N", "NULL", "{}"], []),
    ("v", "varchar(20)", ["", "twenty characters  x"], []),
    ("c", "char(5)", ["ab", ""], []),
    ("by", "bytea", ["\\x", "\\x00013031323337ff7f", "\\x5c4e"], []),
    ("u", "uuid", ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
                   "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"], []),
    ("d", "date", ["1970-01-01", "1900-01-01", "2299-12-31", "2024-02-29"], ["infinity", "-infinity", "0044-03-15 BC", "5874897-12-31"]),
    ("ti", "time", ["00:00:00", "23:59:59.999999", "12:30:45.5"], ["24:00:00"]),
    ("ts", "timestamp", ["1970-01-01 00:00:00", "1900-01-01 00:00:00.000001", "2262-04-11 23:47:16.854775", "1969-12-31 23:59:59.999999"],
     ["infinity", "0044-03-15 12:00:00 BC", "294276-12-31 23:59:59.999999"]),
    ("tz", "timestamptz", ["2024-07-01 12:00:00.123456+05:30", "1900-01-01 00:00:00+00"], ["infinity", "-infinity"]),
    ("j", "json", ['{"a":  1, "a": 2}', "null", "[]", '"\\u00e9\\n"', "1e1000"], []),
    ("jb", "jsonb", ['{"b": [1, null], "a": "x"}', "null", "1.10", '{"k": "\\\\ \\" \\n 🚀"}'], []),
    ("ab", "boolean[]", ["{t,f,NULL}", "{}"], []),
    ("a2", "smallint[]", ["{-32768,NULL,32767}"], []),
    ("a4", "integer[]", ["{1,2,3}", "{}", "{NULL}"], []),
    ("a8", "bigint[]", ["{-9223372036854775808,9223372036854775807}"], []),
    ("af", "double precision[]", ["{1.5,NaN,Infinity,NULL}"], []),
    ("ar", "real[]", ["{0.1,-0}"], []),
    ("an", "numeric(20,5)[]", ["{1.00000,NULL,-99999.99999}"], []),
    ("anf", "numeric[]", ["{1.5,123456789012345678901234567890.5}"], []),
    ("at", "text[]", ['{a,NULL,"NULL","",",","\\"","\\\\","tab\t{}"}', "{}"], []),
    ("au", "uuid[]", ["{0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0,NULL}"], []),
    ("ad", "date[]", ["{2024-02-29,NULL,1900-01-01}"], ["{infinity}"]),
    ("ats", "timestamp[]", ['{"2024-02-29 01:02:03.000004",NULL}'], []),
    ("atz", "timestamptz[]", ['{"2024-02-29 01:02:03.000004+00"}'], []),
    ("aj", "jsonb[]", ['{"{\\"a\\": 1}",NULL}'], []),
    ("aby", "bytea[]", ['{"\\\\x00ff",NULL}'], []),
    # Any other type arrives as its text.
    ("o_inet", "inet", ["10.0.0.1/8", "::1"], []),
    ("o_interval", "interval", ["1 year 2 mons 3 days 04:05:06.7", "-1 days"], []),
    ("o_range", "int4range", ["[1,5)", "empty"], []),
    ("o_point", "point", ["(1.5,-2)"], []),
    ("o_enum", "mood", ["happy", "so, so"], []),
    ("o_bit", "bit varying(9)", ["101", ""], []),
    ("o_money", "money", ["$1.20"], []),
    ("o_composite", "pair", ['(1,"a ""b"", c")'], []),
    ("o_domain", "positive", ["5"], []),
    ("o_xmlish", "tsvector", ["'a':1 'b':2"], []),
]
PREPARE = """CREATE TYPE mood AS ENUM ('happy', 'so, so'); CREATE TYPE pair AS (n int, t text);
  CREATE DOMAIN positive AS int CHECK (VALUE > 0)"""


def create(world):
    columns = ", ".join(f'"{name}" {type_name}' for name, type_name, *_ in TYPES)
    world.sql(f"{PREPARE}; CREATE TABLE public.kinds (id int PRIMARY KEY, {columns})")
    if world.kind == "postgres":
        world.at_target(PREPARE)


def fill(world, first):
    """One row per value, each column alone, and one row with every column at its first value, and one of NULLs."""
    number = first
    for name, type_name, values, more in TYPES:
        for value in values + (more if world.kind == "postgres" else []):
            world.sql(f'INSERT INTO kinds (id, "{name}") VALUES (%s, CAST(%s AS {type_name}))', (number, value))
            number += 1
    names = ", ".join(f'"{name}"' for name, *_ in TYPES)
    marks = ", ".join(f"CAST(%s AS {type_name})" for _, type_name, *_ in TYPES)
    world.sql(f"INSERT INTO kinds (id, {names}) VALUES ({number}, {marks})", tuple(values[0] for _, _, values, _ in TYPES))
    world.sql(f"INSERT INTO kinds (id) VALUES ({number + 1})")
    return number + 2


def test_every_type_arrives_by_snapshot_and_by_stream(world):
    create(world)
    first = fill(world, 1)
    world.start_mirror(["public.kinds"])
    assert world.settle_and_compare() == first - 1
    last = fill(world, first)
    assert world.settle_and_compare() == last - 1
    # Updates: to other values of each column, and to NULL and back.
    names = ", ".join(f'"{name}" = o."{name}"' for name, *_ in TYPES)
    world.sql(f"UPDATE kinds k SET {names} FROM kinds o WHERE o.id = k.id + 5 AND k.id % 3 = 0")
    assert world.settle_and_compare() == last - 1


def test_nulls_stay_null_and_columns_are_nullable_only_where_the_source_is(new_world):
    world = new_world("clickhouse")
    world.sql("""CREATE TABLE public.t (id int PRIMARY KEY, a int, b int NOT NULL, n numeric(10,2), w numeric, x numeric(90,3),
      d date, ts timestamp, u uuid, arr int[], f boolean)""")
    world.sql("INSERT INTO t (id, b) VALUES (1, 1)")
    world.start_mirror(["public.t"])
    world.settle_and_compare()
    stored = {row["name"]: row["type"] for row in world.at_target("DESCRIBE TABLE t")}
    assert stored["id"] == "Int32" and stored["a"] == "Nullable(Int32)" and stored["b"] == "Int32", stored
    assert stored["n"] == "Nullable(Decimal(10, 2))" and stored["x"] == "Nullable(String)", stored
    assert stored["d"] == "Nullable(Date32)" and stored["ts"].startswith("Nullable(DateTime64(6"), stored
    assert stored["u"] == "Nullable(UUID)" and stored["arr"].startswith("Array("), stored
    assert stored["_peerdb_version"] == "UInt128", stored
    assert world.at_target("SELECT a IS NULL AND n IS NULL AND d IS NULL AS empty FROM t FINAL")[0]["empty"] == 1


def test_target_tables_of_postgres_have_the_source_types_and_key(new_world):
    world = new_world("postgres")
    world.sql("""CREATE TABLE public.t (b int, a text, n numeric(10,2), v varchar(7), c char(3), ts timestamp(3), arr int[],
      PRIMARY KEY (b, a))""")
    world.sql("INSERT INTO t VALUES (1, 'x', 1.5, 'v', 'c', now(), '{1}')")
    world.start_mirror(["public.t"])
    world.settle_and_compare()
    shape = """SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
                WHERE attrelid = 'public.t'::regclass AND attnum > 0 AND attname !~* 'peerdb' ORDER BY attnum"""
    assert world.at_target(shape) == world.sql(shape)
    key = """SELECT pg_get_indexdef(indexrelid) LIKE '%(b, a)' FROM pg_index
              WHERE indrelid = 'public.t'::regclass AND indisprimary"""
    assert world.at_target(key) == [(True,)]


@pytest.mark.parametrize("value, column", [("infinity", "d date"), ("5874897-12-31", "d date"), ("infinity", "d timestamptz"),
                                           ("NaN", "d numeric(10,2)")])
def test_what_clickhouse_cannot_hold_is_never_changed_in_silence(new_world, value, column):
    """Such a value arrives as it is (as text), or the mirror says that it cannot: never another value."""
    world = new_world("clickhouse")
    world.sql(f"CREATE TABLE public.t (id int PRIMARY KEY, {column}); INSERT INTO t VALUES (1, '{value}')")
    world.create_peers()
    world.create_mirror(["public.t"])
    reached = world.wait_state(("RUNNING", "FAILED"))
    if reached["state"] == "RUNNING":
        world.wait_caught_up()
        assert world.at_target("SELECT toString(d) AS d FROM t FINAL")[0]["d"] == value
    else:
        assert "d" in reached["last_error"] and reached["last_error_hint"], reached

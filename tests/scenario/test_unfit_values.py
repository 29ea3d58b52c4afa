"""on_unfit_value: what becomes of a value that its column's type at ClickHouse cannot hold."""
import re

import pytest

from support.process import wait_for

TABLE = """CREATE TABLE v (id int PRIMARY KEY, d numeric, small bigint, day date, at timestamptz, ts timestamp, list numeric[], fine timestamptz, long text);
  ALTER TABLE v ALTER long SET STORAGE EXTERNAL"""
COLUMNS = """{source: d, type: 'Decimal(6, 2)'}, {source: small, target: tiny, type: UInt8}, {source: day, type: Date}, {source: ts, type: 'DateTime(''UTC'')'},
  {source: list, type: 'Array(Decimal(4, 1))'}, {source: fine, type: 'DateTime64(9, ''UTC'')'}"""
# Rows with values that fit, lie at the border, and do not fit, in every column.
D = ["1.5", "-9999.99", "9999.99", "10000", "-1e30", "0.005", "-0.005", "2.344999", "9999.996", "Infinity", "-Infinity", None, "123.10000"]
SMALL = [0, 255, 256, -1, 9223372036854775807, -9223372036854775808, None, 17]
DAY = ["2026-01-01", "1970-01-01", "2149-06-06", "1969-12-31", "2149-06-07", "infinity", "-infinity", "0044-03-15 BC", "4000-01-01", None]
AT = ["2026-01-01 00:00:00.123456+00", "1900-01-01 00:00:00+00", "2299-12-31 23:59:59.999999+00", "1899-12-31 23:59:59.999999+00", "2300-01-01 00:00:00+00",
      "infinity", "-infinity", "0044-03-15 12:00:00+00 BC", "10000-01-01 00:00:00+00", None]
TS = ["2026-01-01 00:00:01", "1970-01-01 00:00:00", "2106-02-07 06:28:15", "2106-02-07 06:28:16", "1969-12-31 23:59:59", "2026-01-01 00:00:01.5",
      "2026-01-01 00:00:01.499999", "infinity", "-infinity", None]
LIST = ["{1.5,NULL,2}", "{999.9,-999.9}", "{1000,1.25,-1.25,NULL,-5000}", "{}", None, "{Infinity,-Infinity,3}"]
FINE = ["2026-01-01 00:00:00.000001+00", "2262-04-11 23:47:16.854775+00", "2262-04-11 23:47:16.854776+00", "2299-01-01 00:00:00+00", "1900-01-01 00:00:00+00", "infinity", None]

# What stands there, as text: what is asked for of values that do not fit.
FITS = {"d": "d = round(d, 2) AND abs(d) < 10000", "small": "small BETWEEN 0 AND 255", "day": "day BETWEEN '1970-01-01' AND '2149-06-06'",
        "at": "at BETWEEN '1900-01-01 00:00:00+00' AND '2299-12-31 23:59:59.999999+00'",
        "ts": "ts BETWEEN '1970-01-01' AND '2106-02-07 06:28:15' AND ts = date_trunc('second', ts)", "e": "e = round(e, 1) AND abs(e) < 1000",
        "fine": "fine BETWEEN '1900-01-01 00:00:00+00' AND '2262-04-11 23:47:16.854775+00'"}
NEAREST = {"d": "greatest(least(round(CASE WHEN abs(d) < 'Infinity' THEN d ELSE sign(d) * 1e30 END, 2), 9999.99), -9999.99)", "small": "greatest(least(small, 255), 0)",
           "day": "greatest(least(day, '2149-06-06'), '1970-01-01')", "at": "greatest(least(at, '2299-12-31 23:59:59.999999+00'), '1900-01-01 00:00:00+00')",
           "ts": "greatest(least(date_trunc('second', ts + interval '0.5 s'), '2106-02-07 06:28:15'), '1970-01-01')",
           "e": "greatest(least(round(CASE WHEN abs(e) < 'Infinity' THEN e ELSE sign(e) * 1e30 END, 1), 999.9), -999.9)",
           "fine": "greatest(least(fine, '2262-04-11 23:47:16.854775+00'), '1900-01-01 00:00:00+00')"}
AS_TEXT = {"d": "trim_scale({})::text", "small": "({})::text", "day": "({})::text", "at": "(extract(epoch FROM {}) * 1000000)::bigint::text", "ts": "({})::text",
           "e": "trim_scale({})::text", "fine": "(extract(epoch FROM {}) * 1000000)::bigint::text"}


def source_rows(world, policy):
    def shown(column):
        if policy == "clamp":
            return f"CASE WHEN {column} IS NOT NULL THEN {AS_TEXT[column].format(NEAREST[column])} END"
        return f"CASE WHEN {FITS[column]} THEN {AS_TEXT[column].format(column)} END"
    listed = f"CASE WHEN list IS NOT NULL THEN array_to_string(ARRAY(SELECT {shown('e')} FROM unnest(list) WITH ORDINALITY u(e, n) ORDER BY n), ',', '-') END"
    cells = ["id::text", *(shown(column) for column in ("d", "small", "day", "at", "ts")), listed, shown("fine"), "md5(long)"]
    return sorted((tuple(row) for row in world.sql(f"SELECT {', '.join(cells)} FROM v")), key=str)


def target_rows(world):
    cells = ["toString(id)", "toString(d)", "toString(tiny)", "toString(day)", "toString(toUnixTimestamp64Micro(at))", "toString(ts)",
             "if(_peerdb_null_list, NULL, arrayStringConcat(arrayMap(e -> ifNull(toString(e), '-'), list), ','))", "toString(toUnixTimestamp64Micro(fine))",
             "lower(hex(MD5(assumeNotNull(long))))"]
    found = world.at_target(f"SELECT {', '.join(f'{cell} AS c{i}' for i, cell in enumerate(cells))} FROM v FINAL")
    return sorted((tuple(row[f"c{i}"] for i in range(len(cells))) for row in found), key=str)


def compare(world, policy):
    world.wait_caught_up()
    expected, found = source_rows(world, policy), target_rows(world)
    assert expected == found, [pair for pair in zip(expected, found) if pair[0] != pair[1]][:5]
    return len(found)


def insert(world, first):
    """A row for each value of the longest list, the others going round."""
    lists = (D, SMALL, DAY, AT, TS, LIST, FINE)
    for number in range(len(D) * 2):
        values = [values[(number + place) % len(values)] for place, values in enumerate(lists)]
        world.sql("INSERT INTO v VALUES (%s, %s, %s, %s, %s, %s, %s, %s, repeat(md5(%s), 200))", (first + number, *values, str(number)))
    return len(D) * 2


def create(world, policy, columns=COLUMNS, table="v"):
    world.tables = [f"public.{table}"]
    world.peerd.sql(f"CREATE MIRROR {world.mirror_name} FROM {world.source_peer} TO {world.target_peer} WITH TABLE MAPPING "
                    f"({{from: public.{table}, to: {table}, columns: [{columns}]}}) WITH (on_unfit_value = '{policy}')")


def counted(world):
    row = world.peerd.rows(f"SELECT unfit_values, unfit_columns FROM mirror_tables WHERE mirror = '{world.mirror_name}'")[0]
    columns = {name: int(count) for name, count in re.findall(r"(\w+): (\d+)", row["unfit_columns"])}
    assert sum(columns.values()) == row["unfit_values"], row
    return columns


def unfit_at_source(world, where="true"):
    """By column, how many values do not fit."""
    counts = world.sql("SELECT " + ", ".join(f"count(*) FILTER (WHERE NOT ({FITS[c]}))" for c in ("d", "small", "day", "at", "ts", "fine")) + f" FROM v WHERE {where}")[0]
    lists = world.sql(f"SELECT count(*) FROM v, unnest(list) e WHERE NOT ({FITS['e']}) AND {where}")[0][0]
    return {name: count for name, count in zip(("d", "small", "day", "at", "ts", "fine", "list"), (*counts, lists)) if count}


@pytest.mark.parametrize("policy", ["null", "clamp"])
def test_values_that_do_not_fit_become_what_is_asked_for_in_snapshot_and_stream(new_world, policy):
    world = new_world("clickhouse", settings={"PEERD_METRICS_TABLES": "true"})
    world.sql(TABLE)
    rows = insert(world, 1)
    world.create_peers()
    create(world, policy)
    world.wait_state("RUNNING")
    copied = unfit_at_source(world)
    assert counted(world) == copied and set(copied) == {"d", "small", "day", "at", "ts", "fine", "list"}
    assert compare(world, policy) == rows
    # The stream, with values that come to fit, cease to, and are not sent; and a restart.
    insert(world, 1001)
    assert compare(world, policy) == 2 * rows
    # Waiting for the stream writes a row once more.
    streamed = counted(world)
    assert all(2 * count <= streamed[name] <= 2 * count + 9 for name, count in copied.items()), (copied, streamed)
    world.sql("UPDATE v SET d = 1000000, small = 3 WHERE id % 4 = 0; UPDATE v SET day = '2026-02-02', list = '{7777,1}' WHERE id % 4 = 1")
    world.sql("UPDATE v SET id = id + 5000, ts = 'infinity' WHERE id % 4 = 2; DELETE FROM v WHERE id % 4 = 3")
    compare(world, policy)
    logged = world.peerd.rows(f"SELECT message FROM mirror_logs WHERE mirror = '{world.mirror_name}' AND level = 'warning' AND message LIKE '%cannot hold%'")
    told = sorted(re.search(r'column "(\w+)" of table public\.v', row["message"]).group(1) for row in logged)
    assert told == sorted(copied), logged
    words = "NULL stands in their place" if policy == "null" else "the nearest value stands in their place"
    assert all(row["message"].endswith(words) for row in logged), logged
    total = counted(world)
    page = world.peerd.rest("GET", "/metrics")[1]
    page = page.decode() if isinstance(page, bytes) else page
    shown = {column: int(float(number)) for column, number in re.findall(r'^peerd_table_unfit_values\{.*column="(\w+)"\} (\S+)$', page, re.M)}
    assert shown == total, page
    answer = world.peerd.rest("GET", f"/api/v1/mirrors/cdc/table_total_counts/{world.mirror_name}")[1]
    assert int(answer["totalData"]["unfitValues"]) == sum(total.values()), answer
    world.peerd.kill9()
    world.peerd.start()
    insert(world, 9001)
    compare(world, policy)
    # A column that comes with a value that does not fit.
    world.sql("ALTER TABLE v ADD late timestamptz DEFAULT 'infinity'; INSERT INTO v (id, late, long) VALUES (20001, '2026-01-01 00:00:00+00', 'x')")
    world.wait_caught_up()
    late = {row["late"] for row in world.at_target("SELECT toString(late) AS late FROM v FINAL")}
    assert late == {None if policy == "null" else "2299-12-31 23:59:59.999999", "2026-01-01 00:00:00.000000"}, late
    # NaN has a place among no numbers: there is no nearest.
    world.sql("INSERT INTO v (id, d, long) VALUES (20002, 'NaN', 'x')")
    if policy == "null":
        assert compare(world, policy)
    else:
        row = wait_for("the mirror to stop", lambda: (m := world.mirror()) and m["last_error"] and '"d"' in m["last_error"] and m)
        assert "NaN" in row["last_error"], row


def test_what_cannot_be_is_refused_and_a_key_is_never_bent(new_world):
    world = new_world("clickhouse")
    world.sql("CREATE TABLE v (id int, day date, d numeric NOT NULL, i int NOT NULL, PRIMARY KEY (id, day))")
    world.create_peers()
    for policy, columns, word in [("null", "{source: d, type: 'Decimal(6, 2)'}", "{source: d, nullable: true}"),
                                  ("null", "{source: i, type: UInt32}", "{source: i, nullable: true}"), ("none", "", "'stop', 'null', 'clamp'")]:
        with pytest.raises(Exception) as told:
            create(world, policy, columns)
        assert word in str(told.value), told.value
        assert world.mirror() is None and not world.slots() and not world.publications()
    typed = "{source: d, type: 'Decimal(6, 2)', nullable: true}, {source: i, type: Int64}, {source: day, type: Date}"
    for policy in ("null", "clamp"):
        world.sql("TRUNCATE v; INSERT INTO v VALUES (1, '2026-01-01', 5, 5)")
        create(world, policy, typed)
        world.wait_state("RUNNING")
        world.sql("INSERT INTO v VALUES (2, '4000-01-01', 5, 5)")
        row = wait_for("the mirror to stop", lambda: (m := world.mirror()) and m["last_error"] and '"day"' in m["last_error"] and m)
        assert "change the rows" in row["last_error_hint"], row
        world.drop()
        world.target.text("DROP TABLE v SYNC", world.target_db)


def test_other_targets_have_no_such_option(new_world):
    world = new_world("postgres")
    world.sql("CREATE TABLE v (id int PRIMARY KEY)")
    world.create_peers()
    with pytest.raises(Exception, match="belongs to mirrors to CLICKHOUSE"):
        world.create_mirror(["public.v"], on_unfit_value="null")

"""Mirrors of queries: CREATE MIRROR … FOR $$…$$. Contents are compared row by row, as multisets; kills come at random instants."""
import collections
import random
import sqlite3
import threading
import time

import psycopg2
import pytest

from support.killing import SEED, kills
from support.process import wait_for

COLUMNS = "id, w, name, amount, at, tags"
TABLE = """CREATE TABLE public.events (id bigserial PRIMARY KEY, w bigint NOT NULL, name text, amount numeric(12, 3), at timestamptz, tags int[]);
           CREATE INDEX ON public.events (w)"""
QUERY = f"SELECT {COLUMNS} FROM public.events WHERE w BETWEEN {{{{.start}}}} AND {{{{.end}}}}"
PLAIN = {"watermark_table_name": "public.events", "watermark_column": "w", "num_rows_per_partition": 100, "refresh_interval": 1}


def literal(value):
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def options_text(options):
    return ", ".join(f"{name} = {literal(value)}" for name, value in options.items() if value is not None)


def fill(world, first, last, table="public.events"):
    world.sql(f"""INSERT INTO {table} (w, name, amount, at, tags)
                  SELECT g, CASE WHEN g % 7 = 0 THEN NULL ELSE 'name ' || g || chr(228) END, g / 8.0,
                         '2026-01-01'::timestamptz + g * interval '1.000001 seconds', CASE WHEN g % 5 = 0 THEN NULL ELSE ARRAY[g, NULL, g % 3] END
                  FROM generate_series({first}, {last}) g""")


def create(world, query=QUERY, table=None, **options):
    world.out = table or world.target_name("public.copied")
    given = {"destination_table_name": world.out, **PLAIN, **options}
    world.peerd.sql(f"CREATE MIRROR {world.mirror_name} FROM {world.source_peer} TO {world.target_peer} FOR $q${query}$q$ WITH ({options_text(given)})")


def at_source(world, where="true", table="public.events"):
    return collections.Counter(tuple(map(str, row)) for row in world.sql(
        f"SELECT id, w, name, amount, (extract(epoch FROM at) * 1000000)::bigint, coalesce(tags::text, 'NULL') FROM {table} WHERE {where}"))


def there(world):
    """Every row of the target, duplicates included; none while there is no table."""
    if world.kind == "postgres":
        try:
            return at_postgres(world)
        except psycopg2.errors.UndefinedTable:
            return collections.Counter()
    notes = world.at_target(f"SELECT name FROM system.columns WHERE database = '{world.target_db}' AND table = '{world.out}' AND type = 'Bool'")
    if not notes:
        return collections.Counter()
    rows = world.at_target(
        f"SELECT toString(id) a, toString(w) b, ifNull(name, 'None') c, toString(amount) d, toString(toUnixTimestamp64Micro(assumeNotNull(at))) e,"
        f" if(`{notes[0]['name']}`, 'NULL', concat('{{', arrayStringConcat(arrayMap(x -> ifNull(toString(x), 'NULL'), tags), ','), '}}')) f"
        f" FROM `{world.out}` {'FINAL' if world.upserts else ''}")
    return collections.Counter((r["a"], r["b"], r["c"], with_zeros(r["d"]), r["e"], r["f"]) for r in rows)


def at_postgres(world):
    rows = world.at_target(f"SELECT id, w, name, amount, (extract(epoch FROM at) * 1000000)::bigint, coalesce(tags::text, 'NULL') FROM {world.out}")
    return collections.Counter(tuple(map(str, row)) for row in rows)


def with_zeros(text):
    """As Postgres writes numeric(12, 3)."""
    whole, _, part = text.partition(".")
    return f"{whole}.{part.ljust(3, '0')}"


def failure(world):
    return world.mirror()["last_error"] if world.mirror()["state"] == "FAILED" else None


def wait_equal(world, wanted=None, timeout=60):
    try:
        wait_for("the target to equal the source", lambda: there(world) == (wanted or at_source(world)), timeout, broken=lambda: failure(world))
    except BaseException:
        mine, theirs = there(world), wanted or at_source(world)
        print("missing", list((theirs - mine).items())[:5], "too many", list((mine - theirs).items())[:5], world.mirror())
        raise


@pytest.fixture(params=["postgres", "clickhouse"])
def queried(request, new_world):
    return prepared(new_world(request.param))


@pytest.fixture
def plain(new_world):
    return prepared(new_world("postgres"))


def prepared(world):
    world.sql(TABLE)
    world.create_peers()
    world.upserts = False
    return world


# --- what arrives -------------------------------------------------------------------------------------------------------------


def test_append_copies_what_is_there_and_what_comes(queried):
    fill(queried, 1, 950)
    create(queried)
    wait_equal(queried)
    assert queried.mirror()["state"] in ("SNAPSHOT", "RUNNING")
    for first in (1000, 2000, 3000):
        fill(queried, first, first + 333)
        wait_equal(queried)
    # Nothing is read twice, and nothing that is deleted or changed under an old watermark is seen.
    before = at_source(queried)
    queried.sql("DELETE FROM public.events WHERE w < 10; UPDATE public.events SET name = 'changed' WHERE w = 500")
    fill(queried, 5000, 5000)
    wait_equal(queried, before + at_source(queried, "w = 5000"))
    wait_for("the count", lambda: queried.mirror()["rows_streamed"] == 950 + 3 * 334 + 1, 10)


def test_defaults_hold(plain):
    fill(plain, 1, 20)
    create(plain, num_rows_per_partition=None, refresh_interval=None)
    wait_equal(plain)
    plain.peerd.sql(f"ALTER MIRROR {plain.mirror_name} SET (num_rows_per_partition = 50000, refresh_interval = 10, parallelism = 2)")  # As they are.
    assert plain.peerd.rest("GET", f"/v1/mirrors/{plain.mirror_name}/definition")[1]["rest"]["qrep_config"]["num_rows_per_partition"] == 50000


def test_append_keeps_rows_that_are_alike(queried):
    create(queried, "SELECT 1::bigint AS id, w / 1000000 AS w, 'x'::text AS name, 1::numeric(12, 3) AS amount, '2026-01-01'::timestamptz AS at,"
                    " ARRAY[1] AS tags FROM public.events WHERE w BETWEEN {{.start}} AND {{.end}}")
    fill(queried, 1, 450)
    wait_for("all rows", lambda: sum(there(queried).values()) == 450, 60, broken=lambda: failure(queried))
    assert len(there(queried)) == 1


def test_upsert_puts_rows_in_the_place_of_those_of_the_same_key(queried):
    queried.upserts = True
    fill(queried, 1, 950)
    create(queried, mode="upsert", unique_key_columns="id")
    wait_equal(queried)
    for step in range(1, 4):
        queried.sql(f"UPDATE public.events SET w = {step * 100000} + id, name = 'again {step}', tags = NULL WHERE id % 3 = {step % 3}")
        fill(queried, step * 100000 + 5000, step * 100000 + 5020)
        wait_equal(queried)


def test_upsert_reads_the_last_value_of_a_date_again(queried):
    queried.upserts = True
    queried.sql("CREATE TABLE public.days (LIKE public.events); ALTER TABLE public.days ADD PRIMARY KEY (id), ADD day date NOT NULL")
    put = "INSERT INTO public.days (id, w, name, amount, at, day) SELECT g, g, 'a', 1, '2026-01-01', '{}' FROM generate_series({}, {}) g;"
    queried.sql(put.format("2026-02-01", 1, 30) + put.format("2026-02-03", 31, 40))
    create(queried, f"SELECT {COLUMNS} FROM public.days WHERE day BETWEEN {{{{.start}}}} AND {{{{.end}}}}", watermark_table_name="public.days",
           watermark_column="day", mode="upsert", unique_key_columns="id", num_rows_per_partition=7)
    wait_equal(queried, at_source(queried, table="public.days"))
    queried.sql(put.format("2026-02-03", 41, 60) + "UPDATE public.days SET name = 'b' WHERE id > 35")
    wait_equal(queried, at_source(queried, table="public.days"))


def test_overwrite_shows_what_the_query_returns_now(queried):
    fill(queried, 1, 700)
    create(queried, f"SELECT {COLUMNS} FROM public.events", watermark_table_name=None, watermark_column=None, mode="overwrite")
    wait_equal(queried)
    seen, stop = set(), threading.Event()

    def read():
        while not stop.is_set():
            seen.add(sum(there(queried).values()))
    reader = threading.Thread(target=read)
    reader.start()
    try:
        queried.sql("DELETE FROM public.events WHERE id > 650; UPDATE public.events SET name = 'new' WHERE id < 100")
        wait_equal(queried)
        queried.sql("DELETE FROM public.events WHERE id > 600")
        wait_equal(queried)
    finally:
        stop.set()
        reader.join()
    assert seen <= {700, 650, 600}, seen  # Never empty, never half.
    queried.sql("TRUNCATE public.events")
    wait_for("an empty table", lambda: not there(queried), 30, broken=lambda: failure(queried))


def test_overwrite_in_ranges(queried):
    fill(queried, 1, 700)
    create(queried, mode="overwrite")
    wait_equal(queried)
    queried.sql("DELETE FROM public.events WHERE id % 2 = 0; UPDATE public.events SET name = 'new' WHERE id < 100")
    wait_equal(queried)


def test_one_round_and_completed(queried):
    fill(queried, 1, 250)
    create(queried, initial_copy_only=True)
    queried.wait_state("COMPLETED", 60)
    wait_equal(queried)
    was = there(queried)
    fill(queried, 1000, 1010)
    queried.peerd.restart()
    time.sleep(2.5)
    assert there(queried) == was and queried.mirror()["state"] == "COMPLETED"
    queried.drop()
    assert there(queried) == was  # Rows stay.


def test_pause_resume_alter_and_drop(queried):
    fill(queried, 1, 250)
    create(queried)
    wait_equal(queried)
    queried.pause()
    was = there(queried)
    fill(queried, 1000, 1100)
    time.sleep(1.5)
    assert there(queried) == was
    queried.peerd.sql(f"ALTER MIRROR {queried.mirror_name} SET (parallelism = 3, num_rows_per_partition = 10, refresh_interval = 2)")
    queried.resume()
    wait_equal(queried)
    assert len(queried.peerd.chunks(queried.mirror_name)) >= 10
    for wrong in ("ALTER MIRROR {} SET (mode = 'upsert')", "ALTER MIRROR {} ADD TABLE public.a:public.a", "RESYNC MIRROR {}"):
        with pytest.raises(psycopg2.errors.FeatureNotSupported):
            queried.peerd.sql(wrong.format(queried.mirror_name))
    assert queried.sql("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()")[0][0] == 0
    assert queried.sql("SELECT count(*) FROM pg_publication")[0][0] == 0
    queried.drop()
    create(queried, table=queried.target_name("public.other"))
    wait_equal(queried)


# --- what commits late --------------------------------------------------------------------------------------------------------


def test_a_row_that_commits_late_under_a_lower_watermark_arrives(queried):
    """A transaction that begins, takes its time, and writes when a later one has long committed: now() is the beginning's."""
    queried.sql("ALTER TABLE public.events ADD changed timestamptz NOT NULL DEFAULT now()")
    create(queried, f"SELECT {COLUMNS} FROM public.events WHERE changed BETWEEN {{{{.start}}}} AND {{{{.end}}}}", watermark_column="changed")
    with queried.source.connect(queried.source_db, autocommit=False) as late, late.cursor() as cursor:
        cursor.execute("SELECT now()")  # Nothing is written yet: it has no xid.
        fill(queried, 1, 50)
        wait_for("the wait for it", lambda: "waiting for transactions" in (queried.mirror()["step"] or ""), 30)
        time.sleep(1)
        assert not there(queried)
        cursor.execute("INSERT INTO public.events (w, name, amount, at) VALUES (-1, 'late', 1, '2026-01-01')")
        late.commit()
    wait_equal(queried)
    assert any(row[2] == "late" for row in there(queried))


def test_writers_that_commit_in_any_order_lose_nothing(queried):
    """Each takes its serial watermark early and commits at some time: the hole of every watermark."""
    queried.sql("CREATE SEQUENCE public.marks; ALTER TABLE public.events ALTER w SET DEFAULT nextval('public.marks')")
    create(queried, num_rows_per_partition=7)
    stop, seed = threading.Event(), random.Random(SEED)

    def write(dice):
        with queried.source.connect(queried.source_db, autocommit=False) as connection, connection.cursor() as cursor:
            while not stop.is_set():
                cursor.execute("INSERT INTO public.events (name, amount, at) SELECT 'n', 1, '2026-01-01' FROM generate_series(1, 3)")
                time.sleep(dice.random() * 0.2)
                connection.commit()
    writers = [threading.Thread(target=write, args=(random.Random(seed.random()),)) for _ in range(8)]
    for writer in writers:
        writer.start()
    time.sleep(5)
    stop.set()
    for writer in writers:
        writer.join()
    wait_equal(queried)


# --- kills --------------------------------------------------------------------------------------------------------------------


def kill_at_random(world, write, times, seed):
    dice = random.Random(f"{SEED} {seed} {world.kind}")
    for number in range(times):
        write(number)
        time.sleep(dice.random() * 1.2)
        print("kill", number, world.mirror()["step"], flush=True)
        world.peerd.kill9()
        world.peerd.start()


def test_kills_double_and_lose_no_appended_row(queried):
    fill(queried, 1, 20000)
    create(queried, num_rows_per_partition=500, parallelism=3)
    kill_at_random(queried, lambda number: fill(queried, 100000 * (number + 1), 100000 * (number + 1) + 5000), kills(3, 12), "append")
    wait_equal(queried, timeout=120)


def test_kills_leave_upserted_rows_as_the_source_has_them(queried):
    queried.upserts = True
    fill(queried, 1, 20000)
    create(queried, num_rows_per_partition=500, mode="upsert", unique_key_columns="id")

    def change(number):
        queried.sql(f"UPDATE public.events SET w = w + {1000000 * (number + 1)}, name = 'changed {number}' WHERE id % 5 = {number % 5}")
    kill_at_random(queried, change, kills(3, 12), "upsert")
    wait_equal(queried, timeout=120)


def test_kills_leave_an_overwritten_table_whole(queried):
    fill(queried, 1, 5000)
    create(queried, num_rows_per_partition=500, mode="overwrite")
    wait_equal(queried)
    kill_at_random(queried, lambda number: queried.sql(f"UPDATE public.events SET name = 'changed {number}'"), kills(3, 12), "overwrite")
    wait_equal(queried, timeout=120)


def test_a_range_that_was_not_noted_is_not_doubled(queried):
    """As a kill between the rows and the note leaves it: the range's rows are there, and the catalog does not know of them."""
    fill(queried, 1, 300)
    create(queried, num_rows_per_partition=100)
    wait_equal(queried)
    wait_for("the round's end", lambda: queried.mirror()["state"] == "RUNNING", 20)
    queried.peerd.kill9()
    with sqlite3.connect(f"{queried.peerd.data}/catalog.db") as catalog:
        assert catalog.execute("UPDATE mirror_chunks SET done = 0 WHERE number = 1").rowcount == 1
    queried.peerd.start()
    wait_for("the range to be taken up", lambda: all(c["done"] in (True, "t") for c in queried.peerd.chunks(queried.mirror_name)), 30)
    wait_equal(queried)


# --- what is refused ----------------------------------------------------------------------------------------------------------


def problems(world, query=QUERY, **options):
    given = {"destination_table_name": world.target_name("public.copied"), **PLAIN, **options}
    return world.peerd.rows(f"EXPLAIN CREATE MIRROR {world.mirror_name} FROM {world.source_peer} TO {world.target_peer} "
                            f"FOR $q${query}$q$ WITH ({options_text(given)})")


BETWEEN = "WHERE w BETWEEN {{.start}} AND {{.end}}"
REFUSED = [
    ("SELECT * FROM public.events", {}, "query", "has no {{.start}}"),
    ("SELECT * FROM public.events WHERE w >= {{.start}}", {}, "query", "has no {{.end}}"),
    ("SELECT * FROM public.events WHERE w BETWEEN {{.start}} AND 5 -- {{.end}}", {}, "query", "has no {{.end}}"),
    (f"SELEKT 1 FROM public.events {BETWEEN}", {}, "query", "at character 8 of the query"),
    (f"SELECT x FROM public.events {BETWEEN}", {}, "query", "at character 8 of the query"),
    (f"SELECT 1 FROM public.events {BETWEEN} AND y = 1", {}, "query", "at character 73 of the query"),
    (f"SELECT * FROM events {BETWEEN}", {}, "query", 'relation "events" does not exist'),
    (f"SELECT 1; SELECT w FROM public.events {BETWEEN}", {}, "query", "more than one statement"),
    (f"DELETE FROM public.events {BETWEEN} RETURNING *", {}, "query", "does not run at the source"),
    (f"WITH d AS (DELETE FROM public.events RETURNING *) SELECT * FROM d {BETWEEN}", {}, "query", "does not run at the source"),
    (f"SELECT * FROM public.events {BETWEEN} FOR UPDATE", {}, "query", "read-only transaction"),
    (f"SELECT id, w AS id FROM public.events {BETWEEN}", {}, "query", 'two columns called "id"'),
    (f"SELECT ROW(1, 2) AS r FROM public.events {BETWEEN}", {}, "query", "which no table can hold"),
    (f"SELECT 1::money AS m FROM public.events {BETWEEN}", {}, "query", "money"),
    (QUERY, {"watermark_column": "xmin"}, "watermark_column", "xmin"),
    (QUERY, {"watermark_column": "wm"}, "watermark_column", 'no column "wm"'),
    (QUERY, {"watermark_column": "name"}, "watermark_column", "of type text"),
    (QUERY, {"watermark_column": None}, "watermark_column", "missing"),
    (QUERY, {"watermark_table_name": None}, "watermark_table_name", "missing"),
    (QUERY, {"watermark_table_name": "public.nothing"}, "watermark_table_name", "does not exist"),
    (QUERY, {"mode": "merge"}, "mode", "no such value"),
    (QUERY, {"mode": "upsert"}, "unique_key_columns", "needs unique_key_columns"),
    (QUERY, {"mode": "upsert", "unique_key_columns": "idd"}, "unique_key_columns", 'no column "idd"'),
    (QUERY, {"unique_key_columns": "id"}, "unique_key_columns", "is for mode 'upsert'"),
    (QUERY, {"num_rows_per_partition": 0}, "num_rows_per_partition", ""),
    (QUERY, {"parallelism": 0}, "parallelism", ""),
    (QUERY, {"script": "x"}, "script", ""),
    (QUERY, {"setup_watermark_table_on_destination": True}, "setup_watermark_table_on_destination", ""),
    (QUERY, {"refresh_intervall": 1}, "refresh_intervall", ""),
    (QUERY, {"destination_table_name": None}, "destination_table_name", ""),
]


def test_what_cannot_be_honoured_is_refused_before_anything_is_made(plain):
    for query, options, option, words in REFUSED:
        found = problems(plain, query, **options)
        assert any(row["option"] == option and words in row["problem"] for row in found), (query, options, found)
        with pytest.raises(psycopg2.Error):
            create(plain, query, **{"destination_table_name": plain.target_name("public.copied"), **options})
        assert not plain.peerd.rows("SELECT name FROM mirrors WHERE name = %s", (plain.mirror_name,))
    assert plain.at_target("SELECT to_regclass('public.copied')::text, to_regnamespace('_peerd')::text")[0] == (None, None)


def test_all_problems_are_told_at_once(plain):
    found = problems(plain, "SELECT id, w AS id FROM public.events", mode="upsert", parallelism=0)
    assert {row["option"] for row in found} >= {"query", "unique_key_columns", "parallelism"}
    found = problems(plain, f"SELECT id, w AS id, 1::money AS m FROM public.events {BETWEEN}", mode="upsert", unique_key_columns="x")
    assert {row["option"] for row in found} == {"query", "unique_key_columns"} and len(found) == 3


def test_watermarks_that_hide_rows_are_refused(plain):
    plain.sql("ALTER TABLE public.events ADD day date, ADD second timestamptz(0), ADD serial serial; ALTER SEQUENCE public.events_serial_seq CACHE 20")
    for column, words in (("day", "append would miss them"), ("second", "append would miss them"), ("serial", "CACHE 20")):
        query = f"SELECT id FROM public.events WHERE {column} BETWEEN {{{{.start}}}} AND {{{{.end}}}}"
        assert words in problems(plain, query, watermark_column=column)[0]["problem"]
        assert not problems(plain, query, watermark_column=column, initial_copy_only=True)


def test_a_target_table_of_others_is_refused(queried):
    name = queried.target_name("public.copied")
    if queried.kind == "postgres":
        queried.at_target("CREATE TABLE public.copied (id int); INSERT INTO public.copied VALUES (1)")
    else:
        queried.target.text("CREATE TABLE copied (id Int64) ENGINE = MergeTree ORDER BY id", queried.target_db)
        queried.target.text("INSERT INTO copied VALUES (1)", queried.target_db)
    assert problems(queried)
    create(queried, table=name + "2")
    queried.wait_state("RUNNING", 30)
    with pytest.raises(psycopg2.errors.DuplicateObject):
        queried.peerd.sql(f"CREATE MIRROR another FROM {queried.source_peer} TO {queried.target_peer} FOR $q${QUERY}$q$ WITH "
                          f"(destination_table_name = '{name}2', watermark_table_name = 'public.events', watermark_column = 'w')")


def test_what_changes_under_a_mirror_stops_it_with_the_reason(plain):
    fill(plain, 1, 10)
    create(plain, "SELECT * FROM public.events WHERE w BETWEEN {{.start}} AND {{.end}}")
    wait_equal(plain)
    plain.sql("ALTER TABLE public.events ADD more int")
    fill(plain, 100, 110)
    plain.wait_state("FAILED", 30)
    assert "returns other columns" in plain.mirror()["last_error"]
    plain.sql("ALTER TABLE public.events DROP more")
    plain.resume()
    wait_equal(plain)


def test_two_rows_of_one_key_in_a_range_and_a_null_key_are_told(plain):
    fill(plain, 1, 10)
    create(plain, f"SELECT id / 2 AS id, w FROM public.events {BETWEEN}", mode="upsert", unique_key_columns="id")
    plain.wait_state("FAILED", 30)
    assert "two rows of one key" in plain.mirror()["last_error"]
    plain.drop()
    create(plain, f"SELECT nullif(id, 3) AS id, w FROM public.events {BETWEEN}", mode="upsert", unique_key_columns="id", table="public.other")
    plain.wait_state("FAILED", 30)
    assert "null" in plain.mirror()["last_error"].lower()


def test_infinity_is_no_watermark(plain):
    plain.sql("ALTER TABLE public.events ADD changed timestamptz NOT NULL DEFAULT now()")
    fill(plain, 1, 10)
    plain.sql("UPDATE public.events SET changed = 'infinity' WHERE id = 3")
    create(plain, f"SELECT {COLUMNS} FROM public.events WHERE changed BETWEEN {{{{.start}}}} AND {{{{.end}}}}", watermark_column="changed")
    plain.wait_state("FAILED", 30)
    assert "infinity" in plain.mirror()["last_error"]
    plain.sql("UPDATE public.events SET changed = now() WHERE id = 3")
    plain.resume()
    wait_equal(plain)


# --- the other faces ----------------------------------------------------------------------------------------------------------


def test_rest_makes_shows_and_drops_one(queried):
    fill(queried, 1, 250)
    queried.out = queried.target_name("public.copied")
    config = {"flow_job_name": queried.mirror_name, "source_name": queried.source_peer, "destination_name": queried.target_peer, "query": QUERY,
              "watermark_table": "public.events", "watermark_column": "w", "destination_table_identifier": queried.out,
              "num_rows_per_partition": 100, "wait_between_batches_seconds": 1, "write_mode": {"write_type": "QREP_WRITE_MODE_APPEND"}}
    ask = queried.peerd.rest
    status, body = ask("POST", "/v1/flows/qrep/create", {"qrep_config": {**config, "write_mode": None}})
    assert status == 400 and "write_mode" in str(body), body
    status, body = ask("POST", "/v1/flows/qrep/create", {"qrep_config": {**config, "query": "SELECT 1"}})
    assert status == 400, body
    status, body = ask("POST", "/v1/flows/qrep/create", {"qrep_config": config})
    assert (status, body) == (200, {"workflowId": f"{queried.mirror_name}-qrepflow"}), body
    wait_equal(queried)
    assert ask("POST", "/v1/flows/qrep/create", {"qrep_config": config})[0] == 200  # As it is.
    assert ask("POST", "/v1/flows/qrep/create", {"qrep_config": {**config, "query": QUERY + " AND true"}})[0] == 409
    status, body = ask("POST", "/v1/mirrors/status", {"flow_job_name": queried.mirror_name, "include_flow_info": True})
    assert status == 200 and body["qrepStatus"]["config"]["query"] == QUERY and not body.get("cdcStatus")
    assert sum(int(part["rowsSynced"]) for part in body["qrepStatus"]["partitions"]) == 250
    listed = [m for m in ask("GET", "/v1/mirrors/list")[1]["mirrors"] if m["name"] == queried.mirror_name]
    assert listed[0]["isCdc"] is False and listed[0]["workflowId"].endswith("-qrepflow")
    status, body = ask("GET", f"/v1/mirrors/{queried.mirror_name}/definition")
    assert status == 200 and "FOR $$" + QUERY + "$$" in body["sql"] and body["rest"]["qrep_config"]["query"] == QUERY
    change = {"flow_job_name": queried.mirror_name, "requested_flow_state": "STATUS_PAUSED"}
    assert ask("POST", "/v1/mirrors/state_change", change)[0] == 200
    assert ask("POST", "/v1/mirrors/state_change", {**change, "requested_flow_state": "STATUS_RESYNC"})[0] == 501
    assert ask("POST", "/v1/mirrors/state_change", {**change, "requested_flow_state": "STATUS_RUNNING"})[0] == 200
    assert ask("POST", "/v1/mirrors/state_change", {**change, "requested_flow_state": "STATUS_TERMINATED"})[0] == 200
    queried.peerd.sql(body["sql"].replace(queried.out, queried.out + "2"))
    queried.out += "2"
    wait_equal(queried)

"""Every setting on which a value's text, a cast or a wait depends is pinned in peerd's sessions, on every version of Postgres."""
import contextlib
import re
from pathlib import Path

import psycopg2
import pytest

from support import packages
from support.postgres_server import PostgresServer
from support.world import options_text, postgres_options
from support.writer import create_table

ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / "src/postgres/session_settings.cc").read_text()
PINNED = set(re.findall(r'^    \{"(\w+)",', TABLE, re.M)) | {"lc_monetary"}

# Settings that a user can set and that change neither what a value reads as, nor what a statement of peerd's finds, nor how
# long it may take. Whole categories first: what plans look like, what is logged, how memory and disks are used, VACUUM.
HARMLESS_CATEGORIES = (
    "Query Tuning", "Reporting and Logging", "Resource Usage", "Vacuuming", "Write-Ahead Log", "Developer Options",
    "Connections and Authentication / TCP Settings", "Connections and Authentication / Connection Settings", "Statistics",
)
HARMLESS = {
    "client_encoding": "UTF8 is asked for by the connection itself",
    "default_text_search_config": "no text form and no cast of a stored value asks for it",
    "icu_validation_level": "of CREATE COLLATION", "lc_numeric": "of to_char() alone", "lc_time": "of to_char() alone",
    "timezone_abbreviations": "of input with abbreviations; ours has offsets",
    "local_preload_libraries": "at a session's start, by its own options", "check_function_bodies": "of CREATE FUNCTION",
    "client_min_messages": "notices are not read", "createrole_self_grant": "of CREATE ROLE",
    "default_table_access_method": "the operator's wish for new tables", "default_tablespace": "the operator's wish for new tables",
    "temp_tablespaces": "where temporary tables lie", "default_toast_compression": "how values are stored",
    "gin_pending_list_limit": "how an index is written", "transaction_deferrable": "of one transaction, by its default",
    "transaction_isolation": "of one transaction, by its default", "transaction_read_only": "of one transaction, by its default",
    "restrict_nonsystem_relation_kind": "views and foreign tables are not mirrored",
    "xmlbinary": "of functions that make XML of rows", "md5_password_warnings": "a warning", "password_encryption": "of ALTER ROLE",
    "scram_iterations": "of ALTER ROLE", "wal_sender_timeout": "read from the role's own sessions, and kept to",
    "backslash_quote": "literals are written without backslashes", "escape_string_warning": "a warning",
    "vacuum_failsafe_age": "of VACUUM", "vacuum_freeze_min_age": "of VACUUM", "vacuum_freeze_table_age": "of VACUUM",
    "vacuum_multixact_failsafe_age": "of VACUUM", "vacuum_multixact_freeze_min_age": "of VACUUM",
    "vacuum_multixact_freeze_table_age": "of VACUUM",
    "synchronize_seqscans": "order of rows alone", "synchronous_commit": "the target's session sets its own",
}
VERSIONS = (14, 15, 16, 17, 18)


@pytest.mark.parametrize("major", VERSIONS)
def test_each_setting_that_a_user_can_set_is_judged(major):
    server = PostgresServer(f"settings{major}", major=major)
    rows = server.sql("SELECT name, category FROM pg_settings WHERE context = 'user' AND name NOT LIKE '%.%'")
    names = {name for name, _ in rows}
    unjudged = sorted(name for name, category in rows
                      if name not in PINNED and name not in HARMLESS and not category.startswith(HARMLESS_CATEGORIES))
    assert not unjudged, f"Postgres {major} has settings that nobody has judged: {unjudged}; pin them in src/postgres/session_settings.cc or say why not"
    newer = {"idle_session_timeout": 14, "transaction_timeout": 17}
    assert not {name for name in PINNED - names if newer.get(name, 0) <= major}
    server.stop()


ODD = {
    "DateStyle": "'SQL, DMY'", "TimeZone": "'Asia/Kathmandu'", "IntervalStyle": "sql_standard", "bytea_output": "escape",
    "extra_float_digits": "0", "xmloption": "document", "array_nulls": "off", "quote_all_identifiers": "on",
    "search_path": "nowhere", "standard_conforming_strings": "off", "transform_null_equals": "on", "row_security": "on",
    "gin_fuzzy_search_limit": "1", "exit_on_error": "on", "statement_timeout": "'2s'", "lock_timeout": "'1ms'",
    "idle_in_transaction_session_timeout": "'200ms'", "idle_session_timeout": "'200ms'", "transaction_timeout": "'300ms'",
    "default_transaction_read_only": "on", "default_transaction_deferrable": "on", "default_transaction_isolation": "serializable",
    "lc_monetary": "'es_AR.UTF-8'",
}


def test_the_worst_of_each_is_tried():
    assert set(ODD) == PINNED


VALUES = """id int PRIMARY KEY, d date, ts timestamp, tz timestamptz, iv interval, b bytea, f8 float8, f4 float4, x xml, a text[], ia int[],
            rc regclass, rt regtype, m money, ma money[], bo boolean, j jsonb, note text"""
ROWS = """SELECT g, '2026-02-03'::date + g, '2026-02-03 04:05:06.789'::timestamp + g * interval '1 hour', '2026-07-03 04:05:06.789+00'::timestamptz + g * interval '1 hour',
          g * interval '1 mon 2 days 03:04:05.6', decode('00ff5c27', 'hex'), 1.0 / 3 + g, (1.0 / 3)::real, xmlparse(content 'a<b/>c'), ARRAY['NULL', NULL, 'a"b\\c'], ARRAY[1, NULL, g],
          'public.odd_values'::regclass, 'integer'::regtype, (g * 1250.5)::numeric::money, ARRAY[(-12.5)::numeric::money, NULL], g % 2 = 0, '{"a": 1}', 'it''s \\ ' || g"""


@pytest.fixture(scope="module", params=[15, 18])
def odd(request):
    """A server whose databases' sessions have the worst of each setting; """
    server = PostgresServer(f"odd{request.param}", major=request.param, settings={"fsync": "off"})
    yield server
    server.stop()


@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_values_are_the_same_under_the_worst_settings(new_world, odd, kind):
    world = new_world(kind, source=odd, target=odd) if kind == "postgres" else new_world(kind, source=odd)
    world.sql(f"CREATE TABLE odd_values ({VALUES}); INSERT INTO odd_values {ROWS} FROM generate_series(1, 40) g")
    names = {name for name, in odd.sql("SELECT name FROM pg_settings")}
    databases = {world.source_db} | ({world.target_db} if kind == "postgres" else set())
    for database in databases:
        for name, value in ODD.items():
            if name not in names:
                continue
            odd.sql(f'ALTER DATABASE "{database}" SET {name} = {value}')
    world.create_peers()
    world.create_mirror(["public.odd_values"], "RUNNING")
    usual = ("search_path=public", "default_transaction_read_only=off", "xmloption=content", "array_nulls=on", "lock_timeout=0",
             "standard_conforming_strings=on", "exit_on_error=off",
             # Whoever writes here may be slow.
             *(f"{name}=0" for name in ("statement_timeout", "transaction_timeout", "idle_session_timeout", "idle_in_transaction_session_timeout") if name in names))
    with contextlib.closing(world.source.connect(world.source_db, options=" ".join(f"-c {setting}" for setting in usual))) as writer:
        with writer.cursor() as cursor:
            cursor.execute(f"INSERT INTO odd_values {ROWS} FROM generate_series(41, 80) g")
            cursor.execute("UPDATE odd_values SET note = note || ' again' WHERE id % 3 = 0")
    for database in databases:  # What the comparison reads with is the usual.
        odd.sql(f'ALTER DATABASE "{database}" RESET ALL')
    if kind == "postgres":
        assert world.settle_and_compare() == 80
        return
    # Text there, which the comparison would read with its own search path and as an array.
    assert world.settle_and_compare(exclude=["rc", "ma"]) == 80
    assert [tuple(row.values()) for row in world.at_target("SELECT DISTINCT rc, ma FROM odd_values FINAL")] == [("public.odd_values", "{-$12.50,NULL}")]


def test_money_of_another_count_of_digits_is_refused(new_world, odd):
    """A yen has no hundredths: read as C has it, each amount would be told a hundred times too small."""
    world = new_world("postgres", source=odd, target=odd)
    world.sql("""CREATE TABLE prices (id int PRIMARY KEY, yen money); CREATE DOMAIN amount AS money;
                 CREATE TABLE hidden (id int PRIMARY KEY, yens amount[]); CREATE TABLE plain (id int PRIMARY KEY, yen numeric)""")
    odd.sql(f"ALTER DATABASE \"{world.source_db}\" SET lc_monetary = 'ja_JP.UTF-8'")
    world.create_peers()
    for table, column in (("prices", "yen"), ("hidden", "yens")):
        with pytest.raises(psycopg2.Error) as refused:
            world.create_mirror([f"public.{table}"])
        assert f'column "{column}"' in str(refused.value) and "lc_monetary" in str(refused.value), refused.value
    assert world.peerd.rows("SELECT name FROM mirrors") == []
    assert odd.sql("SELECT count(*) FROM pg_replication_slots WHERE database = %s", (world.source_db,)) == [(0,)]
    world.create_mirror(["public.plain"], "RUNNING")
    odd.sql(f'ALTER DATABASE "{world.source_db}" RESET ALL')

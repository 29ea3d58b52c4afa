"""Clients: psql, psycopg2, psycopg with parameters over the extended protocol; REST in both spellings."""
import asyncio
import datetime
import decimal
import json
import os
import subprocess
import uuid

import asyncpg
import psycopg
import psycopg2
import pytest
import sqlalchemy

from support import packages
from support.peerd import PASSWORD, Peerd
from support.process import wait_for
from support.tls import Certificate
from support.world import postgres_options
from support.writer import create_table


@pytest.fixture
def w(new_world):
    world = new_world("postgres")
    create_table(world.source, "public.items", 100, world.source_db)
    world.start_mirror(["public.items"])
    return world


def psql(peerd, *arguments, sslmode="prefer"):
    return subprocess.run(["psql", "-X", "-v", "ON_ERROR_STOP=1", peerd.dsn() + f" sslmode={sslmode}", *arguments],
                          capture_output=True, text=True, timeout=120)


def test_psql_shows_the_mirrors_and_says_what_is_wrong(w):
    done = psql(w.peerd, "-c", "SELECT id, name, type FROM peers;", "-c", "SELECT * FROM mirrors;")
    assert done.returncode == 0 and w.mirror_name in done.stdout and "RUNNING" in done.stdout, done
    done = psql(w.peerd, "-c", "CREATE PEER x FROM POSTGRES WITH (hst = 'a')")
    assert done.returncode != 0 and "hst" in done.stderr and "HINT" in done.stderr, done.stderr
    # Several statements in one message, and a table that is not there.
    done = psql(w.peerd, "-At", "-c", "SELECT 1; SELECT count(*) FROM mirrors WHERE state = 'RUNNING';")
    assert done.returncode == 0 and done.stdout.split() == ["1", "1"], done
    done = psql(w.peerd, "-c", "SELECT * FROM nothere")
    assert "42P01" in done.stderr or "nothere" in done.stderr, done.stderr
    done = psql(w.peerd, "-c", f"PAUSE MIRROR {w.mirror_name}", "-c", f"RESUME MIRROR {w.mirror_name}")
    assert done.returncode == 0, done.stderr


def test_mirrors_answers_how_it_is_and_how_far(w):
    w.wait_caught_up()
    row = w.mirror()
    expected = """name source target state health step tables chunks_done chunks_total rows_copied rows_streamed lag_bytes lag_seconds
      wal_kept_bytes received_lsn applied_lsn confirmed_lsn last_error last_error_hint last_error_at next_retry_at created_at""".split()
    assert set(expected) <= set(row), set(expected) - set(row)
    assert row["rows_copied"] == 100 and row["state"] == "RUNNING" and row["last_error"] in (None, ""), row
    tables = w.peerd.rows("SELECT * FROM mirror_tables")
    assert len(tables) == 1 and "public.items" in tables[0].values(), tables
    w.sql("UPDATE items SET n = n + 1")
    w.wait_caught_up()
    wait_for("a batch to be recorded", lambda: w.peerd.rows("SELECT * FROM mirror_batches"))
    assert w.mirror()["rows_streamed"] >= 100
    assert w.peerd.rows("SELECT * FROM mirror_logs")


@pytest.mark.parametrize("client", ["psycopg2", "psycopg"])
def test_python_clients_with_parameters(w, client):
    library = {"psycopg2": psycopg2, "psycopg": psycopg}[client]
    connection = library.connect(w.peerd.dsn())
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SELECT name, chunks_total, rows_copied FROM mirrors WHERE name = %s AND rows_copied >= %s", (w.mirror_name, 1))
    assert cursor.fetchall() == [(w.mirror_name, w.mirror()["chunks_total"], 100)]
    with pytest.raises(library.Error) as caught:
        cursor.execute("SELECT * FROM mirrors WHERE nothere = %s", ("x",))
    assert (getattr(caught.value, "sqlstate", None) or caught.value.pgcode) == "42703", caught.value
    cursor.execute("SELECT count(*) FROM peers WHERE name LIKE %s AND id > %s", ("%_%", 0))
    assert cursor.fetchone()[0] == 2
    connection.close()


def test_node_postgres_with_parameters(w):
    modules = f"{packages.cache_dir()}/node/node_modules"
    if not os.path.isdir(f"{modules}/pg"):
        packages.missing("node-postgres")
    done = subprocess.run(["node", f"{packages.repository()}/tests/support/node/query.js", w.mirror_name], capture_output=True, text=True,
                          env={**os.environ, "NODE_PATH": modules,
                               "PEERD_TEST_URL": f"postgres://peerd:{PASSWORD}@127.0.0.1:{w.peerd.ports['sql_port']}/peerd"}, timeout=120)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer == {"rows": [{"name": w.mirror_name, "rows_copied": "100"}], "error": "42703", "states": ["RUNNING", "RUNNING"]}, answer


def test_postgres_js_connects_and_queries(w):
    modules = f"{packages.cache_dir()}/node/node_modules"
    if not os.path.isdir(f"{modules}/postgres"):
        packages.missing("postgres.js")
    done = subprocess.run(["node", f"{packages.repository()}/tests/support/node/postgresjs.js", w.mirror_name], capture_output=True, text=True,
                          env={**os.environ, "NODE_PATH": modules,
                               "PEERD_TEST_URL": f"postgres://peerd:{PASSWORD}@127.0.0.1:{w.peerd.ports['sql_port']}/peerd"}, timeout=120)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    consistent = answer["rows"][0].pop("consistent")
    assert isinstance(consistent, bool), answer
    assert answer == {"rows": [{"name": w.mirror_name, "rows_copied": "100", "recent": True}], "any": [{"name": w.mirror_name}], "error": "42703"}, answer


def test_asyncpg_with_parameters_and_binary_results(w):
    async def run():
        connection = await asyncpg.connect(host="127.0.0.1", port=w.peerd.ports["sql_port"], user="peerd", password=PASSWORD, database="peerd", ssl=False)
        rows = await connection.fetch("SELECT name, rows_copied, created_at, consistent FROM mirrors WHERE name = ANY($1) AND rows_copied > $2", [w.mirror_name, None], 1)
        assert [(row["name"], row["rows_copied"]) for row in rows] == [(w.mirror_name, 100)] and rows[0]["created_at"].tzinfo is not None
        assert await connection.fetchval("SELECT now() - $1::interval < now()", datetime.timedelta(hours=1)) is True
        record = await connection.fetchrow("SELECT ARRAY['a', NULL], ARRAY[1, 2], '{}'::int[], 1.50::numeric, interval '1 day', 'int4'::regtype, DATE '2026-01-31'")
        assert list(record) == [["a", None], [1, 2], [], decimal.Decimal("1.50"), datetime.timedelta(days=1), "integer", datetime.date(2026, 1, 31)], record
        async with connection.transaction():
            cursor = await connection.cursor("SELECT n FROM generate_series(1, 100) n")
            assert [len(await cursor.fetch(10)), len(await cursor.fetch(1000))] == [10, 90]
        with pytest.raises(asyncpg.UndefinedColumnError):
            await connection.fetch("SELECT nothere FROM mirrors")
        with pytest.raises(asyncio.TimeoutError):  # It is cancelled, and the connection goes on.
            await asyncio.wait_for(connection.fetch("SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b"), 0.5)
        assert await connection.fetchval("SELECT 5") == 5
        await connection.close()

    asyncio.run(run())


def test_jdbc_prepares_fetches_in_portions_and_reads_the_catalog(w, tmp_path):
    jar, source = "/usr/share/java/postgresql.jar", f"{packages.repository()}/tests/support/java/Query.java"
    if not os.path.exists(jar):
        packages.missing("libpostgresql-jdbc-java")
    subprocess.run(["javac", "-d", str(tmp_path), source], check=True, timeout=120)
    done = subprocess.run(["java", "-cp", f"{jar}:{tmp_path}", "Query", f"jdbc:postgresql://127.0.0.1:{w.peerd.ports['sql_port']}/peerd?sslmode=disable",
                           PASSWORD, w.mirror_name], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[:3] for line in lines if line.startswith("mirror ")] == [["mirror", w.mirror_name, "100"]] * 8, lines
    assert {"server PostgreSQL 14", "table mirror_logs VIEW", "column created_at timestamptz 22", "schema public", "catalog peerd", "type timestamptz",
            "sum 3778", "array [a, b] 1.50 10", "error 42703"} <= set(lines), lines
    assert not [line for line in lines if line.startswith("unexpected")], lines


def test_sqlalchemy_connects_queries_and_reflects(w):
    engine = sqlalchemy.create_engine(f"postgresql+psycopg2://peerd:{PASSWORD}@127.0.0.1:{w.peerd.ports['sql_port']}/peerd")
    with engine.connect() as connection:
        rows = connection.execute(sqlalchemy.text("SELECT name, rows_copied FROM mirrors WHERE name = :name AND created_at > :since"),
                                  {"name": w.mirror_name, "since": datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)}).fetchall()
        assert rows == [(w.mirror_name, 100)]
        mirrors = sqlalchemy.table("mirrors", sqlalchemy.column("name"), sqlalchemy.column("consistent", sqlalchemy.Boolean))
        query = sqlalchemy.select(mirrors.c.name).where(mirrors.c.consistent.is_not(None)).order_by(mirrors.c.name.desc()).limit(1)
        assert connection.execute(query).scalar() == w.mirror_name
    engine.dispose()


def test_what_clients_ask_when_they_connect_is_answered(w):
    """JDBC, DBeaver, psql, asyncpg, Npgsql and node drivers, as far as they ask of themselves."""
    with w.peerd.connect() as connection, connection.cursor() as cursor:
        for statement in [
            "SET extra_float_digits = 3", "SET application_name = 'DBeaver'", "SHOW transaction_isolation", "SHOW TRANSACTION ISOLATION LEVEL",
            "SHOW search_path", "SHOW standard_conforming_strings", "select version()", "select pg_catalog.version()", "select current_schema()",
            "SELECT current_schema(),session_user", "SELECT current_database(), current_schemas(true)",
            "SELECT n.oid, n.*, d.description FROM pg_catalog.pg_namespace n LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = n.oid AND d.objsubid = 0 ORDER BY nspname",
            "SELECT db.oid, db.* FROM pg_catalog.pg_database db WHERE datallowconn AND NOT datistemplate ORDER BY db.datname",
            "SELECT t.oid, t.typname, t.typelem, t.typarray FROM pg_catalog.pg_type t JOIN pg_namespace ns ON t.typnamespace = ns.oid WHERE t.typname = 'hstore'",
            "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'max_index_keys'",
            "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;",
            "SELECT c.oid, c.relname, c.relkind FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind IN ('r', 'v', 'p', 'm', 'f')",
            "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) FROM pg_catalog.pg_attribute a WHERE a.attrelid = 'mirrors'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY table_name",
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'mirrors' ORDER BY ordinal_position",
        ]:
            cursor.execute(statement)
    listed = psql(w.peerd, "-c", "\\d")
    assert listed.returncode == 0 and "mirror_tables" in listed.stdout and "view" in listed.stdout, listed
    assert "mirrors" in psql(w.peerd, "-c", "\\dv").stdout
    assert "public" in psql(w.peerd, "-c", "\\dn").stdout


def test_pgoptions_are_followed_or_end_the_connection(w):
    def ask(options, statement):
        return subprocess.run(["psql", "-X", "-At", w.peerd.dsn(), "-c", statement], capture_output=True, text=True, timeout=120, env={**os.environ, "PGOPTIONS": options})
    assert ask("-c statement_timeout=5s", "SHOW statement_timeout").stdout.strip() == "5s"
    slow = ask("--statement-timeout=100ms", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n")
    assert slow.returncode != 0 and "timed out" in slow.stderr, slow
    for options, message in [("-c nothing=1", 'unrecognized configuration parameter "nothing"'), ("-c timezone=Europe/Berlin", "timezone"), ("-z", "invalid command-line argument")]:
        refused = ask(options, "SELECT 1")
        assert refused.returncode != 0 and "FATAL" in refused.stderr and message in refused.stderr, refused


def test_parameters_of_a_peers_query_have_the_peers_types(w):
    w.sql("CREATE TABLE u (id uuid PRIMARY KEY, n numeric, at timestamptz); INSERT INTO u VALUES ('4c9a1b1e-0000-4000-8000-000000000001', 1.5, '2026-01-31 12:00+00')")
    relation = f"{w.source_peer}.public.u"
    with psycopg.connect(w.peerd.dsn(), autocommit=True) as connection:
        ask = lambda where, *values: connection.execute(f"SELECT n FROM {relation} WHERE {where}", values).fetchall()
        assert ask("id = %s", "4c9a1b1e-0000-4000-8000-000000000001") == [("1.5",)]
        assert ask("id = %s", uuid.UUID("4c9a1b1e-0000-4000-8000-000000000001")) == [("1.5",)]
        assert ask("n = %s", 1.5) == ask("n > %s", 1) == ask("n = %s", "1.5") == ask("at >= %s", "2026-01-31T12:00:00Z") == [("1.5",)]
        assert ask("n = %s AND id IS NOT NULL", decimal.Decimal("1.5")) == [("1.5",)]
        # Nothing that a parameter holds can be anything but a value.
        for value in ["0--", "0) OR true --", "1; DROP TABLE u", "'"]:
            with pytest.raises(psycopg.Error):
                ask("n = %s::numeric AND false", value)
    # Told to be numeric, in text form.
    with psycopg.connect(w.peerd.dsn(), autocommit=True) as connection:
        result = connection.pgconn.exec_params(f"SELECT count(*) FROM {relation} WHERE n = $1 AND false".encode(), [b"0--"], [1700])
        assert b"invalid input syntax for type numeric" in result.error_message, result.error_message
    assert w.sql("SELECT count(*) FROM u") == [(1,)]


def test_a_mapping_quoted_as_a_whole_is_taken(new_world):
    """As PeerDB's own example client writes it."""
    w = new_world("postgres")
    create_table(w.source, "public.items", 10, w.source_db)
    w.create_peers()
    w.peerd.sql(f'CREATE MIRROR {w.mirror_name} FROM {w.source_peer} TO {w.target_peer} WITH TABLE MAPPING ("public.items":"public.items")')
    w.tables = ["public.items"]
    w.wait_state("RUNNING")
    w.settle_and_compare()


def test_a_password_that_is_not_ascii_is_prepared_as_clients_prepare_it():
    # libpq sends the form under SASLprep: a no-break space as a blank, a ligature as its letters.
    peerd = Peerd({"PEERD_PASSWORD": "pa\u00a0\ufb01n\u00e9"}, start=False).start(wait=False)
    try:
        peerd.ports = wait_for("peerd's ports", peerd._read_ports, 30, 0.02)
        for password in ["pa\u00a0\ufb01n\u00e9", "pa fin\u00e9", "pa fine\u0301"]:
            with psycopg.connect(host="127.0.0.1", port=peerd.ports["sql_port"], user="peerd", password=password, dbname="peerd", autocommit=True) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(host="127.0.0.1", port=peerd.ports["sql_port"], user="peerd", password="pa fine", dbname="peerd")
    finally:
        peerd.terminate()


def test_psycopg_prepares_statements_and_stays_in_a_transaction(w):
    with psycopg.connect(w.peerd.dsn(), prepare_threshold=0) as connection:  # with BEGIN and COMMIT around
        for _ in range(3):
            row = connection.execute("SELECT state FROM mirrors WHERE name = %s", (w.mirror_name,), prepare=True).fetchone()
            assert row == ("RUNNING",)
    with psycopg.connect(w.peerd.dsn(), autocommit=True) as connection:
        with connection.cursor(binary=True) as cursor:
            cursor.execute("SELECT rows_copied FROM mirrors WHERE name = %s", (w.mirror_name,))
            assert cursor.fetchone() == (100,)


def test_the_sql_port_speaks_tls_when_a_certificate_is_configured():
    certificate = Certificate()
    peerd = Peerd({"PEERD_TLS_CERT": certificate.cert, "PEERD_TLS_KEY": certificate.key})
    dsn = f"{peerd.dsn()} sslmode=verify-full sslrootcert={certificate.cert}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM peers").fetchone() == (0,)
        assert connection.pgconn.ssl_in_use
    peerd.terminate()


def test_rest_creates_lists_pauses_and_drops(new_world):
    w = new_world("clickhouse")
    create_table(w.source, "public.items", 100, w.source_db)
    peerd, number = w.peerd, w.mirror_name
    source = {"peer": {"name": "src", "type": 3, "postgresConfig": {**postgres_options(w.source, w.source_db), "port": str(w.source.port)}}}
    assert peerd.rest("POST", "/api/v1/peers/create", source) == (200, {"status": "CREATED", "message": ""}) or \
        peerd.rest("POST", "/api/v1/peers/create", source)[1]["status"] == "CREATED"
    target = {"peer": {"name": "ch", "type": "CLICKHOUSE", "clickhouse_config": {
        "host": w.target.host, "port": w.target.port, "user": w.target.user, "password": w.target.password, "database": w.target_db, "disable_tls": True}}}
    status, answer = peerd.rest("POST", "/api/v1/peers/create", target)
    assert status == 200 and answer["status"] == "CREATED", answer
    # Another database under the same name: refused, and done with allow_update.
    other = {"peer": {**source["peer"], "postgresConfig": {**source["peer"]["postgresConfig"], "database": "postgres"}}}
    assert peerd.rest("POST", "/api/v1/peers/create", other)[0] == 409
    assert peerd.rest("POST", "/api/v1/peers/create", {**other, "allow_update": True})[0] == 200
    assert peerd.rest("POST", "/api/v1/peers/create", {**source, "allowUpdate": True})[0] == 200
    status, answer = peerd.rest("GET", "/api/v1/peers/list")
    assert status == 200 and {item["name"] for item in answer["items"]} == {"src", "ch"}, answer
    create = {"connection_configs": {"flow_job_name": number, "sourceName": "src", "destination_name": "ch", "do_initial_snapshot": True,
                                     "idleTimeoutSeconds": "10", "max_batch_size": 1000,
                                     "table_mappings": [{"source_table_identifier": "public.items", "destinationTableIdentifier": "items"}]}}
    status, answer = peerd.rest("POST", "/api/v1/flows/cdc/create", create)
    assert status == 200 and answer["workflowId"], answer
    peerd.wait_state(number, "RUNNING")
    status, answer = peerd.rest("GET", "/api/v1/mirrors/list")
    assert status == 200 and [mirror["name"] for mirror in answer["mirrors"]] == [number], answer
    status, answer = peerd.rest("POST", "/api/v1/mirrors/status", {"flowJobName": number, "include_flow_info": True})
    assert status == 200 and answer["currentFlowState"] == "STATUS_RUNNING", answer
    change = lambda state: peerd.rest("POST", "/api/v1/mirrors/state_change", {"flow_job_name": number, "requested_flow_state": state})
    assert change("STATUS_PAUSED")[0] == 200
    peerd.wait_state(number, "PAUSED")
    assert peerd.rest("POST", "/api/v1/mirrors/status", {"flow_job_name": number})[1]["currentFlowState"] == "STATUS_PAUSED"
    assert change("STATUS_RUNNING")[0] == 200
    peerd.wait_state(number, "RUNNING")
    w.tables, w.mirror_name, w.options = ["public.items"], number, {}
    w.sql("UPDATE items SET n = 1")
    w.settle_and_compare()
    assert change("STATUS_TERMINATING")[0] == 200
    assert peerd.rest("POST", "/api/v1/mirrors/status", {"flow_job_name": number})[0] == 404
    assert peerd.rest("POST", "/api/v1/mirrors/status", {"flow_job_name": "nothere"})[0] == 404
    assert peerd.rest("POST", "/api/v1/peers/create", {"peer": {"name": "x", "type": "POSTGRES"}})[0] == 400
    assert w.slots() == []


def test_secrets_are_nowhere_to_be_seen(w):
    secret = "S3cret-Pa55"
    role = f"r_{w.source_db}"
    w.source.sql(f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '{secret}'")
    w.peerd.sql(f"CREATE PEER hidden FROM POSTGRES WITH (host = '127.0.0.1', port = {w.source.port}, user = '{role}', password = '{secret}', database = 'postgres')")
    shown = psql(w.peerd, "-c", "SELECT * FROM peers").stdout + str(w.peerd.rest("GET", "/api/v1/peers/list")) + w.peerd.log_text()
    assert "hidden" in shown and secret not in shown and PASSWORD not in shown
    w.peerd.terminate()
    for folder, _, files in os.walk(w.peerd.data):
        for name in files:
            with open(os.path.join(folder, name), "rb") as file:
                assert secret.encode() not in file.read(), name
    assert os.stat(f"{w.peerd.data}/keys").st_mode & 0o777 == 0o600
    w.source.sql(f"DROP ROLE {role}")

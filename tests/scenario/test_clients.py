"""Clients: psql, psycopg2, psycopg with parameters over the extended protocol; REST in both spellings."""
import json
import os
import subprocess

import psycopg
import psycopg2
import pytest

from support import packages
from support.peerd import PASSWORD, Peerd
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
                          capture_output=True, text=True, timeout=30)


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
    assert w.peerd.rows("SELECT * FROM mirror_batches")
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
                               "PEERD_TEST_URL": f"postgres://peerd:{PASSWORD}@127.0.0.1:{w.peerd.ports['sql_port']}/peerd"}, timeout=30)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer == {"rows": [{"name": w.mirror_name, "rows_copied": "100"}], "error": "42703", "states": ["RUNNING", "RUNNING"]}, answer


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

"""What a user of PeerDB wrote down: commands, requests and complaints. Each test is named after what its lines are about, and runs
them as they were written, with this machine's names in the place of the user's."""
import base64
import json
import subprocess

import pytest

from support.peerd import PASSWORD
from support.process import wait_for
from support.world import postgres_options

SOURCE = """
CREATE TABLE regions (id int PRIMARY KEY, name text); INSERT INTO regions SELECT g, 'r' || g FROM generate_series(1, 100) g;
CREATE TABLE countries (id int PRIMARY KEY, local_name text, size int, code text);
INSERT INTO countries SELECT g, 'l', g, 'c' || g FROM generate_series(1, 100) g"""


@pytest.fixture
def notes(new_world):
    """A source with the notes' tables, a target with their schema, and the two peers."""
    w = new_world("postgres")
    w.sql(SOURCE)
    w.at_target("CREATE SCHEMA main_pg")
    w.create_peers()
    return w


def curl(peerd, path, method="GET", body=None, expect=200):
    """The notes' own command, also with their way to write the header."""
    header = subprocess.run(["bash", "-c", f"printf '%s' ':' '{PASSWORD}' | base64"], capture_output=True, text=True, check=True).stdout.strip()
    assert header == base64.b64encode(f":{PASSWORD}".encode()).decode()
    command = ["curl", "-sS", "--url", f"http://localhost:{peerd.ports['http_port']}{path}", "--request", method, "-w", "\n%{http_code}",
               "--header", f"Authorization: Basic {header}"]
    if body is not None:
        command += ["--header", "Content-Type: application/json", "--data", json.dumps(body)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done
    text, status = done.stdout.rsplit("\n", 1)
    assert int(status) == expect, (path, body, status, text)
    return json.loads(text)


def psql(peerd, *arguments):
    port = peerd.ports["sql_port"]
    return subprocess.run(["psql", "-X", "-v", "ON_ERROR_STOP=1", f"host=localhost port={port} password={PASSWORD}", *arguments],
                          capture_output=True, text=True, timeout=120)


def mappings():
    return [{"source_table_identifier": "public.regions", "destination_table_identifier": "main_pg.regions"},
            {"source_table_identifier": "public.countries", "destination_table_identifier": "main_pg.countries",
             "exclude": ["local_name", "size"]}]


def test_usage_and_peers_by_psql_and_curl(notes):
    w, peerd = notes, notes.peerd
    port = peerd.ports["sql_port"]
    by_url = subprocess.run(["psql", "-X", "-At", f"postgresql://localhost:{port}/?password={PASSWORD}", "-c", "SELECT 1"], capture_output=True, text=True)
    assert by_url.stdout == "1\n", by_url
    peer = lambda name, **more: f"""CREATE PEER IF NOT EXISTS {name}
      FROM POSTGRES
      WITH (
        host='127.0.0.1',
        port='{w.source.port}',
        database='{w.source_db}',
        user='postgres',
        password='{more.get("password", "postgres")}'
      );"""
    for _ in range(2):
        done = psql(peerd, "-c", peer("some_postgresql_peer"))
        assert done.returncode == 0, done
    done = psql(peerd, "-At", "-c", "SELECT id, name, type FROM peers;")
    rows = [line.split("|") for line in done.stdout.split()]
    assert {name: kind for _, name, kind in rows}["some_postgresql_peer"] == "3" and len({number for number, _, _ in rows}) == 3, rows
    listed = curl(peerd, "/api/v1/peers/list")["items"]
    assert {"name": "some_postgresql_peer", "type": "POSTGRES"}.items() <= next(p for p in listed if p["name"].startswith("some")).items()
    # "allow_update seems to do absolutely nothing": it updates, and what stands is not passed over without it.
    config = {"host": "127.0.0.1", "port": str(w.source.port), "database": w.source_db, "user": "postgres", "password": "postgres"}
    request = {"allow_update": True, "peer": {"name": "some_postgresql_peer", "type": "POSTGRES", "postgres_config": {**config, "database": "postgres"}}}
    assert curl(peerd, "/api/v1/peers/create", "POST", {**request, "allow_update": False}, 409)["message"]
    assert curl(peerd, "/api/v1/peers/create", "POST", request)["status"] == "CREATED"
    shown = curl(peerd, "/api/v1/peers/info/some_postgresql_peer")
    assert "postgres" == shown["peer"]["postgresConfig"]["database"] and "secret" not in json.dumps(shown), shown
    done = psql(peerd, "-c", "DELETE FROM peers WHERE name == 'some_postgresql_peer';")
    assert (done.returncode, done.stdout) == (0, "DELETE 1\n"), done
    assert "some_postgresql_peer" not in json.dumps(curl(peerd, "/api/v1/peers/list"))


def test_mirrors_by_sql_and_by_request(notes):
    w, peerd = notes, notes.peerd
    statement = f"""CREATE MIRROR IF NOT EXISTS some_cdc_mirror
      FROM {w.source_peer} TO {w.target_peer}  -- FROM source_peer TO target_peer
      WITH TABLE MAPPING
      (
        public.regions:main_pg.regions,  -- source_schema.table:target_schema.table
        {{
          from: public.countries,  -- source_schema.table
          to: main_pg.countries,   -- target_schema.table
          exclude: [ local_name, size,  ]  -- column_1, …, column_N
        }},

      )
      WITH ( do_initial_copy = true );"""
    for _ in range(2):
        done = psql(peerd, "-c", statement)
        assert done.returncode == 0, done
    # The same by REST is the same mirror.
    request = {"connection_configs": {"flow_job_name": "some_cdc_mirror", "source_name": w.source_peer, "destination_name": w.target_peer,
                                      "do_initial_snapshot": True, "table_mappings": mappings()}}
    curl(peerd, "/api/v1/flows/cdc/create", "POST", request)
    peerd.wait_state("some_cdc_mirror", "RUNNING")
    assert [m["name"] for m in curl(peerd, "/api/v1/mirrors/list")["mirrors"]] == ["some_cdc_mirror"]
    assert w.at_target("SELECT count(*), max(code) FROM main_pg.countries") == [(100, "c99")]
    assert [row[0] for row in w.at_target("SELECT attname FROM pg_attribute WHERE attrelid = 'main_pg.countries'::regclass AND attnum > 0 ORDER BY 1")] \
        == ["_PEERDB_IS_DELETED", "_PEERDB_SYNCED_AT", "code", "id"]
    status = curl(peerd, "/api/v1/mirrors/status", "POST", {"flowJobName": "some_cdc_mirror"})
    assert status["currentFlowState"] == "STATUS_RUNNING", status
    config = curl(peerd, "/api/v1/mirrors/status", "POST", {"flowJobName": "some_cdc_mirror", "includeFlowInfo": True})["cdcStatus"]["config"]
    defaults = {"idleTimeoutSeconds": "60", "maxBatchSize": 1000000, "snapshotNumRowsPerPartition": 1000000, "snapshotMaxParallelWorkers": 4,
                "snapshotNumTablesInParallel": 1, "softDeleteColName": "_PEERDB_IS_DELETED", "syncedAtColName": "_PEERDB_SYNCED_AT"}
    assert defaults.items() <= config.items(), {key: config.get(key) for key in defaults}
    assert [m.get("exclude", []) for m in config["tableMappings"]] == [[], ["local_name", "size"]]
    assert curl(peerd, "/api/v1/mirrors/status", "POST", {"flowJobName": "not_there"}, 404)["message"]


def test_gotchas_of_the_api(notes):
    """"Non-idempotent", "hide error messages behind 200", "the alert's ID must be -1. This will create duplicates"."""
    w, peerd = notes, notes.peerd
    wrong = {"peer": {"name": "some_pg_peer", "type": "POSTGRES", "postgres_config": {
        "host": "127.0.0.1", "port": str(w.source.port), "database": w.source_db, "user": "postgres", "password": "wrong-1q2w3e4r"}}}
    answer = curl(peerd, "/api/v1/peers/create", "POST", wrong, 400)
    assert "password authentication failed" in answer["message"] and "1q2w3e4r" not in json.dumps(answer), answer
    assert "some_pg_peer" not in json.dumps(curl(peerd, "/api/v1/peers/list"))
    for name, table in (("some_cdc_mirror", "regions"), ("some_other_mirror", "countries")):
        peerd.sql(f"CREATE MIRROR {name} FROM {w.source_peer} TO {w.target_peer} WITH TABLE MAPPING (public.{table}:main_pg.{table})")
    alert = {"config": {"id": -1, "service_type": "slack", "alert_for_mirrors": ["some_cdc_mirror", "some_other_mirror"], "service_config":
             json.dumps({"slot_lag_mb_alert_threshold": 15000, "open_connections_alert_threshold": 20,
                         "auth_token": "xoxb-012345678901-0123456789012-1234ABcdEFGhijKLMnopQRST", "channel_ids": ["C01K23X4567"]})}}
    ids = {curl(peerd, "/api/v1/alerts/config", "POST", alert)["id"] for _ in range(3)}
    shown = curl(peerd, "/api/v1/alerts/config")
    assert len(ids) == 1 and len(shown["configs"]) == 1 and "QRST" not in json.dumps(shown), (ids, shown)
    # "The translator does not expose all the resources, e.g. I could find no alert configuration."
    assert len(peerd.rows("SHOW ALERTS")) == 1


def test_gotchas_of_connecting(notes):
    """"Unable to connect to localhost", "do not accept connection options", "seemingly require SSL"."""
    w, peerd = notes, notes.peerd
    for number, host in enumerate(("localhost", "127.0.0.1")):
        peerd.sql(f"CREATE PEER by_{number} FROM POSTGRES WITH (host='{host}', port='{w.source.port}', user='postgres', password='postgres', database='{w.source_db}')")
    peerd.sql(f"CREATE PEER with_options FROM POSTGRES WITH (host='localhost', port='{w.source.port}', user='postgres', password='postgres', "
              f"database='{w.source_db}', options='-c work_mem=7MB')")
    assert peerd.rows("SELECT name FROM peers WHERE name = 'with_options'")
    assert peerd.rows("EXECUTE with_options $$SELECT current_setting('work_mem') AS m$$") == [{"m": "7MB"}]


def test_gotchas_of_snapshot_and_pause(new_world):
    """"When in the snapshot state, mirrors cannot be paused. If stopped it will break", "paused mirrors … will blow up in size"."""
    w = new_world("postgres")
    w.sql("CREATE TABLE items (id int PRIMARY KEY, v text); INSERT INTO items SELECT g, repeat('x', 100) FROM generate_series(1, 20000) g")
    w.create_peers()
    with w.source.connect(dbname=w.source_db) as held:
        held.autocommit = False
        with held.cursor() as cursor:
            w.create_mirror(["public.items"], "SNAPSHOT", spool="when_needed", snapshot_num_rows_per_partition=500, snapshot_max_parallel_workers=1)
            cursor.execute("LOCK TABLE items")  # The copy cannot end before it is let go.
            done = psql(w.peerd, "-c", f"PAUSE MIRROR {w.mirror_name}")
            assert done.returncode == 0 and "WAL" in done.stderr, done
            w.wait_state("PAUSED", 30)
            w.peerd.kill9()
            w.peerd.start()
            assert w.mirror()["state"] == "PAUSED"
            held.rollback()
    done = [chunk for chunk in w.peerd.chunks(w.mirror_name) if chunk["state"] == "done"]
    w.resume()
    w.wait_state("RUNNING")
    w.settle_and_compare()
    assert len(done) < 41, "the pause came before the copy's end"
    # What is paused receives on request, and the slot goes on.
    assert w.peerd.sql(f"PAUSE MIRROR {w.mirror_name} WITH (receive = true)") == []
    w.wait_state("PAUSED", 30)
    before = w.mirror()["confirmed_lsn"]
    w.sql("UPDATE items SET v = 'y' WHERE id < 100")
    wait_for("the slot to go on", lambda: w.mirror()["confirmed_lsn"] != before and w.mirror()["spool_bytes"] > 0, 60)
    w.resume()
    w.wait_state("RUNNING")
    w.settle_and_compare()

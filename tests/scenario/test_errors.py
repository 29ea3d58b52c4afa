"""What goes wrong is said clearly, over SQL with SQLSTATE and over REST with an HTTP status, with a hint."""
import os
import subprocess

import psycopg2
import pytest

from support.clickhouse_server import ClickHouseServer
from support.postgres_server import PostgresServer
from support.process import free_port, temp_dir, wait_for
from support.world import clickhouse_options, options_text, postgres_options
from support.writer import create_table


def fails(peerd, statement):
    """(SQLSTATE, message, hint) of a statement that must fail."""
    with pytest.raises(psycopg2.Error) as caught:
        peerd.sql(statement)
    assert caught.value.diag.message_primary, caught.value
    return caught.value.pgcode, caught.value.diag.message_primary, caught.value.diag.message_hint or ""


def rest_fails(peerd, path, body):
    status, answer = peerd.rest("POST", path, body)
    assert status >= 400 and answer.get("message"), (status, answer)
    return status, str(answer)


def create_peer(name, kind, options):
    return f"CREATE PEER {name} FROM {kind} WITH ({options_text(options)})"


def peer_body(name, kind, options, **more):
    return {"peer": {"name": name, "type": kind, f"{kind.lower()}_config": options}, **more}


@pytest.fixture
def w(new_world):
    return new_world("postgres")


@pytest.fixture
def w_click(new_world):
    return new_world("clickhouse")


def test_wrong_password(w):
    options = postgres_options(w.source, w.source_db, password="wr0ng-secret")
    state, message, hint = fails(w.peerd, create_peer("p", "POSTGRES", options))
    assert state == "28P01" and hint, (state, message, hint)
    assert "wr0ng-secret" not in message + hint + w.peerd.log_text()
    status, text = rest_fails(w.peerd, "/api/v1/peers/create", peer_body("p", "POSTGRES", options))
    assert status == 400 and "wr0ng-secret" not in text
    assert w.peerd.rows("SELECT name FROM peers") == []


def test_wrong_password_for_clickhouse(w_click):
    options = clickhouse_options(w_click.target, w_click.target_db, password="wr0ng-secret")
    state, message, hint = fails(w_click.peerd, create_peer("c", "CLICKHOUSE", options))
    assert state == "28P01" and hint, (state, message, hint)
    assert "wr0ng-secret" not in message + hint + w_click.peerd.log_text()


@pytest.mark.parametrize("kind", ["POSTGRES", "CLICKHOUSE"])
def test_unreachable_host(w, kind):
    make = {"POSTGRES": lambda **o: postgres_options(w.source, "d", **o),
            "CLICKHOUSE": lambda **o: {"user": "u", "password": "p", "database": "d", "disable_tls": True, **o}}[kind]
    refused = make(host="localhost", port=free_port())
    state, message, hint = fails(w.peerd, create_peer("p", kind, refused))
    assert state == "08001" and hint and str(refused["port"]) in message, (state, message, hint)
    assert rest_fails(w.peerd, "/api/v1/peers/create", peer_body("p", kind, refused))[0] == 503
    state, message, hint = fails(w.peerd, create_peer("p", kind, make(host="no-such-host.invalid", port=5432)))
    assert state == "08001" and "no-such-host.invalid" in message and hint, (state, message, hint)


def test_missing_table_and_table_without_key(w):
    w.create_peers()
    w.sql("CREATE TABLE public.nokey (a int); CREATE TABLE public.items (id int PRIMARY KEY)")
    state, message, hint = fails(w.peerd, f"CREATE MIRROR m FROM {w.source_peer} TO {w.target_peer} WITH TABLE MAPPING (public.itemz:public.itemz)")
    assert state in ("42704", "42P01") and "public.itemz" in message, (state, message, hint)
    state, message, hint = fails(w.peerd, f"CREATE MIRROR m FROM {w.source_peer} TO {w.target_peer} WITH TABLE MAPPING (public.nokey:public.nokey)")
    assert state == "55000" and "public.nokey" in message and "REPLICA IDENTITY" in hint + message, (state, message, hint)
    body = {"connection_configs": {"flow_job_name": "m", "source_name": w.source_peer, "destination_name": w.target_peer,
                                   "table_mappings": [{"source_table_identifier": "public.nokey", "destination_table_identifier": "public.nokey"}],
                                   "do_initial_snapshot": True}}
    assert rest_fails(w.peerd, "/api/v1/flows/cdc/create", body)[0] == 400
    body["connection_configs"]["table_mappings"][0]["sourceTableIdentifier"] = "public.itemz"
    del body["connection_configs"]["table_mappings"][0]["source_table_identifier"]
    assert rest_fails(w.peerd, "/api/v1/flows/cdc/create", body)[0] in (400, 404)
    assert w.peerd.rows("SELECT name FROM mirrors") == [] and w.slots() == [] and w.publications() == []


def test_wal_level_replica(new_world):
    w = new_world("postgres", source=PostgresServer("replica", settings={"wal_level": "replica"}))
    w.sql("CREATE TABLE public.items (id int PRIMARY KEY)")
    w.create_peers()
    state, message, hint = fails(w.peerd, f"CREATE MIRROR m FROM {w.source_peer} TO {w.target_peer} WITH TABLE MAPPING (public.items:public.items)")
    assert state == "55000" and "wal_level" in message and "ALTER SYSTEM SET wal_level" in hint and "restart" in hint, (state, message, hint)


def test_synchronous_standby_names_that_would_match_peerd(new_world):
    own = PostgresServer("star")
    w = new_world("postgres", source=own)
    w.sql("CREATE TABLE public.items (id int PRIMARY KEY)")
    w.create_peers()
    own.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
    own.reload()
    wait_for("the setting", lambda: own.value("SHOW synchronous_standby_names") == "*")
    state, message, hint = fails(w.peerd, f"CREATE MIRROR m FROM {w.source_peer} TO {w.target_peer} WITH TABLE MAPPING (public.items:public.items)")
    assert state == "55000" and "synchronous_standby_names" in message and hint, (state, message, hint)
    own.sql("ALTER SYSTEM SET synchronous_standby_names = ''")
    own.reload()


def test_unknown_and_mistyped_options_suggest_the_right_one(w):
    w.sql("CREATE TABLE public.items (id int PRIMARY KEY)")
    state, message, hint = fails(w.peerd, create_peer("p", "POSTGRES", {**postgres_options(w.source, "d"), "pasword": "x"}))
    assert state == "22023" and "pasword" in message and "password" in hint, (state, message, hint)
    state, message, hint = fails(w.peerd, create_peer("p", "POSTGRES", {**postgres_options(w.source, "d"), "port": "many"}))
    assert state == "22023" and "port" in message, (state, message, hint)
    state, message, hint = fails(w.peerd, "CREATE PEER p FROM POSTGRE WITH (host = 'x')")
    assert "POSTGRES" in message + hint, (state, message, hint)
    w.create_peers()
    mapping = f"FROM {w.source_peer} TO {w.target_peer} WITH TABLE MAPPING (public.items:public.items)"
    state, message, hint = fails(w.peerd, f"CREATE MIRROR m {mapping} WITH (max_batchsize = 5)")
    assert state == "22023" and "max_batchsize" in message and "max_batch_size" in hint, (state, message, hint)
    state, message, hint = fails(w.peerd, f"CREATE MIRROR m {mapping} WITH (max_batch_size = 'lots')")
    assert state == "22023" and "max_batch_size" in message, (state, message, hint)
    state, message, hint = fails(w.peerd, f"CREATE MIRROR m FROM {w.source_peer[:-1]}x TO {w.target_peer} WITH TABLE MAPPING (public.items:public.items)")
    assert state == "42704", (state, message, hint)
    state, message, hint = fails(w.peerd, "CREATE MIROR m")
    assert state == "42601", (state, message, hint)
    state, message, hint = fails(w.peerd, "SELECT nmae FROM mirrors")
    assert state in ("42703", "42601"), (state, message, hint)
    status, text = rest_fails(w.peerd, "/api/v1/flows/cdc/create", {"connection_configs": {"flow_job_name": "m", "max_batch_sizes": 4}})
    assert status == 400
    state, message, hint = fails(w.peerd, "PAUSE MIRROR nothere")
    assert state == "42704", (state, message, hint)


def test_the_native_port_of_clickhouse_is_recognised(w_click):
    server = w_click.target
    if not hasattr(server, "tcp_port"):
        pytest.skip("the named server's native port is not known")
    options = clickhouse_options(server, w_click.target_db, port=server.tcp_port)
    state, message, hint = fails(w_click.peerd, create_peer("c", "CLICKHOUSE", options))
    assert "8123" in hint and ("native" in hint or "native" in message), (state, message, hint)
    assert rest_fails(w_click.peerd, "/api/v1/peers/create", peer_body("c", "CLICKHOUSE", options))[0] in (400, 503)


def test_a_target_table_that_is_not_ours_is_refused(world):
    create_table(world.source, "public.items", 10, world.source_db)
    if world.kind == "postgres":
        create_table(world.target, "public.items", 5, world.target_db)
    else:
        world.target.text("CREATE TABLE items (id Int64, n Int32) ENGINE = MergeTree ORDER BY id", world.target_db)
        world.target.text("INSERT INTO items VALUES (1, 1)", world.target_db)
    world.create_peers()
    state, message, hint = fails(world.peerd, f"CREATE MIRROR m FROM {world.source_peer} TO {world.target_peer} "
                                 f"WITH TABLE MAPPING (public.items:{world.target_name('public.items')})")
    assert state == "55000" and "items" in message and hint, (state, message, hint)
    assert world.slots() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_a_full_disk_at_the_target_is_waited_out(new_world, kind):
    small = temp_dir("small", "postgres")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=150m,mode=777", "tmpfs", small], check=True)
    server = world = None
    try:
        if kind == "postgres":
            server = PostgresServer("full", data_parent=small, settings={"max_wal_size": "48MB", "min_wal_size": "32MB", "wal_keep_size": 0, "shared_buffers": "16MB"})
        else:
            server = ClickHouseServer("full", data_parent=small)
        world = new_world(kind, target=server)
        world.sql("CREATE TABLE public.items (id int PRIMARY KEY, t text)")
        world.sql("INSERT INTO items SELECT g, md5(g::text) || md5(g || 'a') || md5(g || 'b') || md5(g || 'c') || md5(g || 'd') || md5(g || 'e') || md5(g || 'f') FROM generate_series(1, 80000) g")
        ballast = f"{small}/ballast"
        free = os.statvfs(small).f_bavail * os.statvfs(small).f_frsize
        with open(ballast, "wb") as file:
            file.write(b"x" * max(0, free - ((24 if kind == "postgres" else 6) << 20)))
        world.create_peers()
        world.create_mirror(["public.items"], snapshot_num_rows_per_partition=10000)
        # A Postgres that goes down over its WAL may say nothing more than that the connection is lost.
        named = lambda row: any(word in (row["last_error"] or "").lower() for word in ("space", "disk"))
        full = wait_for("the full disk to be named", lambda: (m := world.mirror()) and (named(m) or (m["last_error"] and not server.child.alive())) and m, 120)
        assert named(full) or kind == "postgres", full
        assert full["last_error_hint"] and full["state"] in ("SNAPSHOT", "RUNNING") and full["health"] == "retrying", full
        os.remove(ballast)
        world.sql("DELETE FROM items WHERE id > 12000")
        subprocess.run(["mount", "-o", "remount,size=2g", small], check=True)

        def running():
            # Postgres may have gone down over its WAL, or be about to: then it is started again, as an operator would.
            if not server.child.alive():
                server.start()
            return world.mirror()["state"] == "RUNNING"

        wait_for("the mirror to run", running, 120)
        assert world.settle_and_compare() == 12000
    finally:
        if world and world.peerd.child.alive():
            world.peerd.terminate()
        if world:
            world.close()
        if server and server.child:
            server.kill9()
        subprocess.run(["umount", "-l", small], check=False)
        if world:
            world.close = lambda: None


def test_a_slot_that_was_dropped_is_never_made_again_in_silence(w):
    create_table(w.source, "public.items", 100, w.source_db)
    w.start_mirror(["public.items"])
    w.wait_caught_up()
    w.pause()
    wait_for("the slot to be free", lambda: w.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()"))
    w.sql("INSERT INTO items (id, n) VALUES (1000, 1)")
    w.resume()
    lost = w.wait_state("FAILED", 60)
    assert "slot" in lost["last_error"] and lost["last_error_hint"], lost
    assert w.slots() == []


def test_faces_want_the_password(w):
    with pytest.raises(psycopg2.OperationalError):
        w.peerd.connect("wrong")
    assert w.peerd.rest("GET", "/api/v1/peers/list", password="wrong")[0] in (401, 403)
    assert w.peerd.rest("GET", "/api/v1/peers/list", password=None)[0] == 401
    assert w.peerd.rest("GET", "/healthz", password=None)[0] == 200
    assert w.peerd.rest("GET", "/api/v1/nothing")[0] == 404


def test_a_publication_that_is_not_there_is_never_made_of_a_typo(w):
    w.sql("CREATE TABLE public.items (id int PRIMARY KEY)")
    w.create_peers()
    make = f"CREATE MIRROR m FROM {w.source_peer} TO {w.target_peer} WITH TABLE MAPPING (public.items:public.items)"
    state, message, hint = fails(w.peerd, f"{make} WITH (publication_name = 'Items_pub')")
    assert state == "55000" and '"Items_pub" does not exist' in message and 'CREATE PUBLICATION "Items_pub"' in hint, (state, message, hint)
    assert w.publications() == [] and w.slots() == [] and w.peerd.rows("SELECT name FROM mirrors") == []

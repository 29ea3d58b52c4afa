"""DROP MIRROR finds what the mirror made, wherever its peers lead by now, and says what it leaves behind."""
import contextlib
import json
import sqlite3

import psycopg2
import pytest

from support.postgres_server import PostgresServer
from support.process import wait_for
from support.world import options_text, postgres_options
from support.writer import create_table


@pytest.fixture(scope="module")
def other_server():
    return PostgresServer("other", settings={"fsync": "off"})


def replace_peer(world, name, options, kind="POSTGRES"):
    world.peerd.sql(f"CREATE OR REPLACE PEER {name} FROM {kind} WITH ({options_text(options)})")


def refused(statement):
    with pytest.raises(psycopg2.Error) as caught:
        statement()
    return caught.value


def point_elsewhere(world, peer, options):
    """As an earlier peerd allowed it, or a server's move without a word: behind the statement's back, in the catalog."""
    world.peerd.terminate()
    with contextlib.closing(sqlite3.connect(f"{world.peerd.data}/catalog.db")) as catalog:
        spec = json.loads(catalog.execute("SELECT spec FROM peers WHERE name = ?", (peer,)).fetchone()[0])
        stored = spec.get("options", spec)
        for key, value in options.items():
            assert key in stored, spec
            stored[key] = str(value)
        catalog.execute("UPDATE peers SET spec = ? WHERE name = ?", (json.dumps(spec), peer))
        catalog.commit()
    world.peerd.start()


def drop_with_notices(world, name, force=True):
    with contextlib.closing(world.peerd.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP MIRROR {name}{' FORCE' if force else ''}")
        return connection.notices


@pytest.mark.parametrize("elsewhere", ["server", "database"])
def test_a_mirror_whose_source_peer_leads_elsewhere_is_not_dropped_with_success(new_world, other_server, elsewhere):
    world = new_world("postgres")
    create_table(world.source, "public.items", 10, world.source_db)
    world.start_mirror(["public.items"])
    slot, publication = world.slots()[0], world.publications()[0]
    world.pause()
    other_db = f"else_{world.source_db}"
    host = other_server if elsewhere == "server" else world.source
    host.create_database(other_db)
    point_elsewhere(world, world.source_peer, {"port": host.port, "database": other_db})
    error = refused(world.drop)
    assert error.pgcode == "55000" and "TERMINATING" in str(error), error
    for part in (slot, publication, world.source_db):
        assert part in str(error), (part, error)
    assert "FORCE" in error.diag.message_hint and "CREATE OR REPLACE PEER" in error.diag.message_hint, error.diag.message_hint
    assert world.slots() == [slot] and world.publications() == [publication]
    assert world.mirror()["state"] == "TERMINATING"
    # Pointed back, the drop goes through.
    replace_peer(world, world.source_peer, postgres_options(world.source, world.source_db))
    world.drop()
    assert world.slots() == [] and world.publications() == [] and world.mirror() is None
    if elsewhere == "database":
        host.sql(f'DROP DATABASE "{other_db}" WITH (FORCE)')


def test_force_drops_what_is_left_when_the_source_peer_leads_elsewhere(new_world, other_server):
    world = new_world("postgres")
    create_table(world.source, "public.items", 10, world.source_db)
    world.start_mirror(["public.items"])
    slot, publication = world.slots()[0], world.publications()[0]
    point_elsewhere(world, world.source_peer, {"port": other_server.port, "database": "postgres"})
    wait_for("the mirror to notice", lambda: world.mirror()["state"] == "FAILED", 30)
    assert "another server" in world.mirror()["last_error"]
    notices = "".join(drop_with_notices(world, world.mirror_name))
    assert slot in notices and publication in notices and world.source_db in notices, notices
    assert "pg_drop_replication_slot" in notices and "DROP PUBLICATION" in notices, notices
    assert world.mirror() is None and world.slots() == [slot]
    assert world.at_target("SELECT count(*) FROM _peerd.tables")[0][0] == 0
    world.peerd.sql(f"DROP PEER {world.source_peer}")


@pytest.mark.parametrize("end", ["source", "target"])
@pytest.mark.parametrize("how", ["database", "server"])
def test_a_mirror_whose_other_end_is_gone_for_ever_can_be_dropped(new_world, end, how):
    own = PostgresServer("mortal", settings={"fsync": "off"}) if how == "server" else None
    world = new_world("postgres", **({end: own} if own else {}))
    create_table(world.source, "public.items", 10, world.source_db)
    world.start_mirror(["public.items"])
    name = world.mirror_name
    if how == "server":
        own.kill9()
    else:
        world.pause()
        server, database = (world.source, world.source_db) if end == "source" else (world.target, world.target_db)
        if end == "source":
            world.drop_slots()
        server.sql(f'DROP DATABASE "{database}" WITH (FORCE)')
    # REST and SQL say what is wrong, and never that there is no such mirror.
    status, body = world.peerd.rest("POST", "/api/v1/mirrors/state_change",
                                    {"flow_job_name": name, "requested_flow_state": "STATUS_TERMINATED"})
    assert status in (400, 409, 503), (status, body)
    assert world.peerd.rest("POST", "/api/v1/mirrors/status", {"flow_job_name": name})[0] == 200
    error = refused(world.drop)
    assert error.pgcode in ("55000", "08001") and f"DROP MIRROR {name} FORCE" in error.diag.message_hint, (error.pgcode, error)
    mapping = f"FROM {world.source_peer} TO {world.target_peer} WITH TABLE MAPPING (public.items:public.items)"
    for more in ("", " IF NOT EXISTS"):
        error = refused(lambda: world.peerd.sql(f"CREATE MIRROR{more} {name} {mapping}"))
        assert error.pgcode == "55000" and "is being dropped" in str(error), error
    status, body = world.peerd.rest("POST", "/api/v1/flows/cdc/create", {"connection_configs": {
        "flow_job_name": name, "source_name": world.source_peer, "destination_name": world.target_peer,
        "table_mappings": [{"source_table_identifier": "public.items", "destination_table_identifier": "public.items"}]}})
    assert status == 409 and "is being dropped" in body["message"], (status, body)
    if how == "server":
        left = "".join(drop_with_notices(world, name))
    else:
        status, body = world.peerd.rest("POST", "/api/v1/mirrors/state_change",
                                        {"flow_job_name": name, "requested_flow_state": "STATUS_TERMINATED", "force": True})
        assert status == 200, body
        left = "".join(body["leftBehind"])
    assert f"at the {end}, peer" in left and (world.source_peer if end == "source" else world.target_peer) in left, left
    assert world.mirror() is None
    assert world.peerd.rest("POST", "/api/v1/mirrors/status", {"flow_job_name": name})[0] == 404
    if end == "target":
        assert world.slots() == [] and world.publications() == []
    else:
        # The target's table is free for another mirror, of another source.
        assert world.at_target("SELECT count(*) FROM _peerd.tables")[0][0] == 0
    world.peerd.sql(f"DROP PEER {world.source_peer}")
    world.peerd.sql(f"DROP PEER {world.target_peer}")
    # What the world's end expects to find.
    if how == "database":
        server.create_database(database)
    elif end == "target":
        own.start()


def other_database(world):
    """At the same server as the target's."""
    name = f"else_{world.target_db}"
    world.target.create_database(name)
    return name


def drop_database(world, name):
    if world.kind == "postgres":
        world.target.sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    else:
        world.target.text(f"DROP DATABASE `{name}`")


def test_a_mirror_whose_target_peer_leads_elsewhere_is_not_dropped_with_success(world):
    create_table(world.source, "public.items", 10, world.source_db)
    world.start_mirror(["public.items"])
    other = other_database(world)
    here = world.target_options()
    error = refused(lambda: replace_peer(world, world.target_peer, {**here, "database": other}, world.kind.upper()))
    assert error.pgcode == "55000" and world.mirror_name in str(error), error
    replace_peer(world, world.target_peer, {**here, "connect_timeout": 9} if world.kind == "postgres" else here, world.kind.upper())
    world.pause()
    point_elsewhere(world, world.target_peer, {"database": other})
    error = refused(world.drop)
    assert error.pgcode == "55000" and "TERMINATING" in str(error) and "FORCE" in error.diag.message_hint, error
    left = "".join(drop_with_notices(world, world.mirror_name))
    assert f"at the target, peer" in left and world.target_peer in left, left
    assert world.mirror() is None and world.slots() == [] and world.publications() == []
    drop_database(world, other)


def test_force_leaves_nothing_behind_when_all_can_be_removed(world):
    create_table(world.source, "public.items", 10, world.source_db)
    world.start_mirror(["public.items"])
    assert drop_with_notices(world, world.mirror_name) == []
    assert world.slots() == [] and world.publications() == [] and world.mirror() is None


def test_a_peer_that_mirrors_use_is_replaced_by_the_same_server_alone(new_world, other_server):
    world = new_world("postgres")
    create_table(world.source, "public.items", 10, world.source_db)
    world.start_mirror(["public.items"])
    other_db = f"else_{world.source_db}"
    world.source.create_database(other_db)
    poor, poorer = (f"{name}_{world.source_db}" for name in ("poor", "poorer"))  # Roles are the server's.
    world.sql(f"CREATE ROLE {poor} LOGIN PASSWORD 'poor'; CREATE ROLE {poorer} LOGIN REPLICATION PASSWORD 'poor'")
    here = postgres_options(world.source, world.source_db)
    for options, code, parts in (
            ({**here, "port": other_server.port, "database": "postgres"}, "55000", [world.mirror_name, "system identifier"]),
            ({**here, "database": other_db}, "55000", [world.mirror_name, other_db, world.source_db]),
            ({**here, "user": poor, "password": "poor"}, "42501", [world.mirror_name]),
            ({**here, "user": poorer, "password": "poor"}, "42501", ["public.items"]),
            ({**here, "port": 1}, "08001", ["cannot connect"])):
        error = refused(lambda: replace_peer(world, world.source_peer, options))
        assert error.pgcode == code and all(part in str(error) for part in parts), (options, error.pgcode, error)
        status, body = world.peerd.rest("POST", "/api/v1/peers/create", {"allow_update": True, "disable_validation": True, "peer": {
            "name": world.source_peer, "type": "POSTGRES", "postgres_config": options}})
        assert status >= 400, (status, body)
    assert world.peerd.rows("SELECT options FROM peers WHERE name = %s", (world.source_peer,))[0]["options"].find(str(world.source.port)) > 0
    replace_peer(world, world.source_peer, {**here, "connect_timeout": 9})
    world.pause()
    world.resume()
    world.sql("UPDATE items SET n = 9")
    world.settle_and_compare()
    world.drop()
    replace_peer(world, world.source_peer, {**here, "database": other_db})
    world.source.sql(f'DROP DATABASE "{other_db}" WITH (FORCE)')
    world.sql(f"DROP ROLE {poor}; DROP ROLE {poorer}")

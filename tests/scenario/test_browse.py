"""What the page asks beside a mirror's status: what a source holds, a mirror's definition and history, the options, the views."""
import time

import pytest

from support.process import wait_for
from support.world import postgres_options


@pytest.fixture
def w(new_world):
    world = new_world("postgres")
    world.create_peers()
    return world


def get(w, path, status=200):
    code, answer = w.peerd.rest("GET", f"/api/v1/{path}")
    assert code == status, (path, code, answer)
    return answer


def test_schemas_tables_and_columns(w):
    w.sql('CREATE SCHEMA "it\'s Odd"')
    w.sql('CREATE TABLE "it\'s Odd"."T ""1"" \\ x" (b int, id bigint PRIMARY KEY, "c d" varchar(7) NOT NULL, gone int)')
    w.sql('ALTER TABLE "it\'s Odd"."T ""1"" \\ x" DROP COLUMN gone')
    schemas = get(w, f"peers/schemas?peer_name={w.source_peer}")["schemas"]
    assert schemas == ["it's Odd", "public"]
    tables = get(w, f"peers/tables?peer_name={w.source_peer}&schema_name=it%27s+Odd")["tables"]
    assert [table["tableName"] for table in tables] == ['T "1" \\ x']
    columns = get(w, f"peers/columns?peerName={w.source_peer}&schemaName=it%27s+Odd&tableName=T+%221%22+%5C+x")["columns"]
    assert [(c["name"], c["type"], c["isKey"], c["isReplicaIdentity"]) for c in columns] == [
        ("b", "integer", False, False), ("id", "bigint", True, True), ("c d", "character varying(7)", False, False)]
    assert get(w, f"peers/tables?peer_name={w.source_peer}&schema_name=nope")["tables"] == []
    get(w, f"peers/columns?peer_name={w.source_peer}&schema_name=public&table_name=nope", 400)
    assert "it's Odd.T \"1\" \\ x" in get(w, f"peers/tables/all?peer_name={w.source_peer}")["tables"]


def test_what_of_tables_decides_whether_they_can_be_mirrored(w):
    w.sql("""
        CREATE TABLE keyed (id int PRIMARY KEY, x text); INSERT INTO keyed SELECT i, repeat('x', 100) FROM generate_series(1, 1000) i;
        CREATE TABLE bare (id int);
        CREATE TABLE whole (id int); ALTER TABLE whole REPLICA IDENTITY FULL;
        CREATE TABLE nothing (id int PRIMARY KEY); ALTER TABLE nothing REPLICA IDENTITY NOTHING;
        CREATE TABLE by_index (id int NOT NULL UNIQUE); ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_id_key;
        CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY);
        CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (1000);
        INSERT INTO parts SELECT generate_series(0, 999);
        CREATE VIEW seen AS SELECT 1""")
    w.sql("ANALYZE keyed, parts_1")
    path = f"peers/tables?peer_name={w.source_peer}&schema_name=public"
    tables = {table["tableName"]: table for table in get(w, path)["tables"]}
    assert {name: table["canMirror"] for name, table in tables.items()} == {
        "bare": False, "by_index": True, "keyed": True, "nothing": False, "parts": True, "unlogged": False, "whole": True}
    assert {name: table["replicaIdentity"] for name, table in tables.items()} == {
        "bare": "d", "by_index": "i", "keyed": "d", "nothing": "n", "parts": "d", "unlogged": "d", "whole": "f"}
    assert [name for name, table in tables.items() if table["hasPrimaryKey"]] == ["keyed", "nothing", "parts", "unlogged"]
    assert tables["whole"]["isReplicaIdentityFull"]
    assert tables["keyed"]["rowsEstimate"] == "1000" and int(tables["keyed"]["sizeBytes"]) > 100_000
    assert tables["parts"]["rowsEstimate"] == "1000" and int(tables["parts"]["sizeBytes"]) > 30_000
    assert "rowsEstimate" not in tables["bare"]
    assert tables["keyed"]["tableSize"].endswith("kB")
    assert all(table["canMirror"] for table in get(w, path + "&cdc_enabled=false")["tables"])


def test_slots_and_publications(w):
    w.sql("CREATE TABLE t (id int PRIMARY KEY)")
    w.sql("CREATE PUBLICATION \"My pub\" FOR TABLE t")
    w.create_mirror(["public.t"], "RUNNING")
    w.sql("SELECT pg_create_logical_replication_slot('other', 'pgoutput')")
    try:
        assert "My pub" in get(w, f"peers/publications?peer_name={w.source_peer}")["publicationNames"]

        def slots_in_use():
            slots = {slot.get("mirror", slot["slotName"]): slot for slot in get(w, f"peers/slots/{w.source_peer}")["slotData"]}
            return slots[w.mirror_name]["active"] and slots

        slots = wait_for("the mirror reads its slot", slots_in_use)
        own = slots[w.mirror_name]
        assert own["walStatus"] == "reserved" and own["backendState"] == "active"
        assert "/" in own["currentLSN"] and "/" in own["redoLSN"] and "/" in own["confirmedFlushLSN"]
        assert own["logicalDecodingWorkMemMb"] == "64" and "spillBytes" in own and own["lagInMb"] >= 0
        assert not slots["other"]["active"] and "mirror" not in slots["other"]
        managed = get(w, f"peers/slots/{w.source_peer}?peerdb_managed_only=true")["slotData"]
        assert [slot["slotName"] for slot in managed] == [own["slotName"]]
    finally:
        w.sql("SELECT pg_drop_replication_slot('other')")


def test_a_source_that_is_down_is_503_and_a_target_400(w):
    options = postgres_options(w.source, w.source_db, port=1)
    status, answer = w.peerd.rest("POST", "/api/v1/peers/create", {
        "peer": {"name": "down", "type": "POSTGRES", "postgres_config": options}, "disable_validation": True})
    assert status == 200, answer
    get(w, "peers/schemas?peer_name=down", 503)
    get(w, "peers/schemas?peer_name=nobody", 404)
    assert get(w, f"peers/type/{w.source_peer}") == {"peerType": "POSTGRES"}


def test_the_definition_makes_the_mirror_again(w):
    w.sql('CREATE TABLE "Odd t" (id int PRIMARY KEY, "a b" int, c int)')
    body = {"connection_configs": {
        "flow_job_name": w.mirror_name, "source_name": w.source_peer, "destination_name": w.target_peer,
        "table_mappings": [{"source_table_identifier": "public.Odd t", "destination_table_identifier": "public.Odd t",
                            "exclude": ["a b"]}], "idle_timeout_seconds": 3, "soft_delete_col_name": ""}}
    assert w.peerd.rest("POST", "/api/v1/flows/cdc/create", body)[0] == 200
    w.wait_state("RUNNING")
    before = get(w, f"mirrors/{w.mirror_name}/definition")
    assert "connection_configs:" in before["yaml"]
    for make in ("sql", "rest"):
        w.peerd.sql(f"DROP MIRROR {w.mirror_name}")
        w.at_target('DROP TABLE "Odd t"')
        if make == "sql":
            w.peerd.sql(before["sql"])
        else:
            assert w.peerd.rest("POST", "/api/v1/flows/cdc/create", before["rest"])[0] == 200
        w.wait_state("RUNNING")
        assert get(w, f"mirrors/{w.mirror_name}/definition")["rest"] == before["rest"]


def test_history_comes_within_seconds(w):
    w.sql("CREATE TABLE t (id int PRIMARY KEY)")
    w.create_mirror(["public.t"], "RUNNING")
    w.sql("INSERT INTO t SELECT generate_series(1, 500)")
    w.wait_caught_up()
    begin = int(time.time())

    def rows_recorded():
        history = get(w, f"mirrors/{w.mirror_name}/history?from={begin - 60}")
        return sum(10 * rate for rate in history["inserts_per_second"] if rate) >= 400 and history

    history = wait_for("the inserts are in the history", rows_recorded)
    assert history["step_seconds"] == 10 and len(history["at"]) == len(history["batch_ms"])
    assert any(history["batch_ms"])
    overview = get(w, "history?minutes=5&points=30")["mirrors"][w.mirror_name]
    assert any(overview["rows_per_second"]) and len(overview["at"]) == 30
    assert "not recorded" not in w.peerd.log_text()


def test_views_options_and_queries(w):
    views = get(w, "views")["views"]
    assert {"peers", "mirrors", "mirror_logs"} <= {view["name"] for view in views}
    assert [row["name"] for row in get(w, f"views/peers?name={w.source_peer}")["rows"]] == [w.source_peer]
    kinds = {peer["kind"]: peer for peer in get(w, "options")["peers"]}
    assert kinds["POSTGRES"]["source"] and kinds["KAFKA"]["target"] and not kinds["KAFKA"]["source"]
    assert {"name": "password", "secret": True}.items() <= next(
        option for option in kinds["POSTGRES"]["options"] if option["name"] == "password").items()
    status, answer = w.peerd.rest("POST", "/api/v1/query", {"sql": "SELECT name, kind FROM peers ORDER BY name"})
    assert status == 200 and [w.source_peer, "POSTGRES"] in answer["rows"], answer
    status, answer = w.peerd.rest("POST", "/api/v1/query", {"sql": f"DROP PEER {w.source_peer}"})
    assert status == 400 and answer["details"][0]["metadata"]["sqlstate"] == "0A000", answer

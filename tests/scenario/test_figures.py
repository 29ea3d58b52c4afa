"""What the REST API tells of mirrors in figures is what is at the servers."""
import contextlib
import time

import pytest

from support.process import wait_for


@pytest.fixture
def w(new_world):
    world = new_world("postgres")
    world.sql("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT g, 'v' FROM generate_series(1, 100) g;"
              "CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id);"
              "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (1000); INSERT INTO parts VALUES (1), (2)")
    world.start_mirror(["public.t", "public.parts_1"])
    return world


def ask(w, path, body=None, status=200):
    code, answer = w.peerd.rest("POST" if body is not None else "GET", f"/api/v1/{path}", body)
    assert code == status, (path, code, answer)
    return answer


def test_rows_batches_logs_and_sessions_of_a_mirror(w):
    name = w.mirror_name
    w.sql("INSERT INTO t SELECT g, 'new' FROM generate_series(101, 110) g; UPDATE t SET v = 'u' WHERE id <= 5; DELETE FROM t WHERE id = 50")
    wait_for("the changes to be counted",
             lambda: ask(w, f"mirrors/cdc/table_total_counts/{name}")["totalData"]["totalCount"] == "16")
    counts = ask(w, f"mirrors/cdc/table_total_counts/{name}")
    assert counts["totalData"] == {"totalCount": "16", "insertsCount": "10", "updatesCount": "5", "deletesCount": "1", "unfitValues": "0"}
    assert [table["tableName"] for table in counts["tablesData"]] == ["public.t", "public.parts_1"]
    total = ask(w, f"mirrors/total_rows_synced/{name}")
    assert (total["totalCountCDC"], total["totalCountInitialLoad"], total["totalCount"]) == ("16", "102", "118")
    rows = {row["sourceTable"]: row for row in ask(w, "mirrors/row_counts", {"flow_job_name": name})["tableCounts"]}
    assert (rows["public.t"]["sourceCount"], rows["public.t"]["destinationCount"]) == ("109", "109"), "the marked row is none"
    assert not rows["public.t"]["sourceIsApproximate"] and rows["public.parts_1"]["destinationCount"] == "2"
    applied = lambda: sum(int(batch["numRows"]) for batch in ask(w, f"mirrors/cdc/batches/{name}")["cdcBatches"])
    wait_for("the batches to be recorded", lambda: applied() == 16)
    batches = ask(w, f"mirrors/cdc/batches/{name}")
    assert all(int(batch["startLsn"]) > 0 for batch in batches["cdcBatches"]) and batches["total"] == len(batches["cdcBatches"])
    load = ask(w, f"mirrors/cdc/initial_load/{name}")["tableSummaries"]
    assert [(clone["numRowsSynced"], clone["fetchCompleted"]) for clone in load] == [("100", True), ("2", True)]
    assert all(clone["startTime"] and "avgTimePerPartitionMs" not in clone for clone in load)
    wait_for("a sample of them", lambda: ask(w, "mirrors/cdc/graph", {
        "flow_job_name": name, "aggregate_type": "TIME_AGGREGATE_TYPE_ONE_HOUR", "mode": 2})["totalRows"] == "16", 60)
    logs = ask(w, "mirrors/logs", {"flow_job_name": name, "level": "info", "num_per_page": 50})["errors"]
    assert any(line["errorMessage"].startswith("is RUNNING") for line in logs)
    sessions = ask(w, f"peers/stats/{w.source_peer}")["statData"]
    assert any("START_REPLICATION" in session["query"] for session in sessions), sessions

    check_lag(w)
    check_stages(w)
    check_a_table_that_is_gone(w)


def check_lag(w):
    body = {"peer_name": w.source_peer, "slot_name": w.slots()[0], "time_since": "1 hour"}
    points = ask(w, "peers/slots/lag_history", body)["data"]
    assert points and [point["time"] for point in points] == sorted(point["time"] for point in points)
    assert all(0 <= point["size"] < 1 for point in points)


def check_stages(w):
    """Which side is slow is told: one that is held shows in its own stage, however long it is held."""
    def until_recorded(change):
        before = {row["id"] for row in batches()}
        w.sql(change)
        yield
        yield wait_for("a record of it", lambda: [row for row in batches() if row["id"] not in before])[-1]

    batches = lambda: w.peerd.rows("SELECT * FROM mirror_batches WHERE mirror = %s", (w.mirror_name,))
    spent = lambda begin: (time.monotonic() - begin) * 1000
    quiet = time.monotonic()
    time.sleep(0.3)
    held = spent(quiet)
    *_, row = until_recorded("UPDATE t SET v = 'after a pause' WHERE id = 1")
    assert row["receive_ms"] >= held * 0.9 and row["empty_ms"] >= held * 0.9, (held, row)

    with contextlib.closing(w.target.connect(w.target_db)) as holder, holder.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE public.t")
        record = until_recorded("UPDATE t SET v = 'after a lock' WHERE id = 1")
        next(record)
        wait_for("the mirror to wait for the lock", lambda: w.at_target("SELECT 1 FROM pg_locks WHERE NOT granted"))
        begin = time.monotonic()
        time.sleep(0.3)
        held = spent(begin)
        cursor.execute("ROLLBACK")
    row = next(record)
    assert row["apply_ms"] + row["commit_ms"] >= held * 0.9 and row["applied_ms"] >= held * 0.9, (held, row)
    assert row["encode_ms"] + row["decode_ms"] + row["full_ms"] < held, (held, row)
    assert w.peerd.rest("GET", "/metrics")[1].count("peerd_mirror_stage_seconds_total{") == 8


def check_a_table_that_is_gone(w):
    """It is no count of zero."""
    w.at_target("DROP TABLE public.parts_1")
    answer = ask(w, "mirrors/row_counts", {"flow_job_name": w.mirror_name, "source_tables": ["public.parts_1"]}, 400)
    assert "parts_1" in answer["message"], answer

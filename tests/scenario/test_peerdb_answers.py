"""What PeerDB really answered to a course of requests is asked of peerd, with real servers. Every difference in status or form is
listed with its reason, and every one that is listed is there."""
import concurrent.futures
import json

import pytest

from support.peerdb_answers import differences, read_listed, steps
from support.process import wait_for

SOURCE = """
CREATE TABLE facts (id bigint PRIMARY KEY, account int, amount numeric(12,2), name text, code varchar(40), tags text[],
                    at timestamptz, body jsonb);
INSERT INTO facts SELECT g, g, g / 3.0, 'n' || g, 'c', '{a,b}', '2026-01-01', '{"k": 1}' FROM generate_series(1, 100) g;
CREATE TABLE more (id int PRIMARY KEY, v text); INSERT INTO more VALUES (1, 'one');
CREATE TABLE keyless (v text);
CREATE SCHEMA other; CREATE TABLE other.thing (id int PRIMARY KEY);
CREATE PUBLICATION other FOR TABLE other.thing;
ANALYZE"""  # Or else it depends on the server's own timing which tables have an estimate.
CHANGES = """
INSERT INTO facts SELECT g, g, 1, 'new', 'c', '{a}', '2026-01-01', '{}' FROM generate_series(101, 110) g;
UPDATE facts SET name = 'u' WHERE id <= 5; DELETE FROM facts WHERE id = 50"""
SLOW = ("validate Kafka, nobody listens",)  # Nothing depends on it: the others do not wait.
# Ports as the requests were written, and the server that each stands for.
PORT_OF_SOURCE, PORT_OF_TARGET, PORT_OF_CLICKHOUSE, OTHER_PORT_OF_CLICKHOUSE = 44227, 35449, 50987, 36385


class Course:
    """The steps' world: a source, both targets, and a peerd."""

    def __init__(self, world, clickhouse):
        self.world, self.peerd, self.clickhouse = world, world.peerd, clickhouse
        self.clickhouse_db = clickhouse.create_database(f"{world.target_db}_answers")
        world.sql(SOURCE)
        clickhouse.text("CREATE TABLE full (id Int64) ENGINE = MergeTree ORDER BY id", self.clickhouse_db)
        clickhouse.text("INSERT INTO full VALUES (1)", self.clickhouse_db)
        source = {"port": world.source.port, "database": world.source_db}
        target = {"port": world.target.port, "database": world.target_db}
        click = {"host": clickhouse.host, "user": clickhouse.user, "database": self.clickhouse_db}
        self.places = {PORT_OF_SOURCE: source, PORT_OF_TARGET: target, PORT_OF_CLICKHOUSE: {**click, "port": clickhouse.port},
                       OTHER_PORT_OF_CLICKHOUSE: {**click, "port": getattr(clickhouse, "tcp_port", world.source.port)}}

    def here(self, value):
        """The request with this world's servers in the place of those that were asked then."""
        if isinstance(value, list):
            return [self.here(part) for part in value]
        if not isinstance(value, dict):
            return value
        told = {key: self.here(part) for key, part in value.items()}
        place = self.places.get(int(told["port"]) if str(told.get("port", "")).isdigit() else None)
        if place:
            told.update({**place, "database": told["database"] if told["database"] == "nowhere" else place["database"],
                         "port": type(told["port"])(place["port"])})
            if told.get("password") == "secret":
                told["password"] = self.clickhouse.password
        return told

    def ask(self, method, path, body):
        if isinstance(body, str):
            return self.peerd.rest(method, path, body.encode())
        return self.peerd.rest(method, path, self.here(body))

    def state(self, mirror):
        return self.peerd.rest("POST", "/v1/mirrors/status", {"flow_job_name": mirror})

    def wait_for_step(self, word, mirror, seen):
        """What a step that is no request stands for. A mirror that peerd has refused is not waited for."""
        status, answer = self.state(mirror)
        if word == "gone":
            assert status == 404, (mirror, answer)
        if status == 404:
            return
        if word == "wait":
            self.peerd.wait_state(mirror, seen["seen"][-1][0].removeprefix("STATUS_"))
        if word == "changes":
            self.world.sql(CHANGES)
            counted = lambda name: self.peerd.rest("GET", f"/v1/mirrors/total_rows_synced/{name}")[1]["totalCountCDC"] == "16"
            mirrors = self.peerd.rest("GET", "/v1/mirrors/names")[1]["names"]
            wait_for("the changes to be applied by every mirror", lambda: all(counted(name) for name in mirrors))


@pytest.fixture
def course(new_world, clickhouse):
    made = Course(new_world("postgres"), clickhouse)
    yield made
    clickhouse.text(f"DROP DATABASE `{made.clickhouse_db}`")


@pytest.fixture
def elsewhere():
    """Threads for requests that take their time."""
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        yield threads


def test_every_answer_is_peerdbs_or_differs_for_a_listed_reason(course, elsewhere):
    found, late = [], []
    for step in steps():
        if step["request"][0] not in ("GET", "POST", "DELETE"):
            course.wait_for_step(*step["request"], step["answer"][1])
            continue
        late.append((step, elsewhere.submit(course.ask, *step["request"])))
        if step["name"] not in SLOW:
            late[-1][1].result()
    for step, ours in late:
        found += [(step["name"], difference) for difference in differences(step["answer"], ours.result())]
    reasons, listed = read_listed()
    known = {(step, difference) for step, difference, _ in listed}
    new = [" | ".join(pair) for pair in found if pair not in known]
    gone = [" | ".join(pair) for pair in known - set(found)]
    assert not new and not gone, json.dumps({"not listed": new, "listed, and not there": gone}, indent=1)
    assert {why for _, _, why in listed} == set(reasons)

"""/metrics, /healthz and /readyz: what Prometheus reads, and that it is answered whatever else hangs."""
import json
import re
import shutil
import socket
import subprocess
import threading
import time

from support.packages import missing, repository
from support.peerd import Peerd
from support.process import wait_for

SAMPLE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
ESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def promtool(*arguments, text=None):
    if not shutil.which("promtool"):
        missing("promtool of Debian's package prometheus")
    run = subprocess.run(["promtool", *arguments], input=text, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout + run.stderr


def page(peerd):
    status, text = peerd.rest("GET", "/metrics")
    assert status == 200, text
    return text


def samples(text):
    """{(name, frozenset of labels): value}; a series that comes twice fails."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = SAMPLE.match(line).groups()
        plain = {key: re.sub(r"\\[\\\"n]", lambda part: ESCAPED[part[0]], text) for key, text in LABEL.findall(labels or "")}
        key = (name, frozenset(plain.items()))
        assert key not in found, line
        found[key] = float(value)
    return found


def value(peerd, name, **labels):
    return samples(page(peerd)).get((name, frozenset(labels.items())))


def wait_value(peerd, wanted, name, **labels):
    last = {}

    def reached():
        last["value"] = value(peerd, name, **labels)
        return last["value"] == wanted

    wait_for(f"{name} {labels} to be {wanted}", reached, 60, 0.1, broken=lambda: None if peerd.child.alive() else "peerd ended")


def counters(text):
    """Every counter, and what of a histogram is one."""
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    counted = {name for name, kind in types.items() if kind == "counter"}
    counted |= {name + suffix for name, kind in types.items() if kind == "histogram" for suffix in ("_bucket", "_sum", "_count")}
    return {key: number for key, number in samples(text).items() if key[0] in counted}


def test_metrics_tell_what_a_mirror_does_and_promtool_finds_no_fault(new_world):
    world = new_world("postgres", settings={"PEERD_METRICS_TABLES": "true"})
    name = 'odd "name" \\ ä'
    world.sql('CREATE TABLE "odd ""name"" \\ ä" (id int PRIMARY KEY, note text)')
    world.sql('INSERT INTO "odd ""name"" \\ ä" SELECT g FROM generate_series(1, 50) g')
    world.create_peers()
    quoted = 'public."odd ""name"" \\ ä"'
    mapping = {"source_table_identifier": quoted, "destination_table_identifier": quoted}
    create = {"connection_configs": {"flow_job_name": "m-1", "source_name": world.source_peer, "destination_name": world.target_peer,
                                     "table_mappings": [mapping]}}
    answer = world.peerd.rest("POST", "/api/v1/flows/cdc/create", create)
    assert answer[0] == 200, answer
    world.peerd.wait_state("m-1", "RUNNING")
    world.sql('INSERT INTO "odd ""name"" \\ ä" SELECT g FROM generate_series(101, 107) g')
    world.sql('UPDATE "odd ""name"" \\ ä" SET note = \'x\' WHERE id <= 5')
    world.sql('DELETE FROM "odd ""name"" \\ ä" WHERE id <= 3')
    for kind, number in (("insert", 7), ("update", 5), ("delete", 3)):
        wait_value(world.peerd, number, "peerd_mirror_changes_total", mirror="m-1", kind=kind)
    assert value(world.peerd, "peerd_mirror_copied_rows_total", mirror="m-1") == 50
    assert value(world.peerd, "peerd_mirror_state", mirror="m-1", state="RUNNING") == 1
    assert value(world.peerd, "peerd_mirror_info", mirror="m-1", source=world.source_peer, target=world.target_peer) == 1
    of_tables = {labels: number for (figure, labels), number in samples(page(world.peerd)).items() if figure == "peerd_table_changes_total"}
    assert sorted(of_tables.values()) == [3, 5, 7], of_tables
    assert all(("source", f"public.{name}") in labels for labels in of_tables), of_tables
    wait_value(world.peerd, 1, "peerd_mirror_slot_status", mirror="m-1", status="reserved")
    before = page(world.peerd)
    assert promtool("check", "metrics", text=before).strip() == ""
    # The same name again: its counters go on.
    world.peerd.sql('DROP MIRROR "m-1"')
    assert value(world.peerd, "peerd_mirror_copied_rows_total", mirror="m-1") is None
    world.at_target(f"DROP TABLE {quoted}")
    answer = world.peerd.rest("POST", "/api/v1/flows/cdc/create", create)
    assert answer[0] == 200, answer
    world.peerd.wait_state("m-1", "RUNNING")
    wait_value(world.peerd, 50 + 54, "peerd_mirror_copied_rows_total", mirror="m-1")
    after = counters(page(world.peerd))
    fallen = {key: (was, after.get(key)) for key, was in counters(before).items() if after.get(key, -1) < was}
    assert not fallen, fallen


def test_what_config_names_is_there():
    """Of every figure in the rules and on the board."""
    promtool("check", "rules", f"{repository()}/config/prometheus/alerts.yml")
    promtool("test", "rules", f"{repository()}/tests/support/prometheus/alerts_test.yml")
    peerd = Peerd()
    told = set(re.findall(r"^# TYPE (\S+) ", page(peerd), re.M))
    peerd.terminate()
    with open(f"{repository()}/docs/metrics.md", encoding="utf-8") as file:
        documented = set(re.findall(r"`((?:peerd|process)_[a-z_]+)`", file.read()))
    assert told == documented - {"peerd_table_changes_total", "peerd_table_copied_rows", "peerd_table_unfit_values"}
    for path in ("config/prometheus/alerts.yml", "config/grafana/peerd.json"):
        with open(f"{repository()}/{path}", encoding="utf-8") as file:
            text = file.read()
        named = {re.sub("_bucket$", "", name) for name in re.findall(r"\b(?:peerd|process)_[a-z_]+", text)}
        assert named and named <= told, (path, named - told)
    with open(f"{repository()}/config/grafana/peerd.json", encoding="utf-8") as file:
        assert all(target["expr"] for panel in json.load(file)["panels"] for target in panel["targets"])


def test_metrics_ask_for_a_password_unless_they_are_open():
    peerd = Peerd(settings={"PEERD_READ_PASSWORD": "look"})
    assert peerd.rest("GET", "/metrics", password=None)[0] == 401
    assert peerd.rest("GET", "/metrics", password="wrong")[0] == 403
    assert peerd.rest("GET", "/metrics", password="look")[0] == 200
    assert peerd.rest("GET", "/readyz", password=None) == (200, {"status": "ready", "not_ready": []})
    peerd.terminate()
    peerd.settings["PEERD_METRICS_OPEN"] = "true"
    peerd.start()
    assert peerd.rest("GET", "/metrics", password=None)[0] == 200
    assert peerd.rest("GET", "/api/v1/version", password=None)[0] == 401
    peerd.terminate()


def test_probes_answer_while_every_operator_waits_for_a_dead_server():
    peerd = Peerd()
    silent = socket.create_server(("127.0.0.1", 0), backlog=200)
    body = {"peer": {"name": "silent", "type": "POSTGRES", "postgres_config": {
        "host": "127.0.0.1", "port": silent.getsockname()[1], "user": "u", "password": "p", "database": "d", "connect_timeout": 50}}}
    # Four operators, 64 that wait, and some that are refused.
    asked = [threading.Thread(target=lambda: peerd.rest("POST", "/api/v1/peers/validate", body), daemon=True) for _ in range(72)]
    for one in asked:
        one.start()
    wait_for("all operators to be busy", lambda: value(peerd, "peerd_operators_waiting", port="http") == 64, 30, 0.05)
    begin = time.monotonic()
    status, told = peerd.rest("GET", "/readyz", password=None)
    assert status == 503 and [one["what"] for one in told["not_ready"]] == ["http"], told
    assert peerd.rest("GET", "/healthz", password=None)[0] == 200
    assert value(peerd, "peerd_operators_busy", port="http") == 4
    assert time.monotonic() - begin < 10
    silent.close()  # What waits in its backlog is reset: every attempt ends.
    wait_for("peerd to be ready again", lambda: peerd.rest("GET", "/readyz", password=None)[0] == 200, 60, 0.1)
    for one in asked:
        one.join(30)
    peerd.terminate()

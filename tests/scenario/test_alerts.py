"""Alerts: what operators configure by REST, and what arrives at real receivers on loopback."""
import hashlib
import hmac
import json
import socket
import time

import psycopg2
import pytest

from support.peerd import Peerd
from support.postgres_server import PostgresServer
from support.process import wait_for
from support.receivers import MailReceiver, WebReceiver
from support.tls import Certificate

ALERTS = "/api/v1/alerts/config"


def body(service_type, config, mirrors=(), number=-1):
    return {"config": {"id": number, "service_type": service_type, "service_config": json.dumps(config), "alert_for_mirrors": list(mirrors)}}


def post(peerd, *arguments, **more):
    status, answer = peerd.rest("POST", ALERTS, body(*arguments, **more))
    assert status == 200, answer
    return answer["id"]


@pytest.fixture(scope="module")
def peerd():
    return Peerd()


@pytest.fixture(scope="module")
def certificate():
    return Certificate()


def test_the_request_that_users_wrote_down_makes_one_configuration(peerd):
    """As in PeerDB's documentation: id -1, the configuration as a text, mirrors that are not there."""
    text = ('{"slot_lag_mb_alert_threshold":15000,"open_connections_alert_threshold":20,"auth_token":'
            '"xoxb-012345678901-0123456789012-1234ABcdEFGhijKLMnopQRST","channel_ids":["C01K23X4567"]}')
    request = {"config": {"id": -1, "service_type": "slack", "service_config": text, "alert_for_mirrors": ["some_cdc_mirror", "some_other_mirror"]}}
    status, first = peerd.rest("POST", ALERTS, request)
    assert status == 200, first
    assert peerd.rest("POST", ALERTS, request) == (200, first)
    assert peerd.rest("POST", "/v1/alerts/config", request) == (200, first)
    shown = {"id": first["id"], "serviceType": "slack", "alertForMirrors": ["some_cdc_mirror", "some_other_mirror"],
             "serviceConfig": '{"auth_token":"","channel_ids":["C01K23X4567"],"open_connections_alert_threshold":20,"slot_lag_mb_alert_threshold":15000}'}
    assert peerd.rest("GET", ALERTS) == (200, {"configs": [shown]})
    # A known id updates it and keeps the secret; an unknown one is 404.
    changed = body("slack", {"auth_token": "", "channel_ids": ["C2"]}, number=first["id"])
    assert peerd.rest("POST", ALERTS, changed) == (200, first)
    told = peerd.rest("GET", ALERTS)[1]["configs"]
    assert [(one["serviceConfig"], one["alertForMirrors"]) for one in told] == [('{"auth_token":"","channel_ids":["C2"]}', [])]
    for number in (0, 99, first["id"] + 1):
        status, answer = peerd.rest("POST", ALERTS, {"config": {**changed["config"], "id": number}})
        assert status == 404 and "-1" in json.dumps(answer), answer
    assert peerd.rest("DELETE", f"{ALERTS}/99")[0] == 404
    assert peerd.rest("DELETE", f"{ALERTS}/{first['id']}") == (200, {})
    assert peerd.rest("GET", ALERTS) == (200, {"configs": []})
    for path in (f"{peerd.data}/catalog.db", f"{peerd.data}/catalog.db-wal", peerd.log):
        with open(path, "rb") as file:
            assert b"xoxb" not in file.read(), path


def test_what_is_wrong_with_a_configuration_is_named(peerd):
    for request, field in (({}, "config"), (body("pigeon", {}), "config.service_type"),
                           (body("slack", {"channel_ids": ["C1"]}), "config.service_config.auth_token"),
                           (body("webhook", {"url": "gopher://x"}), "config.service_config.url"),
                           (body("webhook", {"url": "https://x", "secrte": "s"}), "config.service_config.secrte"),
                           ({"config": {"id": -1, "service_type": "slack", "service_config": "{"}}, "config.service_config")):
        status, answer = peerd.rest("POST", ALERTS, request)
        assert status == 400, (request, answer)
        assert answer["details"][0]["metadata"]["field"] == field, answer
    assert peerd.rest("GET", ALERTS) == (200, {"configs": []})


def test_a_test_message_comes_to_each_receiver(peerd, certificate):
    web, secure, mail = WebReceiver(), WebReceiver(certificate), MailReceiver(certificate, password="pw")
    root_ca = certificate.pem()
    numbers = [
        post(peerd, "slack", {"auth_token": "xoxb", "channel_ids": ["C1", "C2"], "members": ["U1"], "api_url": web.url}),
        post(peerd, "webhook", {"url": secure.url, "secret": "key", "root_ca": root_ca}),
        post(peerd, "pagerduty", {"routing_key": "route", "api_url": web.url}),
        post(peerd, "email", {"smtp_host": "127.0.0.1", "smtp_port": mail.port, "smtp_user": "me", "smtp_password": "pw", "root_ca": root_ca,
                              "from": "peerd@example.com", "email_addresses": ["a@example.com", "b@example.com"]})]
    for number in numbers:
        assert peerd.rest("POST", f"{ALERTS}/{number}/test") == (200, {"status": "sent"})
    slack = [one for one in web.bodies() if "channel" in one]
    assert [one["channel"] for one in slack] == ["C1", "C2"] and "cc: <@U1>" in slack[0]["blocks"][1]["text"]["text"]
    assert web.got[0][1]["Authorization"] == "Bearer xoxb"
    assert [one["event_action"] for one in web.bodies() if one.get("routing_key") == "route"] == ["trigger"]
    (_, headers, text), = secure.got
    wanted = hmac.new(b"key", headers["X-Peerd-Timestamp"].encode() + b"." + text, hashlib.sha256).hexdigest()
    assert headers["X-Peerd-Signature"] == f"sha256={wanted}" and json.loads(text)["status"] == "test"
    (sender, to, message, user, was_secure), = mail.got
    assert (sender, to, user, was_secure) == ("peerd@example.com", ["a@example.com", "b@example.com"], "me", True)
    assert message["subject"] == "peerd: a test" and "Nothing is wrong" in message.get_content()
    for number in numbers:
        assert peerd.rest("DELETE", f"{ALERTS}/{number}") == (200, {})
    assert peerd.rest("POST", f"{ALERTS}/{numbers[0]}/test")[0] == 404


def refused(peerd, statement):
    with pytest.raises(psycopg2.Error) as refusal:
        peerd.sql(statement)
    return refusal.value.pgcode, str(refusal.value)


def test_what_sql_makes_is_what_rest_shows(peerd):
    web = WebReceiver()
    peerd.sql(f"CREATE ALERT TO slack FOR MIRROR orders, billing WITH (auth_token = 'xoxb', channel_ids = 'C1, C2', api_url = '{web.url}', "
              "slot_lag_mb_alert_threshold = 9000, lag_mb_alert_threshold = '-1')")
    shown, = peerd.rest("GET", ALERTS)[1]["configs"]
    number = shown["id"]
    assert shown["alertForMirrors"] == ["orders", "billing"]
    assert json.loads(shown["serviceConfig"]) == {"auth_token": "", "channel_ids": ["C1", "C2"], "api_url": web.url,
                                                  "slot_lag_mb_alert_threshold": 9000, "lag_mb_alert_threshold": -1}
    assert [row["config"] for row in peerd.rows("SHOW ALERTS")] == [number]
    # The secret stays where it may go, and follows to no other server.
    peerd.sql(f"ALTER ALERT {number} SET (channel_ids = 'C3') RESET (lag_mb_alert_threshold) FOR ALL MIRRORS")
    peerd.sql(f"TEST ALERT {number}")
    assert [one["channel"] for one in web.bodies()] == ["C3"] and web.got[0][1]["Authorization"] == "Bearer xoxb"
    shown, = peerd.rest("GET", ALERTS)[1]["configs"]
    assert shown["alertForMirrors"] == [] and "lag_mb_alert_threshold" not in json.loads(shown["serviceConfig"])
    for statement, code, words in (
            (f"ALTER ALERT {number} SET (api_url = 'http://127.0.0.1:1')", "22023", "auth_token is missing"),
            (f"ALTER ALERT {number} RESET (channel_ids)", "22023", "channel_ids is missing"),
            (f"ALTER ALERT {number} RESET (chanel_ids)", "22023", "did you mean channel_ids"),
            (f"ALTER ALERT {number} SET (slot_lag_mb_alert_threshold = 'much')", "22023", "slot_lag_mb_alert_threshold must be an integer"),
            ("CREATE ALERT TO slakc WITH (auth_token = 'x')", "22023", "did you mean slack"),
            ("CREATE ALERT TO webhook WITH (url = 'gopher://secret')", "22023", "url must be an address"),
            (f"ALTER ALERT {number + 1} FOR ALL MIRRORS", "42704", "SELECT config FROM alerts"),
            (f"DROP ALERT {number + 1}", "42704", "SELECT config FROM alerts"),
            (f"TEST ALERT {number + 1}", "42704", "SELECT config FROM alerts")):
        told = refused(peerd, statement)
        assert told[0] == code and words in told[1] and "config.service" not in told[1] and "secret" not in told[1].split("LINE")[0], (statement, told)
    assert peerd.rest("GET", ALERTS)[1]["configs"] == [shown]
    peerd.sql(f"DROP ALERT IF EXISTS {number + 1}")
    peerd.sql(f"DROP ALERT {number}")
    assert peerd.rest("GET", ALERTS) == (200, {"configs": []})


def test_a_test_message_that_is_not_taken_says_why(peerd, certificate):
    elsewhere, secured = WebReceiver(answer=(302, {})), MailReceiver(certificate, password="pw")
    refusing, untrusted, plain = WebReceiver(answer=(200, {"ok": False, "error": "invalid_auth"})), WebReceiver(certificate), MailReceiver()
    mail = {"smtp_host": "127.0.0.1", "smtp_port": plain.port, "from": "a@example.com", "email_addresses": ["b@example.com"]}
    cases = ((("slack", {"auth_token": "xoxb", "channel_ids": ["C1"], "api_url": refusing.url}), "invalid_auth"),
             (("webhook", {"url": untrusted.url}), "certificate"),
             (("webhook", {"url": elsewhere.url}), "302"),
             (("email", {**mail, "smtp_port": secured.port, "root_ca": certificate.pem(), "smtp_user": "me", "smtp_password": "no"}), "login"),
             (("webhook", {"url": "http://127.0.0.1:1/secret-path"}), "127.0.0.1:1"),
             (("email", mail), "STARTTLS"))
    for arguments, part in cases:
        number = post(peerd, *arguments)
        status, answer = peerd.rest("POST", f"{ALERTS}/{number}/test")
        assert status >= 400 and part.lower() in json.dumps(answer).lower() and "secret-path" not in json.dumps(answer), answer
        peerd.rest("DELETE", f"{ALERTS}/{number}")
    tls = MailReceiver(certificate, wrapped=True)
    for receiver, more in ((plain, {"smtp_security": "none"}),
                           (tls, {"smtp_security": "tls", "smtp_port": tls.port, "root_ca": certificate.pem()})):
        number = post(peerd, "email", {**mail, **more})
        assert peerd.rest("POST", f"{ALERTS}/{number}/test")[0] == 200 and len(receiver.got) == 1
        peerd.rest("DELETE", f"{ALERTS}/{number}")


def test_an_address_that_is_refused_silences_no_other(peerd):
    mail = MailReceiver(refused=("gone@example.com",))
    config = {"smtp_host": "127.0.0.1", "smtp_port": mail.port, "smtp_security": "none", "from": "peerd@example.com"}
    number = post(peerd, "email", {**config, "email_addresses": ["gone@example.com", "b@example.com"]})
    assert peerd.rest("POST", f"{ALERTS}/{number}/test") == (200, {"status": "sent"})
    assert [to for _, to, *_ in mail.got] == [["b@example.com"]]
    peerd.rest("DELETE", f"{ALERTS}/{number}")
    number = post(peerd, "email", {**config, "email_addresses": ["gone@example.com"]})
    status, answer = peerd.rest("POST", f"{ALERTS}/{number}/test")
    assert status >= 400 and "550" in json.dumps(answer) and len(mail.got) == 1, answer
    peerd.rest("DELETE", f"{ALERTS}/{number}")


def test_a_mail_server_that_does_not_say_goodbye_is_not_waited_for(peerd):
    """By libcurl's own time it would be two minutes."""
    mail = MailReceiver(mute=True)
    number = post(peerd, "email", {"smtp_host": "127.0.0.1", "smtp_port": mail.port, "smtp_security": "none", "from": "a@example.com",
                                   "email_addresses": ["b@example.com"]})
    begun = time.monotonic()
    assert peerd.rest("POST", f"{ALERTS}/{number}/test") == (200, {"status": "sent"})
    assert time.monotonic() - begun < 40 and len(mail.got) == 1
    peerd.rest("DELETE", f"{ALERTS}/{number}")


def test_a_failed_mirror_is_told_once_over_a_restart_and_its_end_too(new_world):
    """The receiver is down at first: the message waits for it, over a kill -9, and comes once."""
    world = new_world("postgres")
    world.sql("CREATE TABLE t (id int PRIMARY KEY)")
    world.start_mirror(["public.t"])
    receiver = WebReceiver(answer=(200, {}))
    receiver.answers = [(500, {})] * 2
    post(world.peerd, "webhook", {"url": receiver.url}, [world.mirror_name])
    world.pause()
    slot = world.source.value("SELECT slot_name FROM pg_replication_slots WHERE database = %s", (world.source_db,))
    world.source.sql("SELECT pg_drop_replication_slot(%s)", (slot,))
    wait_for("the mirror to have failed", lambda: world.mirror()["state"] == "FAILED", 60, 0.1)
    wait_for("the first try", lambda: receiver.got, 60, 0.05)
    world.peerd.kill9()
    world.peerd.start()
    told = lambda: [(row["cause"], row["told_at"] is not None) for row in world.peerd.rows("SELECT cause, told_at FROM alerts ORDER BY cause")]
    wait_for("both causes to be told", lambda: told() == [("failed", True), ("slot_lost", True)], 90, 0.1)
    accepted = [one for one in receiver.bodies()][2:]
    assert sorted((one["status"], one["cause"], one["mirror"]) for one in accepted) == [
        ("firing", "failed", world.mirror_name), ("firing", "slot_lost", world.mirror_name)], receiver.bodies()
    world.peerd.restart()
    world.drop()
    wait_for("both ends to be told", lambda: world.peerd.rows("SELECT mirror FROM alerts") == [{"mirror": None}], 60, 0.1)
    ends = receiver.bodies()[4:]
    assert sorted((one["status"], one["cause"]) for one in ends) == [("resolved", "failed"), ("resolved", "slot_lost")], receiver.bodies()
    assert {one["key"] for one in ends} == {one["key"] for one in accepted}


def test_a_receiver_that_hangs_holds_up_no_mirror_and_no_stop(new_world):
    world = new_world("postgres")
    silent = socket.create_server(("127.0.0.1", 0))
    post(world.peerd, "webhook", {"url": f"http://127.0.0.1:{silent.getsockname()[1]}/", "slot_lag_mb_alert_threshold": 1})
    world.sql("CREATE TABLE t (id int PRIMARY KEY, x text)")
    world.start_mirror(["public.t"])
    world.pause()
    world.sql("INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series(1, 5000) g")
    wait_for("wal_kept to be found", lambda: world.peerd.rows("SELECT cause, told_at FROM alerts") == [{"cause": "wal_kept", "told_at": None}], 60, 0.1)
    silent.accept()  # It is being told.
    world.resume()
    assert world.settle_and_compare() == 5000
    code, seconds = world.peerd.terminate(timeout=20)
    assert code == 0 and seconds < 10, (code, seconds)


def test_a_target_that_is_down_is_told_as_retrying_and_lag_and_both_end(new_world):
    """Every channel is told once, though one of them refuses at first; a mirror that is not named is not told of."""
    world = new_world("postgres", target=PostgresServer("down", settings={"fsync": "off"}))
    world.sql("CREATE TABLE t (id int PRIMARY KEY, x text)")
    world.start_mirror(["public.t"])
    slack = WebReceiver()
    slack.answers = [(200, {"ok": True}), (200, {"ok": False, "error": "channel_not_found"})]
    thresholds = {"retrying_seconds_alert_threshold": 1, "lag_mb_alert_threshold": 2}
    config = {"auth_token": "xoxb", "channel_ids": ["C1", "C2"], "api_url": slack.url, **thresholds}
    post(world.peerd, "slack", config, [world.mirror_name])
    post(world.peerd, "slack", config, ["another"])
    open_causes = lambda: {row["cause"]: row["told_at"] is not None
                           for row in world.peerd.rows("SELECT cause, told_at FROM alerts WHERE mirror IS NOT NULL")}
    world.target.stop()
    world.sql("INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series(1, 5000) g")
    wait_for("both to be told", lambda: open_causes() == {"retrying": True, "lag_bytes": True}, 90, 0.1)
    world.target.start()
    assert world.settle_and_compare() == 5000
    wait_for("both ends to be told", lambda: open_causes() == {}, 90, 0.1)
    taken = slack.bodies()
    refused = taken.pop(1)
    assert refused["channel"] == "C2" and [one["channel"] for one in taken].count("C1") == 4, slack.bodies()
    titles = sorted((one["channel"], one["text"]) for one in taken)
    wanted = [f"peerd: {word}: mirror {world.mirror_name}: {cause}" for cause in ("lag_bytes", "retrying") for word in ("resolved", "warning")]
    assert titles == sorted((channel, title) for channel in ("C1", "C2") for title in wanted), titles

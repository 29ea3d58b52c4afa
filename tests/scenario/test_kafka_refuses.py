"""What Kafka's target cannot take of a row, or the brokers refuse, is told with table, topic or column, the key's columns and a cure."""
from support.process import wait_for

SECRET = "(SELECT string_agg(md5(g::text), 'secret') FROM generate_series(1, 4000) g)"
TABLE = "CREATE TABLE public.items (part int, id int, n numeric, t text, PRIMARY KEY (part, id)); INSERT INTO items VALUES (1, 1, 1, 'one'); "
# (options of the mirror, the topic's limit, the row, words of the error, words of the hint)
ROWS = {
    "value": ({"format": "debezium"}, None, "INSERT INTO items VALUES (1, 2, 'NaN', 'two')", "column n of public.items", "on_bad_row"),
    "size": ({}, 60_000, f"INSERT INTO items VALUES (1, 2, 2, {SECRET})", "public.items", "max.message.bytes"),
}


def told(world):
    """The mirror's row and what its log says, once there is an error."""
    row = wait_for("the error", lambda: (m := world.mirror()) and m["last_error"] and m, 90)
    logged = wait_for("its record", lambda: [line for line in world.peerd.rows("SELECT * FROM mirror_logs") if line["mirror"] == world.mirror_name
                                             and row["last_error"] in line["message"]], 30)
    return row, logged[-1]


def test_a_row_that_kafka_cannot_take(new_world):
    first = new_world("kafka")
    worlds = {}
    for name, (options, limit, bad, _, _) in ROWS.items():
        for phase in ("copy", "stream"):
            world = worlds[name, phase] = first if not worlds else new_world("kafka", peerd=first.peerd)
            world.sql(TABLE + (bad if phase == "copy" else ""))
            if limit:
                world.target.create_topic(world.target_name("public.items"), 1, max_message_bytes=limit)
            world.start_mirror(["public.items"], wait=None, **options)
    for (name, phase), world in worlds.items():
        if phase == "stream":
            world.wait_state("RUNNING")
            world.sql(ROWS[name][2])
    for (name, phase), world in worlds.items():
        says, cure = ROWS[name][3:]
        row, logged = told(world)
        assert says in row["last_error"] and cure in row["last_error_hint"], (name, phase, row)
        if name == "size":
            assert world.target_name("public.items") in row["last_error"], row
        assert says in logged["message"] and cure in logged["hint"] and "(part, id)" in logged["detail"], (name, phase, logged)
        assert "secret" not in str(row) + str(logged)
    assert "secret" not in first.peerd.log_text()


def test_what_the_brokers_refuse(new_world):
    """A limit that falls after it was read."""
    world = new_world("kafka")
    topic = world.target_name("public.items")
    world.target.create_topic(topic, 1)
    world.sql(TABLE)
    world.start_mirror(["public.items"])
    world.wait_caught_up()
    world.target.alter_topic(topic, max_message_bytes=40_000)
    world.sql(ROWS["size"][2])
    row, logged = told(world)
    for said in (row["last_error"], logged["message"]):
        assert topic in said and "public.items" in said, (row, logged)
    for cure in (row["last_error_hint"], logged["hint"]):
        assert "max.message.bytes" in cure, (row, logged)
    # The next attempt reads the limit, and finds the row.
    row = world.wait_state("FAILED")
    assert "a row of public.items" in row["last_error"] and topic in row["last_error"] and "40000" in row["last_error"], row
    world.target.alter_topic(topic, max_message_bytes=900_000)
    world.resume()
    assert world.settle_and_compare() == 2

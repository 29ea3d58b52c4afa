"""What a consumer of Debezium's topics stands on, with the format debezium: rows as they were, one type for each field, nothing in a
table's topic that is not of its rows, tombstones, and the source's own names. Messages are read as they are, not rebuilt."""
import json

import psycopg2
import pytest

from support.kafka_consumer import Consumer

PLACEHOLDER = "__debezium_unavailable_value"


@pytest.fixture
def world(new_world):
    return new_world("kafka")


def messages(world, topic):
    """(key, value, headers) of each message of the topic, as it is, in the order of partition and offset."""
    found = []

    class Raw(Consumer):
        def take(self, topic, partition, offset, key, value, headers):
            if offset >= self.positions.get((topic, partition), 0):
                self.positions[topic, partition] = offset + 1
                found.append((partition, offset, key and json.loads(key), value and json.loads(value), {name: text.decode() for name, text in headers}))

    reader = Raw(world.target.client(), [topic])
    reader.read_whole()
    reader.close()
    return [message[2:] for message in sorted(found, key=lambda message: message[:2])]


def values(world, table="public.items"):
    return [value for _, value, _ in messages(world, world.target_name(table)) if value is not None]


TOUCHED = "CREATE TABLE public.touched (id int PRIMARY KEY); INSERT INTO touched VALUES (1)"


def start(world, **options):
    """With a table beside that waiting may touch: public.items has the test's own changes and no other."""
    world.sql(TOUCHED)
    world.start_mirror(["public.touched", "public.items"], partitions=1, **options)


def kind_of(value):
    """The type that a consumer's schema would have for a value."""
    if isinstance(value, list):
        return [sorted({str(kind_of(part)) for part in value if part is not None})]
    return {name: kind_of(part) for name, part in value.items()} if isinstance(value, dict) else type(value).__name__


LONG = "repeat(md5('{}'), 2000)"  # 64 kB
SHOWN = "CREATE TABLE public.items (id int PRIMARY KEY, n numeric(10,2), t text, gone text, far timestamptz); " \
        "ALTER TABLE items REPLICA IDENTITY FULL; ALTER TABLE items ALTER t SET STORAGE EXTERNAL; INSERT INTO items VALUES (1, 1.5, 'a', 'x', NULL), (2, NULL, NULL, 'y', 'infinity')"


@pytest.mark.parametrize("excluded", [(), ("gone",)])
def test_identity_full_shows_whole_rows_as_they_were(world, excluded):
    world.sql(SHOWN)
    world.create_peers()
    more = f", exclude: [{', '.join(excluded)}]" if excluded else ""
    world.sql(TOUCHED)
    world.tables, world.options = ["public.touched", "public.items"], {"format": "debezium"}
    world.peerd.sql(f"CREATE MIRROR {world.mirror_name} FROM {world.source_peer} TO {world.target_peer} WITH TABLE MAPPING "
                    f"({{from: public.touched, to: {world.target_name('public.touched')}}}, {{from: public.items, to: {world.target_name('public.items')}{more}}}) WITH (format = 'debezium', partitions = 1)")
    world.wait_state("RUNNING")
    shape = lambda row: row and {name: value for name, value in row.items() if name not in excluded}
    world.sql(f"UPDATE items SET t = {LONG.format('x')} WHERE id = 1; UPDATE items SET n = 2 WHERE id = 1; UPDATE items SET id = 7 WHERE id = 1; DELETE FROM items WHERE id = 7")
    world.sql("UPDATE items SET t = 'b' WHERE id = 2; ALTER TABLE items ADD more int DEFAULT 9; UPDATE items SET n = 0 WHERE id = 2; DELETE FROM items WHERE id = 2")
    world.wait_caught_up()
    long = "".join([world.sql("SELECT md5('x')")[0][0]] * 2000)
    row = lambda id, n, t, gone, far, **more: {"id": id, "n": n, "t": t, "gone": gone, "far": far, **more}
    first, second = row(1, "AJY=", "a", "x", None), row(2, None, None, "y", "infinity")
    wide, wider = {**first, "t": long}, {**first, "t": long, "n": "AMg="}
    moved, changed = {**wider, "id": 7}, {**second, "t": "b"}
    last = {**changed, "n": "AA==", "more": 9}
    wanted = [("r", None, first), ("r", None, second), ("u", first, wide), ("u", wide, wider), ("d", wider, None), ("c", None, moved), ("d", moved, None),
              ("u", second, changed), ("u", {**changed, "more": 9}, last), ("d", last, None)]
    assert [(value["op"], value["before"], value["after"]) for value in values(world)] == [(op, shape(before), shape(after)) for op, before, after in wanted]


def test_the_default_identity_shows_the_key_of_a_delete_alone(world):
    world.sql("CREATE TABLE public.items (id int, k text, t text, PRIMARY KEY (k, id)); ALTER TABLE items ALTER k SET STORAGE EXTERNAL; INSERT INTO items VALUES (1, 'a', 'x')")
    start(world, format="debezium")
    # Of a key that is stored out of line Postgres sends the old one with each update, and Debezium shows it.
    world.sql("UPDATE items SET t = 'y'; UPDATE items SET id = 2; INSERT INTO items VALUES (3, repeat('k', 2200), 'x'); UPDATE items SET t = 'z' WHERE id = 3; DELETE FROM items")
    world.wait_caught_up()
    long = "k" * 2200
    told = [(value["op"], value["before"]) for value in values(world)]
    assert told == [("r", None), ("u", None), ("d", {"id": 1, "k": "a", "t": None}), ("c", None), ("c", None), ("u", {"id": 3, "k": long, "t": None}),
                    ("d", {"id": 2, "k": "a", "t": None}), ("d", {"id": 3, "k": long, "t": None})], told


def test_the_format_peerdb_has_rows_as_they_were_in_old(world):
    world.sql(SHOWN)
    start(world)
    world.sql("UPDATE items SET t = 'b', n = 3 WHERE id = 1; UPDATE items SET id = 5 WHERE id = 1; DELETE FROM items WHERE id = 2")
    assert world.settle_and_compare() == 2
    first = {"id": 1, "n": "1.50", "t": "a", "gone": "x", "far": None}
    then = {**first, "t": "b", "n": "3.00"}
    told = [(value["kind"], value.get("old"), value.get("new")) for value in values(world) if value["kind"] in ("update", "delete", "insert")]
    assert told == [("update", first, then), ("delete", then, None), ("insert", None, {**then, "id": 5}),
                    ("delete", {"id": 2, "n": None, "t": None, "gone": "y", "far": "infinity"}, None)], told


def test_a_tables_topic_has_its_rows_and_nothing_else(world):
    world.sql("CREATE TABLE public.items (id int PRIMARY KEY, t text); CREATE TABLE public.others (id int PRIMARY KEY); "
              "INSERT INTO items SELECT g, 'a' FROM generate_series(1, 20) g; INSERT INTO others VALUES (1)")
    world.start_mirror(["public.others", "public.items"], format="debezium", partitions=3)
    world.sql("UPDATE items SET t = 'b' WHERE id < 5; UPDATE items SET id = id + 100 WHERE id = 5; DELETE FROM items WHERE id = 6")
    assert world.settle_and_compare() == 20
    world.sql("BEGIN; INSERT INTO items VALUES (900, 'x'); TRUNCATE items; INSERT INTO items VALUES (1, 'again'); COMMIT")
    assert world.settle_and_compare() == 2, "by the topic of events"
    told = messages(world, world.target_name("public.items"))
    assert {value["op"] for _, value, _ in told if value} == set("rcud") and all(list(key) == ["id"] for key, _, _ in told)
    # A delete is followed by its tombstone, a key change's too.
    deleted = [at for at, (_, value, _) in enumerate(told) if value and value["op"] == "d"]
    assert [told[at][0] for at in deleted] == [told[at + 1][0] for at in deleted if told[at + 1][1] is None] and len(deleted) == 2
    assert sum(value is None for _, value, _ in told) == 2
    names = {value["source"][name] for _, value, _ in told if value for name in ("db", "schema", "table", "name", "connector")}
    assert names == {world.source_db, "public", "items", world.mirror_name, "postgresql"}
    events = messages(world, f"{world.mirror_name}.event")
    kinds = [(key["_peerd_event"], key["topic"], value["op"], value["source"]["table"], value["source"]["db"]) for key, value, _ in events]
    name = world.target_name
    assert ("truncate", name("public.items"), "t", "items", world.source_db) in kinds
    assert {("horizon", name(f"public.{table}"), "m", table, world.source_db) for table in ("items", "others")} <= set(kinds)
    assert sum(kind[0] == "truncate" for kind in kinds) == 1


def test_truncates_as_debezium_sends_them_and_events_in_a_topic_of_that_name(world):
    world.sql("CREATE TABLE public.items (id int PRIMARY KEY, t text); INSERT INTO items VALUES (1, 'a'), (2, 'b')")
    world.start_mirror(["public.items"], format="debezium", skipped_operations="none", tombstones=False, event_topic=f"{world.target_db}.events", partitions=3)
    world.sql("DELETE FROM items WHERE id = 1; TRUNCATE items; INSERT INTO items VALUES (3, 'c')")
    assert world.settle_and_compare() == 1
    told = messages(world, world.target_name("public.items"))
    assert [(key, value["before"], value["after"]) for key, value, _ in told if value["op"] == "t"] == [(None, None, None)]
    assert all(value is not None for _, value, _ in told)
    assert {key["_peerd_event"] for key, _, _ in messages(world, f"{world.target_db}.events")} == {"truncate", "horizon"}


DOMAINS = """CREATE EXTENSION hstore; CREATE TYPE mood AS ENUM ('sad', 'so, so');
  CREATE DOMAIN small AS int CHECK (VALUE > 0); CREATE DOMAIN smaller AS small NOT NULL CHECK (VALUE < 100);
  CREATE DOMAIN price AS numeric(10,2); CREATE DOMAIN cheap AS price; CREATE DOMAIN anynum AS numeric; CREATE DOMAIN moment AS timestamptz(3); CREATE DOMAIN clock AS timestamp(3);
  CREATE DOMAIN code AS varchar(5); CREATE DOMAIN feeling AS mood; CREATE DOMAIN flag AS boolean; CREATE DOMAIN bytes AS bytea; CREATE DOMAIN day AS date;
  CREATE DOMAIN pairs AS hstore; CREATE DOMAIN ints AS int[]; CREATE DOMAIN prices AS price[]; CREATE DOMAIN real_ AS real;
  CREATE TYPE pair AS (a int, b text); CREATE DOMAIN paired AS pair"""
COLUMNS = {  # name: (type, a value, what Debezium's converters make of it)
    "a": ("small", "5", 5), "b": ("smaller", "7", 7), "c": ("price", "1.5", "AJY="), "d": ("cheap", "1.5", "AJY="), "e": ("anynum", "1.5", {"scale": 1, "value": "Dw=="}),
    "f": ("moment", "2024-07-01 12:00:00.5+00", "2024-07-01T12:00:00.500Z"), "g": ("clock", "1970-01-01 00:00:01", 1000), "h": ("code", "ab", "ab"), "i": ("feeling", "so, so", "so, so"),
    "j": ("flag", "t", True), "k": ("bytes", "\\x00ff", "AP8="), "l": ("day", "1970-01-02", 1), "m": ("pairs", "a=>1", '{"a":"1"}'), "n": ("ints", "{1,NULL}", [1, None]),
    "o": ("prices", "{1.5}", ["AJY="]), "p": ("small[]", "{1,2}", [1, 2]), "q": ("mood[]", '{sad,"so, so"}', ["sad", "so, so"]), "r": ("real_", "100", 100.0),
    "s": ("pair", '(1,"a b")', '(1,"a b")'), "t": ("paired", '(1,"a b")', '(1,"a b")'), "u": ("ints[]", '{"{1,2}"}', ["{1,2}"]), "v": ("feeling[]", "{sad}", ["sad"])}


def test_domains_are_written_as_what_they_are_made_of(world):
    world.sql(DOMAINS)
    world.sql(f"CREATE TABLE public.items (id small, {', '.join(f'{name} {type_name}' for name, (type_name, *_) in COLUMNS.items())}, PRIMARY KEY (id, b))")
    given = ", ".join(f"CAST('{value}' AS {type_name})" for type_name, value, _ in COLUMNS.values())
    world.sql(f"INSERT INTO items VALUES (1, {given})")
    start(world, format="debezium")
    world.sql(f"INSERT INTO items VALUES (2, {given}); INSERT INTO items (id, b) VALUES (3, 4); ALTER TABLE items REPLICA IDENTITY DEFAULT, ADD w cheap, ADD x code DEFAULT 'z'; "
              f"UPDATE items SET w = 2.5 WHERE id = 2; UPDATE items SET b = 9 WHERE id = 3")
    world.wait_caught_up()
    told = values(world)
    wanted = {name: value for name, (_, _, value) in COLUMNS.items()}
    assert [(value["op"], value["after"]) for value in told[:2]] == [("r", {"id": 1, **wanted}), ("c", {"id": 2, **wanted})], told[:2]
    assert kind_of(told[0]["after"]) == kind_of(told[1]["after"]) and kind_of(told[0]["after"]["r"]) == "float"
    assert told[2]["after"] == {"id": 3, **dict.fromkeys(COLUMNS), "b": 4}
    assert (told[3]["op"], told[3]["after"]) == ("u", {"id": 2, **wanted, "w": "APo=", "x": "z"})
    keys = [key for key, _, _ in messages(world, world.target_name("public.items"))]
    assert keys == [{"id": 1, "b": 7}, {"id": 2, "b": 7}, {"id": 3, "b": 4}, {"id": 2, "b": 7}, {"id": 3, "b": 4}, {"id": 3, "b": 4}, {"id": 3, "b": 9}]


UNKNOWN = {  # name: (type, a value that is stored out of line, what stands for one that nothing knows)
    "t": ("text", LONG.format(1), PLACEHOLDER), "dom": ("prose", LONG.format(1), PLACEHOLDER), "j": ("json", f"to_json({LONG.format(1)})", PLACEHOLDER),
    "by": ("bytea", f"decode({LONG.format(1)}, 'hex')", "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="), "n": ("numeric", "('9' || repeat('1234567', 9000))::numeric", None),
    "vb": ("bit varying", "repeat('1', 80000)::bit varying", None), "an": ("numeric(9,2)[]", "array_fill(1.5, '{9000}')", None), "af": ("float8[]", "array_fill(1.5, '{9000}')", None),
    "ar": ("real[]", "array_fill(1.5, '{9000}')", None), "atz": ("timestamptz[]", "array_fill('2024-01-01 00:00Z'::timestamptz, '{9000}')", None), "aip": ("inet[]", "array_fill('::1'::inet, '{9000}')", None),
    "at": ("text[]", f"ARRAY[{LONG.format(1)}]", [PLACEHOLDER]), "ai": ("int[]", "array_fill(7, '{9000}')", list(PLACEHOLDER.encode())), "adom": ("small[]", "array_fill(7, '{9000}')", list(PLACEHOLDER.encode())),
    "h": ("hstore", f"hstore('a', {LONG.format(1)})", json.dumps({PLACEHOLDER: PLACEHOLDER}, separators=(",", ":")))}


def test_what_stands_for_an_unknown_value_has_its_fields_type(world):
    world.sql("CREATE EXTENSION hstore; CREATE DOMAIN prose AS text; CREATE DOMAIN small AS int")
    world.sql(f"CREATE TABLE public.items (id int PRIMARY KEY, v int, {', '.join(f'{name} {type_name}' for name, (type_name, *_) in UNKNOWN.items())})")
    world.sql("ALTER TABLE items " + ", ".join(f"ALTER {name} SET STORAGE EXTERNAL" for name in UNKNOWN))
    start(world, format="debezium")
    world.sql(f"INSERT INTO items VALUES (1, 1, {', '.join(value for _, value, _ in UNKNOWN.values())})")
    world.wait_caught_up()
    world.sql("BEGIN; UPDATE items SET v = 2; DELETE FROM items; COMMIT")
    world.wait_caught_up()
    (_, known, _), (_, value, headers) = [message for message in messages(world, world.target_name("public.items")) if message[1] and message[1]["op"] in "cu"]
    assert value["after"] == {"id": 1, "v": 2, **{name: stands for name, (_, _, stands) in UNKNOWN.items()}}
    assert json.loads(headers["unchanged_columns"]) == list(UNKNOWN)
    for name, (_, _, stands) in UNKNOWN.items():
        assert stands is None or kind_of(stands) == kind_of(known["after"][name]), name


def refused(world, tables, **options):
    with pytest.raises(psycopg2.Error) as caught:
        world.create_mirror(tables, **options)
    assert world.slots() == [] and world.publications() == [] and world.mirror() is None
    return caught.value.diag.message_primary + "\n" + (caught.value.diag.message_hint or "")


def test_names_that_meet_those_of_peerd_are_refused(world):
    world.sql("CREATE TABLE public.items (id int PRIMARY KEY, _peerdb_kind text, op text, before text, unchanged_columns text); CREATE TABLE public.odd (_peerd_event text PRIMARY KEY)")
    world.create_peers()
    topic = world.target_name("public.items")
    told = refused(world, ["public.items"], format="flat")
    assert "_peerdb_kind" in told and "public.items" in told and "exclude" in told, told
    assert "_peerd_event" in (told := refused(world, ["public.odd"])) and "event_topic" in told
    assert "event_topic" in (told := refused(world, ["public.items"], format="debezium", event_topic=topic)) and topic in told
    assert "dead_letter_topic" in refused(world, ["public.items"], on_bad_row="dead_letter", dead_letter_topic=topic)
    assert "debezium" in refused(world, ["public.items"], skipped_operations="none")
    assert "skipped_operations" in refused(world, ["public.items"], format="debezium", skipped_operations="c")
    # Nested, they are a row's like any other.
    world.sql("INSERT INTO items VALUES (1, 'k', 'c', 'b', 'u'); INSERT INTO odd VALUES ('horizon')")
    world.create_mirror(["public.items", "public.odd"], "RUNNING", format="debezium", partitions=1)
    world.sql("UPDATE items SET op = 'd'")
    assert world.settle_and_compare() == 2
    assert values(world)[-1]["after"] == {"id": 1, "_peerdb_kind": "k", "op": "d", "before": "b", "unchanged_columns": "u"}

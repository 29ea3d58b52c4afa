"""Sources and targets whose encoding is not UTF-8: characters arrive, in values and in names, or the mirror stops and names the column."""
import pytest

from support.process import wait_for

TEXT = "Çà et là, œuf à 5 €"  # WIN1252 has all of it, LATIN1 neither œ nor €
KINDS = ["postgres", "clickhouse", "kafka"]


@pytest.fixture(scope="module")
def encoded(source, target):
    """encoded(server, encoding): the name of an empty database of the encoding, made once."""
    made = {}

    def make(server, encoding):
        name = f"in_{encoding.lower()}"
        if (server, name) not in made:
            server.sql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'")
            made[server, name] = True
        return name
    return make


def at_source(world, statement):
    """Whatever the database's encoding is, the statement is UTF-8."""
    with world.source.connect(world.source_db) as connection, connection.cursor() as cursor:
        connection.set_client_encoding("UTF8")
        cursor.execute(statement)


def arrived(world, table, columns):
    """The rows at the target, as text, by their first column."""
    if world.kind == "kafka":
        return sorted(tuple(row[column] for column in columns) for _, row in world.consumer().topics[world.target_name(table)].rows.values())
    if world.kind == "clickhouse":
        names = ", ".join(f"`{column}`" for column in columns)
        found = world.at_target(f"SELECT {names} FROM `{world.target_name(table)}` FINAL ORDER BY 1")
        return sorted(tuple(str(row[column]) for column in columns) for row in found)
    names = ", ".join(f'"{column}"' for column in columns)
    schema, name = table.split(".")
    return sorted(tuple(str(cell) for cell in row) for row in world.at_target(f'SELECT {names} FROM {schema}."{name}"'))


@pytest.mark.parametrize("kind, encoding, value", [("postgres", "LATIN1", "Çà et là"), *((kind, "WIN1252", TEXT) for kind in KINDS),
                                                   *((kind, "EUC_JP", "人間失格") for kind in ("clickhouse", "kafka"))])
def test_characters_arrive_in_values_and_in_names(new_world, source, encoded, kind, encoding, value):
    world = new_world(kind, template=encoded(source, encoding))
    table, column = ("表", "列") if encoding == "EUC_JP" else ("café", "prénom")
    at_source(world, f"""CREATE TABLE public."{table}" (id integer PRIMARY KEY, "{column}" text, b bytea, a text[]);
      INSERT INTO "{table}" VALUES (1, '{value}', '\\xe9', ARRAY['{value}'])""")
    world.create_peers()
    target = table if kind != "kafka" else f"{world.target_db}.t"
    world.tables, world.target_name = [f"public.{table}"], lambda _: target
    world.peerd.sql(f'CREATE MIRROR {world.mirror_name} FROM {world.source_peer} TO {world.target_peer} '
                    f'WITH TABLE MAPPING ({{from: "public.{table}", to: "{"public." if kind == "postgres" else ""}{target}"}})')
    world.wait_state("RUNNING")
    at_source(world, f"""INSERT INTO "{table}" VALUES (2, '{value}!', '\\x00', ARRAY['{value}']); UPDATE "{table}" SET "{column}" = '{value}?' WHERE id = 1""")
    wait_for("the rows", lambda: arrived(world, f"public.{table}", ["id", column]) == [("1", value + "?"), ("2", value + "!")], 60)


@pytest.mark.parametrize("phase", ["copy", "stream"])
@pytest.mark.parametrize("kind, encoding, byte", [*((kind, "SQL_ASCII", "xe9") for kind in KINDS), ("postgres", "WIN1252", "x81")])
def test_bytes_that_are_no_characters_stop_the_mirror_and_name_the_column(new_world, source, encoded, kind, phase, encoding, byte):
    world = new_world(kind, template=encoded(source, encoding))
    bad = f"INSERT INTO t VALUES (2, 5, 'fine', E'caf\\{byte}', 'ok')"
    world.sql("CREATE TABLE public.other (id int PRIMARY KEY, v text); CREATE TABLE public.t (id int PRIMARY KEY, n int, u text, v text, w text);"
              "INSERT INTO t VALUES (1, 1, 'a', 'b', 'c')")
    if phase == "copy":
        world.sql(bad)
    world.create_peers()
    world.create_mirror(["public.other", "public.t"], None if phase == "copy" else "RUNNING")
    if phase == "stream":
        world.sql(bad)
    stopped = world.wait_state("FAILED")
    assert '"v"' in stopped["last_error"] and "public.t" in stopped["last_error"] and '"u"' not in stopped["last_error"], stopped
    assert "UTF-8" in stopped["last_error"] and "at the source" in stopped["last_error_hint"] and byte not in stopped["last_error"], stopped


def test_where_the_row_is_another_by_now_the_tables_are_named(new_world, source, encoded):
    world = new_world("postgres", template=encoded(source, "SQL_ASCII"))
    world.sql("CREATE TABLE public.t (id int PRIMARY KEY, v text)")
    world.start_mirror(["public.t"])
    world.pause()
    world.sql("INSERT INTO t VALUES (1, E'caf\\xe9')")
    world.sql("UPDATE t SET v = 'cafe'")
    world.resume()
    stopped = wait_for("the error", lambda: (m := world.mirror())["state"] == "FAILED" and m, 60)
    assert "public.t" in stopped["last_error"] and "another by now" in stopped["last_error"], stopped
    assert "RESYNC MIRROR" in stopped["last_error_hint"], stopped


def test_utf8_bytes_of_a_database_without_an_encoding_arrive(new_world, source, encoded):
    world = new_world("clickhouse", template=encoded(source, "SQL_ASCII"))
    at_source(world, f"CREATE TABLE public.t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, '{TEXT}')")
    world.start_mirror(["public.t"])
    at_source(world, f"INSERT INTO t VALUES (2, '{TEXT}')")
    wait_for("the rows", lambda: arrived(world, "public.t", ["id", "v"]) == [("1", TEXT), ("2", TEXT)], 60)


@pytest.mark.parametrize("phase", ["copy", "stream"])
@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_target_of_another_encoding_holds_the_character_or_stops(new_world, target, encoded, encoding, phase):
    world = new_world("postgres")
    world.target.sql(f'DROP DATABASE "{world.target_db}"')
    world.target.create_database(world.target_db, encoded(target, encoding))
    world.sql("CREATE TABLE public.t (id int PRIMARY KEY, n int, v text); INSERT INTO t VALUES (1, 1, 'é')")
    odd = "INSERT INTO t VALUES (2, 2, '人')"
    if phase == "copy":
        world.sql(odd)
    world.create_peers()
    world.create_mirror(["public.t"], None if phase == "copy" else "RUNNING")
    if phase == "stream":
        world.sql(odd)
    if encoding == "LATIN1":
        stopped = world.wait_state("FAILED")
        assert '"v"' in stopped["last_error"] and "public" in stopped["last_error"] and "UTF8" in stopped["last_error_hint"], stopped
        assert "人" not in stopped["last_error"], stopped
        return
    world.wait_state("RUNNING")
    # Bytes are what it has: those of UTF-8.
    wait_for("the rows", lambda: world.at_target("SELECT encode(v::bytea, 'hex') FROM t ORDER BY id") == [("c3a9",), ("e4baba",)], 60)

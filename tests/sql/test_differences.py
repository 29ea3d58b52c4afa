"""The same SELECT at peerd and at Postgres: the same columns, types and rows, or the same SQLSTATE.

Postgres gets tables with the names, columns and rows of peerd's views. Each line of differences.txt is one statement. A
line that begins with "refused:" must be an error at peerd whatever Postgres says: 0A000, or 42883 for a function or an
operator. What is neither equal nor refused there is a wrong answer.
"""
import os

import psycopg
import pytest

from support.world import World, postgres_options

FOLDER = os.path.dirname(os.path.abspath(__file__))
VIEWS = ["peers", "mirrors", "mirror_tables", "mirror_patterns", "mirror_new_tables", "mirror_chunks", "mirror_batches", "mirror_logs", "alerts"]
TYPES = {16: "boolean", 20: "bigint", 25: "text", 701: "float8", 1184: "timestamptz"}


def answer(connection, statement, parameters=None):
    """("rows", names, types, rows as texts) or ("error", SQLSTATE)."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(statement, parameters)
        except psycopg.Error as error:
            return "error", error.sqlstate, str(error)
        result = cursor.pgresult
        columns = range(result.nfields)
        rows = [tuple(result.get_value(row, column) for column in columns) for row in range(result.ntuples)]
        if "ORDER BY" not in statement.upper():
            rows.sort(key=repr)
        return "rows", [result.fname(column).decode() for column in columns], [result.ftype(column) for column in columns], rows


def copy_views(peerd, postgres):
    """Makes the rows of Postgres's tables those of peerd's views. True if that changed any."""
    changed = False
    for view in VIEWS:
        rows = answer(peerd, f"SELECT * FROM {view}")[3]
        if rows == answer(postgres, f"SELECT * FROM {view}")[3]:
            continue
        changed = True
        postgres.execute(f"TRUNCATE {view}")
        for row in rows:
            cells = [None if cell is None else cell.decode() for cell in row]
            postgres.execute(f"INSERT INTO {view} VALUES ({', '.join(['%s'] * len(cells))})", cells)
    return changed


def both_answers(both, statement, parameters=None):
    """What peerd and Postgres answer over the same rows: what peerd measures of a paused mirror (its lag) moves as the
    source's WAL does, so a difference counts when the views did not change around it."""
    peerd, postgres = both
    for _ in range(5):
        ours, theirs = answer(peerd, statement, parameters), answer(postgres, statement, parameters)
        if same(ours, theirs) or not copy_views(peerd, postgres):
            break
    return ours, theirs


def same(ours, theirs):
    return ours[:2] == theirs[:2] if ours[0] == "error" else ours == theirs


@pytest.fixture(scope="module")
def both(source, target):
    """Connections to peerd and to a database with tables like its views."""
    world = World(source, target, "postgres")
    world.sql("CREATE TABLE a (id int PRIMARY KEY, name text); INSERT INTO a SELECT n, 'n' || n FROM generate_series(1, 20) n")
    world.sql("CREATE TABLE b (id int PRIMARY KEY)")
    world.start_mirror(["public.a", "public.b"])
    world.sql("UPDATE a SET name = 'x' WHERE id < 5")
    world.wait_caught_up()
    world.pause()  # From now on nothing moves.
    world.peerd.sql(f"CREATE PEER other FROM POSTGRES WITH ({', '.join(f'{k} = {v!r}' for k, v in postgres_options(source, 'postgres').items())})")
    peerd = psycopg.connect(world.peerd.dsn(), autocommit=True)
    database = source.create_database("differences", "template0")
    postgres = psycopg.connect(host="127.0.0.1", port=source.port, user="postgres", password="postgres", dbname=database, autocommit=True,
                               options="-c timezone=UTC -c lc_messages=C")
    for view in VIEWS:
        kind, names, types, _ = answer(peerd, f"SELECT * FROM {view}")
        assert kind == "rows", names
        postgres.execute(f"CREATE TABLE {view} (" + ", ".join(f'"{name}" {TYPES[type_]}' for name, type_ in zip(names, types)) + ")")
    copy_views(peerd, postgres)
    yield peerd, postgres
    peerd.close()
    postgres.close()
    source.sql(f'DROP DATABASE "{database}" WITH (FORCE)')
    world.close()


def statements():
    with open(f"{FOLDER}/differences.txt") as file:
        return [line.strip() for line in file if line.strip() and not line.startswith("#")]


def test_each_statement_is_answered_as_postgres_answers_it(both):
    wrong = []
    for line in statements():
        refused = line.startswith("refused:")
        statement = line.removeprefix("refused:").strip()
        ours, theirs = both_answers(both, statement)
        refusal = ours[0] == "error" and ours[1] in ("0A000", "42883", "42704", "42601", "22007")
        if not (refusal if refused else same(ours, theirs)):
            wrong.append(f"{line}\n   peerd:    {ours}\n   postgres: {theirs}")
    assert not wrong, f"{len(wrong)} differ:\n" + "\n".join(wrong)


@pytest.mark.parametrize("statement, parameters", [
    ("SELECT name FROM mirrors WHERE paused_never IS NULL AND name = %s", ("x",)),
    ("SELECT count(*) FROM mirrors WHERE consistent = %s", (True,)),
    ("SELECT count(*) FROM mirrors WHERE consistent = %s", ("t",)),
    ("SELECT count(*) FROM mirror_logs WHERE at > %s", ("2020-01-01T00:00:00Z",)),
    ("SELECT count(*) FROM mirror_logs WHERE at > %s", (__import__("datetime").datetime(2020, 1, 1, tzinfo=__import__("datetime").timezone.utc),)),
    ("SELECT count(*) FROM mirror_logs WHERE at BETWEEN %s AND now()", ("2020-01-01",)),
    ("SELECT name FROM peers WHERE id = ANY(%s) ORDER BY 1", ([1, 2, 3],)),
    ("SELECT name FROM peers WHERE id = %s", ("1",)),
    ("SELECT name FROM peers WHERE id = %s", ("one",)),
    ("SELECT name FROM peers ORDER BY name LIMIT %s", (1,)),
    ("SELECT %s::int + 1", ("41",)),
    ("SELECT coalesce(%s, 'none')", (None,)),
    ("SELECT greatest(%s, 1)", (None,)),
    ("SELECT rows_copied / %s FROM mirrors", (0,)),
    ("SELECT rows_copied / 3.0 > %s FROM mirrors", (1.5,)),
    ("SELECT name LIKE %s FROM mirrors", ("M%",)),
])
def test_parameters_mean_what_they_mean_at_postgres(both, statement, parameters):
    ours, theirs = both_answers(both, statement, parameters)
    assert same(ours, theirs), (ours, theirs)

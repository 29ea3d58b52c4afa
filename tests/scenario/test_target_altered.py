"""What an operator's ALTER does to a mirrored table at a Postgres target: one by which values or rows would be changed in silence stops the mirror before it
counts, one by which none is changed is followed. And types of the source's names that are something else at the target."""
import psycopg2
import pytest

# What the column is, a value that it holds and the target's new type would change, the new type.
NARROWED = {
    "scale": ("numeric(10,2)", "7.77", "numeric(10,1)"),
    "second": ("timestamptz", "'2026-01-01 00:00:00.777+00'", "timestamptz(0)"),
    "day": ("timestamp", "'2026-01-02 03:04'", "date"),
    "blanks": ("text", "'abc   '", "varchar(3)"),
    "zone": ("timestamp", "'2026-01-02 03:04'", "timestamptz"),
    "part": ("interval", "'1 day 02:03:04'", "interval day"),
    "form": ("json", "'{\"b\":1,   \"a\":2, \"a\":3}'", "jsonb"),
    "single": ("float8", "0.1", "float4"),
}


def mirrors_of(world, names, **columns):
    """A mirror for each table, over the same two peers: one that stops stops no other."""
    for name in names:
        world.peerd.sql(f"CREATE MIRROR {world.mirror_name}_{name} FROM {world.source_peer} TO {world.target_peer} WITH TABLE MAPPING (public.{name}:public.{name})")
    for name in names:
        world.peerd.wait_state(f"{world.mirror_name}_{name}", "RUNNING")


def caught_up(world, name):
    world.peerd.wait_caught_up(f"{world.mirror_name}_{name}", world.source, world.source_db, 60, f"public.{name}")
    world.tables = [f"public.{name}"]


def stopped(world, name):
    told = world.peerd.wait_state(f"{world.mirror_name}_{name}", "FAILED", 60)
    return told["last_error"], told["last_error_hint"]


def drop(world, names):
    for name in names:
        world.peerd.sql(f"DROP MIRROR {world.mirror_name}_{name}")


def test_a_column_that_is_narrower_now_stops_the_mirror_before_a_value_changes(new_world):
    world = new_world("postgres")
    names = [*NARROWED, "wide", "words"]
    for name, (type_name, value, _) in NARROWED.items():
        world.sql(f"CREATE TABLE {name} (id int PRIMARY KEY, c {type_name}); INSERT INTO {name} VALUES (1, {value}), (2, NULL)")
    for name in ("wide", "words"):
        world.sql(f"CREATE TABLE {name} (id int PRIMARY KEY, c int); INSERT INTO {name} VALUES (1, 7), (2, NULL)")
    world.at_target("CREATE TABLE second (id int PRIMARY KEY, c timestamptz)")  # An operator's own, which RESYNC leaves as it is made.
    world.create_peers()
    mirrors_of(world, names)
    for name in names:
        caught_up(world, name)
        new = {**{n: case[2] for n, case in NARROWED.items()}, "wide": "bigint", "words": "text"}[name]
        world.at_target(f"ALTER TABLE {name} ALTER c TYPE {new} USING c::{new}")
        world.sql(f"INSERT INTO {name} SELECT id + 10, c FROM {name}; UPDATE {name} SET c = (SELECT c FROM {name} WHERE id = 1) WHERE id = 2")
    for name, (type_name, _, new) in NARROWED.items():
        said, hint = stopped(world, name)
        assert 'column "c"' in said and f'"{name}"' in said and f"RESYNC TABLE public.{name}" in hint, (name, said, hint)
        assert world.at_target(f"SELECT count(*) FROM {name}") == [(2,)]
    for name in ("wide", "words"):
        caught_up(world, name)
        assert world.at_target(f"SELECT id, c::int FROM {name} ORDER BY id") == [(1, 7), (2, 7), (11, 7), (12, None)]
    # The cures that are told.
    _, hint = stopped(world, "second")
    world.at_target(hint[:hint.index(", and RESUME")])
    world.peerd.sql(f"RESYNC TABLE public.second OF {world.mirror_name}_second")
    world.peerd.sql(f"RESYNC TABLE public.scale OF {world.mirror_name}_scale")
    for name in ("second", "scale"):
        world.peerd.wait_state(f"{world.mirror_name}_{name}", "RUNNING")
        caught_up(world, name)
        assert world.compare() == 4
    drop(world, names)


def test_rows_that_the_default_would_hide_stop_the_mirror(new_world):
    """COPY leaves peerd's own columns to their defaults."""
    world = new_world("postgres")
    names = {"hidden": "SET DEFAULT true", "neither": "DROP DEFAULT"}
    for name in names:
        world.sql(f"CREATE TABLE {name} (id int PRIMARY KEY); INSERT INTO {name} VALUES (1)")
    world.create_peers()
    mirrors_of(world, names)
    for name, change in names.items():
        caught_up(world, name)
        world.at_target(f'ALTER TABLE {name} ALTER "_PEERDB_IS_DELETED" {change}')
        world.sql(f"INSERT INTO {name} SELECT generate_series(10, 100)")
    for name in names:
        said, hint = stopped(world, name)
        assert '"_PEERDB_IS_DELETED"' in said and "SET DEFAULT false" in hint, (said, hint)
        world.at_target(hint[:hint.index(", and RESUME")])
        world.peerd.sql(f"RESUME MIRROR {world.mirror_name}_{name}")
        caught_up(world, name)
        assert world.compare() == 92
    drop(world, names)


# At the source, at the target, the column's type, a word of the refusal.
OTHERS = {
    "rounds": ("CREATE DOMAIN d_rounds AS numeric(10,2)", "CREATE DOMAIN d_rounds AS numeric(10,1)", "d_rounds", "numeric(10,1)"),
    "base": ("CREATE DOMAIN d_base AS text", "CREATE DOMAIN d_base AS float4", "d_base", "real"),
    "arrays": ("CREATE DOMAIN d_arrays AS numeric(10,2)", "CREATE DOMAIN d_arrays AS numeric(10,1)", "d_arrays[]", "numeric(10,1)"),
    "swapped": ("CREATE TYPE d_swapped AS (a int, b int)", "CREATE TYPE d_swapped AS (b int, a int)", "d_swapped", "b integer"),
    "inside": ("CREATE TYPE d_in AS (x numeric(10,2)); CREATE TYPE d_inside AS (a int, b d_in[])",
               "CREATE TYPE d_in AS (x numeric(10,1)); CREATE TYPE d_inside AS (a int, b d_in[])", "d_inside", "b[].x numeric(10,1)"),
    "lacks": ("CREATE TYPE d_lacks AS (a int, b int)", "CREATE TYPE d_lacks AS (a int)", "d_lacks", "lacks b"),
    "range": ("CREATE TYPE d_range AS RANGE (subtype = numeric)", "CREATE TYPE d_range AS RANGE (subtype = float4)", "d_range", "real"),
    "other": ("CREATE DOMAIN d_other AS text", "CREATE TYPE d_other AS ENUM ('1.20')", "d_other", "made of nothing else"),
}
# What keeps every value is welcome.
ALIKE = {
    "wider": ("CREATE DOMAIN d_wider AS numeric(10,2)", "CREATE DOMAIN d_wider AS numeric", "d_wider"),
    "word": ("CREATE TYPE d_word AS (a int, b varchar(3))", "CREATE TYPE d_word AS (a bigint, b text)", "d_word"),
    "renamed": ("CREATE TYPE d_renamed AS (a int, b int)", "CREATE TYPE d_renamed AS (a int, c int)", "d_renamed"),
}


@pytest.mark.parametrize("standing", [pytest.param(False, marks=pytest.mark.full), True], ids=["made", "standing"])
def test_a_type_of_the_source_s_name_that_is_another_one(new_world, standing):
    world = new_world("postgres")
    values = {"rounds": "1.25", "base": "'1.20'", "arrays": "'{1.25}'", "range": "'[1.1,2.2)'", "other": "'1.20'", "lacks": "'(1,2)'", "swapped": "'(1,2)'",
              "inside": "'(1,\"{(1.25)}\")'", "wider": "1.25", "word": "'(1,abc)'", "renamed": "'(1,2)'"}
    for name, case in {**OTHERS, **ALIKE}.items():
        world.sql(f"{case[0]}; CREATE TABLE {name} (id int PRIMARY KEY, c {case[2]}); INSERT INTO {name} VALUES (1, {values[name]})")
        world.at_target(case[1] + (f"; CREATE TABLE {name} (id int PRIMARY KEY, c {case[2]})" if standing else ""))
    world.create_peers()
    for name, (_, _, type_name, word) in OTHERS.items():
        with pytest.raises(psycopg2.Error) as refused:
            mirrors_of(world, [name])
        said = str(refused.value)
        assert word in said and type_name.removesuffix("[]") in said and '"c"' in said, (name, said)
    assert world.slots() == []
    mirrors_of(world, ALIKE)
    if standing:  # As the hint has it.
        world.at_target("ALTER TABLE rounds ALTER COLUMN c TYPE text")
        mirrors_of(world, ["rounds"])
    world.sql("ALTER TABLE wider ADD later d_rounds; UPDATE wider SET later = 1.25")  # A column that comes is compared as well.
    said, _ = stopped(world, "wider")
    assert "d_rounds" in said and '"later"' in said and "numeric(10,1)" in said, said
    drop(world, ["wider"])
    for name in ["word", "renamed", *(["rounds"] if standing else [])]:
        world.sql(f"INSERT INTO {name} SELECT 2, c FROM {name}")
        caught_up(world, name)
        assert world.at_target(f"SELECT id, c::text FROM {name} ORDER BY id") == world.sql(f"SELECT id, c::text FROM {name} ORDER BY id"), name
        drop(world, [name])


def test_what_the_mirror_stands_on_is_told_when_it_goes(new_world):
    """Not in the server's words alone: with the statement that puts it back."""
    world = new_world("postgres")
    gone = {"keyless": "ALTER TABLE keyless DROP CONSTRAINT keyless_pkey", "watched": "CREATE PUBLICATION everything FOR ALL TABLES", "noted": "DROP SCHEMA _peerd CASCADE"}
    world.at_target("CREATE TABLE watched (id int NOT NULL, n int); CREATE UNIQUE INDEX ON watched (id)")
    for name in gone:
        world.sql(f"CREATE TABLE {name} (id int PRIMARY KEY, n int); INSERT INTO {name} VALUES (1, 1)")
    world.create_peers()
    mirrors_of(world, gone)
    for name in gone:
        caught_up(world, name)
    for name, statement in gone.items():
        world.at_target(statement)
        world.sql(f"UPDATE {name} SET n = n + 1; INSERT INTO {name} VALUES (2, 2)")
        said, hint = stopped(world, name)
        if name == "noted":
            assert "schema _peerd" in said and "RESYNC MIRROR" in hint, (said, hint)
            continue
        cure = f'ALTER TABLE "public"."{name}" ADD PRIMARY KEY ("id")'
        assert cure in hint, (said, hint)
        world.at_target(cure)
        world.peerd.sql(f"RESUME MIRROR {world.mirror_name}_{name}")
        caught_up(world, name)
        assert world.compare() == 2
    for name in gone:
        world.peerd.sql(f"DROP MIRROR {world.mirror_name}_{name} FORCE")
    world.drop_slots()

"""Mapping by pattern, and new_tables = 'add' | 'ask' | 'ignore': what tables that come later become (docs/adr/0019)."""
import random
import re
import time

import psycopg2
import pytest

from support.killing import kills
from support.postgres_server import PostgresServer
from support.process import wait_for
from support.writer import Writer, create_table
from test_files import Files

KILLS = kills(few=2, many=15)


def start(world, *mapping, **options):
    """A mirror by these mappings; world.tables is what it is to have."""
    world.create_peers()
    world.options = options
    create(world, *mapping, **options)
    world.wait_state("RUNNING")


def create(world, *mapping, verb="CREATE", **options):
    with_text = ", ".join(f"{name} = '{value}'" for name, value in options.items())
    world.peerd.sql(f"{verb} MIRROR {world.mirror_name} FROM {world.source_peer} TO {world.target_peer} WITH TABLE MAPPING "
                    f"({', '.join(mapping)})" + (f" WITH ({with_text})" if with_text else ""))


def refused(world, *mapping, **options):
    with pytest.raises(psycopg2.Error) as error:
        create(world, *mapping, **options)
    return error.value.pgerror


def table(name, rows=20, key=" PRIMARY KEY"):
    return f"CREATE TABLE {name} (id int{key}, n int); INSERT INTO {name} SELECT g, g FROM generate_series(1, {rows}) g; "


def mapped(world):
    return sorted(row["source"] for row in world.peerd.rows("SELECT source FROM mirror_tables WHERE mirror = %s", (world.mirror_name,)))


def wait_tables(world, *tables):
    """The mirror streams with these tables, and no others."""
    world.tables = list(tables)
    wait_for("the tables", lambda: mapped(world) == sorted(tables) and world.mirror()["state"] == "RUNNING", 60,
             broken=lambda: world.mirror()["last_error"] if world.mirror()["state"] == "FAILED" else None)


def waiting(world):
    return {row["source"]: row for row in world.peerd.rows("SELECT * FROM mirror_new_tables WHERE mirror = %s", (world.mirror_name,))}


def wait_told(world, words, times=1):
    def told():
        lines = [line for line in world.logs() if words in line]
        assert len(lines) <= times, lines
        return len(lines) == times and lines
    return wait_for(words, told, 60)


def test_a_pattern_names_what_can_be_mapped_and_what_cannot_is_refused_by_name(new_world):
    world = new_world("postgres")
    world.sql(table("items") + table("events_1") + table('"Od%d_*T"') + table('"a.b"') +
              "CREATE VIEW seen AS SELECT * FROM items; CREATE MATERIALIZED VIEW kept AS SELECT * FROM items; CREATE EXTENSION hstore; "
              "CREATE TABLE parts (id int PRIMARY KEY, n int) PARTITION BY RANGE (id); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES "
              "FROM (0) TO (10); CREATE TABLE parts_2 PARTITION OF parts DEFAULT; INSERT INTO parts SELECT g, g FROM generate_series(1, 20) g; "
              "CREATE TABLE keyless (a int); CREATE UNLOGGED TABLE quick (id int PRIMARY KEY); "
              "CREATE SCHEMA app_1; CREATE SCHEMA app_2;" + table("app_1.items") + table("app_2.items"))
    world.create_peers()
    error = refused(world, "public.*:public.*")
    for words in ("keyless", "quick", "SET LOGGED", "except: [public.keyless]"):
        assert words in error, error
    assert "names no table" in refused(world, "public.none_*:public.*")
    assert "named by two patterns" in refused(world, "public.ev*:public.*", "public.events_*:public.*")
    assert "duplicate target table" in refused(world, "app_*.*:public.*")
    assert "has no *" in refused(world, "public.*:public.t") and "new_tables" in refused(world, "public.items:public.items", new_tables="add")
    rows = world.peerd.rows(f"EXPLAIN CREATE MIRROR x FROM {world.source_peer} TO {world.target_peer} WITH TABLE MAPPING (public.*:public.*)")
    assert {row["table"] for row in rows} == {"public.keyless", "public.quick"}, rows
    assert world.publications() == [] and world.peerd.rows("SELECT name FROM mirrors") == []
    # What is mapped by name comes first, and a mapping by pattern leaves out what it is told to.
    create(world, "{from: public.*, to: public.*, except: [public.keyless, public.q*]}", "public.events_1:public.elsewhere", "app_*.*:*.*")
    names = ["public.items", "public.events_1", "public.Od%d_*T", "public.parts", "app_1.items", "app_2.items"]
    wait_tables(world, *names, "public.a.b")
    world.tables = names
    world.target_name = lambda name: "public.elsewhere" if name == "public.events_1" else name
    world.sql('UPDATE "Od%d_*T" SET n = -1 WHERE id < 5; DELETE FROM parts WHERE id = 15; UPDATE app_2.items SET n = 7; UPDATE "a.b" SET n = -3')
    assert world.settle_and_compare() == 119
    assert world.at_target('SELECT count(*), sum(n) FROM "a.b"') == [(20, -60)]
    definition = world.peerd.rest("GET", f"/api/v1/mirrors/{world.mirror_name}/definition")[1]["sql"]
    assert "{from: public.*, to: public.*, except: [public.keyless, public.q*]}" in definition, definition
    assert "app_*.*:*.*" in definition and "public.parts" not in definition, definition
    world.peerd.sql(definition.replace("CREATE MIRROR", "CREATE MIRROR IF NOT EXISTS"))


def test_new_tables_are_added_by_themselves_and_none_of_their_rows_is_lost(new_world):
    world = new_world("postgres")
    create_table(world.source, "public.items", 500, world.source_db)
    world.sql(table("t_0"))
    start(world, "public.items:public.items", "public.t_*:public.*", new_tables="add")
    writer = Writer(world.source, "public.items", world.source_db, seed=5, rate=60)
    files = Files(world)
    exported = files.run("export")[1]
    # Many at once; one that is gone at once; what cannot be added is said once, and stops nothing.
    many = [f"t_{i}" for i in range(1, 25)]
    world.sql("".join(table(name) for name in many) + table("t_late", key="") + "CREATE UNLOGGED TABLE t_quick (id int PRIMARY KEY); " + table("t_gone"))
    world.sql("DROP TABLE t_gone; UPDATE t_3 SET n = -1 WHERE id < 9; DELETE FROM t_4 WHERE id = 2")
    world.at_target("CREATE TABLE t_25 (id text PRIMARY KEY, other int)")
    world.sql(table("t_25"))
    everything = ["public.items", "public.t_0", *(f"public.{name}" for name in many)]
    wait_tables(world, *everything)
    wait_told(world, "new table public.t_late cannot be added")
    wait_told(world, "new table public.t_quick cannot be added")
    wait_told(world, "new table public.t_25 cannot be added")
    assert set(waiting(world)) == {"public.t_late", "public.t_quick", "public.t_25"}, waiting(world)
    assert len([line for line in world.logs() if "tables that patterns name are added" in line]) <= 2, world.logs()
    for verb in ("plan", "apply"):
        code, out, err = files.run(verb, "-", text=exported)
        assert code == 0 and "nothing to change" in out, (code, out, err)
    # The cures.
    world.sql("ALTER TABLE t_late ADD PRIMARY KEY (id); ALTER TABLE t_quick SET LOGGED; INSERT INTO t_quick VALUES (1), (2)")
    everything += ["public.t_late", "public.t_quick"]
    wait_tables(world, *everything)
    # What an operator took out does not come back by itself, also after a restart; renamed tables come by their new name.
    world.peerd.sql(f"ALTER MIRROR {world.mirror_name} DROP TABLE public.t_1, public.t_25")
    world.sql(table("other"))
    world.sql("ALTER TABLE other RENAME TO t_renamed")
    everything = [name for name in everything if name != "public.t_1"] + ["public.t_renamed"]
    wait_tables(world, *everything)
    world.peerd.restart()
    world.sql(table("t_after"))
    everything.append("public.t_after")
    wait_tables(world, *everything)
    assert waiting(world) == {}
    [pattern] = world.peerd.rows("SELECT * FROM mirror_patterns")
    assert pattern["source"] == "public.t_*" and pattern["except_tables"] == "public.t_1, public.t_25" and pattern["new_tables"] == "add", pattern
    world.at_target("DROP TABLE t_1")
    world.peerd.sql(f"ALTER MIRROR {world.mirror_name} ADD TABLE public.t_1:public.t_1")
    everything.append("public.t_1")
    wait_tables(world, *everything)
    # Added while it was paused, while peerd was down, and with kills between.
    world.pause()
    world.sql(table("t_paused"))
    world.resume()
    moments = random.Random(4)
    for i in range(KILLS):
        world.peerd.kill9()
        world.sql(table(f"t_kill{i}") + f"UPDATE t_kill{i} SET n = -n WHERE id % 3 = 0")
        world.peerd.start()
        time.sleep(moments.uniform(1, 2))  # Where the next kill falls is what varies.
        everything.append(f"public.t_kill{i}")
    everything.append("public.t_paused")
    wait_tables(world, *everything)
    writer.stop()
    world.settle_and_compare()
    assert len(world.slots()) == 1
    code, out, err = files.run("plan", "-", text=files.run("export")[1])
    assert code == 0 and "nothing to change" in out, (code, out, err)


@pytest.mark.parametrize("kind, target, major", [("clickhouse", "*", 14), pytest.param("kafka", None, 18, marks=pytest.mark.full)])
def test_new_tables_are_asked_for_with_the_statement_that_adds_them(new_world, kind, target, major):
    world = new_world(kind, source=PostgresServer("source", major))
    world.sql(table("items") + table("more"))
    start(world, f"public.*:{target or world.target_db + '.*'}")
    wait_tables(world, "public.items", "public.more")
    world.sql(table("third") + table("fourth") + table("fifth"))
    wait_for("the tables", lambda: set(waiting(world)) == {"public.third", "public.fourth", "public.fifth"}, 30)
    wait_told(world, "not mirrored: ")
    hint = waiting(world)["public.third"]["hint"]
    status = world.peerd.rest("POST", "/api/v1/mirrors/status", {"flow_job_name": world.mirror_name, "include_flow_info": True})[1]
    assert len(status["health"]["newTables"]) == 3 and status["cdcStatus"]["config"]["newTables"] == "ask", status["health"]
    world.sql("UPDATE third SET n = -4 WHERE id % 2 = 0")
    world.peerd.sql(re.match(r"(.*) adds it", hint).group(1))
    world.peerd.sql(f"ALTER MIRROR {world.mirror_name} DROP TABLE public.fourth")
    wait_tables(world, "public.items", "public.more", "public.third")
    wait_for("the one", lambda: set(waiting(world)) == {"public.fifth"}, 30)
    with pytest.raises(psycopg2.Error) as error:
        world.peerd.sql(f"ALTER MIRROR {world.mirror_name} DROP TABLE public.fort")
    assert "not one of the mirror's" in error.value.pgerror, error.value.pgerror
    world.peerd.sql(f"ALTER MIRROR {world.mirror_name} SET (new_tables = 'add')")
    wait_tables(world, "public.items", "public.more", "public.third", "public.fifth")
    world.sql("DELETE FROM fifth WHERE id = 3; UPDATE third SET n = -5 WHERE id % 3 = 0; UPDATE items SET n = 0")
    world.settle_and_compare()
    world.drop()
    assert world.slots() == [] and world.publications() == []


def test_a_publication_of_the_users_own_is_waited_for(new_world):
    world = new_world("postgres")
    world.sql(table("items") + "CREATE PUBLICATION theirs FOR TABLE items; CREATE PUBLICATION whole FOR ALL TABLES")
    start(world, "public.*:public.*", new_tables="add", publication_name="theirs")
    world.sql(table("more"))
    wait_told(world, "new table public.more cannot be added")
    assert 'ALTER PUBLICATION "theirs" ADD TABLE' in waiting(world)["public.more"]["hint"], waiting(world)
    world.sql("UPDATE more SET n = -1 WHERE id < 7; ALTER PUBLICATION theirs ADD TABLE more")
    wait_tables(world, "public.items", "public.more")
    world.settle_and_compare()
    world.drop()
    world.at_target("DROP TABLE items; DROP TABLE more")
    create(world, "public.*:public.*", new_tables="add", publication_name="whole")
    wait_tables(world, "public.items", "public.more")
    world.sql(table("third"))
    wait_tables(world, "public.items", "public.more", "public.third")
    world.sql("UPDATE third SET n = -9 WHERE id > 11")
    world.peerd.sql(f"RESYNC MIRROR {world.mirror_name}")
    world.sql(table("fourth"))
    wait_tables(world, "public.items", "public.more", "public.third", "public.fourth")
    world.settle_and_compare()

"""`peerd plan`, `apply` and `export`: peers and mirrors as a file declares them."""
import os
import subprocess

import pytest

from support import packages
from support.peerd import PASSWORD
from support.process import temp_dir, wait_for
from support.world import postgres_options
from support.writer import create_table


class Files:
    """A world, and the command on files beside it."""

    def __init__(self, world):
        self.world, self.dir = world, temp_dir("files")

    def run(self, *arguments, text=None, **environment):
        """Exit code, standard output, standard error; `text` is what the file holds that is named by "-"."""
        url = f"http://127.0.0.1:{self.world.peerd.ports['http_port']}"
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PEERD_", "PG"))}
        done = subprocess.run([packages.peerd_binary(), "--url", url, *arguments], input=text, capture_output=True, text=True,
                              timeout=120, env={**kept, "PEERD_PASSWORD": PASSWORD, "PEERD_DATA_DIR": self.dir, **environment})
        return done.returncode, done.stdout, done.stderr

    def declared(self, password="${env:SECRET}", tables=("public.items",), more="", **options):
        """A file with the world's two peers and its mirror."""
        peers = {self.world.source_peer: postgres_options(self.world.source, self.world.source_db),
                 self.world.target_peer: self.world.target_options()}
        lines = ["peers:"]
        for name, peer in peers.items():
            kind = "postgres" if name == self.world.source_peer else self.world.kind
            lines += [f"  {name}:", f"    type: {kind}"]
            lines += [f"    {key}: {str(value).lower() if isinstance(value, bool) else value}" for key, value in
                      {**peer, "password": password if name == self.world.source_peer else peer.get("password")}.items() if value is not None]
        self.world.tables = list(tables)
        lines += ["mirrors:", f"  {self.world.mirror_name}:", f"    source: {self.world.source_peer}",
                  f"    target: {self.world.target_peer}", "    tables:"]
        lines += [f"      - {table}:{self.world.target_name(table)}" for table in tables]
        lines += [f"    {key}: {value}" for key, value in options.items()]
        return "\n".join(lines) + "\n" + more


@pytest.fixture
def files(new_world):
    world = new_world("postgres")
    create_table(world.source, "public.items", 200, world.source_db)
    create_table(world.source, "public.other", 20, world.source_db)
    return Files(world)


def test_a_file_is_planned_applied_and_exported(files):
    world, secret = files.world, {"SECRET": "postgres"}
    text = files.declared(max_batch_size=1000)
    code, out, err = files.run("plan", "-", text=text, **secret)
    assert code == 2 and "3 changes to make" in out, (code, out, err)
    assert out.splitlines()[:3] == [f"create peer {world.source_peer}", f"create peer {world.target_peer}", f"create mirror {world.mirror_name}"]
    assert world.peerd.rows("SELECT name FROM peers") == [], "a plan changes nothing"
    code, out, err = files.run("apply", "-", text=text, **secret)
    assert code == 0 and "3 changes made" in out, (code, out, err)
    world.wait_state("RUNNING")
    assert world.settle_and_compare() == 200
    for verb in ("plan", "apply"):
        code, out, err = files.run(verb, "-", text=text, **secret)
        assert code == 0 and out == "nothing to change: all is as declared\n", (verb, code, out, err)
    # A default that is written equals one that is left out.
    code, out, err = files.run("plan", "-", text=files.declared(max_batch_size=1000, do_initial_copy="true", idle_timeout_seconds=60), **secret)
    assert code == 0, (code, out, err)
    # What is exported changes nothing, and holds no secret.
    code, exported, err = files.run("export")
    assert code == 0 and "${kept}" in exported and "password: postgres" not in exported, (code, exported, err)
    code, out, err = files.run("plan", "-", "--prune", text=exported)
    assert code == 0, (code, out, err)


def test_settings_of_columns_are_planned_applied_and_exported(new_world):
    world = new_world("clickhouse")
    create_table(world.source, "public.items", 200, world.source_db)
    files, secret = Files(world), {"SECRET": "postgres"}
    plain = f"      - public.items:{world.target_name('public.items')}\n"
    table = """      - {from: public.items, to: items, columns: [{source: id, target: "Item", type: UInt64, ordering: 1, partitioning: 1}], partition_by: 'Item % 4'}\n"""
    text = files.declared().replace(plain, table)
    assert table in text
    code, out, err = files.run("apply", "-", text=text, **secret)
    assert code == 0 and "3 changes made" in out, (code, out, err)
    world.wait_state("RUNNING")
    world.wait_caught_up()
    assert {row["Item"] for row in world.at_target("SELECT `Item` FROM items FINAL")} == {row[0] for row in world.sql("SELECT id FROM items")}
    assert files.run("plan", "-", text=text, **secret)[:2] == (0, "nothing to change: all is as declared\n")
    code, exported, err = files.run("export")
    assert code == 0 and "source: \"id\"" in exported and "destination_name" not in exported, (code, exported, err)
    assert files.run("plan", "-", "--prune", text=exported)[0] == 0
    code, out, err = files.run("plan", "-", text=text.replace("UInt64", "UInt32"), **secret)
    assert "cannot update mirror" in out and "the mapping of public.items" in out, (code, out, err)
    code, out, err = files.run("plan", "-", text=text.replace("columns: [{source: id,", "columns: [{source: id, kind: x,"), **secret)
    assert code == 1 and "kind" in err, (code, out, err)


def test_a_mirror_of_a_query_is_planned_applied_and_exported(files):
    world, secret = files.world, {"SECRET": "postgres"}
    query = """
  queried:
    source: {0}
    target: {1}
    query: SELECT id, n FROM public.items WHERE id BETWEEN {{{{.start}}}} AND {{{{.end}}}}
    destination_table_name: public.queried
    watermark_table_name: public.items
    watermark_column: id
    mode: upsert
    unique_key_columns: id
    refresh_interval: {2}
"""
    text = lambda interval: files.declared() + query.format(world.source_peer, world.target_peer, interval)
    code, out, err = files.run("apply", "-", text=text(1), **secret)
    assert code == 0 and "create mirror queried" in out, (code, out, err)
    rows = lambda: world.at_target("SELECT count(*) FROM public.queried")[0][0]
    wait_for("the query's rows", lambda: world.peerd.mirror("queried")["state"] == "RUNNING" and rows() == 200, 60)
    assert files.run("plan", "-", text=text(1), **secret)[0] == 0
    code, out, err = files.run("export")
    assert code == 0 and "queried" in out and "{{.start}}" in out, (out, err)
    assert files.run("plan", "-", text=out) [0] == 0
    code, out, err = files.run("plan", "-", text=text(2), **secret)
    assert code == 2 and "update mirror queried" in out and "refresh_interval" in out, out
    assert files.run("apply", "-", text=text(2), **secret)[0] == 0
    code, out, _ = files.run("plan", "-", text=text(2).replace("mode: upsert", "mode: append").replace("    unique_key_columns: id\n", ""), **secret)
    assert code == 2 and "cannot update mirror queried" in out, out


def test_a_mirror_becomes_what_is_declared_while_it_lives(files):
    world, secret = files.world, {"SECRET": "postgres"}
    assert files.run("apply", "-", text=files.declared(), **secret)[0] == 0
    world.wait_state("RUNNING")
    started = world.mirror()["created_at"]
    text = files.declared(tables=("public.items", "public.other"), max_batch_size=500)
    code, out, err = files.run("plan", "-", text=text, **secret)
    assert code == 2 and f"update mirror {world.mirror_name}: " in out and "public.other" in out and "max_batch_size" in out, (code, out, err)
    code, out, err = files.run("apply", "-", text=text, **secret)
    assert code == 0 and "1 change made" in out, (code, out, err)
    tables = lambda: {row["source"] for row in world.peerd.rows("SELECT source FROM mirror_tables")}
    wait_for("the table", lambda: tables() == {"public.items", "public.other"} and world.mirror()["state"] == "RUNNING", 60)
    assert world.settle_and_compare() == 220
    assert files.run("plan", "-", text=text, **secret)[:2] == (0, "nothing to change: all is as declared\n")
    # A table goes to a mirror that is declared after it; a default that is left out is set again.
    more = (f"  second:\n    source: {world.source_peer}\n    target: {world.target_peer}\n    tables: [public.items:public.items]\n")
    text = files.declared(tables=("public.other",), more=more)
    code, out, err = files.run("plan", "-", text=text, **secret)
    assert [line.split()[:2] for line in out.splitlines()[:2]] == [["update", "mirror"], ["create", "mirror"]], (code, out, err)
    text = files.declared(tables=("public.other",))
    code, out, err = files.run("apply", "-", text=text, **secret)
    assert code == 0 and "max_batch_size ('500' there" in out, (code, out, err)
    wait_for("the table to leave", lambda: tables() == {"public.other"} and world.mirror()["state"] == "RUNNING", 60)
    world.sql("UPDATE other SET n = -1")
    assert world.settle_and_compare() == 20 and world.mirror()["created_at"] == started
    # Mapped otherwise it would have to leave and come again.
    code, out, err = files.run("apply", "-", text=text.replace("public.other:public.other", "public.other:public.elsewhere"), **secret)
    assert code == 1 and "cannot update mirror" in out and "nothing was done" in err, (code, out, err)


def test_a_changed_secret_is_found_and_never_shown(files):
    world = files.world
    assert files.run("apply", "-", text=files.declared(), SECRET="postgres")[0] == 0
    path = f"{files.dir}/password"
    with open(path, "w") as file:
        file.write("wr0ng-secret\n")
    code, out, err = files.run("plan", "-", text=files.declared(password="${file:" + path + "}"))
    assert code == 2 and f"update peer {world.source_peer}: password\n" in out, (code, out, err)
    code, out, err = files.run("apply", "-", text=files.declared(password="${file:" + path + "}"))
    assert code == 1 and "password" in err, (code, out, err)
    assert "wr0ng-secret" not in out + err + world.peerd.log_text()
    # A peer is altered with the secret that it has, but not sent elsewhere with it.
    kept = files.declared(password="${kept}").replace("user: postgres", "user: postgres\n    connect_timeout: 7", 1)
    code, out, err = files.run("apply", "-", text=kept)
    assert code == 0 and "update peer" in out and "connect_timeout" in out, (code, out, err)
    code, out, err = files.run("plan", "-", text=kept.replace("127.0.0.1", "127.0.0.2", 1))
    assert code == 1 and "a secret is not kept where \"host\" changes" in err, (code, out, err)


def test_prune_drops_what_is_not_declared(files):
    world, secret = files.world, {"SECRET": "postgres"}
    assert files.run("apply", "-", text=files.declared(), **secret)[0] == 0
    world.wait_state("RUNNING")
    text = files.declared()
    without = text[:text.index("mirrors:")].replace(world.source_peer, "renamed_peer", 1)
    code, out, err = files.run("plan", "-", text=without, **secret)
    assert code == 2 and "drop" not in out, (code, out, err)
    code, out, err = files.run("apply", "-", "--prune", text=without, **secret)
    assert code == 0, (code, out, err)
    assert [line.split()[0] for line in out.splitlines()[:3]] == ["create", "drop", "drop"], out
    assert {row["name"] for row in world.peerd.rows("SELECT name FROM peers")} == {"renamed_peer", world.target_peer}
    assert world.slots() == [], "the mirror's slot went with it"


def test_what_cannot_be_done_is_told_before_anything_is_done(files):
    world, secret = files.world, {"SECRET": "postgres"}
    assert files.run("apply", "-", text=files.declared(), **secret)[0] == 0
    more = "  second:\n    source: nowhere\n    target: " + world.target_peer + "\n    tables: [public.other:public.other2]\n"
    code, out, err = files.run("apply", "-", text=files.declared(more=more), **secret)
    assert code == 1 and 'mirror "second"' in err and "nowhere" in err, (code, out, err)
    code, out, err = files.run("apply", "-", text=files.declared(soft_delete_col_name="gone"), **secret)
    assert code == 1 and "cannot update mirror" in out and "soft_delete_col_name" in out and "nothing was done" in err, (code, out, err)
    for text, words in [("peers: {a: {type: postgres, host: '${env:NOT_THERE}'}}", "peers.a.host: the environment has no variable NOT_THERE"),
                        ("peers: {a: {type: postgres, hots: x}}", "hots"), ("pears: {}", "did you mean peers?"), ("[1", "not YAML: line 1"),
                        ("mirrors: {m: {source: a, target: b, tables: [public.t]}}", "mirrors.m.tables[0]: a table is source:target"),
                        ("peers: {a: {type: postgres}, a: {type: postgres}}", "it stands there twice")]:
        code, out, err = files.run("plan", "-", text=text)
        assert code == 1 and words in err, (text, code, out, err)
    code, out, err = files.run("plan", "-", text="peers: {}", PEERD_PASSWORD="no")
    assert code == 1 and "PEERD_PASSWORD" in err, (code, out, err)
    world.settle_and_compare()


def test_five_hundred_mirrors_are_planned_quickly(files):
    """What is there already is compared without asking a server."""
    import time
    world = files.world
    mirrors = "".join(f"  m{i}:\n    source: {world.source_peer}\n    target: {world.target_peer}\n    tables: [public.items:public.items_{i}]\n"
                      for i in range(500))
    text = files.declared(more=mirrors)
    began = time.monotonic()
    code, out, err = files.run("plan", "-", text=text, SECRET="postgres")
    assert code == 2 and "503 changes to make" in out, (code, out[-500:], err)
    assert time.monotonic() - began < 10

"""A name server that never answers holds up nothing but the connection that waits for it."""
import os
import shutil
import subprocess
import time

import psycopg2
import pytest

from support.peerd import Peerd
from support.process import temp_dir, wait_for
from support.world import options_text, postgres_options
from support.writer import create_table


def within(seconds, work):
    begin = time.monotonic()
    try:
        return work()
    finally:
        took = time.monotonic() - begin
        assert took < seconds, f"took {took:.1f} s"


@pytest.mark.parametrize("kind", ["postgres", pytest.param("clickhouse", marks=pytest.mark.full)])
def test_a_silent_name_server_delays_neither_statements_nor_stops(new_world, kind):
    compiler = shutil.which("gcc") or shutil.which("clang") or shutil.which("cc")
    folder = temp_dir("names")
    library, silent = f"{folder}/silent_names.so", f"{folder}/silent"
    source = os.path.join(os.path.dirname(__file__), "..", "support", "silent_names.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    peerd = Peerd({"LD_PRELOAD": library, "SILENT_NAMES": silent, "ASAN_OPTIONS": "verify_asan_link_order=0"})
    world = new_world(kind, peerd=peerd)
    create_table(world.source, "public.items", 100, world.source_db)
    named = {"source": {**postgres_options(world.source, world.source_db), "host": "source.silent"},
             "target": {**world.target_options(), "host": "target.silent"}}
    peerd.sql(f"CREATE PEER {world.source_peer} FROM POSTGRES WITH ({options_text(named['source'])})")
    peerd.sql(f"CREATE PEER {world.target_peer} FROM {kind.upper()} WITH ({options_text(named['target'])})")
    world.create_mirror(["public.items"], "RUNNING")
    world.settle_and_compare()
    with open(silent, "w"):
        pass
    for of, options in {"POSTGRES": options_text(named["source"]), kind.upper(): options_text(named["target"])}.items():

        def create():
            with pytest.raises(psycopg2.Error) as caught:
                peerd.sql(f"CREATE PEER other FROM {of} WITH ({options})")
            assert caught.value.pgcode in ("08001", "57014"), caught.value

        within(21, create)
    world.sql("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = current_database()")
    wait_for("the mirror to notice", lambda: world.mirror()["health"] == "retrying", 30)
    within(7, world.pause)
    world.resume()
    time.sleep(0.5)  # it asks for the source's address now
    code, seconds = peerd.terminate(timeout=30)
    assert code == 0 and seconds < 3, (code, seconds, peerd.log_text()[-2000:])
    os.remove(silent)
    peerd.start()
    world.wait_state("RUNNING")
    world.settle_and_compare()

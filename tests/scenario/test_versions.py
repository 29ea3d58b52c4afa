"""Other major versions of Postgres as source and as target."""
import pytest

from support.postgres_server import PostgresServer
from support.process import wait_for
from support.writer import Writer, create_table

full = pytest.mark.full


@pytest.mark.parametrize("major", [pytest.param(14, marks=full), pytest.param(16, marks=full), pytest.param(17, marks=full), 18])
@pytest.mark.parametrize("kind", ["postgres", "clickhouse"])
def test_snapshot_and_stream(new_world, major, kind):
    source = PostgresServer("source", major)
    world = new_world(kind, source=source, target=PostgresServer("target", major) if kind == "postgres" else None)
    create_table(source, "public.items", 20_000, world.source_db)
    writer = Writer(source, "public.items", world.source_db, seed=major, rate=100)
    world.start_mirror(["public.items"], snapshot_num_rows_per_partition=2000)
    before = writer.counts()["transactions"]
    wait_for("changes in the stream", lambda: writer.counts()["transactions"] > before + 200)
    writer.stop()
    world.sql("ALTER TABLE items ADD extra int; UPDATE items SET extra = 1 WHERE id % 2 = 0")
    world.settle_and_compare()
    world.drop()
    assert world.slots() == []

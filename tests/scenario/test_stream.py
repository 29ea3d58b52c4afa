"""Changes in the stream: keys that move, values that are not in the stream, truncates, whole transactions."""
import pytest

from support.process import wait_for
from support.writer import Writer, create_table

LONG = "repeat(md5(%s::text), 3200)"  # 100 kB, stored out of line


def notes(world, rows=10):
    world.sql("""CREATE TABLE public.notes (id bigint PRIMARY KEY, n int, body text, other text);
      ALTER TABLE public.notes ALTER body SET STORAGE EXTERNAL, ALTER other SET STORAGE EXTERNAL""")
    world.sql(f"INSERT INTO notes SELECT g, g, {LONG % 'g'}, {LONG % '(-g)'} FROM generate_series(1, {rows}) g")


def test_unchanged_long_values_keep_their_value_through_key_changes(world):
    notes(world)
    world.start_mirror(["public.notes"])
    world.sql("UPDATE notes SET n = n + 100 WHERE id <= 5")
    world.sql("UPDATE notes SET id = 101, n = 0 WHERE id = 1")
    # To a key that another row held a moment before, in one transaction and in two.
    world.sql("BEGIN; UPDATE notes SET id = 102 WHERE id = 2; UPDATE notes SET id = 2, n = 7 WHERE id = 3; COMMIT")
    world.sql("UPDATE notes SET id = 103 WHERE id = 4")
    world.sql("UPDATE notes SET id = 4 WHERE id = 5")
    # Swapped; a chain; one long value set and the other not; set, moved and touched in one transaction.
    world.sql("BEGIN; UPDATE notes SET id = -1 WHERE id = 6; UPDATE notes SET id = 6 WHERE id = 7; UPDATE notes SET id = 7 WHERE id = -1; COMMIT")
    world.sql("UPDATE notes SET body = 'short', id = id + 1000 WHERE id = 8")
    world.sql(f"BEGIN; UPDATE notes SET other = {LONG % '77'} WHERE id = 9; UPDATE notes SET id = 8 WHERE id = 9; UPDATE notes SET n = 1 WHERE id = 8; COMMIT")
    world.sql("BEGIN; DELETE FROM notes WHERE id = 10; UPDATE notes SET id = 10 WHERE id = 101; COMMIT")
    assert world.settle_and_compare() == 9


def test_keys_of_several_columns_and_of_text(world):
    world.sql("""CREATE TABLE public.c (b text, a numeric, d timestamptz, v text, PRIMARY KEY (b, a, d));
      INSERT INTO c SELECT 'k' || g % 3, g / 10.0, '2024-01-01 00:00+00'::timestamptz + g * interval '1 us', 'v' || g FROM generate_series(1, 300) g""")
    world.start_mirror(["public.c"])
    world.sql("UPDATE c SET b = b || ' x', v = 'moved' WHERE a < 5")
    world.sql("UPDATE c SET a = a + 1000 WHERE b = 'k1'")
    world.sql("DELETE FROM c WHERE b = 'k2' AND a > 20")
    # The same number in another text: a key change for Postgres's text, none for its value.
    world.sql("INSERT INTO c VALUES ('same', 1.0, '2024-01-01 00:00+00', 'one'); UPDATE c SET a = 1.00, v = 'two' WHERE b = 'same'")
    world.settle_and_compare()


def test_replica_identity_by_index_and_full(world):
    world.sql("""CREATE TABLE public.byindex (id int PRIMARY KEY, code text NOT NULL, v text);
      CREATE UNIQUE INDEX byindex_code ON byindex (code); ALTER TABLE byindex REPLICA IDENTITY USING INDEX byindex_code;
      CREATE TABLE public.whole (id int PRIMARY KEY, v text, long text); ALTER TABLE whole REPLICA IDENTITY FULL;
      ALTER TABLE whole ALTER long SET STORAGE EXTERNAL;
      INSERT INTO byindex SELECT g, 'c' || g, 'v' FROM generate_series(1, 50) g""")
    world.sql(f"INSERT INTO whole SELECT g, 'v', {LONG % 'g'} FROM generate_series(1, 20) g")
    world.start_mirror(["public.byindex", "public.whole"])
    world.sql("UPDATE byindex SET id = id + 1000, v = 'w' WHERE id <= 10; UPDATE byindex SET code = 'd' || id WHERE id BETWEEN 20 AND 30")
    world.sql("DELETE FROM byindex WHERE id = 40; DELETE FROM whole WHERE id = 3; UPDATE whole SET v = 'x' WHERE id < 10")
    world.sql("UPDATE whole SET id = id + 100 WHERE id IN (1, 2); UPDATE whole SET id = 1 WHERE id = 4")
    world.settle_and_compare()


def test_truncate_empties_and_what_follows_arrives(world):
    create_table(world.source, "public.a", 500, world.source_db)
    create_table(world.source, "public.b", 500, world.source_db)
    world.start_mirror(["public.b", "public.a"])
    world.sql("INSERT INTO a (id, n) VALUES (9001, 1); TRUNCATE a; INSERT INTO a (id, n) VALUES (1, 2), (2, 3)")
    world.sql("UPDATE b SET n = 0 WHERE id < 100")
    assert world.settle_and_compare() == 502
    world.sql("BEGIN; INSERT INTO a (id, n) VALUES (3, 3); TRUNCATE a, b; INSERT INTO b (id, n) VALUES (7, 7); COMMIT")
    assert world.settle_and_compare() == 1


def test_excluded_columns_and_odd_names(new_world):
    for kind in ("postgres", "clickhouse"):
        world = new_world(kind)
        world.sql("""CREATE TABLE public."Odd Name" (id int PRIMARY KEY, "spacey column" text, "quo'te" text, secret text, "Анна" text);
          INSERT INTO "Odd Name" VALUES (1, 'a', 'b', 'never', 'c')""")
        world.create_peers()
        to = 'public."Odd Name"' if kind == "postgres" else '"Odd Name"'
        world.peerd.sql(f"""CREATE MIRROR {world.mirror_name} FROM {world.source_peer} TO {world.target_peer}
          WITH TABLE MAPPING ({{from: public."Odd Name", to: {to}, exclude: [secret]}})""")
        world.tables, world.options = ["public.Odd Name"], {}
        world.wait_state("RUNNING")
        world.sql("""INSERT INTO "Odd Name" VALUES (2, 'd', 'e', 'never', NULL); UPDATE "Odd Name" SET secret = 'x', "quo'te" = '''' WHERE id = 1""")
        assert world.settle_and_compare(exclude=("secret",)) == 2
        if kind == "postgres":
            assert world.at_target("SELECT count(*) FROM pg_attribute WHERE attrelid = 'public.\"Odd Name\"'::regclass AND attname = 'secret'") == [(0,)]
        else:
            assert "secret" not in {row["name"] for row in world.at_target("DESCRIBE TABLE `Odd Name`")}


@pytest.mark.parametrize("soft", [True, False])
def test_deletes_are_soft_or_hard_as_asked(new_world, soft):
    world = new_world("postgres")
    create_table(world.source, "public.items", 100, world.source_db)
    world.start_mirror(["public.items"], **({} if soft else {"soft_delete_col_name": ""}))
    world.sql("DELETE FROM items WHERE id <= 10; UPDATE items SET id = id + 1000 WHERE id BETWEEN 11 AND 15")
    world.sql("INSERT INTO items (id, n) VALUES (3, 33)")
    assert world.settle_and_compare() == 91
    if soft:
        assert world.marked_keys("public.items") == {1, 2, 4, 5, 6, 7, 8, 9, 10}
        world.sql("TRUNCATE items")
        assert world.settle_and_compare() == 0
        assert len(world.marked_keys("public.items")) == 100
    else:
        assert world.at_target("SELECT count(*) FROM items") == [(91,)]


def test_transactions_are_whole_at_a_postgres_target(new_world):
    world = new_world("postgres")
    world.sql("CREATE TABLE public.accounts (id int PRIMARY KEY, amount int); INSERT INTO accounts SELECT g, 100 FROM generate_series(1, 100) g")
    world.start_mirror(["public.accounts"], max_batch_size=50)
    world.wait_caught_up()
    seen = set()
    for round_number in range(20):
        # Longer than a batch: it must still be seen all at once.
        world.sql(f"BEGIN; UPDATE accounts SET amount = amount - {round_number} WHERE id % 2 = 0; UPDATE accounts SET amount = amount + {round_number} WHERE id % 2 = 1; COMMIT")
        for _ in range(3):
            seen.add(world.at_target("SELECT sum(amount) FROM accounts")[0][0])
    assert world.settle_and_compare() == 100
    assert seen == {10_000}


def test_a_transaction_of_many_batches(world):
    world.sql("CREATE TABLE public.big (id int PRIMARY KEY, t text)")
    world.start_mirror(["public.big"], max_batch_size=1000)
    world.sql("INSERT INTO big SELECT g, 'x' || g FROM generate_series(1, 50000) g")
    world.sql("BEGIN; UPDATE big SET t = 'y' WHERE id % 2 = 0; DELETE FROM big WHERE id % 5 = 0; UPDATE big SET id = -id WHERE id % 7 = 0; COMMIT")
    assert world.settle_and_compare() == 40_000
    batches = lambda: world.peerd.rows("SELECT * FROM mirror_batches")
    wait_for("all to be recorded", lambda: [sum(row[kind] for row in batches()) for kind in ("inserts", "deletes")] == [50_000, 10_000])
    check_stages(batches())


def check_stages(batches):
    """Where the time went adds up, whatever the target."""
    for row in batches:
        assert row["encode_ms"] > 0 and row["encode_ms"] + row["apply_ms"] <= row["applied_ms"] + 1, row
        assert row["applied_ms"] <= row["encode_ms"] + row["apply_ms"] + row["commit_ms"] + 1, row
    total = lambda *stages: sum(row[f"{stage}_ms"] for row in batches for stage in stages)
    assert all(total(stage) > 0 for stage in ("receive", "decode", "empty")) and total("apply", "commit") > total("encode") / 100, batches


def test_an_idle_mirror_lets_the_source_go_of_its_wal(world):
    create_table(world.source, "public.items", 10, world.source_db)
    world.start_mirror(["public.items"])
    other = world.source.create_database(f"{world.source_db}_busy")
    world.source.sql("CREATE TABLE noise (t text)", dbname=other)
    confirmed = lambda: world.source.value(
        "SELECT pg_wal_lsn_diff(confirmed_flush_lsn, '0/0')::bigint FROM pg_replication_slots WHERE database = %s", (world.source_db,))
    for _ in range(2):
        world.source.sql("INSERT INTO noise SELECT repeat('x', 1000) FROM generate_series(1, 5000)", dbname=other)
        end = world.source.value("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")
        wait_for("the slot to pass other databases' WAL", lambda: confirmed() >= end, 60, 0.2)
    world.source.sql(f'DROP DATABASE "{other}" WITH (FORCE)')


def test_a_hung_target_does_not_cost_the_connection_to_the_source(new_world, clickhouse):
    from support.postgres_server import PostgresServer
    own = PostgresServer("keepalive", settings={"wal_sender_timeout": "3s"})
    slow = PostgresServer("slow")
    world = new_world("postgres", source=own, target=slow)
    create_table(own, "public.items", 1000, world.source_db)
    world.start_mirror(["public.items"])
    world.wait_caught_up()
    since = own.log_size()
    pid = own.value("SELECT active_pid FROM pg_replication_slots")
    slow.sigstop()
    writer = Writer(own, "public.items", world.source_db, rate=100, long_bytes=100_000)
    begin = writer.counts().get("transactions", 0)
    wait_for("nine seconds of changes", lambda: writer.counts().get("transactions", 0) > begin + 800, 60)
    assert own.value("SELECT active_pid FROM pg_replication_slots") == pid, own.log_lines("timeout", since)
    assert not own.log_lines("terminating walsender process due to replication timeout", since)
    slow.sigcont()
    writer.stop()
    world.settle_and_compare()
